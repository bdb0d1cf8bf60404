"""Rendered Chinese number plates, drawn by code after the published proportions (GA 36: 440 x 140 mm and so on).

Nothing here is a photograph and no number belongs to anyone: the glyphs are OpenCV's built-in font, stretched into the
standard's character cells. All pictures are (h, w, 3) uint8, BGR, at `SCALE` pixels per millimetre.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
Color = tuple[int, int, int]  # B, G, R


SCALE = 1.0  # pixels per millimetre
WHITE, BLACK, RED = (245, 245, 245), (22, 22, 22), (32, 28, 200)
BLUE, YELLOW, GREEN = (158, 66, 18), (20, 182, 246), (112, 196, 88)

_X_PLAIN = (15.5, 72.5, 151.5, 208.5, 265.5, 322.5, 379.5)
_X_POLICE = (15.5, 94.5, 151.5, 208.5, 265.5, 322.5, 379.5)
_X_GREEN = (15.5, 69.5, 161.5, 213.5, 265.5, 317.5, 369.5, 421.5)
_X_EIGHT = (15.5, 66.0, 124.0, 174.5, 225.0, 275.5, 326.0, 376.5)
_X_FORCES = (15.5, 65.0, 118.0, 165.0, 218.0, 271.0, 324.0, 377.0)
_X_EMBASSY = (15.5, 72.5, 140.0, 197.0, 265.5, 322.5, 379.5)
_X_LOWER = (27.0, 107.0, 187.0, 267.0, 347.0)


@dataclass(frozen=True)
class Style:
    """How a kind of plate looks; sizes in millimetres, colors B, G, R."""

    color: str  # the color as a word, the name that a plate reader uses
    paint: Color
    ink: Color
    width: int = 440
    height: int = 140
    red: str = ""  # characters that are red on this kind
    dot: float | None = 134.5  # x of the separator dot (or emblem) between the characters


STYLES: dict[str, Style] = {
    "blue": Style("blue", BLUE, WHITE),
    "yellow": Style("yellow", YELLOW, BLACK),
    "yellow_double": Style("yellow", YELLOW, BLACK, height=220, dot=220),
    "trailer": Style("yellow", YELLOW, BLACK, height=220, dot=220),
    "learner": Style("yellow", YELLOW, BLACK),
    "green": Style("green", GREEN, BLACK, width=480, dot=137),
    "green_large": Style("green_yellow", GREEN, BLACK, width=480, dot=137),
    "police": Style("white", WHITE, BLACK, red="警", dot=77.5),
    "army": Style("white", WHITE, BLACK, red="*", dot=134.5),
    "armed_police": Style("white", WHITE, BLACK, red="WJ", dot=None),
    "hong_kong": Style("black", BLACK, WHITE),
    "macau": Style("black", BLACK, WHITE),
    "embassy": Style("black", BLACK, WHITE, red="使", dot=253.5),
    "consulate": Style("black", BLACK, WHITE, red="领"),
    "emergency": Style("white", WHITE, BLACK, red="应急", dot=117.5),
}


@cache
def _font() -> cv2.FontFace:
    return cv2.FontFace("uni")


@cache
def _glyph(char: str, width: int, height: int) -> F32:
    """Ink of one character (height, width) 0..1, stretched to fill its cell; a 1 keeps its natural width."""
    sheet = np.zeros((520, 520), np.uint8)
    cv2.putText(sheet, char, (60, 400), (255,), _font(), 340, 800)
    x, y, w, h = cv2.boundingRect(sheet)
    ink = sheet[y : y + h, x : x + w]
    chinese = ord(char) > 127
    fill = {"1": 0.55, "J": 0.8}.get(char, 1.0)
    inner_w = max(2, round(4 * width * fill))
    big = cv2.resize(ink, (inner_w, 4 * height), interpolation=cv2.INTER_AREA)
    stroke = (3 if chinese else max(3, round(width * 0.1))) | 1  # the font is lighter than a plate's characters
    big = cv2.dilate(big, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (stroke, stroke)))
    cell = np.zeros((4 * height, 4 * width), np.uint8)
    left = (4 * width - inner_w) // 2
    cell[:, left : left + inner_w] = big
    small = cv2.resize(cell, (width, height), interpolation=cv2.INTER_AREA)
    return cast(F32, small.astype(np.float32) / 255)


def _cells(text: str, kind: str) -> list[tuple[str, float, float, float, float]]:
    """(character, x, y, width, height) in millimetres."""
    if STYLES[kind].height == 220:
        upper = [(c, (110.0, 250.0)[i], 15.0, 80.0, 60.0) for i, c in enumerate(text[:2])]
        return upper + [(c, x, 90.0, 65.0, 110.0) for c, x in zip(text[2:], _X_LOWER, strict=True)]
    if kind == "armed_police":
        return [
            (c, x, 45.0, 40.0, 50.0) if i == 2 else (c, x, 25.0, 45.0, 90.0)
            for i, (c, x) in enumerate(zip(text, _X_FORCES, strict=True))
        ]
    if kind in ("green", "green_large"):
        return [
            (c, x, 25.0, 45.0 if i == 0 else 43.0, 90.0) for i, (c, x) in enumerate(zip(text, _X_GREEN, strict=True))
        ]
    if kind == "emergency":
        return [(c, x, 25.0, 44.0, 90.0) for c, x in zip(text, _X_EIGHT, strict=True)]
    xs = {"police": _X_POLICE, "embassy": _X_EMBASSY}.get(kind, _X_PLAIN)
    return [(c, x, 25.0, 45.0, 90.0) for c, x in zip(text, xs, strict=True)]


def _sheet(kind: str, style: Style) -> F32:
    """The empty plate (h, w, 3) BGR float."""
    w, h = round(style.width * SCALE), round(style.height * SCALE)
    image = np.empty((h, w, 3), np.float32)
    image[:] = style.paint
    if kind == "green":  # white above, green below
        ramp = np.linspace(0, 1, h, dtype=np.float32)[:, None, None] ** np.float32(0.9)
        image[:] = image * ramp + np.array((238, 246, 240), np.float32) * (1 - ramp)
    elif kind == "green_large":  # yellow under the first two characters
        image[:, : round(150 * SCALE)] = YELLOW
    return image


def draw_plate(text: str, kind: str) -> U8:
    """A new plate of that kind, (h, w, 3) uint8 BGR; ``text`` is written without the separator dot."""
    style = STYLES[kind]
    image = _sheet(kind, style)
    h, w = image.shape[:2]
    rim = style.ink if kind not in ("police", "army", "armed_police", "emergency") else (60, 60, 60)
    cv2.rectangle(image, (3, 3), (w - 4, h - 4), rim, 2, cv2.LINE_AA)
    for i, (char, x, y, cw, ch) in enumerate(_cells(text, kind)):
        red = char in style.red or (style.red == "*" and i < 2) or (kind == "armed_police" and i == 2)
        ink: Color = style.ink
        if red:
            ink = (64, 64, 255) if style.color == "black" else RED
        mask = _glyph(char, round(cw * SCALE), round(ch * SCALE))[..., None]
        top, left = round(y * SCALE), round(x * SCALE)
        cell = image[top : top + mask.shape[0], left : left + mask.shape[1]]
        cell[:] = cell * (1 - mask) + np.array(ink, np.float32) * mask
    if style.dot is not None:
        y = 45.0 if style.height == 220 else 70.0
        dot = style.ink if style.width == 440 else (60, 130, 40)
        cv2.circle(
            image,
            (round(style.dot * SCALE), round(y * SCALE)),
            round((5 if style.width == 440 else 8) * SCALE),
            dot,
            -1,
            cv2.LINE_AA,
        )
    for x in (110, style.width - 110):
        for y in (12.0, style.height - 12.0):
            cv2.circle(image, (round(x * SCALE), round(y * SCALE)), round(5 * SCALE), (150, 152, 155), -1, cv2.LINE_AA)
            cv2.circle(image, (round(x * SCALE), round(y * SCALE)), round(5 * SCALE), (95, 95, 95), 1, cv2.LINE_AA)
    return cast(U8, np.clip(image, 0, 255).astype(np.uint8))
