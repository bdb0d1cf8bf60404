"""Texts of generated plates: what the reader learns is what the library's grammar allows, and strangers are not."""

import numpy as np
import pytest
from labels import CHARSET, bucket, decode, encode
from plate_kinds import KINDS, Texts
from strangers import foreign_text

from vision.plates.grammar import load_grammar

GRAMMAR = load_grammar()
# Drawn with more texts than there are, so that the reader learns no prior: letters at an army plate's end, 港 and 澳 of
# any province. Plates of farm vehicles have no kind in the grammar.
FREE = {"army", "army2", "black_hk_macau", "farm2"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_drawn_text_is_a_plate_of_its_color_and_rows(kind: str) -> None:
    texts = Texts(np.random.default_rng(1))
    for _ in range(300):
        text = texts.draw(kind)
        color, rows = KINDS[kind].color, KINDS[kind].rows
        fitting = [k for k in GRAMMAR.kinds_of(text) if color in k.colors and rows in k.rows]
        assert fitting or kind in FREE, text
        assert decode(encode(text)) == text


def test_every_character_of_the_reader_is_drawn() -> None:
    texts = Texts(np.random.default_rng(2))
    drawn = {char for kind in KINDS for _ in range(1500) for char in texts.draw(kind)}
    assert drawn == set(CHARSET[1:])


def test_a_stranger_is_never_a_plate() -> None:
    rng = np.random.default_rng(3)
    for i in range(3000):
        text = "".join(c for c in foreign_text(rng, two_rows=i % 3 == 0) if c.isalnum())
        assert not GRAMMAR.kinds_of(text), text


def test_a_plate_stays_on_its_side_of_the_split() -> None:
    assert bucket("皖A12345") == bucket("皖A12345")
    shares = np.bincount([bucket(f"皖A{i:05d}") // 100 for i in range(5000)], minlength=10) / 5000
    assert abs(shares - 0.1).max() < 0.02
