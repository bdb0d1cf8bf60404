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
    busy: F32  # with 1200
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
        busy=head_rows(rng, 1200),
        log_probs=np.log(rng.dirichlet(np.full(75, 0.05), 8).clip(1e-9)).astype(np.float32),
        masks=(rng.random((24, 8, 75)) < 0.4).astype(np.uint8),
        boxes=np.concatenate((corners, corners + rng.uniform(20, 200, (100, 2))), 1).astype(np.float32),
    )


def cv_letterbox(buffer: U8, roi: tuple[int, int, int, int] | None, size: tuple[int, int], way: int) -> object:
    """I420 buffer -> blob, as with OpenCV."""
    bgr = cv2.cvtColor(buffer, cv2.COLOR_YUV2BGR_I420)
    x0, y0, x1, y1 = roi or (0, 0, WIDTH, HEIGHT)
    return cv2.dnn.blobFromImage(cv2.resize(bgr[y0:y1, x0:x1], size, interpolation=way), 1 / 255, swapRB=True)


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


def cases() -> dict[str, tuple[Work, Work | None]]:
    """Name -> the kernel, and the OpenCV way where there is one."""
    b = inputs()
    tensor, part = np.empty((3, 384, 640), np.float32), np.empty((3, 192, 320), np.float32)
    cells = np.empty((45, 80), np.float32)
    crop, image = np.empty((48, 160, 3), np.uint8), np.empty((HEIGHT, WIDTH, 3), np.uint8)
    area, linear, bgr = cv2.INTER_AREA, cv2.INTER_LINEAR, b.bgr.data[0]
    return {
        "letterbox i420 1080p to 640x384": (
            lambda: kernels.letterbox(b.i420, tensor),
            lambda: cv_letterbox(b.buffer, None, (640, 360), area),
        ),
        "letterbox i420, OpenCV linear": (
            lambda: kernels.letterbox(b.i420, tensor),
            lambda: cv_letterbox(b.buffer, None, (640, 360), linear),
        ),
        "letterbox nv12 1080p to 640x384": (lambda: kernels.letterbox(b.nv12, tensor), None),
        "letterbox bgr 1080p to 640x384": (
            lambda: kernels.letterbox(b.bgr, tensor),
            lambda: cv2.dnn.blobFromImage(cv2.resize(bgr, (640, 360), interpolation=area), 1 / 255, swapRB=True),
        ),
        "letterbox i420 roi 400x240 to 320x192": (
            lambda: kernels.letterbox(b.i420, part, roi=ROI),
            lambda: cv_letterbox(b.buffer, ROI, (320, 192), area),
        ),
        "luma_grid i420 1080p to 80x45": (
            lambda: kernels.luma_grid(b.i420, cells),
            lambda: cv2.resize(b.i420.data[0], (80, 45), interpolation=area),
        ),
        "luma_grid bgr 1080p to 80x45": (
            lambda: kernels.luma_grid(b.bgr, cells),
            lambda: cv2.cvtColor(cv2.resize(bgr, (80, 45), interpolation=area), cv2.COLOR_BGR2GRAY),
        ),
        "to_bgr i420 1080p": (
            lambda: kernels.to_bgr(b.i420, out=image),
            lambda: cv2.cvtColor(b.buffer, cv2.COLOR_YUV2BGR_I420, dst=image),
        ),
        "warp i420 plate to 160x48": (
            lambda: kernels.warp(b.i420, PLATE, crop),
            lambda: cv_warp(b, PLATE, 1, has_bgr=False),
        ),
        "warp i420, OpenCV has BGR already": (
            lambda: kernels.warp(b.i420, PLATE, crop),
            lambda: cv_warp(b, PLATE, 1, has_bgr=True),
        ),
        "warp bgr": (lambda: kernels.warp(b.bgr, PLATE, crop), lambda: cv_warp(b, PLATE, 1, has_bgr=True)),
        "warp i420 large plate, 4x4 points": (
            lambda: kernels.warp(b.i420, LARGE, crop),
            lambda: cv_warp(b, LARGE, 4, has_bgr=False),
        ),
        "decode_heads 416x256, 60 survivors": (
            lambda: kernels.decode_heads(b.quiet, **HEADS),
            lambda: cv_decode_heads(b.quiet),
        ),
        "decode_heads 416x256, 1200 survivors": (
            lambda: kernels.decode_heads(b.busy, **HEADS),
            lambda: cv_decode_heads(b.busy),
        ),
        "decode_text 24 patterns, 5 best": (lambda: kernels.decode_text(b.log_probs, b.masks), None),
        "sharpness 160x48": (lambda: kernels.sharpness(crop), lambda: cv_sharpness(crop)),
        "iou_matrix 100x100": (lambda: kernels.iou_matrix(b.boxes, b.boxes), None),
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
    """Shortest time of each way in seconds; the ways take turns, so that a busy machine slows all alike."""
    best = dict.fromkeys(ways, float("inf"))
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
            best[name] = min(best[name], (time.perf_counter() - start) / inner[name])
    return best


def copy_rate() -> float:
    """Bytes read and written per second by copying 256 MB in one thread: the machine's limit for every kernel."""
    a = np.ones(1 << 28, np.uint8)
    b = np.empty_like(a)
    best = times_of({"copy": lambda: np.copyto(b, a)}, 1.0)["copy"]
    return 2 * a.nbytes / best


def run_kernels(budget_s: float, progress: Callable[[str, int, int | None], None]) -> dict[str, Any]:
    """Microseconds of every kernel at every level, and how many times OpenCV's way takes."""
    threads, level = cv2.getNumThreads(), kernels.simd_level()
    cv2.setNumThreads(1)
    rows, found = [], cases()
    try:
        for n, (name, (kernel, opencv)) in enumerate(found.items(), 1):
            best = times_of(contestants(kernel, {"opencv": opencv}), budget_s)
            us = {way: round(t * 1e6, 2) for way, t in best.items()}
            ratio = round(best["opencv"] / best[level], 2) if "opencv" in best else None
            rows.append({"kernel": name, "us": us, "opencv_ratio": ratio})
            progress("kernels", n, len(found))
    finally:
        cv2.setNumThreads(threads)
        kernels.set_simd_level(level)
    return {"level": level, "copy_gb_per_s": round(copy_rate() / 1e9, 2), "kernels": rows}
