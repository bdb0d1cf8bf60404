"""Notices hard cuts: the picture becomes another one from one frame to the next."""

from __future__ import annotations

import numpy as np

from vision.types import F32

MIN_DIFFERENCE = 20  # mean change of a cell, 0..255: more than noise, exposure or traffic make from frame to frame


class CutDetector:
    """Compares the motion grids of consecutive frames.

    A cut is a change where the two no longer correlate: 1 - Pearson correlation above ``threshold`` and a mean
    difference that is no camera noise. A vehicle that fills the picture moves through it over several frames and keeps
    the rest of the scene in place, so it stays below.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._last: F32 | None = None
        self.change = 0.0

    def is_cut(self, cells: F32) -> bool:
        """Whether this frame, given as its grid of luma means, belongs to another scene than the one before."""
        now = cells.ravel().copy()
        last, self._last = self._last, now
        if last is None or last.size != now.size:
            return False
        a, b = now - now.mean(), last - last.mean()
        norm = float(np.sqrt((a @ a) * (b @ b)))
        self.change = 1 - float(a @ b) / norm if norm > 1e-6 else 0.0
        return self.change > self._threshold and float(np.abs(now - last).mean()) > MIN_DIFFERENCE
