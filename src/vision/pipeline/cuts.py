"""Notices hard cuts: the picture becomes another one from one frame to the next."""

from __future__ import annotations

import numpy as np

from vision import kernels
from vision.types import F32, Frame

WIDTH, HEIGHT = 32, 32
MIN_DIFFERENCE = 0.08  # mean change of a pixel, 0..1: more than noise, exposure or traffic make from frame to frame


class CutDetector:
    """Compares small luma thumbnails of consecutive frames.

    A cut is a change where the two thumbnails no longer correlate: 1 - Pearson correlation above ``threshold`` and a
    mean difference that is no camera noise. A vehicle that fills the picture moves through it over several frames
    and keeps the rest of the scene in place, so it stays below.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._tensor = np.empty((3, HEIGHT, WIDTH), np.float32)
        self._last: F32 | None = None
        self.change = 0.0

    def is_cut(self, frame: Frame) -> bool:
        """Whether this frame belongs to another scene than the one before."""
        kernels.letterbox(frame.planes, self._tensor, pad=0.5)
        now = self._tensor.mean(0).ravel()
        last, self._last = self._last, now
        if last is None:
            return False
        a, b = now - now.mean(), last - last.mean()
        norm = float(np.sqrt((a @ a) * (b @ b)))
        self.change = 1 - float(a @ b) / norm if norm > 1e-6 else 0.0
        return self.change > self._threshold and float(np.abs(now - last).mean()) > MIN_DIFFERENCE
