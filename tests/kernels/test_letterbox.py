"""`letterbox` at every instruction set against its NumPy meaning."""

import threading

import numpy as np
import pytest

from tests import reference
from tests.kernels.pictures import LAYOUTS, picture
from vision import kernels
from vision.types import F32, Layout, Matrix, Planes

# Scalar: rounding of float32. The variants sum in 16 bits: 1.5e-4 is a 26th of one level of an 8-bit picture.
TOLERANCE = {"scalar": 2e-5}
LOOSE = 1.5e-4
Roi = tuple[int, int, int, int]


def check(planes: Planes, height: int, width: int, roi: Roi | None = None, pad: float = 114 / 255) -> None:
    expected, scale = reference.letterbox(planes, height, width, roi, pad)
    out = np.full((3, height, width), np.nan, np.float32)
    assert kernels.letterbox(planes, out, roi=roi, pad=pad) == scale
    np.testing.assert_allclose(out, expected, rtol=0, atol=TOLERANCE.get(kernels.simd_level(), LOOSE))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_source_width(simd: str, layout: Layout) -> None:
    for width in range(1, 70):
        check(picture(layout, 37, width, pad=width % 5), 24, 40)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_output_width(simd: str, layout: Layout) -> None:
    planes = picture(layout, 45, 90, pad=3)
    for width in range(1, 70):
        check(planes, 32, width)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_output_height(simd: str, layout: Layout) -> None:
    planes = picture(layout, 90, 45, pad=3)
    for height in range(1, 70):
        check(planes, height, 32)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (3, 3), (1, 60), (60, 1), (101, 67), (67, 101), (240, 135)])
@pytest.mark.parametrize("out", [(1, 1), (8, 8), (33, 31), (64, 96), (128, 40)])
def test_every_shape(simd: str, layout: Layout, size: tuple[int, int], out: tuple[int, int]) -> None:
    check(picture(layout, *size), *out)


