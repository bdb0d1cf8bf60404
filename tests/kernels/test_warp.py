"""`warp` at every instruction set against its NumPy meaning."""

import numpy as np
import pytest

from tests import reference
from tests.kernels.pictures import LAYOUTS, picture
from vision import kernels
from vision.types import F32, Layout, Matrix, Planes


def quadrangle(cx: float, cy: float, w: float, h: float, rng: np.random.Generator, tilt: float = 0.15) -> F32:
    """A rectangle with its corners moved at random: convex for tilt < 0.25."""
    base = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (w / 2, h / 2)
    moved = base + rng.uniform(-tilt, tilt, (4, 2)) * (w, h)
    return np.add(moved, (cx, cy)).astype(np.float32)


def check(planes: Planes, corners: F32, height: int, width: int) -> None:
    out = np.empty((height, width, 3), np.uint8)
    kernels.warp(planes, corners, out)
    difference = np.abs(out.astype(int) - reference.warp(planes, corners, height, width))
    assert difference.max() <= 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_output_width(simd: str, layout: Layout) -> None:
    rng, planes = np.random.default_rng(2), picture(layout, 60, 90, pad=5)
    for width in range(1, 70):
        check(planes, quadrangle(45, 30, 50, 20, rng), 9, width)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_source_width(simd: str, layout: Layout) -> None:
    rng = np.random.default_rng(3)
    for width in range(1, 70):
        check(picture(layout, 20, width, pad=1), quadrangle(width / 2, 10, width, 12, rng), 12, 16)
        check(picture(layout, width, 20, pad=1), quadrangle(10, width / 2, 12, width, rng), 16, 12)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shrink", [0.2, 1.0, 1.25, 1.35, 2.0, 3.4, 7.9, 12.0])
def test_every_shrink(simd: str, layout: Layout, shrink: float) -> None:
    rng, planes = np.random.default_rng(4), picture(layout, 150, 240)
    for _ in range(5):
        check(planes, quadrangle(120, 75, 20 * shrink, 10 * shrink, rng), 10, 20)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_outside_repeats_the_edge(simd: str, layout: Layout) -> None:
    rng, planes = np.random.default_rng(5), picture(layout, 33, 47, pad=2)
    for cx, cy in ((0, 0), (47, 33), (-60, 10), (47, 0), (20, 90), (1000, -1000)):
        check(planes, quadrangle(cx, cy, 30, 20, rng), 16, 24)


@pytest.mark.parametrize("layout", ["i420", "nv12"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("full_range", [False, True])
def test_every_color_space(simd: str, layout: Layout, matrix: Matrix, full_range: bool) -> None:
    planes = picture(layout, 50, 70, matrix=matrix, full_range=full_range)
    check(planes, quadrangle(35, 25, 40, 20, np.random.default_rng(6)), 24, 48)


def test_whole_picture_is_the_picture(simd: str) -> None:
    planes = picture("bgr", 24, 40)
    out = np.empty((24, 40, 3), np.uint8)
    kernels.warp(planes, np.array([[0, 0], [40, 0], [40, 24], [0, 24]], np.float32), out)
    assert np.array_equal(out, planes.data[0])


def test_large_picture(simd: str) -> None:
    planes = picture("i420", 1080, 1920, is_smooth=True)
    rng = np.random.default_rng(7)
    for cx, cy in ((1700, 900), (1890, 1060), (300, 200)):
        check(planes, quadrangle(cx, cy, 140, 45, rng), 48, 160)


def test_batch_equals_single_calls(simd: str) -> None:
    rng, planes = np.random.default_rng(8), picture("nv12", 80, 120)
    corners = np.stack([quadrangle(60, 40, 50, 20, rng) for _ in range(5)])
    out = np.empty((5, 12, 32, 3), np.uint8)
    kernels.warp(planes, corners, out)
    for one, picture_out in zip(corners, out, strict=True):
        single = np.empty((12, 32, 3), np.uint8)
        kernels.warp(planes, one, single)
        assert np.array_equal(single, picture_out)
    kernels.warp(planes, corners[:0], out[:0])


def test_not_convex_reads_nothing_outside(simd: str) -> None:
    planes, out = picture("i420", 30, 40), np.empty((16, 24, 3), np.uint8)
    rng = np.random.default_rng(9)
    for _ in range(300):
        corners = rng.uniform(-50, 90, (4, 2)).astype(np.float32)
        try:
            kernels.warp(planes, corners, out)
        except ValueError:
            continue


@pytest.mark.parametrize(
    "corners",
    [
        [[0, 0], [0, 0], [0, 0], [0, 0]],
        [[0, 0], [9, 0], [9, 0.1], [0, 0.1]],
        [[0, 0], [5, 0], [9, 0], [0, 9]],
        [[0, 0], [9, float("nan")], [9, 9], [0, 9]],
        [[0, 0], [9, 0], [float("inf"), 9], [0, 9]],
        [[0, 0], [9, 9], [9, 0], [0, 9]],
    ],
)
def test_degenerate_quadrangle_is_refused(corners: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="corners: expected finite quadrangles"):
        kernels.warp(picture("i420", 20, 20), np.array(corners, np.float32), np.empty((8, 8, 3), np.uint8))


def test_wrong_arguments_are_refused() -> None:
    planes, out = picture("i420", 20, 20), np.empty((8, 8, 3), np.uint8)
    corners = np.array([[0, 0], [9, 0], [9, 9], [0, 9]], np.float32)
    with pytest.raises(TypeError, match="corners: expected float32, got float64"):
        kernels.warp(planes, corners.astype(np.float64), out)
    with pytest.raises(ValueError, match="corners: expected shape"):
        kernels.warp(planes, corners.reshape(8), out)
    with pytest.raises(ValueError, match="out: expected shape"):
        kernels.warp(planes, corners, out[None])
    with pytest.raises(ValueError, match="out: expected shape"):
        kernels.warp(planes, corners[None], np.empty((2, 8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="out: expected h and w"):
        kernels.warp(planes, corners, out[:0])
