"""What every kernel means: plain NumPy in float64. The kernels are tested and benchmarked against these functions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from vision.types import F32, U8, Planes

F64 = NDArray[np.float64]
Roi = tuple[int, int, int, int]
KR_KB = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}


def components(planes: Planes) -> list[F64]:
    """Y, Cb, Cr or R, G, B as stored, each (h, w) at its own resolution."""
    if planes.layout == "bgr":
        return [planes.data[0][..., c].astype(np.float64) for c in (2, 1, 0)]
    if planes.layout == "nv12":
        return [planes.data[0].astype(np.float64), *np.moveaxis(planes.data[1].astype(np.float64), 2, 0)]
    return [p.astype(np.float64) for p in planes.data]


def to_rgb(planes: Planes, parts: Sequence[F64]) -> F64:
    """Component values (0..255) at the same points -> RGB 0..1 on a first axis."""
    if planes.layout == "bgr":
        return np.clip(np.stack(parts) / 255, 0, 1)
    (kr, kb), full = KR_KB[planes.matrix], planes.full_range
    y = parts[0] / 255 if full else (parts[0] - 16) / 219
    cb, cr = ((p - 128) / (255 if full else 224) for p in parts[1:])
    r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    return np.clip(np.stack((r, (y - kr * r - kb * b) / (1 - kr - kb), b)), 0, 1)


def levels(rgb: F64) -> U8:
    """RGB 0..1 on the first axis -> BGR bytes on the last."""
    return np.rint(np.moveaxis(rgb[::-1], 0, -1) * 255).astype(np.uint8)


def resample(start: float, end: float, n: int, m: int) -> F64:
    """Weights (m, n) that make m samples of the part [start, end) of n samples."""
    step = (end - start) / m
    i, j = np.arange(m)[:, None], np.arange(n)[None]
    if step >= 1:
        a, b = start + i * step, start + (i + 1) * step
        return np.asarray(np.clip(np.minimum(b, j + 1) - np.maximum(a, j), 0, None) / step)
    center = np.clip(start + (i + 0.5) * step - 0.5, 0, n - 1)
    return np.asarray(np.clip(1 - np.abs(center - j), 0, None))


def letterbox(planes: Planes, height: int, width: int, roi: Roi | None, pad: float) -> tuple[F64, tuple[float, float]]:
    """The tensor (3, height, width) and the scale along x and y."""
    x0, y0, x1, y1 = roi or (0, 0, planes.width, planes.height)
    rw, rh = x1 - x0, y1 - y0
    k = min(width / rw, height / rh)
    new_w, new_h = min(max(1, round(rw * k)), width), min(max(1, round(rh * k)), height)
    parts = []
    for i, part in enumerate(components(planes)):
        share = 1.0 if i == 0 or planes.layout == "bgr" else 0.5
        wy = resample(y0 * share, y1 * share, part.shape[0], new_h)
        wx = resample(x0 * share, x1 * share, part.shape[1], new_w)
        parts.append(wy @ part @ wx.T)
    out = np.full((3, height, width), pad)
    out[:, :new_h, :new_w] = to_rgb(planes, parts)
    return out, (new_w / rw, new_h / rh)


def to_bgr(planes: Planes, roi: Roi | None = None) -> U8:
    """The region as BGR bytes, nearest chroma."""
    x0, y0, x1, y1 = roi or (0, 0, planes.width, planes.height)
    y, x = np.mgrid[y0:y1, x0:x1]
    half = 1 if planes.layout == "bgr" else 2
    parts = [p[y // d, x // d] for p, d in zip(components(planes), (1, half, half), strict=True)]
    return levels(to_rgb(planes, parts))


def homography(corners: F32, width: int, height: int) -> F64:
    """The 3 x 3 map from the width x height rectangle to the corners."""
    rows, right = [], []
    for (x, y), (u, v) in zip([(0, 0), (width, 0), (width, height), (0, height)], corners.astype(float), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return np.append(np.linalg.solve(np.array(rows, float), right), 1).reshape(3, 3)


def bilinear(part: F64, x: F64, y: F64) -> F64:
    """Values at continuous positions, the edge repeated."""
    x, y = np.clip(x - 0.5, 0, part.shape[1] - 1), np.clip(y - 0.5, 0, part.shape[0] - 1)
    x0, y0 = x.astype(int), y.astype(int)
    x1, y1 = np.minimum(x0 + 1, part.shape[1] - 1), np.minimum(y0 + 1, part.shape[0] - 1)
    fx, fy = x - x0, y - y0
    top = part[y0, x0] * (1 - fx) + part[y0, x1] * fx
    return np.asarray(top * (1 - fy) + (part[y1, x0] * (1 - fx) + part[y1, x1] * fx) * fy)


def warp(planes: Planes, corners: F32, height: int, width: int) -> U8:
    """The quadrangle seen straight on, BGR."""
    edges = np.linalg.norm(np.roll(corners, -1, 0).astype(float) - corners, axis=1)  # top, right, bottom, left
    shrink = max(edges[0], edges[2]) / width, max(edges[1], edges[3]) / height
    nx, ny = (min(8, int(np.ceil(s))) if s > 1.3 else 1 for s in shrink)
    y, x = np.mgrid[: height * ny, : width * nx] + 0.5
    u, v, w = np.einsum("ij,jyx->iyx", homography(corners, width, height), np.stack((x / nx, y / ny, np.ones_like(x))))
    parts = []
    for i, part in enumerate(components(planes)):
        share = 1.0 if i == 0 or planes.layout == "bgr" else 0.5
        parts.append(bilinear(part, u / w * share, v / w * share).reshape(height, ny, width, nx).mean((1, 3)))
    return levels(to_rgb(planes, parts))


def iou_matrix(a: F32, b: F32) -> F64:
    """Intersection over union, (n, m)."""
    a, b = a.astype(float), b.astype(float)
    inter = (np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])).clip(0).prod(-1)
    area_a, area_b = ((box[:, 2:] - box[:, :2]).clip(0).prod(-1) for box in (a, b))
    both = area_a[:, None] + area_b[None] - inter
    return np.asarray(np.divide(inter, both, out=np.zeros_like(inter), where=inter > 0))


def nms(boxes: F32, max_iou: float) -> list[int]:
    """Indices of the boxes, given best first, that overlap no better kept one by more than max_iou."""
    iou, keep = iou_matrix(boxes, boxes), list[int]()
    for i in range(len(boxes)):
        if all(iou[i, j] <= max_iou for j in keep):
            keep.append(i)
    return keep


def grid(height: int, width: int, strides: Sequence[int]) -> F64:
    """(points, 3): x, y of the cell's center and its stride."""
    rows = []
    for s in strides:
        y, x = np.mgrid[: height // s, : width // s]
        rows.append(np.stack(((x + 0.5) * s, (y + 0.5) * s, np.full_like(x, s)), -1).reshape(-1, 3))
    return np.concatenate(rows)


def decode_heads(
    rows: F32,
    *,
    height: int,
    width: int,
    n_classes: int,
    geometry: int,
    strides: Sequence[int] = (8, 16, 32),
    min_score: float,
    max_iou: float,
    scale: tuple[float, float],
    origin: tuple[float, float] = (0.0, 0.0),
    limit: int = 300,
) -> tuple[F64, F64, F64]:
    """Geometry, scores and class probabilities, best first."""
    y, points = rows.astype(float), grid(height, width, strides)
    score = 1 / (1 + np.exp(-y[:, 0]))
    order = np.argsort(-y[:, 0], kind="stable")
    order = order[score[order] > min_score]
    y, score, points = y[order], score[order], points[order]
    raw = y[:, 1 + n_classes :] * points[:, 2:]
    if geometry == 4:
        raw = raw * [-1, -1, 1, 1]
    found = (points[:, None, :2] + raw.reshape(len(raw), geometry // 2, 2) + 0.5) / scale + origin
    boxes = np.concatenate((found.min(1), found.max(1)), 1) if geometry == 8 else found.reshape(-1, 4)
    keep = nms(boxes.astype(np.float32), max_iou)[:limit]
    e = np.exp(y[keep, 1 : 1 + n_classes] - y[keep, 1 : 1 + n_classes].max(1, initial=-np.inf, keepdims=True))
    return (found if geometry == 8 else boxes)[keep], score[keep], e / e.sum(1, keepdims=True)


def decode_text(log_probs: F32, masks: U8, bias: F32, limit: int) -> list[tuple[tuple[int, ...], int, float]]:
    """Every allowed text with its best pattern and score, sorted: (symbols, pattern, score), the first `limit`."""
    best: dict[tuple[int, ...], tuple[float, int]] = {}
    for pattern, mask in enumerate(masks):
        for text in product(*(np.flatnonzero(slot).tolist() for slot in mask)):
            score = float(bias[pattern]) + sum(float(log_probs[slot, s]) for slot, s in enumerate(text))
            if text not in best or score > best[text][0]:
                best[text] = score, pattern
    ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[1][1], item[0]))
    return [(text, pattern, score) for text, (score, pattern) in ranked[:limit]]


def luma_grid(planes: Planes, rows: int, columns: int) -> F64:
    """Mean luma (0..255 as stored) of the cells of a grid over the picture."""
    parts = components(planes)
    luma = 0.299 * parts[0] + 0.587 * parts[1] + 0.114 * parts[2] if planes.layout == "bgr" else parts[0]
    h, w = luma.shape
    return np.asarray(resample(0, h, h, rows) @ luma @ resample(0, w, w, columns).T)


def sharpness(image: U8) -> float:
    """Variance of the Laplacian over (variance of the gray picture + 1)."""
    if min(image.shape[:2]) < 3:
        return 0.0
    i = image.astype(int)
    if image.ndim == 3:
        i = (i @ [29, 150, 77] + 128) >> 8
    edge = i[:-2, 1:-1] + i[2:, 1:-1] + i[1:-1, :-2] + i[1:-1, 2:] - 4 * i[1:-1, 1:-1]
    return float(edge.var() / (i.var() + 1))
