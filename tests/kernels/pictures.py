"""Random pictures in every layout, their rows padded with noise that no kernel may read."""

from __future__ import annotations

import numpy as np

from vision.types import U8, Layout, Matrix, Planes

LAYOUTS: tuple[Layout, ...] = ("i420", "nv12", "bgr")


def padded(data: U8, pad: int, rng: np.random.Generator) -> U8:
    """The same samples, ``pad`` bytes of noise between the rows."""
    h, row = data.shape[0], data[0].size
    buffer = rng.integers(0, 256, h * (row + pad), dtype=np.uint8)
    inner = (data.shape[2], 1) if data.ndim == 3 else (1,)
    view = np.lib.stride_tricks.as_strided(buffer, data.shape, (row + pad, *inner))
    view[:] = data
    view.flags.writeable = False
    return view


def picture(
    layout: Layout,
    height: int,
    width: int,
    *,
    seed: int = 0,
    matrix: Matrix = "bt709",
    full_range: bool = False,
    pad: int = 0,
    is_smooth: bool = False,
) -> Planes:
    """A picture of noise, or of a smooth pattern."""
    rng = np.random.default_rng((seed, height, width))

    def plane(*shape: int) -> U8:
        if not is_smooth:
            return rng.integers(0, 256, shape, dtype=np.uint8)
        y, x = np.mgrid[: shape[0], : shape[1]]
        waves = [127 + 127 * np.sin(x / rng.uniform(3, 9) + y / rng.uniform(3, 9) + c) for c in range(3)]
        stacked = np.stack(waves[: shape[2]], -1) if len(shape) == 3 else waves[0]
        return stacked.astype(np.uint8)

    half = (height + 1) // 2, (width + 1) // 2
    shapes: tuple[tuple[int, ...], ...]
    if layout == "bgr":
        shapes = ((height, width, 3),)
    elif layout == "nv12":
        shapes = ((height, width), (*half, 2))
    else:
        shapes = ((height, width), half, half)
    return Planes(layout, tuple(padded(plane(*s), pad, rng) for s in shapes), matrix, full_range)
