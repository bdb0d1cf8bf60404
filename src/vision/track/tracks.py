"""The tracks alive after a frame, as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.types import F32, I64


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Confirmed tracks that have not ended, one row each, in order of ``track_id``.

    Attributes:
        track_id: (n,) int64, never reused.
        raw_box: (n, 4) float32 xyxy pixels, the last box given for the track: cut pictures from this one.
        box: (n, 4) float32 xyxy pixels, smoothed; predicted to the last frame's time while ``is_lost``.
        velocity: (n, 2) float32, pixels per second of the box center, right and down positive.
        hits: (n,) int32, how many boxes the track has got.
        first_time_ns: (n,) int64, time of its first box.
        last_time_ns: (n,) int64, time of its last box.
        score: (n,) float32, score of its last box.
        label: (n,) int64, the label with the largest sum of scores; -1 when none was ever given.
        is_lost: (n,) bool, whether the last frame had no box for it.
        margin: (n,) float32, 0..1: how much worse than the chosen box the next best one for this track, or the next
            best track for this box, would have been in cost (1 - IoU); 1 when there was no other. A small value
            warns of a possible mix-up.
    """

    track_id: I64
    raw_box: F32
    box: F32
    velocity: F32
    hits: NDArray[np.int32]
    first_time_ns: I64
    last_time_ns: I64
    score: F32
    label: I64
    is_lost: NDArray[np.bool_]
    margin: F32

    def __len__(self) -> int:
        return len(self.track_id)
