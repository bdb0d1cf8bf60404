"""The rival of `rivals.py`: the same networks and steps as a competent user writes them with OpenCV and NumPy.

cv2.VideoCapture, cv2.resize and cv2.dnn.blobFromImage, onnxruntime, decoding and suppression in NumPy, greedy IoU
tracking, cv2.warpPerspective crops, the grammar as an arg-max over masks, and a vote per track. No evidence pictures,
no sightings, no cut detection: it does less than the library.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.infer.manifest import Manifest
from vision.infer.session import Session
from vision.infer.store import choose
from vision.pipeline.config import Config
from vision.pipeline.stats import StageTimes
from vision.plates.grammar import PAD, load_grammar
from vision.types import F32, I64, U8

Image = NDArray[Any]
Roi = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the library did with a frame, so that both sides run their networks equally often."""

    is_look: bool
    n_crops: int
    n_refined: int
    n_reads: int
    n_attributes: int


def iou(a: F32, b: F32) -> F32:
    """Boxes (n, 4) against (m, 4), (n, m)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.clip(high - low, 0, None).prod(2)
    areas = (a[:, 2:] - a[:, :2]).prod(1)[:, None] + (b[:, 2:] - b[:, :2]).prod(1)[None]
    return np.asarray(inter / np.maximum(areas - inter, 1e-9), np.float32)


def suppress(boxes: F32, scores: F32, max_iou: float) -> I64:
    """Indices that survive greedy suppression, best first."""
    order = np.argsort(-scores)
    keep: list[int] = []
    while order.size:
        keep.append(int(order[0]))
        order = order[1:][iou(boxes[order[:1]], boxes[order[1:]])[0] <= max_iou]
    return np.array(keep, np.int64)


class Detector:
    """One detection network: picture in, geometry (n, 4) or (n, 8) with scores out."""

    def __init__(self, manifest: Manifest, threads: int, min_score: float | None = None) -> None:
        self._session = Session(manifest, threads=threads)
        self._geometry = int(manifest.get("head", "geometry"))
        self._n_classes = len(manifest.get("labels", "classes"))
        least = float(manifest.get("thresholds", "score")) if min_score is None else min_score
        self._logit = -math.log(1 / least - 1)
        self._max_iou = float(manifest.get("thresholds", "nms"))
        self._strides = tuple(int(s) for s in manifest.get("head", "strides"))
        self._grids: dict[tuple[int, int], F32] = {}

    def _grid(self, h: int, w: int) -> F32:
        if (h, w) not in self._grids:
            parts = []
            for s in self._strides:
                y, x = np.mgrid[: h // s, : w // s]
                parts.append(np.stack(((x + 0.5) * s, (y + 0.5) * s, np.full(x.shape, s)), 2).reshape(-1, 3))
            self._grids[h, w] = np.concatenate(parts).astype(np.float32)
        return self._grids[h, w]

    def find(self, image: Image, side: int, origin: tuple[int, int] = (0, 0)) -> tuple[F32, F32, F32]:
        """Geometry, its upright boxes (n, 4) and scores (n,), best first, in pixels of the whole picture."""
        h, w = image.shape[:2]
        k = side / max(h, w)
        nh, nw = max(1, round(h * k)), max(1, round(w * k))
        small = cv2.resize(image, (nw, nh), interpolation=cv2.INTER_LINEAR)
        h32, w32 = -(-nh // 32) * 32, -(-nw // 32) * 32
        padded = cv2.copyMakeBorder(small, 0, h32 - nh, 0, w32 - nw, cv2.BORDER_CONSTANT, value=(114, 114, 114))
        (rows,) = self._session.run(cv2.dnn.blobFromImage(padded, 1 / 255, swapRB=True))
        y = rows[0]
        kept = np.flatnonzero(y[:, 0] > self._logit)
        y, grid = y[kept], self._grid(h32, w32)[kept]
        scores = 1 / (1 + np.exp(-y[:, 0]))
        raw = y[:, 1 + self._n_classes :] * grid[:, 2:3]
        if self._geometry == 4:
            geometry = np.concatenate((grid[:, :2] - raw[:, :2], grid[:, :2] + raw[:, 2:]), 1)
            boxes = geometry
        else:
            geometry = raw + np.tile(grid[:, :2], 4)
            boxes = np.concatenate((geometry.reshape(-1, 4, 2).min(1), geometry.reshape(-1, 4, 2).max(1)), 1)
        best = suppress(boxes, scores, self._max_iou)
        scale, shift = np.array([nw / w, nh / h], np.float32), np.array(origin, np.float32)
        corners = (geometry[best].reshape(-1, self._geometry // 2, 2) + 0.5) / scale + shift
        upright = (boxes[best].reshape(-1, 2, 2) + 0.5) / scale + shift
        flat = [np.asarray(q.reshape(len(best), q.shape[1] * 2), np.float32) for q in (corners, upright)]
        return flat[0], flat[1], scores[best]


class IouTracker:
    """Greedy matching by IoU with the last box; a track ends after a second without one."""

    def __init__(self, min_iou: float = 0.3, max_lost_s: float = 1.0) -> None:
        self._min_iou, self._max_lost_s = min_iou, max_lost_s
        self._boxes, self._seen = np.zeros((0, 4), np.float32), np.zeros(0)
        self._ids = np.zeros(0, np.int64)
        self._next = 0

    def update(self, boxes: F32, time_s: float) -> I64:
        """Track ids of the boxes (best first)."""
        ids = np.full(len(boxes), -1, np.int64)
        overlap = iou(boxes, self._boxes)
        for i in range(len(boxes) if overlap.size else 0):
            j = int(overlap[i].argmax())
            if overlap[i, j] >= self._min_iou:
                ids[i], self._boxes[j], self._seen[j] = self._ids[j], boxes[i], time_s
                overlap[:, j] = 0
        new = np.flatnonzero(ids < 0)
        ids[new] = self._next + np.arange(len(new))
        self._next += len(new)
        self._boxes = np.concatenate((self._boxes, boxes[new]))
        self._ids, self._seen = np.concatenate((self._ids, ids[new])), np.append(self._seen, [time_s] * len(new))
        alive = self._seen >= time_s - self._max_lost_s
        self._boxes, self._ids, self._seen = self._boxes[alive], self._ids[alive], self._seen[alive]
        return ids


class Refiner:
    """The second look at plates."""

    def __init__(self, manifest: Manifest, threads: int) -> None:
        self._session = Session(manifest, threads=threads)
        self._size = w, h = int(manifest.get("input", "width")), int(manifest.get("input", "height"))
        self.candidate_score = float(manifest.get("thresholds", "candidate"))
        self._min_score = float(manifest.get("thresholds", "score"))
        self._reach = 0.5 + np.array([manifest.get("input", "margin_x"), manifest.get("input", "margin_y")])
        self._target = np.array([[0, 0], [w, 0], [0, h]], np.float32)

    def refine(self, image: Image, corners: F32, scores: F32) -> tuple[F32, F32]:
        """Better corners (n, 4, 2) and upright boxes (n, 4) of those that are plates, best first."""
        if not len(corners):
            return corners, np.zeros((0, 4), np.float32)
        tl, tr, br, bl = np.moveaxis(corners, 1, 0)
        center, along, down = corners.mean(1), (tr - tl + br - bl) / 2, (bl - tl + br - tr) / 2
        (u, v), crops = self._reach, []
        for c, a, d in zip(center, along, down, strict=True):
            seen = np.array([c - u * a - v * d, c + u * a - v * d, c - u * a + v * d], np.float32)
            crops.append(cv2.warpAffine(image, cv2.getAffineTransform(seen, self._target), self._size))
        units, plausible = self._session.run(np.stack(crops))
        moved = center[:, None] + units[..., :1] * along[:, None] + units[..., 1:] * down[:, None]
        both = np.sqrt(scores * plausible)
        order = np.argsort(-both)
        moved = moved[order[both[order] >= self._min_score]]
        return moved, np.concatenate((moved.min(1), moved.max(1)), 1)


class Reader:
    """The plate reading network with the grammar as masks."""

    def __init__(self, manifest: Manifest, grammar: str, threads: int) -> None:
        self._session = Session(manifest, threads=threads)
        self._size = int(manifest.get("input", "width")), int(manifest.get("input", "height"))
        self._charset: str = manifest.get("labels", "charset")
        self._colors: list[str] = manifest.get("labels", "colors")
        masks, colors = [], []
        for kind in load_grammar(grammar).kinds:
            for pattern in kind.patterns:
                slots = [pattern[i] if i < len(pattern) else {PAD} for i in range(8)]
                masks.append([[0.0 if c in slot else -np.inf for c in self._charset] for slot in slots])
                colors.append([c in kind.colors for c in self._colors])
        self._masks, self._kind_colors = np.array(masks, np.float32), np.array(colors, np.float32)

    def read(self, image: Image, corners: F32) -> list[tuple[str, float]]:
        """Text and score of each plate (n, 4, 2)."""
        if not len(corners):
            return []
        w, h = self._size
        target = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
        crops = [cv2.warpPerspective(image, cv2.getPerspectiveTransform(c, target), (w, h)) for c in corners]
        text, color, _ = self._session.run(np.stack(crops))
        out = []
        for logs, colors in zip(np.log(np.maximum(text, 1e-9)), color, strict=True):
            masked = logs[None] + self._masks
            scores = masked.max(2).sum(1) + np.log(np.maximum(self._kind_colors @ colors, 0.02))
            best = masked[int(scores.argmax())].argmax(1)
            read = "".join(self._charset[i] for i in best).rstrip(PAD)
            out.append((read, float(np.exp(logs[np.arange(8), best].sum()))))
        return out


@dataclass(slots=True)
class Track:
    """Votes of one vehicle."""

    texts: dict[str, float] = field(default_factory=dict)
    types: F32 | None = None


class PlainPipeline:
    """A clip through the networks, frame by frame."""

    def __init__(self, config: Config, times: StageTimes) -> None:
        self._detect, self._birth_score, models = config.detect, config.track.birth_score, config.models
        load = partial(choose, precision=models.precision)
        self._vehicles = Detector(load(models.vehicle_detector), models.threads)
        self._refiner = Refiner(load(models.plate_refiner), models.threads)
        self._plates = Detector(load(models.plate_detector), models.threads, self._refiner.candidate_score)
        self._reader = Reader(load(models.plate_reader), config.plates.grammar, models.threads)
        attributes = load(models.vehicle_attributes)
        self._attributes = Session(attributes, threads=models.threads)
        self._crop = int(attributes.get("input", "width")), int(attributes.get("input", "height"))
        self._times = times
        self.start()

    def start(self) -> None:
        """Forget the last clip."""
        self._vehicle_tracker, self._plate_tracker = IouTracker(), IouTracker(max_lost_s=0.5)
        self.tracks: dict[int, Track] = {}

    def update(self, image: Image, time_s: float, plan: Plan) -> None:
        """One frame."""
        with self._times.stage("detect vehicles"):
            _, boxes, scores = self._vehicles.find(image, self._detect.vehicle_side)
            boxes = np.clip(boxes, 0, np.array(image.shape[1::-1] * 2, np.float32))
        with self._times.stage("track"):
            ids = self._vehicle_tracker.update(boxes, time_s)
        if not plan.is_look:
            return
        with self._times.stage("detect plates"):
            corners, plate_boxes = self._find_plates(image, boxes, scores < self._birth_score, plan)
            corners, plate_boxes = corners[: plan.n_reads], plate_boxes[: plan.n_reads]
        with self._times.stage("track"):
            grow = np.concatenate((plate_boxes[:, :2] - plate_boxes[:, 2:], plate_boxes[:, 2:] - plate_boxes[:, :2]), 1)
            self._plate_tracker.update(plate_boxes + grow * np.array([0, 0, 1, 1], np.float32), time_s)
        with self._times.stage("read"):
            reads = self._reader.read(image, corners)
        with self._times.stage("sightings"):
            for (text, score), box in zip(reads, plate_boxes, strict=True):
                x, y = (box[:2] + box[2:]) / 2
                inside = (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])
                for i in np.flatnonzero(inside)[:1]:
                    votes = self.tracks.setdefault(int(ids[i]), Track()).texts
                    votes[text] = votes.get(text, 0.0) + score
        with self._times.stage("attributes"):
            self._look(image, boxes[: plan.n_attributes], ids)

    def _find_plates(self, image: Image, boxes: F32, is_unsure: NDArray[np.bool_], plan: Plan) -> tuple[F32, F32]:
        h, w = image.shape[:2]
        sides = (boxes[:, 2:] - boxes[:, :2]).max(1)
        is_small = self._detect.plate_crop_side / np.maximum(sides, 1) > 1.3 * self._detect.plate_side / max(h, w)
        chosen = boxes[np.lexsort((-sides, is_unsure, ~is_small))[: plan.n_crops]]
        found = [self._plates.find(image, self._detect.plate_side)]
        for x1, y1, x2, y2 in chosen.tolist():
            g = 0.05 * max(x2 - x1, y2 - y1)
            left, top = max(0, int(x1 - g)), max(0, int(y1 - g))
            part = image[top : min(h, int(y2 + g) + 1), left : min(w, int(x2 + g) + 1)]
            found.append(self._plates.find(part, self._detect.plate_crop_side, (left, top)))
        corners, plates, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        keep = suppress(plates, scores, 0.5)[: plan.n_refined]
        return self._refiner.refine(image, corners[keep].reshape(-1, 4, 2), scores[keep])

    def _look(self, image: Image, boxes: F32, ids: I64) -> None:
        crops: list[U8] = []
        for x1, y1, x2, y2 in boxes.astype(int).tolist():
            part = image[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
            crops.append(np.asarray(cv2.resize(part, self._crop, interpolation=cv2.INTER_LINEAR), np.uint8))
        if crops:
            types, _ = self._attributes.run(np.stack(crops))
            for i, row in enumerate(types):
                track = self.tracks.setdefault(int(ids[i]), Track())
                track.types = row if track.types is None else track.types + row


def open_capture(path: Path) -> cv2.VideoCapture:
    """OpenCV's reader on one thread."""
    return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
