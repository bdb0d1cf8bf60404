"""Every native kernel at every instruction set beside what one would write with OpenCV, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from vision import kernels
from vision.types import F32, U8, Planes

Work = Callable[[], object]
HEIGHT, WIDTH = 1080, 1920
ROI = (700, 400, 1100, 640)
PLATE = np.array([[900, 500], [1060, 520], [1055, 570], [895, 545]], np.float32)
LARGE = ((PLATE - PLATE.mean(0)) * 3 + PLATE.mean(0)).astype(np.float32)
STRIDES = (8, 16, 32)
HEADS: dict[str, Any] = {
    "height": 256, "width": 416, "n_classes": 7, "geometry": 4, "min_score": 0.3, "max_iou": 0.6, "scale": (0.2, 0.2),
}  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """Inputs of the kernels, always the same."""

    buffer: U8  # one OpenCV I420 buffer
    i420: Planes
    nv12: Planes
    bgr: Planes
    quiet: F32  # rows of a detector with 60 points above the threshold
    busy: F32  # with 2000
    log_probs: F32
    masks: U8
    boxes: F32


def grid(height: int, width: int) -> F32:
    """(points, 3) x, y, stride of a detector's output rows."""
    rows = []
    for s in STRIDES:
        y, x = np.mgrid[: height // s, : width // s]
        rows.append(np.stack(((x + 0.5) * s, (y + 0.5) * s, np.full_like(x, s, float)), -1).reshape(-1, 3))
    return np.concatenate(rows).astype(np.float32)


def head_rows(rng: np.random.Generator, n_survivors: int) -> F32:
    """Raw output of a 416 x 256 network with that many points above the threshold."""
    n = len(grid(256, 416))
    rows = rng.normal(0, 1, (n, 12)).astype(np.float32)
    rows[:, 0] = -6
    rows[rng.choice(n, n_survivors, replace=False), 0] = rng.normal(2, 1, n_survivors)
    rows[:, -4:] = rng.uniform(0.5, 3, (n, 4))
    return rows


@dataclass(frozen=True)
class Case:
    """A kernel, the OpenCV way where there is one, and the bytes that the kernel must read and write at least."""

    kernel: Work
    opencv: Work | None = None
    n_bytes: int = 0


def inputs() -> Bench:
    """A smooth 1080p picture in three pixel formats, detector rows, text probabilities, boxes."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (34, 60, 3), dtype=np.uint8)
    picture = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    buffer = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
    half = HEIGHT // 2, WIDTH // 2
    u, v = (p.reshape(half) for p in np.split(buffer[HEIGHT:].ravel(), 2))
    corners = rng.uniform(0, 900, (100, 2))
    return Bench(
        buffer=buffer,
        i420=Planes("i420", (buffer[:HEIGHT], u, v), "bt601"),
        nv12=Planes("nv12", (buffer[:HEIGHT], np.stack((u, v), -1)), "bt601"),
        bgr=Planes("bgr", (np.asarray(cv2.cvtColor(buffer, cv2.COLOR_YUV2BGR_I420), np.uint8),)),
        quiet=head_rows(rng, 60),
        busy=head_rows(rng, 2000),
        log_probs=np.log(rng.dirichlet(np.full(75, 0.05), 8).clip(1e-9)).astype(np.float32),
        masks=(rng.random((24, 8, 75)) < 0.4).astype(np.uint8),
        boxes=np.concatenate((corners, corners + rng.uniform(20, 200, (100, 2))), 1).astype(np.float32),
    )


class CvLetterbox:
    """I420 buffer -> blob as with OpenCV, every picture on the way in memory that is already there."""

    def __init__(
        self, buffer: U8, size: tuple[int, int], way: int, roi: tuple[int, int, int, int] | None = None
    ) -> None:
        self._buffer, self._size, self._way = buffer, size, way
        self._bgr, self._small = np.empty((HEIGHT, WIDTH, 3), np.uint8), np.empty((*size[::-1], 3), np.uint8)
        x0, y0, x1, y1 = roi or (0, 0, WIDTH, HEIGHT)
        self._part = self._bgr[y0:y1, x0:x1]

    def __call__(self) -> object:
        """Convert all, scale the part, make the blob."""
        cv2.cvtColor(self._buffer, cv2.COLOR_YUV2BGR_I420, dst=self._bgr)
        cv2.resize(self._part, self._size, dst=self._small, interpolation=self._way)
        return cv2.dnn.blobFromImage(self._small, 1 / 255, swapRB=True)


def cv_warp(b: Bench, corners: F32, k: int, *, has_bgr: bool) -> object:
    """Plate -> crop; ``k``: draw so much larger and shrink, against aliases."""
    bgr = b.bgr.data[0] if has_bgr else cv2.cvtColor(b.buffer, cv2.COLOR_YUV2BGR_I420)
    to = np.array([[0, 0], [160, 0], [160, 48], [0, 48]], np.float32) * k
    matrix = cv2.getPerspectiveTransform(corners - 0.5, to - 0.5)
    out = cv2.warpPerspective(bgr, matrix, (160 * k, 48 * k), borderMode=cv2.BORDER_REPLICATE)
    return out if k == 1 else cv2.resize(out, (160, 48), interpolation=cv2.INTER_AREA)


def cv_decode_heads(rows: F32) -> object:
    """Rows -> boxes with OpenCV's suppression."""
    score = 1 / (1 + np.exp(-rows[:, 0]))
    chosen = np.flatnonzero(score > 0.3)
    raw, points = rows[chosen], grid(256, 416)[chosen]
    low = points[:, :2] - raw[:, -4:-2] * points[:, 2:]
    size = (raw[:, -4:-2] + raw[:, -2:]) * points[:, 2:]
    return cv2.dnn.NMSBoxes(np.concatenate((low, size), 1).tolist(), score[chosen].tolist(), 0.3, 0.6)


def cv_sharpness(crop: U8) -> object:
    """Variance of the Laplacian over that of the picture."""
    gray = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    return cv2.Laplacian(gray, cv2.CV_64F).var() / (gray.var() + 1)


def cases() -> dict[str, Case]:
    """Name -> what is measured."""
    b = inputs()
    tensor, small = np.empty((3, 384, 640), np.float32), np.empty((3, 256, 416), np.float32)
    part, cells = np.empty((3, 192, 320), np.float32), np.empty((45, 80), np.float32)
    crop, image = np.empty((48, 160, 3), np.uint8), np.empty((HEIGHT, WIDTH, 3), np.uint8)
    area, linear, bgr, luma = cv2.INTER_AREA, cv2.INTER_LINEAR, b.bgr.data[0], b.i420.data[0]
    yuv = b.buffer.nbytes
    return {
        "letterbox i420 1080p to 640x384": Case(
            lambda: kernels.letterbox(b.i420, tensor), CvLetterbox(b.buffer, (640, 360), area), yuv + tensor.nbytes
        ),
        "letterbox i420 to 640x384, OpenCV linear": Case(
            lambda: kernels.letterbox(b.i420, tensor), CvLetterbox(b.buffer, (640, 360), linear), yuv + tensor.nbytes
        ),
        "letterbox i420 1080p to 416x256": Case(
            lambda: kernels.letterbox(b.i420, small), CvLetterbox(b.buffer, (416, 234), area), yuv + small.nbytes
        ),
        "letterbox i420 to 416x256, OpenCV linear": Case(
            lambda: kernels.letterbox(b.i420, small), CvLetterbox(b.buffer, (416, 234), linear), yuv + small.nbytes
        ),
        "letterbox nv12 1080p to 640x384": Case(lambda: kernels.letterbox(b.nv12, tensor), n_bytes=yuv + tensor.nbytes),
        "letterbox bgr 1080p to 640x384": Case(
            lambda: kernels.letterbox(b.bgr, tensor),
            lambda: cv2.dnn.blobFromImage(cv2.resize(bgr, (640, 360), interpolation=area), 1 / 255, swapRB=True),
            bgr.nbytes + tensor.nbytes,
        ),
        "letterbox i420 roi 400x240 to 320x192": Case(
            lambda: kernels.letterbox(b.i420, part, roi=ROI),
            CvLetterbox(b.buffer, (320, 192), area, ROI),
            400 * 240 * 3 // 2 + part.nbytes,
        ),
        "luma_grid i420 1080p to 80x45": Case(
            lambda: kernels.luma_grid(b.i420, cells),
            lambda: cv2.resize(luma, (80, 45), interpolation=area),
            luma.nbytes + cells.nbytes,
        ),
        "luma_grid bgr 1080p to 80x45": Case(
            lambda: kernels.luma_grid(b.bgr, cells),
            lambda: cv2.cvtColor(cv2.resize(bgr, (80, 45), interpolation=area), cv2.COLOR_BGR2GRAY),
            bgr.nbytes + cells.nbytes,
        ),
        "to_bgr i420 1080p": Case(
            lambda: kernels.to_bgr(b.i420, out=image),
            lambda: cv2.cvtColor(b.buffer, cv2.COLOR_YUV2BGR_I420, dst=image),
            yuv + image.nbytes,
        ),
        "warp i420 plate to 160x48": Case(
            lambda: kernels.warp(b.i420, PLATE, crop), lambda: cv_warp(b, PLATE, 1, has_bgr=False)
        ),
        "warp i420, OpenCV has BGR already": Case(
            lambda: kernels.warp(b.i420, PLATE, crop), lambda: cv_warp(b, PLATE, 1, has_bgr=True)
        ),
        "warp bgr": Case(lambda: kernels.warp(b.bgr, PLATE, crop), lambda: cv_warp(b, PLATE, 1, has_bgr=True)),
        "warp i420 large plate, 4x4 points": Case(
            lambda: kernels.warp(b.i420, LARGE, crop), lambda: cv_warp(b, LARGE, 4, has_bgr=False)
        ),
        "decode_heads 416x256, 60 candidates": Case(
            lambda: kernels.decode_heads(b.quiet, **HEADS), lambda: cv_decode_heads(b.quiet), b.quiet.nbytes
        ),
        "decode_heads 416x256, 2000 candidates": Case(
            lambda: kernels.decode_heads(b.busy, **HEADS), lambda: cv_decode_heads(b.busy), b.busy.nbytes
        ),
        "decode_text 24 patterns, the best": Case(lambda: kernels.decode_text(b.log_probs, b.masks, limit=1)),
        "decode_text 24 patterns, 5 best": Case(lambda: kernels.decode_text(b.log_probs, b.masks)),
        "sharpness 160x48": Case(lambda: kernels.sharpness(crop), lambda: cv_sharpness(crop), crop.nbytes),
        "iou_matrix 100x100": Case(lambda: kernels.iou_matrix(b.boxes, b.boxes), n_bytes=100 * 100 * 4),
    }


def contestants(kernel: Work, rivals: Mapping[str, Work | None]) -> dict[str, Work]:
    """All that run a case: one per instruction set, then the rivals."""

    def at(level: str) -> Work:
        def work() -> object:
            kernels.set_simd_level(level)
            return kernel()

        return work

    return {level: at(level) for level in kernels.simd_levels()} | {k: w for k, w in rivals.items() if w is not None}


def times_of(ways: Mapping[str, Work], budget_s: float = 2.0) -> dict[str, float]:
    """Median time of each way in seconds; the ways take turns, so that a busy machine slows all alike."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    inner = {}
    for name, work in ways.items():
        work()
        start = time.perf_counter()
        work()
        inner[name] = max(1, int(2e-4 / (time.perf_counter() - start)))
    end = time.perf_counter() + budget_s
    while time.perf_counter() < end:
        for name, work in ways.items():
            start = time.perf_counter()
            for _ in range(inner[name]):
                work()
            times[name].append((time.perf_counter() - start) / inner[name])
    return {name: float(np.median(t)) for name, t in times.items()}


def copying(n_bytes: int) -> Work:
    """A copy that reads and writes that many bytes together."""
    a = np.ones(n_bytes // 2, np.uint8)
    b = np.empty_like(a)
    return lambda: np.copyto(b, a)


def copy_rate() -> float:
    """Bytes read and written per second by a copy far beyond every cache: the machine's limit for every kernel."""
    n_bytes = 1 << 29
    return n_bytes / times_of({"copy": copying(n_bytes)}, 1.0)["copy"]


def run_kernels(budget_s: float, progress: Callable[[str, int, int | None], None]) -> dict[str, Any]:
    """Microseconds of every kernel at every level, and how many times OpenCV's way takes."""
    threads, level = cv2.getNumThreads(), kernels.simd_level()
    cv2.setNumThreads(1)
    rows, found = [], cases()
    try:
        for n, (name, case) in enumerate(found.items(), 1):
            best = times_of(contestants(case.kernel, {"opencv": case.opencv}), budget_s)
            us = {way: round(t * 1e6, 2) for way, t in best.items()}
            ratio = round(best["opencv"] / best[level], 2) if "opencv" in best else None
            gb_per_s = round(case.n_bytes / best[level] / 1e9, 2) if case.n_bytes else None
            rows.append({"kernel": name, "us": us, "opencv_ratio": ratio, "gb_per_s": gb_per_s})
            progress("kernels", n, len(found))
    finally:
        cv2.setNumThreads(threads)
        kernels.set_simd_level(level)
    return {"level": level, "copy_gb_per_s": round(copy_rate() / 1e9, 2), "kernels": rows}
