"""Rendered plates: sizes, colors and text of every kind."""

from __future__ import annotations

import numpy as np
import pytest

from vision.demo.clip import expected
from vision.demo.plates import STYLES, draw_plate

TEXTS = {e.kind: e.text for e in expected() if e.kind}


def test_every_kind_is_in_the_clip() -> None:
    assert set(TEXTS) == set(STYLES)


@pytest.mark.parametrize("kind", sorted(STYLES))
def test_size_and_paint(kind: str) -> None:
    style = STYLES[kind]
    image = draw_plate(TEXTS[kind], kind)
    assert image.dtype == np.uint8
    assert image.shape == (style.height, style.width, 3)
    assert (style.width, style.height) == {
        "green": (480, 140),
        "green_large": (480, 140),
        "yellow_double": (440, 220),
        "trailer": (440, 220),
    }.get(kind, (440, 140))
    corner = image[style.height - 14, style.width - 20].astype(int)  # below the characters: bare paint
    np.testing.assert_allclose(corner, style.paint, atol=12)


def test_green_plates() -> None:
    small, large = draw_plate(TEXTS["green"], "green"), draw_plate(TEXTS["green_large"], "green_large")
    assert small[10, 240].min() > 215  # nearly white above
    assert small[130, 240].astype(int)[1] - small[130, 240].astype(int)[2] > 60  # green below
    blue, green, red = large[70, 10].astype(int)
    assert red > 200
    assert green > 140
    assert blue < 80


@pytest.mark.parametrize(
    ("kind", "x0", "x1"),
    [("police", 379, 425), ("army", 15, 118), ("armed_police", 15, 160), ("emergency", 325, 422), ("embassy", 15, 61)],
)
def test_red_characters(kind: str, x0: int, x1: int) -> None:
    image = draw_plate(TEXTS[kind], kind).astype(int)[25:115]
    red = (image[..., 2] - image[..., :2].max(-1)) > 90
    assert red[:, x0:x1].sum() > 300
    assert red[:, :x0].sum() + red[:, x1:].sum() == 0


def test_ink_fills_the_cells() -> None:
    image = draw_plate("京A88888", "blue").astype(int)
    bright = image[25:115].min(-1) > 200
    for x in (72, 151, 208, 265, 322, 379):
        cell = bright[:, x : x + 46]
        assert 0.2 < cell.mean() < 0.7
        assert cell[:4].any()
        assert cell[-4:].any()


def test_unknown_length_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        draw_plate("京A123", "blue")