@pytest.mark.parametrize("layout", ["i420", "nv12"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("full_range", [False, True])
def test_every_color_space(simd: str, layout: Layout, matrix: Matrix, full_range: bool) -> None:
    planes = picture(layout, 50, 70, matrix=matrix, full_range=full_range)
    check(planes, 32, 48)
    check(planes, 90, 100)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_roi(simd: str, layout: Layout) -> None:
    planes = picture(layout, 61, 83, pad=7)
    rng = np.random.default_rng(1)
    for _ in range(150):
        x0, x1 = np.sort(rng.choice(84, 2, replace=False)).tolist()
        y0, y1 = np.sort(rng.choice(62, 2, replace=False)).tolist()
        check(planes, int(rng.integers(1, 50)), int(rng.integers(1, 50)), (x0, y0, x1, y1), 0.5)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [(1080, 1920), (720, 1280), (1920, 1080), (576, 704)])
def test_video_sizes(simd: str, layout: Layout, size: tuple[int, int]) -> None:
    planes = picture(layout, *size)
    for height, width in ((384, 640), (256, 416)):
        check(planes, height, width)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_much_smaller(simd: str, layout: Layout) -> None:
    planes = picture(layout, 900, 1300)
    for height, width in ((8, 12), (40, 9), (9, 100)):
        check(planes, height, width)


def test_pictures_of_every_kind_in_turn(simd: str) -> None:
    for size in ((90, 160), (90, 160), (160, 90), (90, 161)):
        for layout in (*LAYOUTS, *LAYOUTS[::-1]):
            check(picture(layout, *size), 64, 64)
            check(picture(layout, *size), 64, 64, (10, 20, 80, 70))


def test_upside_down_rows(simd: str) -> None:
    planes = picture("i420", 40, 60)
    check(Planes("i420", tuple(p[::-1] for p in planes.data)), 32, 48)


def test_white_and_black_are_1_and_0(simd: str) -> None:
    for luma, value in ((235, 1), (255, 1), (16, 0), (0, 0)):
        half = np.full((16, 16), 128, np.uint8)
        out = np.empty((3, 24, 24), np.float32)
        kernels.letterbox(Planes("i420", (np.full((32, 32), luma, np.uint8), half, half)), out)
        np.testing.assert_allclose(out, value, atol=LOOSE)


def test_threads_do_not_disturb_each_other() -> None:
    planes = [picture("i420", 90 + 10 * i, 160 - 7 * i) for i in range(4)]
    expected = [reference.letterbox(p, 64, 64, None, 0.5)[0] for p in planes]
    outs: list[F32] = [np.empty((3, 64, 64), np.float32) for _ in planes]

    def work(i: int) -> None:
        for _ in range(50):
            kernels.letterbox(planes[i], outs[i], pad=0.5)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(planes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for out, want in zip(outs, expected, strict=True):
        np.testing.assert_allclose(out, want, rtol=0, atol=LOOSE)


@pytest.mark.parametrize("roi", [(0, 0, 0, 4), (0, 0, 9, 4), (-1, 0, 4, 4), (4, 4, 2, 6), (0, 0, 8, 7)])
def test_roi_outside_is_refused(roi: Roi) -> None:
    with pytest.raises(ValueError, match="roi: expected x0 < x1"):
        kernels.letterbox(picture("i420", 6, 8), np.empty((3, 8, 8), np.float32), roi=roi)


def test_roi_of_fractions_is_refused() -> None:
    with pytest.raises(TypeError, match="roi: expected four whole numbers"):
        kernels.letterbox(picture("i420", 6, 8), np.empty((3, 8, 8), np.float32), roi=(0, 0, 2.5, 4))  # type: ignore[arg-type]


def test_wrong_out_is_refused() -> None:
    planes = picture("i420", 6, 8)
    with pytest.raises(TypeError, match="out: expected float32, got float64"):
        kernels.letterbox(planes, np.empty((3, 8, 8)))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="out: expected an ndarray of float32, got list"):
        kernels.letterbox(planes, [0.0])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="out: expected shape"):
        kernels.letterbox(planes, np.empty((1, 3, 8, 8), np.float32))
    with pytest.raises(ValueError, match="out: expected a C-contiguous array"):
        kernels.letterbox(planes, np.empty((3, 8, 16), np.float32)[..., ::2])
    frozen = np.empty((3, 8, 8), np.float32)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="out: expected a writable array"):
        kernels.letterbox(planes, frozen)


def test_wrong_pad_is_refused() -> None:
    with pytest.raises(ValueError, match="pad: expected a finite number, got nan"):
        kernels.letterbox(picture("i420", 6, 8), np.empty((3, 8, 8), np.float32), pad=float("nan"))


def test_wrong_planes_are_refused() -> None:
    out = np.empty((3, 8, 8), np.float32)
    y, u, v = picture("i420", 6, 8).data
    wrong: list[tuple[Planes, type[Exception], str]] = [
        (Planes("i420", (y, u)), ValueError, "planes: expected 3 arrays for i420, got 2"),
        (Planes("i420", (y, u, v[:2])), ValueError, r"planes.data\[2\] \(Cr\): expected shape \(3, 4\), got \(2, 4\)"),
        (Planes("i420", (y.astype(np.float32), u, v)), TypeError, "luma.*: expected uint8, got float32"),
        (Planes("i420", (y[:, ::2], u[:, :2], v[:, :2])), ValueError, "contiguous samples"),
        (Planes("i420", (y[:0], u, v)), ValueError, "at least 1 x 1"),
        (Planes("yuv", (y, u, v)), ValueError, "planes.layout: expected i420, nv12 or bgr, got yuv"),  # type: ignore[arg-type]
        (Planes("i420", (y, u, v), "bt2020"), ValueError, "planes.matrix: expected"),  # type: ignore[arg-type]
        (Planes("nv12", (y, u)), ValueError, r"\(chroma\): expected shape \(3, 4, 2\)"),
        (Planes("bgr", (y,)), ValueError, r"expected shape \(h, w, 3\)"),
    ]
    for planes, error, text in wrong:
        with pytest.raises(error, match=text):
            kernels.letterbox(planes, out)
