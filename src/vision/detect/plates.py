"""Finds plates with their four corners, in a whole frame or in regions of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision import kernels
from vision.detect.heads import Blank, HeadNetwork, Roi
from vision.infer.session import Session
from vision.types import F32, Frame, PlateDetections


class PlateDetector:
    """Plates of a frame.

    Args:
        session: a ``plate_detector`` model.
        min_score: detections below are not returned; default from the model's manifest.
    """

    def __init__(self, session: Session, *, min_score: float | None = None) -> None:
        self._net = HeadNetwork(session, "plate_detector", 8)
        self.min_score = self._net.min_score if min_score is None else min_score

    def adjusted(self, *, min_score: float | None) -> PlateDetector:
        """The same network with another least score; None: the manifest's."""
        other = copy.copy(self)
        other.min_score = self._net.min_score if min_score is None else min_score
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
        corners, scores = [], []
        looks = [(frame, roi, side) for roi, side in searches]
        for found, score, _ in self._net.find(looks, min_score=self.min_score, blank=blank):
            usable = are_plates(found)
            corners.append(found[usable])
            scores.append(score[usable])
        if not corners:
            return PlateDetections(np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32))
        merged = PlateDetections(np.concatenate(corners), np.concatenate(scores))
        order = np.argsort(-merged.scores, kind="stable")
        merged = PlateDetections(merged.corners[order], merged.scores[order])
        if len(searches) == 1:
            return merged
        keep = distinct(merged)
        return PlateDetections(merged.corners[keep], merged.scores[keep])


def are_plates(corners: F32) -> NDArray[np.bool_]:
    """Which quadrangles (n, 4, 2) can be plates: convex, clockwise, at least 4 px wide and 2 px high."""
    edges = np.roll(corners, -1, 1) - corners
    after = np.roll(edges, -1, 1)
    turns = edges[..., 0] * after[..., 1] - edges[..., 1] * after[..., 0]
    lengths = np.linalg.norm(edges, axis=2)
    is_large = (lengths[:, ::2].min(1) >= 4) & (lengths[:, 1::2].min(1) >= 2) if len(corners) else np.zeros(0, bool)
    return np.asarray((turns > 1e-3).all(1) & is_large)


def distinct(plates: PlateDetections) -> list[int]:
    """Indices of plates (best first) that do not overlap a better one."""
    return [group[0] for group in same_plate(plates)]


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
