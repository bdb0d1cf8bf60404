"""`to_bgr` at every instruction set against its NumPy meaning."""

import numpy as np
import pytest

from tests import reference
from tests.kernels.pictures import LAYOUTS, picture
from vision import kernels
from vision.types import U8, Layout, Matrix, Planes


def same(got: U8, expected: U8) -> bool:
    return got.shape == expected.shape and int(np.abs(got.astype(int) - expected).max(initial=0)) <= 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_width(simd: str, layout: Layout) -> None:
    for width in range(1, 70):
        planes = picture(layout, 5, width, pad=width % 3)
        assert same(kernels.to_bgr(planes), reference.to_bgr(planes))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_roi(simd: str, layout: Layout) -> None:
    planes = picture(layout, 7, 71)
    for x0 in range(8):
        for x1 in range(x0 + 1, 72):
            roi = (x0, x0 % 5, x1, 5 + x0 % 3)
            assert same(kernels.to_bgr(planes, roi=roi), reference.to_bgr(planes, roi))


@pytest.mark.parametrize("layout", ["i420", "nv12"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("full_range", [False, True])
def test_every_color(simd: str, layout: Layout, matrix: Matrix, full_range: bool) -> None:
    y, u, v = (g.astype(np.uint8) for g in np.meshgrid(*[np.arange(0, 256, 5)] * 3, indexing="ij"))
    y = np.repeat(np.repeat(y.reshape(52, -1), 2, 0), 2, 1)
    u, v = u.reshape(52, -1), v.reshape(52, -1)
    data = (y, u, v) if layout == "i420" else (y, np.stack((u, v), -1))
    planes = Planes(layout, data, matrix, full_range)
    got, expected = kernels.to_bgr(planes), reference.to_bgr(planes)
    assert same(got, expected)
    assert (got != expected).mean() < 0.02  # rounded to nearest, up to the 13 bits


def test_levels_agree() -> None:
    planes = picture("i420", 33, 67)
    before, results = kernels.simd_level(), []
    for level in kernels.simd_levels():
        kernels.set_simd_level(level)
        results.append(kernels.to_bgr(planes))
    kernels.set_simd_level(before)
    assert all(np.array_equal(results[0], r) for r in results)


def test_writes_to_out() -> None:
    planes = picture("nv12", 9, 11)
    out = np.empty((9, 11, 3), np.uint8)
    assert kernels.to_bgr(planes, out=out) is out
    assert same(out, reference.to_bgr(planes))


def test_wrong_out_is_refused() -> None:
    with pytest.raises(ValueError, match=r"out: expected shape \(9, 11, 3\), got \(9, 12, 3\)"):
        kernels.to_bgr(picture("nv12", 9, 11), out=np.empty((9, 12, 3), np.uint8))
    with pytest.raises(TypeError, match="out: expected uint8"):
        kernels.to_bgr(picture("nv12", 9, 11), out=np.empty((9, 11, 3), np.int8))
