"""Kinds of Chinese plates: their texts, colors and where each character stands (GA 36 geometry, in millimetres)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from glyphs import Glyphs
from labels import DIGITS, LETTERS, PROVINCES

Bgr = tuple[float, float, float]


@dataclass(frozen=True)
class Kind:
    """One kind of plate: share among generated plates, paint, color class, rows of text, width in mm."""

    share: float
    paint: str
    color: str
    rows: int = 1
    width_mm: int = 440


KINDS = {
    "blue": Kind(0.13, "blue", "blue"),
    "yellow": Kind(0.08, "yellow", "yellow"),
    "yellow_school": Kind(0.03, "yellow", "yellow"),
    "yellow_trailer": Kind(0.05, "yellow", "yellow"),
    "yellow2": Kind(0.11, "yellow", "yellow", 2),
    "yellow2_trailer": Kind(0.04, "yellow", "yellow", 2),
    "green": Kind(0.10, "green", "green", 1, 480),
    "green_yellow": Kind(0.10, "green", "green_yellow", 1, 480),
    "police": Kind(0.06, "white", "white"),
    "army": Kind(0.14, "white", "white"),
    "army2": Kind(0.05, "white", "white", 2),
    "armed_police": Kind(0.18, "white", "white"),
    "armed_police2": Kind(0.08, "white", "white", 2),
    "emergency": Kind(0.06, "white", "white"),
    "airport": Kind(0.035, "airport", "green"),
    "black_hk_macau": Kind(0.04, "black", "black"),
    "black_embassy": Kind(0.05, "black", "black"),
    "black_consulate": Kind(0.03, "black", "black"),
    "black": Kind(0.05, "black", "black"),
    "farm2": Kind(0.03, "farm", "green", 2),
}
PAINTS: dict[str, tuple[Bgr, Bgr]] = {  # paint, ink
    "blue": ((150, 60, 15), (245, 245, 245)),
    "yellow": ((20, 175, 240), (20, 20, 20)),
    "green": ((130, 195, 130), (15, 15, 15)),
    "white": ((235, 235, 235), (20, 20, 20)),
    "black": ((20, 20, 20), (240, 240, 240)),
    "farm": ((60, 110, 20), (240, 240, 240)),
    "airport": ((75, 125, 25), (240, 240, 240)),
}
RED: Bgr = (40, 30, 190)

# Left edges of the characters: ordinary, dot after the province, new energy, lower row of two, armed police, emergency.
X_NORMAL = (15.5, 72.5, 151.5, 208.5, 265.5, 322.5, 379.5)
X_EARLY_DOT = (15.5, 94.5, 151.5, 208.5, 265.5, 322.5, 379.5)
X_GREEN = (15.5, 69.5, 161.5, 213.5, 265.5, 317.5, 369.5, 421.5)
X_LOWER = (27.0, 107.0, 187.0, 267.0, 347.0)
X_ARMED = (15.5, 65.0, 118.0, 165.0, 218.0, 271.0, 324.0, 377.0)
X_EIGHT = (13.0, 63.0, 127.0, 177.0, 227.0, 277.0, 327.0, 377.0)


@dataclass
class Cell:
    """One character: font, left, top, width and height in mm, ink class ("ink" or "red")."""

    char: str
    font: str
    x: float
    y: float
    w: float
    h: float
    ink: str = "ink"


class Texts:
    """Draws plate texts that follow the rules of each kind."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def serial(self, n: int) -> str:
        """n characters, mostly digits as on real plates, sometimes anything, so that no prior is learned."""
        share = self.rng.choice([0.12, 0.4, 0.7], p=[0.45, 0.35, 0.2])
        out = ""
        for _ in range(n):
            if out and self.rng.random() < 0.12:  # neighbors alike: what slots confuse with a repeated look
                out += out[-1]
            else:
                out += self.letter() if self.rng.random() < share else self.digits(1)
        return out

    def digits(self, n: int) -> str:
        return "".join(DIGITS[i] for i in self.rng.integers(0, 10, n))

    def province(self) -> str:
        return PROVINCES[self.rng.integers(len(PROVINCES))]

    def letter(self, of: str = LETTERS) -> str:
        return of[self.rng.integers(len(of))]

    def city(self) -> str:
        """The second character; O is rare on roads, yet needs enough examples."""
        return "O" if self.rng.random() < 0.07 else self.letter()

    def draw(self, kind: str) -> str:
        start = self.province() + self.city()
        match kind:
            case "yellow_school":
                return start + self.serial(4) + "学"
            case "yellow_trailer" | "yellow2_trailer":
                return start + self.serial(4) + "挂"
            case "police":
                return start + self.serial(4) + "警"
            case "army" | "army2":
                return (
                    self.letter("VKHBSLJNGCEDZ")
                    + self.letter()
                    + (self.digits(5) if self.rng.random() < 0.6 else self.serial(5))
                )
            case "armed_police" | "armed_police2":
                tail = self.digits(4) + self.letter(DIGITS + "XBTSHJD")
                return "WJ" + self.province() + (tail if self.rng.random() < 0.6 else self.serial(5))
            case "emergency":
                first = self.province() + self.letter("XS" if self.rng.random() < 0.4 else LETTERS)
                return first + self.digits(4) + "应急"
            case "airport":
                return "民航" + self.letter() + self.digits(4)
            case "green":
                second = self.letter() if self.rng.random() < 0.3 else self.digits(1)
                return start + self.letter("DDDDFFFFABCEGHJK") + second + self.digits(4)
            case "green_yellow":
                return start + self.digits(5) + self.letter("DDDDFFFFABCEGHJK")
            case "black_hk_macau":
                return ("粤Z" if self.rng.random() < 0.7 else start) + self.serial(4) + self.letter("港澳")
            case "black_embassy":
                return "使" + self.digits(6) if self.rng.random() < 0.5 else self.digits(6) + "使"
            case "black_consulate":
                return start + self.serial(4) + "领"
            case _:
                return start + self.serial(5)


