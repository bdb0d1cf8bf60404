"""From a picture to the network's input, and from its rows to detections, in NumPy (the library has it native)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
STRIDES = (8, 16, 32)
PAD = 114
Runner = Callable[[U8], F32]  # uint8 BGR (h, w, 3), sides multiples of 32 -> rows (points, 1 + classes + geometry)
_GRIDS: dict[tuple[int, int], F32] = {}


@dataclass
class Found:
    """One picture's detections: corners (n, 4, 2), boxes (n, 4) float32 pixels, scores (n,), kinds (n,) int64."""

    quads: F32
    boxes: F32
    scores: F32
    kinds: NDArray[np.int64]


def box_quads(boxes: F32) -> F32:
    """Boxes (n, 4) x1 y1 x2 y2 -> corners (n, 4, 2) TL, TR, BR, BL."""
    b = np.asarray(boxes, np.float32).reshape(-1, 4)
    return b[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)


def quad_boxes(quads: F32) -> F32:
    """Corners (n, 4, 2) -> upright boxes (n, 4)."""
    q = np.asarray(quads, np.float32).reshape(-1, 4, 2)
    return np.concatenate((q.min(1), q.max(1)), 1)


def iou_matrix(a: F32, b: F32) -> F32:
    """IoU (n, m) of boxes (n, 4) and (m, 4)."""
    lo = np.maximum(a[:, None, :2], b[None, :, :2])
    hi = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.clip(hi - lo, 0, None).prod(-1)
    area_a, area_b = np.prod(a[:, 2:] - a[:, :2], -1), np.prod(b[:, 2:] - b[:, :2], -1)
    return np.asarray(inter / (area_a[:, None] + area_b[None] - inter + 1e-9), np.float32)


def nms(boxes: F32, scores: F32, limit: float) -> list[int]:
    """Indices kept by greedy suppression over all classes, best first."""
    order = np.argsort(-scores)[:400]
    m = iou_matrix(boxes, boxes) if len(boxes) else np.zeros((0, 0), np.float32)
    keep: list[int] = []
    for i in order:
        if not keep or m[i, keep].max() <= limit:
            keep.append(int(i))
    return keep


def letterbox(image: U8, height: int, width: int, *, snug: bool = False) -> tuple[U8, F32]:
    """One scale, top-left anchored, padded right and below with 114; area filter when shrinking.

    Returns:
        The picture, uint8 (height, width, 3), or with `snug` only as large as needed; exact x and y scales, (2,).
    """
    h, w = image.shape[:2]
    k = min(height / h, width / w)
    nh, nw = min(height, max(1, round(h * k))), min(width, max(1, round(w * k)))
    small = cv2.resize(image, (nw, nh), interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR)
    if snug:
        height, width = -(-nh // 32) * 32, -(-nw // 32) * 32
    out = np.full((height, width, 3), PAD, np.uint8)
    out[:nh, :nw] = small
    return out, np.array([nw / w, nh / h], np.float32)


def grid_of(h: int, w: int) -> F32:
    """(points, 3) x, y, stride of every row."""
    if (h, w) not in _GRIDS:
        rows = []
        for s in STRIDES:
            y, x = np.mgrid[: h // s, : w // s]
            rows.append(np.stack(((x + 0.5) * s, (y + 0.5) * s, np.full_like(x, s, float)), -1).reshape(-1, 3))
        _GRIDS[h, w] = np.concatenate(rows).astype(np.float32)
    return _GRIDS[h, w]


def read_rows(y: F32, h: int, w: int, k: F32, geometry: int, classes: int, threshold: float, limit: float) -> Found:
    """One picture's rows -> detections in its own pixels.

    Pixel centers have whole coordinates here, as in OpenCV; cv2.resize maps x to (x + .5) k - .5, and leaving the half
    pixels out costs 1 % of the plate width at k = 1/4.
    """
    score = 1 / (1 + np.exp(-y[:, 0]))
    rows = np.flatnonzero(score > threshold)
    y, score, g = y[rows], score[rows], grid_of(h, w)[rows]
    raw = y[:, 1 + classes :] * g[:, 2:3]
    if geometry == 8:
        quads = raw.reshape(-1, 4, 2) + g[:, None, :2]
    else:
        quads = box_quads(np.concatenate((g[:, :2] - raw[:, :2], g[:, :2] + raw[:, 2:]), 1))
    kinds = y[:, 1 : 1 + classes].argmax(1) if classes else np.zeros(len(y), np.int64)
    keep = nms(quad_boxes(quads), score, limit)
    quads = ((quads[keep] + 0.5) / k - 0.5).astype(np.float32)
    return Found(quads, quad_boxes(quads), score[keep].astype(np.float32), kinds[keep])


def detect(
    run: Runner,
    image: U8,
    size: tuple[int, int],
    geometry: int,
    classes: int,
    threshold: float = 0.05,
    limit: float = 0.6,
    *,
    snug: bool = True,
) -> Found:
    """Detections of one BGR picture at an input of at most `size` (height, width)."""
    x, k = letterbox(image, *size, snug=snug)
    return read_rows(run(x), x.shape[0], x.shape[1], k, geometry, classes, threshold, limit)


def onnx_runner(path: str) -> Runner:
    """Runs an ONNX file on one thread."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(x: U8) -> F32:
        blob = np.ascontiguousarray(x[..., ::-1].transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        return np.asarray(session.run(None, {"image": blob})[0][0], np.float32)

    return run
