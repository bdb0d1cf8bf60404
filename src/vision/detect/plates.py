"""Finds plates with their four corners, in a whole frame or in regions of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision import kernels
from vision.detect.heads import Blank, HeadNetwork, Roi
from vision.detect.refiner import PlateRefiner
from vision.infer.session import Session
from vision.types import F32, Frame, PlateDetections

NEXT = [1, 2, 3, 0]  # the corner after each


class PlateDetector:
    """Plates of a frame.

    Args:
        session: a ``plate_detector`` model.
        refiner: gives what was found a second look, which moves its corners and takes part in its score; None: what
            was found is as good as it gets.
        min_score: detections below are not returned; default from the manifest of the refiner, else of the model.
    """

    def __init__(
        self, session: Session, refiner: PlateRefiner | None = None, *, min_score: float | None = None
    ) -> None:
        self._net = HeadNetwork(session, "plate_detector", 8)
        self._refiner = refiner
        self._usual_score = refiner.min_score if refiner else self._net.min_score
        self.min_score = self._usual_score if min_score is None else min_score

    def adjusted(self, *, min_score: float | None) -> PlateDetector:
        """The same networks with another least score; None: the manifest's."""
        other = copy.copy(self)
        other.min_score = self._usual_score if min_score is None else min_score
        return other

    def find(
        self, frame: Frame, searches: Sequence[tuple[Roi | None, int]], blank: Blank | None = None
    ) -> PlateDetections:
        """Plates found by one or several searches, the same plate found twice kept once (the higher score).

        Args:
            searches: (region, side): where to look (None: the whole frame) and the longest input side there. Those of
                one input size run as one batch.
            blank: hides parts of the frame, see `vision.detect.heads.HeadNetwork.find`.
        """
        corners, scores = [np.zeros((0, 4, 2), np.float32)], [np.zeros(0, np.float32)]
        looks = [(frame, roi, side) for roi, side in searches]
        least = min(self.min_score, self._refiner.candidate_score) if self._refiner else self.min_score
        for found, score, _ in self._net.find(looks, min_score=least, blank=blank):
            usable = are_plates(found)
            corners.append(found[usable])
            scores.append(score[usable])
        plates = best_first(np.concatenate(corners), np.concatenate(scores))
        if len(searches) > 1:
            plates = distinct(plates)
        if self._refiner is None or not len(plates):
            return plates
        moved, plausible = self._refiner.look(frame, plates.corners)
        usable = are_plates(moved)
        moved[~usable] = plates.corners[~usable]
        plates = best_first(moved, combined(plates.scores, plausible))
        plates = plates.take(np.flatnonzero(plates.scores >= self.min_score))
        return distinct(plates)  # two finds can have been moved to the same plate


def best_first(corners: F32, scores: F32) -> PlateDetections:
    """Plates in the order of their scores."""
    order = np.argsort(-scores, kind="stable")
    return PlateDetections(corners[order], scores[order])


def combined(found: F32, plausible: F32) -> F32:
    """The score of plates after both looks: geometric mean, so that one look alone believes nothing."""
    return np.asarray(np.sqrt(found * plausible), np.float32)


def are_plates(corners: F32) -> NDArray[np.bool_]:
    """Which quadrangles (n, 4, 2) can be plates: convex, clockwise, at least 4 px wide and 2 px high."""
    if not len(corners):
        return np.zeros(0, bool)
    edges = corners[:, NEXT] - corners
    after = edges[:, NEXT]
    turns = edges[..., 0] * after[..., 1] - edges[..., 1] * after[..., 0]
    lengths = np.hypot(edges[..., 0], edges[..., 1])
    is_large = (lengths[:, ::2].min(1) >= 4) & (lengths[:, 1::2].min(1) >= 2)
    return np.asarray((turns > 1e-3).all(1) & is_large)


def distinct(plates: PlateDetections) -> PlateDetections:
    """Of plates (best first) those that do not overlap a better one."""
    return plates.take(np.array([group[0] for group in same_plate(plates)], np.int64))


def same_plate(plates: PlateDetections, max_overlap: float = 0.5) -> list[list[int]]:
    """Indices of plates (best first), grouped by the plate they show: those that overlap the best of a group join it.

    Overlap is by the smaller box's area.
    """
    boxes = plates.boxes
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    iou = kernels.iou_matrix(boxes, boxes)
    # From IoU to intersection over the smaller area: i = iou (a + b) / (1 + iou).
    inter = iou * (areas[:, None] + areas[None]) / (1 + iou)
    overlap = inter / np.maximum(np.minimum(areas[:, None], areas[None]), 1e-6)
    groups: list[list[int]] = []
    for i in range(len(plates)):
        group = next((g for g in groups if overlap[i, g[0]] > max_overlap), None)
        if group is None:
            groups.append([i])
        else:
            group.append(i)
    return groups
