"""Other people's detectors for side-by-side measurement; none of them ships with the library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from detection.decode import U8, Found, box_quads, grid_of, letterbox, nms, quad_boxes
from detection.records import VEHICLE_NAMES, order_corners

COCO = {2: "car", 3: "motorcycle", 5: "bus", 7: "truck"}


def session(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    s = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = s.get_inputs()[0].name
    return lambda x: np.asarray(s.run(None, {name: x})[0])


def yolox(path: Path, side: int = 416, threshold: float = 0.05, limit: float = 0.6) -> Callable[[U8], Found]:
    """YOLOX (Apache-2.0): BGR 0..255, letterbox 114 top-left; COCO classes, vehicles kept, one suppression for all."""
    run = session(path)

    def detect(image: U8) -> Found:
        x, k = letterbox(image, side, side)
        y = run(np.ascontiguousarray(x.transpose(2, 0, 1)[None], np.float32))[0]
        grid = grid_of(side, side)
        s = grid[:, 2:3]
        center, size = y[:, :2] * s + grid[:, :2] - s / 2, np.exp(y[:, 2:4]) * s
        classes = y[:, 5:][:, list(COCO)] * y[:, 4:5]
        score = classes.max(1)
        keep = np.flatnonzero(score > threshold)
        boxes = np.concatenate((center - size / 2, center + size / 2), 1)[keep] / np.tile(k, 2)
        kinds = np.array([VEHICLE_NAMES.index(n) for n in COCO.values()])[classes[keep].argmax(1)]
        chosen = nms(boxes, score[keep], limit)
        boxes = boxes[chosen].astype(np.float32)
        return Found(box_quads(boxes), boxes, score[keep][chosen].astype(np.float32), kinds[chosen])

    return detect


def hyperlpr3(path: Path, side: int = 320, threshold: float = 0.25, limit: float = 0.6) -> Callable[[U8], Found]:
    """HyperLPR3's detector with corners (Apache-2.0): RGB 0..1, centered letterbox padded with 0."""
    run = session(path)

    def detect(image: U8) -> Found:
        h, w = image.shape[:2]
        k = min(side / h, side / w)
        nh, nw = int(h * k), int(w * k)
        top, left = (side - nh) // 2, (side - nw) // 2
        x = np.zeros((side, side, 3), np.uint8)
        x[top : top + nh, left : left + nw] = cv2.resize(
            image, (nw, nh), interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR
        )
        y = run(np.ascontiguousarray(x[..., ::-1].transpose(2, 0, 1)[None], np.float32) / np.float32(255))[0]
        score = y[:, 4] * y[:, 13:15].max(1)
        y, score = y[score > threshold], score[score > threshold]
        quads = (y[:, 5:13].reshape(-1, 4, 2) - (left, top)) / k
        boxes = (np.concatenate((y[:, :2] - y[:, 2:4] / 2, y[:, :2] + y[:, 2:4] / 2), 1) - (left, top, left, top)) / k
        keep = nms(boxes, score, limit)
        quads = order_corners(quads[keep]).astype(np.float32)
        return Found(quads, quad_boxes(quads), score[keep].astype(np.float32), np.zeros(len(keep), np.int64))

    return detect
