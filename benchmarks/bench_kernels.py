"""Every kernel at every instruction set, against its NumPy meaning and against what one would write with OpenCV.

    pytest benchmarks/bench_kernels.py --benchmark-only        # a table of times per kernel
    python benchmarks/bench_kernels.py                         # ratios, the rivals alternating within one run

OpenCV runs on one thread, as the kernels do, and writes to pictures that are already there. NumPy ways are what one
would write where that is faster than the meaning in the tests. `of copy` says how fast a kernel reads and writes the
bytes that it must, beside copying as many. A variant that does not win 1.1 over the scalar loop is not kept. The cases
are those of `vision bench kernels`.
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
from vision.bench.kernels import HEADS, PLATE, ROI, Work, cases, contestants, copying, grid, inputs, times_of
from vision.types import F32

B = inputs()
CROP = np.zeros((48, 160, 3), np.uint8)
CASES = cases()
POINTS = grid(256, 416)


def numpy_decode_heads(rows: F32) -> object:
    """Boxes, scores and classes as one would write it: whole arrays, one pass of the suppression per kept box."""
    score = 1 / (1 + np.exp(-rows[:, 0]))
    chosen = np.flatnonzero(score > HEADS["min_score"])
    chosen = chosen[np.argsort(-score[chosen])]
    raw, points = rows[chosen], POINTS[chosen]
    scale = np.array(HEADS["scale"], np.float32)
    low = (points[:, :2] - raw[:, -4:-2] * points[:, 2:] + 0.5) / scale
    high = (points[:, :2] + raw[:, -2:] * points[:, 2:] + 0.5) / scale
    area, left = (high - low).clip(0).prod(1), np.arange(len(chosen))
    keep: list[int] = []
    while len(left) and len(keep) < 300:
        first, rest = left[0], left[1:]
        keep.append(first)
        inter = (np.minimum(high[first], high[rest]) - np.maximum(low[first], low[rest])).clip(0).prod(1)
        left = rest[inter <= HEADS["max_iou"] * (area[first] + area[rest] - inter)]
    e = np.exp(raw[keep, 1:-4] - raw[keep, 1:-4].max(1, keepdims=True))
    return np.concatenate((low[keep], high[keep]), 1), score[chosen[keep]], e / e.sum(1, keepdims=True)


def numpy_best_text() -> object:
    """The best text of all patterns."""
    best = np.where(B.masks > 0, B.log_probs, -np.inf)
    scores = best.max(-1).sum(-1)
    pattern = scores.argmax()
    return pattern, best[pattern].argmax(-1), scores[pattern]


def numpy_best_texts(limit: int = 5) -> object:
    """The best texts: a beam over the slots, all patterns at once."""
    allowed = np.where(B.masks > 0, B.log_probs, -np.inf)
    n, n_slots, n_symbols = allowed.shape
    scores, texts = np.zeros((n, 1), np.float32), np.zeros((n, 1, 0), np.intp)
    for slot in range(n_slots):
        every = (scores[:, :, None] + allowed[:, None, slot]).reshape(n, -1)
        top = np.argpartition(-every, limit, 1)[:, :limit]
        scores = np.take_along_axis(every, top, 1)
        before = np.take_along_axis(texts, (top // n_symbols)[:, :, None], 1)
        texts = np.concatenate((before, (top % n_symbols)[:, :, None]), 2)
    found: dict[tuple[int, ...], tuple[float, int]] = {}
    for i in np.argsort(-scores.ravel()):
        found.setdefault(tuple(texts.reshape(-1, n_slots)[i]), (scores.ravel()[i], i // limit))
        if len(found) == limit:
            break
    return found


NUMPY: dict[str, Work] = {
    "letterbox i420 1080p to 640x384": lambda: reference.letterbox(B.i420, 384, 640, None, 0.4),
    "letterbox i420 roi 400x240 to 320x192": lambda: reference.letterbox(B.i420, 192, 320, ROI, 0.4),
    "luma_grid i420 1080p to 80x45": lambda: reference.luma_grid(B.i420, 45, 80),
    "to_bgr i420 1080p": lambda: reference.to_bgr(B.i420),
    "warp i420 plate to 160x48": lambda: reference.warp(B.i420, PLATE, 48, 160),
    "decode_heads 416x256, 60 candidates": lambda: numpy_decode_heads(B.quiet),
    "decode_heads 416x256, 2000 candidates": lambda: numpy_decode_heads(B.busy),
    "decode_text 24 patterns, the best": numpy_best_text,
    "decode_text 24 patterns, 5 best": numpy_best_texts,
    "sharpness 160x48": lambda: reference.sharpness(CROP),
    "iou_matrix 100x100": lambda: reference.iou_matrix(B.boxes, B.boxes),
}


def ways_of(name: str) -> dict[str, Work]:
    case = CASES[name]
    copy = copying(case.n_bytes) if case.n_bytes else None
    return contestants(case.kernel, {"numpy": NUMPY.get(name), "opencv": case.opencv, "copy": copy})


@pytest.mark.parametrize(("case", "way"), [(c, w) for c in CASES for w in ways_of(c)])
def test_kernel(benchmark: BenchmarkFixture, case: str, way: str) -> None:
    cv2.setNumThreads(1)
    benchmark.group = case
    before = kernels.simd_level()
    benchmark(ways_of(case)[way])
    kernels.set_simd_level(before)


def main() -> None:
    """Print one row per kernel and instruction set: how many times longer its rivals take."""
    cv2.setNumThreads(1)
    print(
        "| kernel | level | µs | scalar / it | NumPy / it | OpenCV / it | of copy |\n|---|---|---:|---:|---:|---:|---:|"
    )
    before = kernels.simd_level()
    for name in CASES:
        times = times_of(ways_of(name))
        for level in kernels.simd_levels():
            ratios = [f"{times[r] / times[level]:.2f}" if r in times else "" for r in ("scalar", "numpy", "opencv")]
            share = f"{times['copy'] / times[level]:.0%}" if "copy" in times else ""
            print(f"| {name} | {level} | {times[level] * 1e6:.1f} | {' | '.join(ratios)} | {share} |", flush=True)
    kernels.set_simd_level(before)


if __name__ == "__main__":
    main()
