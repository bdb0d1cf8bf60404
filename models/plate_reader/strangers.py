"""What is no Chinese plate and shall be read as empty: plates of other countries, and plate-like pieces of pictures.

A detector finds plates of any country, and now and then a grille or lettering. A reader that has only ever seen Chinese
plates gives all of them a Chinese text, and is often sure of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from dataset import (
    MARGIN_X,
    MARGIN_Y,
    PATCH_H,
    PATCH_W,
    PLATE_H,
    PLATE_W,
    Image,
    frame_crop,
    read_image,
    read_index,
    read_rows,
)
from glyphs import Glyphs
from numpy.typing import NDArray

from vision.plates.grammar import load_grammar

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
)
PAINTS = {  # BGR paint, ink, share
    "white": ((225, 225, 225), (30, 30, 30), 0.5),
    "white, blue ink": ((225, 225, 225), (130, 60, 20), 0.07),
    "white, green ink": ((225, 230, 225), (60, 110, 20), 0.05),
    "white, red ink": ((225, 225, 225), (30, 30, 190), 0.04),
    "yellow": ((50, 190, 240), (30, 30, 30), 0.16),
    "black": ((35, 35, 35), (220, 220, 220), 0.06),
    "blue": ((150, 70, 20), (230, 230, 230), 0.06),
    "red": ((40, 40, 180), (230, 230, 230), 0.03),
    "green": ((70, 130, 30), (230, 230, 230), 0.03),
}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# L letter, D digit; others stand for themselves.
ONE_ROW = (
    "DDL-DDD.DD", "DDL-DDDD", "DDLL-DDDDD", "LL DD LLL", "LL-DDD-LL", "L DDD LL", "LL DDDD LL", "LLL DDD", "LLL-DDDD",
    "DDD LLL", "DDDD LLL", "DLLL DDD", "LLLDLDD", "LL DD LL DDDD", "L-LL DDDD", "LLL LL DD", "DDD-LL-DDD", "DD-DD-LL",
    "DDDDDD", "DDDD", "DDD DDD", "DDDDD LL", "DD L DDDDD", "LLDD LLL", "L DDDD LL", "LLDDD LL", "DDL DDDDD",
)  # fmt: skip
TWO_ROWS = (
    "DDL/DDD.DD",
    "DD-LD/DDD.DD",
    "DD-LD/DDDD",
    "LL DD/LL DDDD",
    "LLL/DDDD",
    "DD LL/DDDD",
    "DDL/DDDD",
    "LL DD/LLL",
)


def fill(pattern: str, rng: np.random.Generator) -> str:
    """A text of this pattern."""
    sets = {"L": LETTERS, "D": "0123456789"}
    return "".join(sets[c][rng.integers(len(sets[c]))] if c in sets else c for c in pattern)


def foreign_text(rng: np.random.Generator, *, two_rows: bool) -> str:
    """A text that is no plate of the grammar: three letters and four digits may be one of the army."""
    while True:
        text = fill(str(rng.choice(TWO_ROWS if two_rows else ONE_ROW)), rng)
        if not load_grammar().kinds_of("".join(c for c in text if c.isalnum())):
            return text


def draw_foreign(glyphs: Glyphs, rng: np.random.Generator) -> Image:
    """A clean plate of no country in particular, uint8 (h, w, 3) BGR, to be seen in the frame of a Chinese one."""
    names = list(PAINTS)
    back, ink, _ = PAINTS[names[int(rng.choice(len(names), p=[p[2] for p in PAINTS.values()]))]]
    two = rng.random() < 0.3
    text = foreign_text(rng, two_rows=two)
    w, h = (220, int(rng.integers(100, 160))) if two else (260, int(rng.integers(48, 90)))
    board = np.clip(np.array(back, np.float32) + rng.normal(0, 18, 3) + rng.normal(0, 15), 0, 255)
    image = np.empty((h, w, 3), np.float32)
    image[:] = board
    shade = np.clip(np.array(ink, np.float32) + rng.normal(0, 12, 3), 0, 255)
    left = 6
    if rng.random() < 0.35:  # a band with a flag or a country's letters
        left = int(rng.integers(16, 30))
        image[:, :left] = np.clip(np.array((150, 60, 10)) + rng.normal(0, 20, 3), 0, 255)
    if rng.random() < 0.6:
        inset = int(rng.integers(1, 4))
        cv2.rectangle(image, (inset, inset), (w - 1 - inset, h - 1 - inset), shade.tolist(), int(rng.integers(1, 3)))
    mask = ink_mask(text.split("/"), glyphs, w - left - 8, h - int(rng.integers(8, 18)), rng)
    y, x = (h - mask.shape[0]) // 2, left + 2
    place = image[y : y + mask.shape[0], x : x + mask.shape[1]]
    place[:] = place * (1 - mask[..., None]) + shade.astype(np.float32) * mask[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)


def ink_mask(lines: Sequence[str], glyphs: Glyphs, w: int, h: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Lines of text over the whole of (h, w), float32, 1 = ink."""
    mask = np.zeros((h, w), np.float32)
    each = h // len(lines)
    font = int(rng.integers(len(FONTS) + 2))
    for row, line in enumerate(lines):
        tall = each - int(rng.integers(2, 8))
        if font < len(FONTS):
            drawn = _line_in(FONTS[font], line, int(rng.integers(3, 8)))
        else:
            drawn = _line_of(glyphs, "plate" if font == len(FONTS) else "uni", line)
        wide = min(w, max(round(drawn.shape[1] * tall / drawn.shape[0] * rng.uniform(0.8, 1.3)), w * 6 // 10))
        x = int(rng.integers(0, w - wide + 1))
        mask[row * each : row * each + tall, x : x + wide] = cv2.resize(
            drawn, (wide, tall), interpolation=cv2.INTER_AREA
        )
    return mask


def _line_in(font: int, line: str, weight: int) -> NDArray[np.float32]:
    canvas = np.zeros((140, 90 * len(line) + 40), np.uint8)
    cv2.putText(canvas, line, (15, 110), font, 3.0, (255,), weight, cv2.LINE_AA)
    x, y, w, h = cv2.boundingRect(canvas)
    return (canvas[y : y + h, x : x + w] / 255.0).astype(np.float32)


def _line_of(glyphs: Glyphs, font: str, line: str) -> NDArray[np.float32]:
    parts = []
    for char in line:
        if char.isalnum():
            parts.append(glyphs.mask(char, "140" if font == "plate" else "uni", 45, 90))
        else:
            gap = np.zeros((90, 30), np.float32)
            if char in "-.":
                gap[40:50, 8:22] = 1.0
            parts.append(gap)
        parts.append(np.zeros((90, 8), np.float32))
    return np.hstack(parts)


class Strangers:
    """Draws patches (104, 264, 3) BGR with what is to be read as empty.

    Real ones: plates that are labelled with boxes alone (Europe, USA), and pieces an older finder took for plates.
    """

    def __init__(self, data: Path, extra: Sequence[Path], glyphs: Glyphs, rng: np.random.Generator) -> None:
        self.rng, self.glyphs = rng, glyphs
        rows = [r for r in read_index(data) if r["split"] == "train"] + [r for f in extra for r in read_rows(f)]
        self.foreign: list[Image] = []
        for row in (r for r in rows if r.get("boxes")):
            self.foreign += cut_out(read_image(row["path"]), row["boxes"])
        self.pieces = [frame_crop(read_image(r["path"])) for r in rows if r["file"].startswith("patches/")]

    def patch(self, background: Image) -> Image:
        """One more; ``background`` surrounds drawn ones."""
        r = self.rng
        kind = r.random()
        if kind < 0.3 and self.foreign:
            return self.foreign[r.integers(len(self.foreign))]
        if kind < 0.5 and self.pieces:
            return self.pieces[r.integers(len(self.pieces))]
        if kind < 0.6:  # anything at all
            return background
        patch = background.copy()
        drawn = cv2.resize(draw_foreign(self.glyphs, r), (PLATE_W, PLATE_H), interpolation=cv2.INTER_AREA)
        lit = cv2.convertScaleAbs(drawn, alpha=r.uniform(0.35, 1.1))
        patch[MARGIN_Y : MARGIN_Y + PLATE_H, MARGIN_X : MARGIN_X + PLATE_W] = lit
        return patch


def cut_out(image: Image, boxes: Sequence[Sequence[float]], least: float = 24) -> list[Image]:
    """The plates in these boxes as patches with their surroundings; those narrower than ``least`` px are left out."""
    patches = []
    for x1, y1, x2, y2 in boxes:
        if x2 - x1 < least:
            continue
        mx, my = MARGIN_X / PLATE_W * (x2 - x1), MARGIN_Y / PLATE_H * (y2 - y1)
        source = np.array([[x1 - mx, y1 - my], [x2 + mx, y1 - my], [x1 - mx, y2 + my]], np.float32)
        target = np.array([[0, 0], [PATCH_W, 0], [0, PATCH_H]], np.float32)
        shrink = (x2 - x1) / PLATE_W
        sharp = cv2.GaussianBlur(image, (0, 0), 0.4 * shrink) if shrink > 1.5 else image
        turn = cv2.getAffineTransform(source, target)
        patches.append(cv2.warpAffine(sharp, turn, (PATCH_W, PATCH_H), borderMode=cv2.BORDER_REPLICATE))
    return patches  # type: ignore[return-value]
