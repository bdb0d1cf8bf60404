"""Measures detections against labels: average precision, recall by size, type accuracy, corner error, false alarms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from detection.decode import F32, Found, iou_matrix, quad_boxes
from detection.records import VEHICLE_NAMES, Record

Detect = Callable[[np.ndarray], Found]
SIZES: tuple[tuple[str, float, float], ...] = (
    ("tiny", 0, 16),
    ("small", 16, 32),
    ("medium", 32, 96),
    ("large", 96, 1e9),
)


def average_precision(found: list[tuple[F32, F32]], truth: list[F32], ignored: list[F32], iou: float = 0.5) -> float:
    """Class-agnostic AP over all pictures; detections mostly inside an ignored area and on no object do not count."""
    hits: list[bool] = []
    scores: list[float] = []
    total = sum(len(g) for g in truth)
    for (b, s), g, skip in zip(found, truth, ignored, strict=True):
        used = np.zeros(len(g), bool)
        m = iou_matrix(b, g)
        if len(skip) and len(b):
            lo, hi = np.maximum(b[:, None, :2], skip[None, :, :2]), np.minimum(b[:, None, 2:], skip[None, :, 2:])
            area = np.maximum(np.prod(b[:, 2:] - b[:, :2], -1), 1e-6)
            inside = (np.clip(hi - lo, 0, None).prod(-1) / area[:, None]).max(1)
        else:
            inside = np.zeros(len(b))
        for k in np.argsort(-s):
            best = [j for j in np.argsort(-m[k]) if m[k, j] >= iou and not used[j]] if len(g) else []
            if best:
                used[best[0]] = True
            elif inside[k] > 0.5:
                continue
            hits.append(bool(best))
            scores.append(float(s[k]))
    if not hits:
        return 0.0
    tp = np.cumsum(np.array(hits)[np.argsort(-np.array(scores))])
    recall, precision = tp / max(total, 1), tp / np.arange(1, len(tp) + 1)
    return float(np.trapezoid(np.maximum.accumulate(precision[::-1])[::-1], recall))


@dataclass
class VehicleScores:
    """Of one set: AP50, recall and precision at a threshold, recall by longest side at the input, type accuracy."""

    pictures: int = 0
    objects: int = 0
    ap50: float = 0.0
    recall: float = 0.0
    alarms: float = 0.0  # per picture, at the threshold
    kind: float = float("nan")  # type allowed by the label, of the matched objects
    strict: float = float("nan")  # type equal to the label's first choice
    by_size: dict[str, tuple[int, int]] = field(default_factory=dict)  # found, objects
    confusion: np.ndarray = field(default_factory=lambda: np.zeros((6, 6), int))


def vehicle_scores(detect: Detect, records: list[Record], size: tuple[int, int], threshold: float) -> VehicleScores:
    """Scores of detections down to score .05; recall, alarms and types at `threshold`.

    Args:
        detect: BGR picture -> Found at score .05.
        records: pictures with labels.
        size: (height, width) of the network's input, for the size classes (px at the input).
        threshold: the operating point.
    """
    out = VehicleScores(len(records), by_size={name: (0, 0) for name, *_ in SIZES})
    found, truth, ignored = [], [], []
    n_found = n_known = n_right = n_strict = n_alarms = 0
    for r in records:
        d = detect(r.image)
        boxes = quad_boxes(r.quads)
        gt, skip, kinds = boxes[~r.ignore], boxes[r.ignore], r.kinds[~r.ignore]
        found.append((d.boxes, d.scores))
        truth.append(gt)
        ignored.append(skip)
        keep = d.scores >= threshold
        m = iou_matrix(d.boxes[keep], gt)
        chosen = d.kinds[keep]
        k = min(size[0] / r.image.shape[0], size[1] / r.image.shape[1])
        taken: set[int] = set()
        for j in range(len(gt)):
            side = float((gt[j, 2:] - gt[j, :2]).max() * k)
            name = next(n for n, lo, hi in SIZES if lo <= side < hi)
            i = next((int(i) for i in np.argsort(-m[:, j]) if m[i, j] >= 0.5 and int(i) not in taken), None)
            a, b = out.by_size[name]
            out.by_size[name] = (a + (i is not None), b + 1)
            if i is None:
                continue
            taken.add(i)
            n_found += 1
            if kinds[j].min() < 1 and chosen[i] >= 0:
                n_known += 1
                n_right += int(kinds[j, chosen[i]] > 0)
                n_strict += int(kinds[j, chosen[i]] == 1)
                if (kinds[j] > 0).sum() == 1:
                    out.confusion[int(kinds[j].argmax()), chosen[i]] += 1
        if len(m):
            over = iou_matrix(d.boxes[keep], boxes).max(1) if len(boxes) else np.zeros(len(m))
            n_alarms += int((over < 0.3).sum())
        out.objects += len(gt)
    out.ap50 = average_precision(found, truth, ignored)
    out.recall = n_found / max(out.objects, 1)
    out.alarms = n_alarms / max(len(records), 1)
    if n_known:
        out.kind, out.strict = n_right / n_known, n_strict / n_known
    return out


@dataclass
class PlateScores:
    """Of one set: recall at IoU .5 and .7, corner error in % of the plate width, alarms per picture."""

    pictures: int = 0
    objects: int = 0
    recall50: float = 0.0
    recall70: float = 0.0
    corner: float = float("nan")
    corner_p90: float = float("nan")
    alarms: float = 0.0


def plate_scores(detect: Detect, records: list[Record]) -> PlateScores:
    """Scores of detections at the operating point.  An alarm touches no labeled or ignored plate (IoU < .1)."""
    n = hit50 = hit70 = alarms = 0
    errors: list[float] = []
    for r in records:
        d = detect(r.image)
        everything = quad_boxes(r.quads)
        m = iou_matrix(d.boxes, everything)
        wanted = np.flatnonzero(~r.ignore)
        n += len(wanted)
        for j in wanted:
            best = float(m[:, j].max()) if len(m) else 0.0
            hit50 += int(best >= 0.5)
            hit70 += int(best >= 0.7)
            if best >= 0.5 and r.exact[j]:
                q = r.quads[j]
                width = (np.linalg.norm(q[1] - q[0]) + np.linalg.norm(q[2] - q[3])) / 2
                errors.append(float(np.linalg.norm(d.quads[int(m[:, j].argmax())] - q, axis=1).mean() / width * 100))
        if len(d.boxes):
            alarms += int((m.max(1) < 0.1).sum()) if len(everything) else len(d.boxes)
    return PlateScores(
        len(records),
        n,
        hit50 / max(n, 1),
        hit70 / max(n, 1),
        float(np.mean(errors)) if errors else float("nan"),
        float(np.percentile(errors, 90)) if errors else float("nan"),
        alarms / max(len(records), 1),
    )


def vehicle_line(name: str, s: VehicleScores) -> str:
    """One printed line."""
    sizes = " ".join(f"{k} {a}/{b}" for k, (a, b) in s.by_size.items() if b)
    return (
        f"{name:22s} AP50 {s.ap50:.3f}  recall {s.recall:.3f}  alarms {s.alarms:5.2f}/picture  "
        f"type {s.kind:.3f} (strict {s.strict:.3f})  by size: {sizes}  ({s.pictures} pictures, {s.objects} objects)"
    )


def plate_line(name: str, s: PlateScores) -> str:
    """One printed line."""
    return (
        f"{name:28s} R@.5 {100 * s.recall50:5.1f}  R@.7 {100 * s.recall70:5.1f}  corner {s.corner:5.2f} % "
        f"(p90 {s.corner_p90:5.2f})  alarms {s.alarms:.2f}/picture  ({s.pictures} pictures, {s.objects} plates)"
    )


def confusion_lines(s: VehicleScores) -> list[str]:
    """Rows: label; columns: what the network said."""
    lines = [" " * 12 + " ".join(f"{n[:9]:>10s}" for n in VEHICLE_NAMES)]
    for name, row in zip(VEHICLE_NAMES, s.confusion, strict=True):
        if row.sum():
            lines.append(f"{name:12s}" + " ".join(f"{v:10d}" for v in row))
    return lines
