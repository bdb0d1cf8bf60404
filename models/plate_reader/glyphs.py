"""Ink masks of plate characters: measured glyph shapes, or OpenCV's built-in "uni" font."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from labels import LETTERS
from numpy.typing import NDArray

Mask = NDArray[np.float32]
_UNI_PX = 96


class Glyphs:
    """Makes float32 (h, w) masks, 1 = ink; the results are cached and must not be changed."""

    def __init__(self, folder: Path) -> None:
        self.shapes: dict[str, Mask] = {}
        for path in folder.glob("*.jpg"):
            gray = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
            if gray is None:
                raise ValueError(f"{path}: not a picture")
            self.shapes[path.stem] = (1.0 - gray / 255.0).astype(np.float32)
        if not self.shapes:
            raise ValueError(f"{folder}: no glyph pictures")
        self.font = cv2.FontFace("uni")
        self.uni_shapes: dict[str, Mask] = {}
        self.cache: dict[tuple[str, str, int, int, int], Mask] = {}
        # Width of an H in the font: the measure by which its narrow letters stay narrow.
        self.uni_latin_px = self._uni("H").shape[1]

    def _uni(self, char: str) -> Mask:
        """Tight mask of a character in the font, capitals about 96 px high."""
        if char not in self.uni_shapes:
            canvas = np.zeros((2 * _UNI_PX, 2 * _UNI_PX), np.uint8)
            cv2.putText(canvas, char, (20, int(1.5 * _UNI_PX)), (255,), self.font, _UNI_PX, 400)
            x, y, w, h = cv2.boundingRect(canvas)
            self.uni_shapes[char] = (canvas[y : y + h, x : x + w] / 255.0).astype(np.float32)
        return self.uni_shapes[char]

    def uni_ratio(self, char: str) -> float:
        """Width over height of a character in the font."""
        h, w = self._uni(char).shape
        return w / h

    def _shape(self, char: str, font: str) -> Mask:
        if font == "uni":
            return self._uni(char)
        if char == "O":  # the glyph set has no O; on plates it has the outline of 0
            char = "0"
        if font == "220":
            font = "220_up" if char in LETTERS else "220"
        for name in (f"{font}_{char}", f"220_{char}" if font.startswith("220") else "", f"140_{char}"):
            if name in self.shapes:
                return self.shapes[name]
        return self._uni(char)

    def mask(self, char: str, font: str, w: int, h: int, weight: int = 0) -> Mask:
        """Character filling a w x h cell.

        Args:
            char: one character.
            font: "140", "220", "220_down", "green" (glyph set) or "uni"; a glyph the set lacks comes from "uni".
            w: cell width in pixels.
            h: cell height in pixels.
            weight: stroke weight, -1 thin to 2 bold.
        """
        key = (font, char, w, h, weight)
        if key not in self.cache:
            if len(self.cache) > 60_000:
                self.cache.clear()
            shape = self._shape(char, font)
            inner_w = w
            if font == "uni" and char.isascii():
                inner_w = max(2, min(w, round(w * shape.shape[1] / self.uni_latin_px)))
            big = cv2.resize(shape, (3 * inner_w, 3 * h), interpolation=cv2.INTER_AREA)
            if weight:
                kernel = np.ones((1 + abs(weight) * 2,) * 2, np.uint8)
                big = cv2.erode(big, kernel) if weight < 0 else cv2.dilate(big, kernel)
            out = np.zeros((h, w), np.float32)
            left = (w - inner_w) // 2
            out[:, left : left + inner_w] = cv2.resize(big, (inner_w, h), interpolation=cv2.INTER_AREA)
            self.cache[key] = out
        return self.cache[key]
