"""How well boxes are found: average precision, recall by size, false alarms, types, corners."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from vision import kernels
from vision.types import F32

SIZES = ((0, 16), (16, 32), (32, 96), (96, 256), (256, 100_000))  # longest side in pixels of the picture
ANY_TYPE = "vehicle"


@dataclass(slots=True)
class DetectionScores:
    """Counts over pictures; every share is of these."""

    pictures: int = 0
    objects: int = 0
    found: int = 0
    alarms: int = 0
    hits: list[tuple[float, bool]] = field(default_factory=list)  # (score, is right) of every detection
    by_size: Counter[tuple[int, bool]] = field(default_factory=Counter)  # (size class, was found)
    types: Counter[tuple[str, str]] = field(default_factory=Counter)  # (label, said) of found objects of known type
    n_type_right: int = 0
    n_type_known: int = 0
    corner_errors: list[float] = field(default_factory=list)  # mean distance of the corners in % of the plate's width

    def add(self, truth: F32, ignored: F32, boxes: F32, scores: F32, threshold: float) -> list[tuple[int, int]]:
        """One picture.

        Args:
            truth: (n, 4) boxes that should be found.
            ignored: (k, 4) areas where a detection counts neither way.
            boxes, scores: (m, 4), (m,) detections down to a low score, best first.
            threshold: score from which recall and alarms count.

        Returns:
            Pairs (truth, detection) of the objects found at the threshold.
        """
        self.pictures += 1
        self.objects += len(truth)
        pairs = match(truth, boxes)
        of = {j: i for i, j in pairs}
        skip = covered(boxes, ignored) > 0.5
        for j, score in enumerate(scores.tolist()):
            if j in of or not skip[j]:
                self.hits.append((score, j in of))
        kept = [(i, j) for i, j in pairs if scores[j] >= threshold]
        self.found += len(kept)
        near = overlaps(boxes, truth).max(1) if len(truth) and len(boxes) else np.zeros(len(boxes))
        self.alarms += int(((scores >= threshold) & (near < 0.1) & ~skip).sum())
        found = {i for i, _ in kept}
        for i, box in enumerate(truth):
            side = float(max(box[2] - box[0], box[3] - box[1]))
            size = next(k for k, (low, high) in enumerate(SIZES) if low <= side < high)
            self.by_size[size, i in found] += 1
        return kept

    def add_type(self, label: str, said: str) -> None:
        """The type said of a found object; a label "truck|bus" allows either."""
        allowed = label.split("|")
        if ANY_TYPE in allowed:
            return
        self.n_type_known += 1
        self.n_type_right += said in allowed
        self.types[allowed[0], said] += 1

    def add_corners(self, truth: F32, found: F32) -> None:
        """Corners (4, 2) of a found plate."""
        width = float(np.linalg.norm(truth[1] - truth[0]) + np.linalg.norm(truth[2] - truth[3])) / 2
        self.corner_errors.append(100 * float(np.linalg.norm(truth - found, axis=1).mean()) / max(width, 1.0))

    @property
    def recall(self) -> float:
        """Share of objects found at the threshold."""
        return self.found / self.objects if self.objects else float("nan")

    @property
    def average_precision(self) -> float:
        """Area under the precision-recall curve at IoU .5, one class, precision made monotonous.

        Source: Everingham et al., The PASCAL visual object classes challenge: a retrospective (2015), section 3.1.
        """
        if not self.hits or not self.objects:
            return 0.0 if self.objects else float("nan")
        right = np.array([ok for _, ok in sorted(self.hits, key=lambda h: -h[0])])
        n = np.cumsum(right)
        precision = np.maximum.accumulate((n / np.arange(1, len(n) + 1))[::-1])[::-1]
        recall = np.concatenate(([0.0], n / self.objects))
        return float((np.diff(recall) * precision).sum())


def overlaps(a: F32, b: F32) -> F32:
    """IoU (n, m) of boxes (n, 4) and (m, 4)."""
    return kernels.iou_matrix(np.ascontiguousarray(a, np.float32), np.ascontiguousarray(b, np.float32))


def match(truth: F32, boxes: F32, min_iou: float = 0.5) -> list[tuple[int, int]]:
    """Pairs (truth, box): each box, best first, takes the free object it overlaps most."""
    iou = overlaps(boxes, truth)
    free, pairs = np.ones(len(truth), bool), []
    for j in range(len(boxes)):
        if not free.any():
            break
        i = int(np.where(free, iou[j], -1).argmax())
        if iou[j, i] >= min_iou:
            free[i] = False
            pairs.append((i, j))
    return pairs


def covered(boxes: F32, areas: F32) -> F32:
    """Share of each box (n, 4) inside the one of the areas (k, 4) that covers it most, (n,)."""
    if not len(boxes) or not len(areas):
        return np.zeros(len(boxes), np.float32)
    low = np.maximum(boxes[:, None, :2], areas[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], areas[None, :, 2:])
    size = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(1), 1e-6)
    return np.asarray((np.clip(high - low, 0, None).prod(2) / size[:, None]).max(1), np.float32)
