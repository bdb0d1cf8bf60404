"""Follows many vehicles through a video: boxes and their time in, track ids out."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vision._kernels import Tracker as NativeTracker
from vision.track.tracks import Tracks
from vision.types import F32, I64

_FLOAT32 = np.dtype(np.float32)
_INT64 = np.dtype(np.int64)
_AT_MOST_ONE = {
    "high_score", "low_score", "birth_score", "sure_score", "min_iou", "min_iou_low", "min_iou_last",
    "max_duplicate_iou", "score_trust",
}  # fmt: skip
_MORE_THAN_ZERO = {"frame_rate", "measurement", "flow_memory_s"}


class Tracker:
    """Multi-object tracker for vehicles: constant velocity, real time steps, exact assignment.

    A track gets its id with its second box (in the first frame, or with a very high score, at once; one box later
    while too many tracks die right after), keeps it while lost for up to ``max_lost_s``, and then ends. All times
    are those of the frames, so that frames may be dropped or come at any rate. The order of the boxes decides
    nothing. One tracker follows one camera; it may be used by one thread at a time.

    Args:
        frame_rate: Nominal frames per second; None learns it as the median of the last time steps.
        high_score: A box from here on can continue any track.
        low_score: A box from here on can continue a track that was confirmed and seen a frame ago; those below
            are ignored.
        birth_score: A box from here on, if it continues no track, starts one.
        sure_score: A box above this gives its track an id at once, as long as nine in ten tracks that began with
            such a box got a second one; 1 = never.
        max_lost_s: Seconds after which a track ends, counted from the first frame that had no box for it: a long
            step between two frames ends nothing by itself.
        still_factor: How many times longer a vehicle that stood still when last seen may be lost.
        confirm_hits: Boxes that a track needs for an id, 1 = always at once; from 2 on one more while fewer than four
            in five tracks with so many boxes get another.
        confirm_chances: Frames without a box after which an unconfirmed track ends.
        min_iou: Least IoU of a box with the predicted one.
        min_iou_low: The same for boxes below ``high_score``.
        min_iou_last: Least IoU of a box with the last one of a lost track, tried last: vehicles that stopped.
        max_duplicate_iou: A box that covers a matched track's more than this starts no track.
        buffer: Share of its sides that every box grows by in the second pass, 0 = no second pass.
        lost_buffer_per_s: Share that a lost track's box grows by per second, at most 0.3.
        max_chi2: Largest squared distance of the centers in standard deviations, 0 = any.
        label_cost: Extra cost (a share of IoU) where label groups differ; it never forbids a match.
        flow_weight: Observations of a place that weigh as much as not knowing it, when a new track takes over the
            usual velocity there; 0 = off. Meant for fixed cameras.
        flow_memory_s: Seconds in which such an observation fades to 1/e.
        acceleration: Process noise, box scales per s^2; the scale of a box is sqrt(width * height).
        drift: Process noise of the position, scales per sqrt(s).
        measurement: Standard deviation of a box, scales.
        score_trust: How much a high score lowers the variance of a box, 0..1.
        size_share: Share of the process noise that width and height get.
        groups: Label -> group. Boxes and tracks of different groups (say two-wheelers and the rest) attract each
            other less; labels that are not listed go with all.

    Raises:
        ValueError: A setting is out of its range.

    Source: the defaults were tuned on KITTI cars and synthetic fixed cameras, see docs/decisions/tracker.md; the
        passes are those of ByteTrack (arXiv 2110.06864), C-BIoU (2211.14317) and OC-SORT (2203.14360).
    """

    __slots__ = ("_native",)

    def __init__(
        self,
        *,
        frame_rate: float | None = None,
        high_score: float = 0.6,
        low_score: float = 0.1,
        birth_score: float = 0.65,
        sure_score: float = 0.95,
        max_lost_s: float = 1.0,
        still_factor: float = 3.0,
        confirm_hits: int = 2,
        confirm_chances: int = 1,
        min_iou: float = 0.3,
        min_iou_low: float = 0.4,
        min_iou_last: float = 0.3,
        max_duplicate_iou: float = 0.8,
        buffer: float = 0.5,
        lost_buffer_per_s: float = 0.1,
        max_chi2: float = 40.0,
        label_cost: float = 0.1,
        flow_weight: float = 4.0,
        flow_memory_s: float = 10.0,
        acceleration: float = 1.0,
        drift: float = 0.1,
        measurement: float = 0.05,
        score_trust: float = 0.8,
        size_share: float = 0.25,
        groups: Mapping[int, int] | None = None,
    ) -> None:
        settings = {
            "high_score": high_score,
            "low_score": low_score,
            "birth_score": birth_score,
            "sure_score": sure_score,
            "max_lost_s": max_lost_s,
            "still_factor": still_factor,
            "confirm_hits": confirm_hits,
            "confirm_chances": confirm_chances,
            "min_iou": min_iou,
            "min_iou_low": min_iou_low,
            "min_iou_last": min_iou_last,
            "max_duplicate_iou": max_duplicate_iou,
            "buffer": buffer,
            "lost_buffer_per_s": lost_buffer_per_s,
            "max_chi2": max_chi2,
            "label_cost": label_cost,
            "flow_weight": flow_weight,
            "flow_memory_s": flow_memory_s,
            "acceleration": acceleration,
            "drift": drift,
            "measurement": measurement,
            "score_trust": score_trust,
            "size_share": size_share,
        }
        if frame_rate is not None:
            settings["frame_rate"] = frame_rate
        for name, value in settings.items():
            _expect_in_range(name, value)
        if low_score > high_score:
            raise ValueError(f"low_score: expected at most high_score ({high_score}), got {low_score}")
        self._native = NativeTracker({"frame_rate": 0.0, **settings}, dict(groups or {}))

    def update(
        self, boxes: ArrayLike, scores: ArrayLike, labels: ArrayLike | None = None, *, time_ns: SupportsIndex
    ) -> NDArray[np.int64]:
        """Track id of each box of one frame.

        Args:
            boxes: (n, 4) float32 xyxy pixels, half-open; n may be 0. Other numbers are converted.
            scores: (n,) float32, 0..1.
            labels: (n,) int64 classes of the boxes, -1 = unknown; they vote for the label of the track.
            time_ns: Time of the frame, larger than in the update before.

        Returns:
            (n,) int64 track ids; -1 for a box that belongs to no confirmed track.

        Raises:
            ValueError: Wrong shape, a box that is not finite or has no area, a score outside 0..1, or a time that
                does not increase. The tracker is then as it was.
            TypeError: Something that is not an array of numbers, or a time that is not an integer.
        """
        return self._native.update(
            _floats("boxes", boxes, 4), _floats("scores", scores, 0), _labels(labels), operator.index(time_ns)
        )

    @property
    def tracks(self) -> Tracks:
        """The confirmed tracks that are alive, seen or lost, as of the last update."""
        return Tracks(*self._native.tracks())

    @property
    def n_unconfirmed(self) -> int:
        """How many tracks wait for the box that gives them an id."""
        return int(self._native.n_guesses())

    @property
    def ended(self) -> I64:
        """Ids of the tracks that ended in the last `update` or `reset`, (n,) int64; each id comes once."""
        return self._native.ended()

    def reset(self) -> None:
        """End all tracks and forget the time and what was learned; ids go on counting."""
        self._native.reset()

    def transform(self, matrix: ArrayLike) -> None:
        """Carry the tracks into the next picture of a camera that moves, before the `update` with its boxes.

        Args:
            matrix: (2, 3) floats, the affine map from pixels of the last frame to pixels of the next one.

        Raises:
            ValueError: Wrong shape, not finite, or not invertible.
        """
        self._native.transform(np.asarray(matrix, dtype=np.float64))


def _expect_in_range(name: str, value: float) -> None:
    low, high = (1 if name in ("confirm_hits", "confirm_chances") else 0), (1 if name in _AT_MOST_ONE else math.inf)
    if not low <= value <= high or math.isinf(value) or (value == 0 and name in _MORE_THAN_ZERO):
        what = f"{low}..1" if high == 1 else "more than 0" if name in _MORE_THAN_ZERO else f"at least {low}, finite"
        raise ValueError(f"{name}: expected {what}, got {value}")


def _floats(name: str, given: ArrayLike, columns: int) -> F32:
    """float32 array of what was given; an empty list counts as no rows. Shapes are checked by the native side."""
    if type(given) is np.ndarray and given.dtype is _FLOAT32 and given.size:
        return given  # at once: half of a call's time goes by in Python
    array = np.asarray(given)
    if array.size == 0 and array.ndim == 1 and columns:
        return np.zeros((0, columns), np.float32)
    if array.dtype == _FLOAT32:
        return array
    if array.dtype.kind not in "fiu":
        shape = "(n, 4)" if columns else "(n,)"
        raise TypeError(f"{name}: expected float32 {shape}, got {array.dtype} {array.shape}")
    with np.errstate(over="ignore"):  # becomes inf, which the native side refuses
        return array.astype(np.float32)


def _labels(given: ArrayLike | None) -> I64 | None:
    if given is None:
        return None
    array = np.asarray(given)
    if array.dtype == _INT64:
        return array
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu" or array.dtype == np.uint64:
        raise TypeError(f"labels: expected int64 (n,), got {array.dtype} {array.shape}")
    return array.astype(np.int64)
