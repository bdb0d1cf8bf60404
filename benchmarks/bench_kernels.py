"""Every kernel at every instruction set, against its NumPy meaning and against what one would write with OpenCV.

    pytest benchmarks/bench_kernels.py --benchmark-only        # a table of times per kernel
    python benchmarks/bench_kernels.py                         # ratios, the rivals alternating within one run

OpenCV runs on one thread, as the kernels do. A variant that does not win 1.1 over the scalar loop is not kept.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests import reference

from vision import kernels
from vision.types import F32, U8, Planes

Work = Callable[[], object]
RNG = np.random.default_rng(0)
HEIGHT, WIDTH = 1080, 1920


def i420_picture() -> tuple[U8, Planes]:
    """A smooth 1080p picture as one OpenCV buffer and as planes."""
    small = RNG.integers(0, 256, (34, 60, 3), dtype=np.uint8)
    bgr = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    buffer = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)
    half = HEIGHT // 2, WIDTH // 2
    u, v = (p.reshape(half) for p in np.split(buffer[HEIGHT:].ravel(), 2))
    return buffer, Planes("i420", (buffer[:HEIGHT], u, v), "bt601")


BUFFER, PICTURE = i420_picture()
NV12 = Planes("nv12", (PICTURE.data[0], np.stack(PICTURE.data[1:], -1)), "bt601")
BGR = Planes("bgr", (np.asarray(cv2.cvtColor(BUFFER, cv2.COLOR_YUV2BGR_I420), np.uint8),))
ROI = (700, 400, 1100, 640)
PLATE = np.array([[900, 500], [1060, 520], [1055, 570], [895, 545]], np.float32)
LARGE = ((PLATE - PLATE.mean(0)) * 3 + PLATE.mean(0)).astype(np.float32)
TENSOR, CROP_TENSOR = np.empty((3, 384, 640), np.float32), np.empty((3, 192, 320), np.float32)
CROP, IMAGE = np.empty((48, 160, 3), np.uint8), np.empty((HEIGHT, WIDTH, 3), np.uint8)
HEADS = {
    "height": 256, "width": 416, "n_classes": 7, "geometry": 4, "min_score": 0.3, "max_iou": 0.6, "scale": (0.2, 0.2),
}  # fmt: skip


def head_rows(n_survivors: int) -> F32:
    """Raw output of a 416 x 256 network with that many points above the threshold."""
    n = len(reference.grid(256, 416, (8, 16, 32)))
    rows = RNG.normal(0, 1, (n, 12)).astype(np.float32)
    rows[:, 0] = -6
    rows[RNG.choice(n, n_survivors, replace=False), 0] = RNG.normal(2, 1, n_survivors)
    rows[:, -4:] = RNG.uniform(0.5, 3, (n, 4))
    return rows


QUIET, BUSY = head_rows(60), head_rows(1200)
MASKS = (RNG.random((24, 8, 75)) < 0.4).astype(np.uint8)
LOG_PROBS = np.log(RNG.dirichlet(np.full(75, 0.05), 8).clip(1e-9)).astype(np.float32)
BOXES = np.concatenate((p := RNG.uniform(0, 900, (100, 2)), p + RNG.uniform(20, 200, (100, 2))), 1).astype(np.float32)


def cv_letterbox(buffer: U8, roi: tuple[int, int, int, int] | None, size: tuple[int, int], way: int) -> object:
    bgr = cv2.cvtColor(buffer, cv2.COLOR_YUV2BGR_I420)
    x0, y0, x1, y1 = roi or (0, 0, WIDTH, HEIGHT)
    return cv2.dnn.blobFromImage(cv2.resize(bgr[y0:y1, x0:x1], size, interpolation=way), 1 / 255, swapRB=True)


def cv_warp(corners: F32, k: int, *, has_bgr: bool) -> object:
    bgr = BGR.data[0] if has_bgr else cv2.cvtColor(BUFFER, cv2.COLOR_YUV2BGR_I420)
    to = np.array([[0, 0], [160, 0], [160, 48], [0, 48]], np.float32) * k
    matrix = cv2.getPerspectiveTransform(corners - 0.5, to - 0.5)
    out = cv2.warpPerspective(bgr, matrix, (160 * k, 48 * k), borderMode=cv2.BORDER_REPLICATE)
    return out if k == 1 else cv2.resize(out, (160, 48), interpolation=cv2.INTER_AREA)


def cv_decode_heads(rows: F32) -> object:
    score = 1 / (1 + np.exp(-rows[:, 0]))
    chosen = np.flatnonzero(score > 0.3)
    raw, points = rows[chosen], reference.grid(256, 416, (8, 16, 32))[chosen]
    low = points[:, :2] - raw[:, -4:-2] * points[:, 2:]
    size = (raw[:, -4:-2] + raw[:, -2:]) * points[:, 2:]
    return cv2.dnn.NMSBoxes(np.concatenate((low, size), 1).tolist(), score[chosen].tolist(), 0.3, 0.6)


def numpy_decode_text() -> object:
    """The best text alone: the NumPy meaning of all of them is too slow to wait for."""
    best = np.where(MASKS > 0, LOG_PROBS, -np.inf)
    return best.max(-1).sum(-1).argmax(), best.argmax(-1)


def cv_sharpness() -> object:
    gray = cv2.cvtColor(CROP, cv2.COLOR_BGR2GRAY)
    return cv2.Laplacian(gray, cv2.CV_64F).var() / (gray.var() + 1)


# name -> the kernel, its NumPy meaning, the OpenCV way
CASES: dict[str, tuple[Work, Work | None, Work | None]] = {
    "letterbox i420 1080p to 640x384": (
        lambda: kernels.letterbox(PICTURE, TENSOR),
        lambda: reference.letterbox(PICTURE, 384, 640, None, 0.4),
        lambda: cv_letterbox(BUFFER, None, (640, 360), cv2.INTER_AREA),
    ),
    "letterbox i420, OpenCV linear": (
        lambda: kernels.letterbox(PICTURE, TENSOR),
        None,
        lambda: cv_letterbox(BUFFER, None, (640, 360), cv2.INTER_LINEAR),
    ),
    "letterbox nv12 1080p to 640x384": (lambda: kernels.letterbox(NV12, TENSOR), None, None),
    "letterbox bgr 1080p to 640x384": (
        lambda: kernels.letterbox(BGR, TENSOR),
        None,
        lambda: cv2.dnn.blobFromImage(
            cv2.resize(BGR.data[0], (640, 360), interpolation=cv2.INTER_AREA), 1 / 255, swapRB=True
        ),
    ),
    "letterbox i420 roi 400x240 to 320x192": (
        lambda: kernels.letterbox(PICTURE, CROP_TENSOR, roi=ROI),
        lambda: reference.letterbox(PICTURE, 192, 320, ROI, 0.4),
        lambda: cv_letterbox(BUFFER, ROI, (320, 192), cv2.INTER_AREA),
    ),
    "to_bgr i420 1080p": (
        lambda: kernels.to_bgr(PICTURE, out=IMAGE),
        lambda: reference.to_bgr(PICTURE),
        lambda: cv2.cvtColor(BUFFER, cv2.COLOR_YUV2BGR_I420, dst=IMAGE),
    ),
    "warp i420 plate to 160x48": (
        lambda: kernels.warp(PICTURE, PLATE, CROP),
        lambda: reference.warp(PICTURE, PLATE, 48, 160),
        lambda: cv_warp(PLATE, 1, has_bgr=False),
    ),
    "warp i420, OpenCV has BGR already": (
        lambda: kernels.warp(PICTURE, PLATE, CROP),
        None,
        lambda: cv_warp(PLATE, 1, has_bgr=True),
    ),
    "warp bgr": (lambda: kernels.warp(BGR, PLATE, CROP), None, lambda: cv_warp(PLATE, 1, has_bgr=True)),
    "warp i420 large plate, 4x4 points": (
        lambda: kernels.warp(PICTURE, LARGE, CROP),
        None,
        lambda: cv_warp(LARGE, 4, has_bgr=False),
    ),
    "decode_heads 416x256, 60 survivors": (
        lambda: kernels.decode_heads(QUIET, **HEADS),  # type: ignore[arg-type]
        lambda: reference.decode_heads(QUIET, **HEADS),  # type: ignore[arg-type]
        lambda: cv_decode_heads(QUIET),
    ),
    "decode_heads 416x256, 1200 survivors": (
        lambda: kernels.decode_heads(BUSY, **HEADS),  # type: ignore[arg-type]
        lambda: reference.decode_heads(BUSY, **HEADS),  # type: ignore[arg-type]
        lambda: cv_decode_heads(BUSY),
    ),
    "decode_text 24 patterns, 5 best": (lambda: kernels.decode_text(LOG_PROBS, MASKS), numpy_decode_text, None),
    "sharpness 160x48": (lambda: kernels.sharpness(CROP), lambda: reference.sharpness(CROP), cv_sharpness),
    "iou_matrix 100x100": (
        lambda: kernels.iou_matrix(BOXES, BOXES),
        lambda: reference.iou_matrix(BOXES, BOXES),
        None,
    ),
}


def contestants(case: str) -> dict[str, Work]:
    """All that run this case: one per instruction set, then NumPy and OpenCV."""
    kernel, numpy_way, cv_way = CASES[case]

    def at(level: str) -> Work:
        def work() -> object:
            kernels.set_simd_level(level)
            return kernel()

        return work

    rivals = {"numpy": numpy_way, "opencv": cv_way}
    return {level: at(level) for level in kernels.simd_levels()} | {k: w for k, w in rivals.items() if w is not None}


@pytest.mark.parametrize(("case", "way"), [(c, w) for c in CASES for w in contestants(c)])
def test_kernel(benchmark: BenchmarkFixture, case: str, way: str) -> None:
    cv2.setNumThreads(1)
    benchmark.group = case
    before = kernels.simd_level()
    benchmark(contestants(case)[way])
    kernels.set_simd_level(before)


def times_of(ways: dict[str, Work], budget_s: float = 2.0) -> dict[str, float]:
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


def main() -> None:
    """Print one row per kernel and instruction set: how many times faster it is than its rivals."""
    cv2.setNumThreads(1)
    print("| kernel | level | µs | scalar / it | NumPy / it | OpenCV / it |\n|---|---|---:|---:|---:|---:|")
    before = kernels.simd_level()
    for case in CASES:
        best = times_of(contestants(case))
        for level in kernels.simd_levels():
            ratios = [f"{best[r] / best[level]:.2f}" if r in best else "" for r in ("scalar", "numpy", "opencv")]
            print(f"| {case} | {level} | {best[level] * 1e6:.1f} | {' | '.join(ratios)} |", flush=True)
    kernels.set_simd_level(before)


if __name__ == "__main__":
    main()
