"""`sharpness` at every instruction set against its NumPy meaning."""

from itertools import pairwise

import numpy as np
import pytest

from tests import reference
from tests.kernels.pictures import padded
from vision import kernels
from vision.types import U8


def noise(*shape: int, seed: int = 0) -> U8:
    return np.random.default_rng((seed, *shape)).integers(0, 256, shape, dtype=np.uint8)


def blurred(image: U8, times: int) -> U8:
    x = image.astype(float)
    for _ in range(times):
        for axis in (0, 1):
            x = (np.roll(x, 1, axis) + 2 * x + np.roll(x, -1, axis)) / 4
    return np.asarray(np.rint(x), np.uint8)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_every_size(simd: str, channels: tuple[int, ...]) -> None:
    for n in range(70):
        for shape in ((n, 9), (9, n), (n, n)):
            image = noise(*shape, *channels)
            assert kernels.sharpness(image) == pytest.approx(reference.sharpness(image), rel=1e-9, abs=1e-9)


def test_wide_extremes_do_not_overflow(simd: str) -> None:
    image = np.zeros((4, 40000), np.uint8)
    image[::2, ::2] = image[1::2, 1::2] = 255
    assert kernels.sharpness(image) == pytest.approx(reference.sharpness(image), rel=1e-9)


def test_padded_rows(simd: str) -> None:
    image = padded(noise(20, 33, 3), 5, np.random.default_rng(1))
    assert kernels.sharpness(image) == pytest.approx(reference.sharpness(image), rel=1e-9)
    assert kernels.sharpness(image[::-1]) == pytest.approx(reference.sharpness(image), rel=1e-9)


def test_blur_lowers_it_and_contrast_does_not() -> None:
    image = noise(48, 160, seed=2)
    values = [kernels.sharpness(blurred(image, times)) for times in (0, 1, 2, 4)]
    assert values[0] == pytest.approx(20, rel=0.05)
    assert all(a > 2 * b for a, b in pairwise(values))
    assert kernels.sharpness((image // 2 + 60).astype(np.uint8)) == pytest.approx(values[0], rel=0.02)


def test_flat_is_0() -> None:
    assert kernels.sharpness(np.full((20, 30, 3), 77, np.uint8)) == 0


@pytest.mark.parametrize(
    ("image", "error", "text"),
    [
        (np.zeros((4, 4)), TypeError, "image: expected uint8, got float64"),
        (np.zeros(4, np.uint8), ValueError, r"image: expected shape \(h, w\)"),
        (np.zeros((4, 4, 4), np.uint8), ValueError, r"image: expected shape \(h, w\)"),
        (np.zeros((4, 8, 3), np.uint8)[:, ::2], ValueError, "contiguous samples"),
    ],
)
def test_wrong_image_is_refused(image: U8, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        kernels.sharpness(image)