def is_red(kind: str, i: int, char: str) -> bool:
    """Whether the standard prints character i of this kind in red."""
    return (
        (kind in ("army", "army2") and i < 2)
        or (kind.startswith("armed_police") and i < 3)
        or (kind == "police" and char == "警")
        or (kind == "emergency" and char in "应急")
    )


def _places(kind: str, text: str, rng: np.random.Generator) -> list[tuple[str, float, float, float, float]]:
    """(font, x, y, w, h) in mm of each character."""
    if kind == "armed_police2":
        top = [("140", 95.0, 17.0, 65.0, 56.0), ("140", 180.0, 17.0, 65.0, 56.0), ("220", 270.0, 17.0, 62.0, 56.0)]
        return top + [("220_down", x, 90.0, 65.0, 110.0) for x in X_LOWER]
    if KINDS[kind].rows == 2:
        top = [("220", x, 15.0, 80.0, 60.0) for x in (110.0, 250.0)]
        return top + [("220_down", x, 90.0, 65.0, 110.0) for x in X_LOWER]
    if kind in ("green", "green_yellow"):
        return [("green", x, 25.0, 45.0 if i == 0 else 43.0, 90.0) for i, x in enumerate(X_GREEN)]
    if kind == "armed_police":
        return [("140", x, *((25.0, 45.0, 90.0) if i != 2 else (45.0, 40.0, 50.0))) for i, x in enumerate(X_ARMED)]
    if kind == "emergency":
        if rng.random() < 0.15:  # the two words one over the other
            out = [("140", x, 25.0, 45.0, 90.0) for x in X_NORMAL[:6]]
            return [*out, ("uni", 378.0, 24.0, 44.0, 44.0), ("uni", 378.0, 72.0, 44.0, 44.0)]
        xs = X_EIGHT if rng.random() < 0.5 else (13.0, 76.0, *X_EIGHT[2:])
        return [("140", x, 25.0, 44.0, 90.0) for x in xs]
    early = (kind == "police" and rng.random() < 0.7) or kind == "emergency"
    return [("140", x, 25.0, 45.0, 90.0) for x in (X_EARLY_DOT if early else X_NORMAL)]


def _proportional(
    text: str, width_mm: float, glyphs: Glyphs, rng: np.random.Generator
) -> list[tuple[str, float, float, float, float]]:
    """One row in the natural proportions of the font, as a drawing program would set it."""
    height = rng.uniform(70, 95)
    widths = [glyphs.uni_ratio(char) * height * (0.75 if char.isascii() else 0.8) for char in text]
    gap = rng.uniform(6, 16)
    gaps = [gap] * len(text)
    gaps[1] += rng.uniform(0, 26)
    scale = min(1.0, (width_mm - rng.uniform(20, 44)) / (sum(widths) + sum(gaps[:-1])))
    x = (width_mm - scale * (sum(widths) + sum(gaps[:-1]))) / 2
    out = []
    for w, g in zip(widths, gaps, strict=True):
        out.append(("uni", x, 70 - height / 2, w * scale, height))
        x += (w + g) * scale
    return out


def lay_out(kind: str, text: str, font: str, glyphs: Glyphs, rng: np.random.Generator) -> list[Cell]:
    """Cells of a plate, a little uneven as on real ones.

    Args:
        kind: key of `KINDS`.
        text: what the plate says.
        font: "plate" (glyph set), "uni" (plate geometry, OpenCV's font) or "uni_text" (natural widths, one row only).
        glyphs: measures the font.
        rng: source of the unevenness.
    """
    width_mm = KINDS[kind].width_mm
    if font == "uni_text" and KINDS[kind].rows == 1:
        places = _proportional(text, width_mm, glyphs, rng)
    else:
        places = _places(kind, text, rng)
    dx, dy = rng.normal(0, 2.5), rng.normal(0, 2.5)
    stretch, tall, wide = rng.normal(1, 0.03), rng.normal(1, 0.03), rng.normal(1, 0.05)
    spread = rng.normal(0, 0.8) if rng.random() < 0.8 else rng.normal(0, 2.5)
    cells = []
    for i, (char, (name, x, y, w, h)) in enumerate(zip(text, places, strict=True)):
        name = name if font == "plate" else "uni"
        jx, jy = dx + rng.normal(0, 0.5 + abs(spread)), dy + rng.normal(0, 0.8)
        center = width_mm / 2 + (x + w / 2 - width_mm / 2) * stretch + jx
        w, h2 = w * stretch * wide, h * tall
        ink = "red" if is_red(kind, i, char) else "ink"
        if char == "使" and rng.random() < 0.5:
            ink = "red"
        cells.append(Cell(char, name, center - w / 2, y + jy + (h - h2) / 2, w, h2, ink))
    return cells
