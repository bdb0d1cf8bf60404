"""Where the picture has changed since vehicles were last looked for: a coarse grid of brightness, cell by cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision import kernels
from vision.types import F32, Frame

CELLS = 80  # along the longer side: a vehicle that the detector can find covers several
MIN_CHANGE = 5.0  # grey levels of 255 that a cell's mean must change by, above what it does without a vehicle
NOISE_FACTOR = 3.0
MAX_NOISE = 40.0
NOISE_MEMORY = 0.2  # weight of the newest difference in what a cell usually does


class MotionGrid:
    """Mean luma of about `CELLS` x `CELLS` cells of the newest frame, and which of them changed.

    What changes without a vehicle being there (leaves, water, a flag, noise at night) raises its cell's threshold.
    A change of the whole picture's brightness is taken out first.
    """

    def __init__(self) -> None:
        self.cells: F32 = np.zeros((0, 0), np.float32)
        self._size = (0, 0)
        self._before: F32 | None = None  # at the last detection
        self._noise: F32 = self.cells
        self.hidden: NDArray[np.bool_] | None = None  # (rows, cols): cells whose change does not matter

    def see(self, frame: Frame) -> None:
        """Take in the next frame; another picture size forgets everything."""
        size = (frame.width, frame.height)
        if size != self._size:
            self._size, self._before = size, None
            k = CELLS / max(size)
            shape = (max(1, round(frame.height * k)), max(1, round(frame.width * k)))
            self.cells, self._noise = np.empty(shape, np.float32), np.zeros(shape, np.float32)
        kernels.luma_grid(frame.overview or frame.planes, self.cells)

    def has_changed(self, boxes: F32) -> bool:
        """Whether something outside the boxes (n, 4) changed since the last `settle`; True if there was none.

        A change is three cells of a square of four: one cell alone is noise.
        """
        if self._before is None:
            return True
        changed = self._difference() > MIN_CHANGE + NOISE_FACTOR * self._noise
        if self.hidden is not None:
            changed &= ~self.hidden
        if np.count_nonzero(changed) < 3:
            return False
        c = (changed & ~self.covered(boxes)).view(np.uint8)
        return bool(np.any(c[:-1, :-1] + c[1:, :-1] + c[:-1, 1:] + c[1:, 1:] >= 3))

    def settle(self, boxes: F32) -> None:
        """Vehicles were looked for in this frame and are in these boxes (n, 4): compare with it from now on."""
        if self._before is None:
            self._before = self.cells.copy()
            return
        outside = ~self.covered(boxes)
        difference = np.minimum(self._difference(), MAX_NOISE)
        self._noise[outside] += NOISE_MEMORY * (difference - self._noise)[outside]
        np.copyto(self._before, self.cells)

    def forget(self) -> None:
        """The next frame shows another scene."""
        self._before = None
        self._noise.fill(0)

    def covered(self, boxes: F32) -> NDArray[np.bool_]:
        """(rows, cols): cells that touch a box, each box grown by a quarter of its sides for shadow and lights."""
        rows, cols = self.cells.shape
        if not len(boxes):
            return np.zeros((rows, cols), bool)
        scale = np.array([cols / self._size[0], rows / self._size[1]] * 2, np.float32)
        grow = 0.25 * np.concatenate((boxes[:, :2] - boxes[:, 2:], boxes[:, 2:] - boxes[:, :2]), 1)
        x1, y1, x2, y2 = ((boxes + grow) * scale).T[:, :, None]
        x, y = np.arange(cols), np.arange(rows)
        across, down = (x + 1 > x1) & (x < x2), (y + 1 > y1) & (y < y2)
        return np.asarray((down.T.astype(np.float32) @ across.astype(np.float32)) > 0)

    def _difference(self) -> F32:
        assert self._before is not None
        difference = self.cells - self._before
        return np.asarray(np.abs(difference - np.float32(np.median(difference))), np.float32)
