"""Where a camera may see vehicles: the include and exclude polygons, as a test of points and as pixels to blank."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vision.scene.geometry import F64, Bools, contains
from vision.types import F32

Roi = tuple[int, int, int, int]
SHIFT = 4  # cv2 takes coordinates in sixteenths of a pixel
KEPT = 8  # blanked input sizes that are remembered: whole frames come in one or two


class Mask:
    """The part of a picture that counts: inside an include polygon, if there are any, and in no exclude polygon.

    Args:
        include, exclude: polygons (k, 2) in pixels of the frame.
        width, height: of the frame.
    """

    def __init__(self, include: Sequence[F64], exclude: Sequence[F64], width: int, height: int) -> None:
        self._include, self._exclude = tuple(include), tuple(exclude)
        self._size = (width, height)
        self._hidden: dict[tuple[int, int, Roi], Bools] = {}

    def is_visible(self, points: F64) -> Bools:
        """Which points (n, 2) count."""
        seen = np.full(len(points), not self._include)
        for polygon in self._include:
            seen |= contains(polygon, points)
        for polygon in self._exclude:
            seen &= ~contains(polygon, points)
        return seen

    def cells(self, rows: int, cols: int) -> Bools:
        """(rows, cols): the cells of a grid over the frame whose centers count."""
        width, height = self._size
        x, y = np.meshgrid((np.arange(cols) + 0.5) * width / cols, (np.arange(rows) + 0.5) * height / rows)
        return self.is_visible(np.column_stack((x.ravel(), y.ravel()))).reshape(rows, cols)

    def blank(self, out: F32, roi: Roi, scale: tuple[float, float], pad: float) -> None:
        """Overwrite what does not count in a network's input.

        Args:
            out: (3, h, w) float32, the region ``roi`` of a frame scaled by ``scale``; gets ``pad`` where nothing
                counts.
        """
        key = (out.shape[1], out.shape[2], roi)
        hidden = self._hidden.get(key)
        if hidden is None:
            hidden = self._draw(out.shape[1], out.shape[2], roi, scale)
            if roi == (0, 0, *self._size) and len(self._hidden) < KEPT:
                self._hidden[key] = hidden
        if hidden.any():
            np.copyto(out, np.float32(pad), where=hidden)

    def _draw(self, height: int, width: int, roi: Roi, scale: tuple[float, float]) -> Bools:
        """(height, width): the pixels of a scaled region that do not count."""
        hidden = np.full((height, width), bool(self._include), np.uint8)
        for polygons, value in ((self._include, 0), (self._exclude, 1)):
            for polygon in polygons:
                spots = ((polygon - np.array(roi[:2])) * np.array(scale) - 0.5) * (1 << SHIFT)
                cv2.fillPoly(hidden, [np.round(spots).astype(np.int32)], value, shift=SHIFT)
        return hidden.view(bool)
