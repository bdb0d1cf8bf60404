"""The texts that a reading may mean: exactly those that trying every text would find."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.match.likely import likely_texts, probability_of
from vision.types import F32

CHARSET = "_AB8"


@st.composite
def readings(draw: st.DrawFn) -> F32:
    """(slots, characters) log-probabilities, from flat to nearly sure."""
    slots = draw(st.integers(1, 5))
    sharpness = draw(st.sampled_from([0.2, 1.0, 3.0, 8.0]))
    logits = np.random.default_rng(draw(st.integers(0, 10**6))).normal(0, sharpness, (slots, len(CHARSET)))
    return np.asarray(logits - np.log(np.exp(logits).sum(1, keepdims=True)), np.float32)


def every_text(reading: F32) -> dict[str, float]:
    """All texts whose unused slots are at the end, with their probabilities."""
    out = {}
    for indices in itertools.product(range(len(CHARSET)), repeat=len(reading)):
        text = "".join(CHARSET[i] for i in indices).rstrip("_")
        if "_" not in text:
            out[text] = math.exp(sum(float(reading[slot, i]) for slot, i in enumerate(indices)))
    return out


@given(readings(), st.floats(0.001, 1.0))
def test_nothing_is_missed_and_nothing_added(reading: F32, least: float) -> None:
    found = likely_texts(reading, CHARSET, least)
    expected = {text: p for text, p in every_text(reading).items() if p >= least}
    assert {text for text, _ in found} == set(expected)
    for text, score in found:
        assert score == pytest.approx(expected[text], rel=1e-9)
        assert score == pytest.approx(probability_of(text, reading, CHARSET), rel=1e-9)
    assert len(found) <= 1 / least + 1e-6
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


def test_a_text_that_is_just_probable_enough_is_found() -> None:
    reading = np.log(np.array([[0.25, 0.25, 0.25, 0.25]], np.float32))
    least = math.exp(float(reading[0, 0]))
    assert len(likely_texts(reading, CHARSET, least)) == 4


def test_what_is_no_text_of_this_reader_has_no_probability() -> None:
    reading = np.log(np.full((2, 4), 0.25, np.float32))
    assert probability_of("AB8", reading, CHARSET) == 0
    assert probability_of("AX", reading, CHARSET) == 0
    assert probability_of("A", reading, CHARSET) == pytest.approx(1 / 16)


@pytest.mark.parametrize("least", [0.0, -1.0, 1.5])
def test_wrong_arguments_are_named(least: float) -> None:
    reading = np.log(np.full((2, 4), 0.25, np.float32))
    with pytest.raises(ValueError, match="least: expected more than 0 and at most 1"):
        likely_texts(reading, CHARSET, least)
    with pytest.raises(ValueError, match="log_probs: expected 3 characters"):
        likely_texts(reading, "_AB", 0.5)
