"""Many looks at one plate -> one plate text with a calibrated score."""

from __future__ import annotations

import math

import numpy as np

from vision.plates._fuse import LogProbSum
from vision.plates.grammar import TextDecoder
from vision.types import F32, PlateRead, PlateText

LOG_FLOOR = -14.0  # no single look can rule a character out
FULL_HEIGHT_PX = 24.0  # a plate this high or higher counts fully
LOOK_S, LOOK_GROWTH = 0.1, 0.1  # looks closer together than this share one vote, unless the size changed so much


class PlateFusion:
    """Accumulates the reads of one plate.

    A look's weight is (mean probability of its characters)^8 x clamp(plate height / 24 px, 0.2, 1) x sharpness
    (relative to the sharpest look so far). Looks less than 0.1 s and a tenth in size apart share one vote.
    Source of the figures: benchmarks/fusion.py, see docs/decisions/0004-plate-fusion.md.
    """

    def __init__(self, decoder: TextDecoder) -> None:
        self._decoder = decoder
        self._text: LogProbSum | None = None
        self._color: F32 | None = None
        self._rows: F32 | None = None
        self._fused: PlateText | None = None
        self._last: tuple[int, float] | None = None  # time and width of the last look
        self.n_looks = 0
        self.max_width_px = 0.0
        self.max_sharpness = 0.0
        self.best_look = 0.0  # of the clearest single look: its weakest character, or the others together if less

    def add(self, read: PlateRead, time_ns: int) -> float:
        """Add one look and return its quality (for choosing evidence)."""
        look = min(c.score for c in read.plate.chars)
        mean = float(np.mean([c.score for c in read.plate.chars]))
        height = abs(float(read.corners[3, 1] + read.corners[2, 1] - read.corners[0, 1] - read.corners[1, 1])) / 2
        self.max_sharpness = max(self.max_sharpness, read.sharpness)
        size = min(1.0, max(0.2, height / FULL_HEIGHT_PX))
        weight = mean**8 * size * max(0.1, read.sharpness / self.max_sharpness if self.max_sharpness > 0 else 1.0)
        if self._last is not None:
            later = (time_ns - self._last[0]) / 1e9 / LOOK_S
            grown = abs(math.log(read.width_px / self._last[1])) / LOOK_GROWTH
            weight *= min(1.0, max(0.05, later, grown))
        weight = max(weight, 1e-4)
        if self._text is None or self._color is None or self._rows is None:
            self._text = empty_sum(read.log_probs)
            self._color = np.zeros_like(read.color_probs)
            self._rows = np.zeros_like(read.row_probs)
        self._text.add(np.ascontiguousarray(read.log_probs, np.float32), weight)
        self._color = self._color + weight * read.color_probs
        self._rows = self._rows + weight * read.row_probs
        self._last = time_ns, read.width_px
        self._fused = None
        self.n_looks += 1
        self.max_width_px = max(self.max_width_px, read.width_px)
        self.best_look = max(self.best_look, min(look, read.plate.score / look))
        return mean**2 * size * look * min(1.0, read.width_px / 160)

    def absorb(self, other: PlateFusion) -> None:
        """Take over the looks of another fusion of the same plate."""
        if other._text is None or other._color is None or other._rows is None:
            return
        if self._text is None or self._color is None or self._rows is None:
            self._text = empty_sum(other._text.posterior())
            self._color, self._rows = np.zeros_like(other._color), np.zeros_like(other._rows)
        self._text.absorb(other._text)
        self._color = self._color + other._color
        self._rows = self._rows + other._rows
        self._fused = None
        self.n_looks += other.n_looks
        self.max_width_px = max(self.max_width_px, other.max_width_px)
        self.max_sharpness = max(self.max_sharpness, other.max_sharpness)
        self.best_look = max(self.best_look, other.best_look)

    @property
    def plate(self) -> PlateText | None:
        """The fused text of all looks so far, None before the first."""
        if self._text is None or self._color is None or self._rows is None:
            return None
        if self._fused is None:
            total = self._text.weight
            color, rows = self._color / np.float32(total), self._rows / np.float32(total)
            self._fused = self._decoder.decode(self._text.posterior(), color, rows)
        return self._fused


def empty_sum(like: F32) -> LogProbSum:
    """A sum for looks of this shape."""
    slots, characters = like.shape
    return LogProbSum(slots, characters, LOG_FLOOR)


def distance(a: str, b: str) -> int:
    """Edit distance between two plate texts (Levenshtein); ``?`` differs from nothing."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            same = x == y or "?" in (x, y)
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (not same))
    return row[-1]
