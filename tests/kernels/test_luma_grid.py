"""`luma_grid` at every instruction set against its NumPy meaning."""

import threading

import numpy as np
import pytest

from tests import reference
from tests.kernels.pictures import LAYOUTS, picture
from vision import kernels
from vision.types import F32, U8, Layout, Planes

TOLERANCE = 1e-3  # of 255


def grid(planes: Planes, rows: int, columns: int) -> F32:
    out = np.full((rows, columns), np.nan, np.float32)
    kernels.luma_grid(planes, out)
    return out


def check(planes: Planes, rows: int, columns: int) -> None:
    np.testing.assert_allclose(
        grid(planes, rows, columns), reference.luma_grid(planes, rows, columns), rtol=0, atol=TOLERANCE
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_source_width(simd: str, layout: Layout) -> None:
    for width in range(1, 150):
        check(picture(layout, 19, width, pad=width % 5), 3, 8)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_source_height(simd: str, layout: Layout) -> None:
    for height in range(1, 70):
        check(picture(layout, height, 37, pad=1), 8, 3)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_grid(simd: str, layout: Layout) -> None:
    planes = picture(layout, 40, 61, pad=3)
    for n in range(1, 70):
        check(planes, n, 7)
        check(planes, 7, n)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (540, 304), (1079, 1917), (1080, 1920)])
def test_every_shape(simd: str, layout: Layout, size: tuple[int, int]) -> None:
    planes = picture(layout, *size)
    for cells in ((1, 1), (45, 80), (80, 45), (46, 79), (size[0], size[1])):
        if cells[0] * cells[1] < 10000:
            check(planes, *cells)


def test_pictures_of_every_kind_in_turn(simd: str) -> None:
    for size in ((90, 160), (160, 90), (90, 161)):
        for layout in (*LAYOUTS, *LAYOUTS[::-1]):
            check(picture(layout, *size), 9, 16)


def test_one_pixel_cells_are_the_pixels(simd: str) -> None:
    planes = picture("i420", 21, 33)
    np.testing.assert_allclose(grid(planes, 21, 33), planes.data[0], rtol=0, atol=TOLERANCE)


def test_tall_cells_of_white_do_not_overflow(simd: str) -> None:
    white: U8 = np.full((2000, 40), 255, np.uint8)
    chroma: U8 = np.full((1000, 20), 128, np.uint8)
    np.testing.assert_allclose(grid(Planes("i420", (white, chroma, chroma)), 2, 3), 255, rtol=0, atol=TOLERANCE)


def test_upside_down_rows(simd: str) -> None:
    planes = picture("nv12", 40, 60)
    check(Planes("nv12", tuple(p[::-1] for p in planes.data)), 5, 9)


def test_threads_do_not_disturb_each_other() -> None:
    planes = [picture("i420", 90 + 10 * i, 160 - 7 * i) for i in range(4)]
    expected = [reference.luma_grid(p, 9, 16) for p in planes]
    outs: list[F32] = [np.empty((9, 16), np.float32) for _ in planes]

    def work(i: int) -> None:
        for _ in range(200):
            kernels.luma_grid(planes[i], outs[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(planes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for out, want in zip(outs, expected, strict=True):
        np.testing.assert_allclose(out, want, rtol=0, atol=TOLERANCE)


def test_wrong_out_is_refused() -> None:
    planes = picture("i420", 6, 8)
    with pytest.raises(TypeError, match="out: expected float32, got uint8"):
        kernels.luma_grid(planes, np.empty((3, 8), np.uint8))
    for shape in ((3, 8, 8), (0, 8), (8, 0)):
        with pytest.raises(ValueError, match=r"out: expected shape \(rows, columns\), 1..32768 each"):
            kernels.luma_grid(planes, np.empty(shape, np.float32))
    with pytest.raises(ValueError, match="out: expected a C-contiguous array"):
        kernels.luma_grid(planes, np.empty((3, 16), np.float32)[:, ::2])
