"""Every kernel at every instruction set, against its NumPy meaning and against what one would write with OpenCV.

    pytest benchmarks/bench_kernels.py --benchmark-only        # a table of times per kernel
    python benchmarks/bench_kernels.py                         # ratios, the rivals alternating within one run

OpenCV runs on one thread, as the kernels do. A variant that does not win 1.1 over the scalar loop is not kept. The
cases are those of `vision bench kernels`; the NumPy meanings come from the tests.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests import reference

from vision import kernels
from vision.bench.kernels import HEADS, PLATE, ROI, Work, cases, contestants, inputs, times_of

B = inputs()
CROP = np.zeros((48, 160, 3), np.uint8)
CASES = cases()


def numpy_decode_text() -> object:
    """The best text alone: the NumPy meaning of all of them is too slow to wait for."""
    best = np.where(B.masks > 0, B.log_probs, -np.inf)
    return best.max(-1).sum(-1).argmax(), best.argmax(-1)


NUMPY: dict[str, Work] = {
    "letterbox i420 1080p to 640x384": lambda: reference.letterbox(B.i420, 384, 640, None, 0.4),
    "letterbox i420 roi 400x240 to 320x192": lambda: reference.letterbox(B.i420, 192, 320, ROI, 0.4),
    "luma_grid i420 1080p to 80x45": lambda: reference.luma_grid(B.i420, 45, 80),
    "to_bgr i420 1080p": lambda: reference.to_bgr(B.i420),
    "warp i420 plate to 160x48": lambda: reference.warp(B.i420, PLATE, 48, 160),
    "decode_heads 416x256, 60 survivors": lambda: reference.decode_heads(B.quiet, **HEADS),
    "decode_heads 416x256, 1200 survivors": lambda: reference.decode_heads(B.busy, **HEADS),
    "decode_text 24 patterns, 5 best": numpy_decode_text,
    "sharpness 160x48": lambda: reference.sharpness(CROP),
    "iou_matrix 100x100": lambda: reference.iou_matrix(B.boxes, B.boxes),
}


def ways_of(case: str) -> dict[str, Work]:
    kernel, opencv = CASES[case]
    return contestants(kernel, {"numpy": NUMPY.get(case), "opencv": opencv})


@pytest.mark.parametrize(("case", "way"), [(c, w) for c in CASES for w in ways_of(c)])
def test_kernel(benchmark: BenchmarkFixture, case: str, way: str) -> None:
    cv2.setNumThreads(1)
    benchmark.group = case
    before = kernels.simd_level()
    benchmark(ways_of(case)[way])
    kernels.set_simd_level(before)


def main() -> None:
    """Print one row per kernel and instruction set: how many times faster it is than its rivals."""
    cv2.setNumThreads(1)
    print("| kernel | level | µs | scalar / it | NumPy / it | OpenCV / it |\n|---|---|---:|---:|---:|---:|")
    before = kernels.simd_level()
    for case in CASES:
        best = times_of(ways_of(case))
        for level in kernels.simd_levels():
            ratios = [f"{best[r] / best[level]:.2f}" if r in best else "" for r in ("scalar", "numpy", "opencv")]
            print(f"| {case} | {level} | {best[level] * 1e6:.1f} | {' | '.join(ratios)} |", flush=True)
    kernels.set_simd_level(before)


if __name__ == "__main__":
    main()
