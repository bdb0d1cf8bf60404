"""Pixels, scores and texts: the checked Python face of the C++ kernels.

Coordinates are continuous pixels: pixel i covers [i, i + 1). Every kernel releases the GIL while it works, may be
called from several threads at once, and runs the best instruction set of this CPU (`simd_level`; the environment
variable VISION_SIMD chooses a lower one). Wrong arguments raise ``TypeError`` or ``ValueError`` with the text
``name: expected X, got Y``. `tests/reference.py` says in NumPy what each kernel means.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision import _kernels
from vision._kernels import set_simd_level, simd_level, simd_levels
from vision.types import F32, U8, Planes

Roi = tuple[int, int, int, int]

__all__ = [
    "decode_heads",
    "decode_text",
    "iou_matrix",
    "letterbox",
    "luma_grid",
    "set_simd_level",
    "sharpness",
    "simd_level",
    "simd_levels",
    "to_bgr",
    "warp",
]


def letterbox(planes: Planes, out: F32, *, roi: Roi | None = None, pad: float = 114 / 255) -> tuple[float, float]:
    """Scale a region of a picture into a model's input tensor, keeping its shape; top-left, the rest padded.

    The region becomes ``max(1, round(rw k)) x max(1, round(rh k))`` pixels with ``k = min(w / rw, h / rh)``. Along
    each axis of each plane: area mean (samples count by the part covered) when shrinking, linear between sample
    centers with the picture's edge repeated when enlarging. Chroma sample j covers luma [2j, 2j + 2) and is scaled
    straight to the output; then YCbCr becomes RGB, clamped.

    Args:
        planes: the picture.
        out: (3, h, w) float32, C-contiguous; gets RGB planes, 0..1.
        roi: x0, y0, x1, y1 in whole pixels inside the picture; default all of it.
        pad: value beside the picture, 0..1.

    Returns:
        Scale along x and y: output pixels per source pixel. Continuous source coordinate = output / scale + roi origin.

    Raises:
        TypeError, ValueError: an array has the wrong dtype, shape or strides, or the roi leaves the picture.

    Source: ITU-R BT.601-7 section 2.5 and BT.709-6 section 3 (matrices and ranges).
    """
    return _kernels.letterbox(planes.layout, planes.data, planes.matrix, planes.full_range, out, roi, pad)


def to_bgr(planes: Planes, *, roi: Roi | None = None, out: U8 | None = None) -> U8:
    """A region of a picture as BGR at its own size; each pixel takes the chroma sample that covers it.

    Args:
        planes: the picture.
        roi: x0, y0, x1, y1 in whole pixels inside the picture; default all of it.
        out: (y1 - y0, x1 - x0, 3) uint8, C-contiguous, to write to; default a new array.

    Returns:
        (h, w, 3) uint8 BGR, rounded to the nearest level.

    Raises:
        TypeError, ValueError: an array has the wrong dtype, shape or strides, or the roi leaves the picture.

    Source: ITU-R BT.601-7 section 2.5 and BT.709-6 section 3 (matrices and ranges).
    """
    return _kernels.to_bgr(planes.layout, planes.data, planes.matrix, planes.full_range, roi, out)


def warp(planes: Planes, corners: F32, out: U8) -> None:
    """Quadrangles of a picture seen straight on, as BGR.

    The center (i + .5, j + .5) of an output pixel goes through the homography from the output's rectangle to the
    quadrangle; there each plane is read by linear interpolation, its edge repeated. Where the longer of two opposite
    edges is more than 1.3 times the output, ceil of that ratio (at most 8) points per axis are averaged.

    Args:
        planes: the picture.
        corners: (4, 2) or (n, 4, 2) float32, C-contiguous, clockwise from the top left, in pixels of the picture; may
            lie outside of it.
        out: (h, w, 3) or (n, h, w, 3) uint8, C-contiguous; gets BGR.

    Raises:
        TypeError, ValueError: an array has the wrong dtype, shape or strides, or corners are not finite, cover less
            than 1 pixel or have three in line.

    Source: Heckbert, Fundamentals of texture mapping and image warping (1989), section 2.2.3.
    """
    _kernels.warp(planes.layout, planes.data, planes.matrix, planes.full_range, corners, out)


def decode_heads(
    rows: F32,
    *,
    height: int,
    width: int,
    n_classes: int,
    geometry: int,
    strides: Sequence[int] = (8, 16, 32),
    min_score: float,
    max_iou: float,
    scale: tuple[float, float],
    origin: tuple[float, float] = (0.0, 0.0),
    limit: int = 300,
) -> tuple[F32, F32, F32]:
    """What a detection network found, in pixels of the source picture, best first.

    Args:
        rows: (points, 1 + n_classes + geometry) float32, C-contiguous: quality logit, class logits, geometry in units
            of the stride. Points in order of the strides, each a (height // stride, width // stride) grid, row-major.
        height, width: of the network's input in pixels.
        n_classes: number of class logits, may be 0.
        geometry: 4: distances from the point to left, top, right, bottom; 8: offsets to four corners (x, y).
        strides: of the grids in pixels; a point is the center of its cell.
        min_score: only scores above it, 0..1.
        max_iou: of two detections whose upright boxes overlap by more, the better one stays, whatever their classes.
        scale: as `letterbox` returned it.
        origin: x0, y0 of the region in the source picture.
        limit: how many to return at most.

    Returns:
        Boxes (n, 4) xyxy or corners (n, 4, 2); scores (n,), sigmoid of the quality; class probabilities
        (n, n_classes), softmax of the class logits. All float32. Network coordinates are integer-centered, so that q
        becomes (q + .5) / scale + origin.

    Raises:
        TypeError, ValueError: wrong dtype, shape or option, or rows that are not finite.
    """
    return _kernels.decode_heads(
        rows, height, width, n_classes, geometry, strides, min_score, max_iou, scale, origin, limit
    )


def decode_text(
    log_probs: F32, masks: U8, *, bias: F32 | None = None, limit: int = 5
) -> tuple[NDArray[np.int32], U8, F32]:
    """The likeliest texts that a set of patterns allows; exact.

    A text's score is the sum of its characters' log-probabilities plus its pattern's bias. A text that several
    patterns allow appears once, under the pattern that gives it the most (the first among equals).

    Args:
        log_probs: (slots, characters) float32 natural logarithms, C-contiguous; -inf is allowed. 1..256 characters.
        masks: (patterns, slots, characters) uint8, C-contiguous; not 0 = the pattern allows this character here. A
            pattern with a slot that allows nothing gives no text.
        bias: (patterns,) float32 added to the scores of a pattern's texts; default 0.
        limit: how many to return at most.

    Returns:
        Patterns (m,) int32, characters (m, slots) uint8 and scores (m,) float32, best first.

    Raises:
        TypeError, ValueError: wrong dtype or shape, or NaN or +inf among the numbers.
    """
    return _kernels.decode_text(log_probs, masks, bias, limit)


def luma_grid(planes: Planes, out: F32) -> None:
    """Mean luma of the cells of a grid laid over a picture: what a motion gate compares from frame to frame.

    The picture is cut into ``rows x columns`` equal cells, whatever its size; a pixel counts in a cell by how much of
    it the cell covers. A grid finer than the picture is linear between pixel centers.

    Args:
        planes: the picture; of i420 and nv12 only the luma plane is read, the luma of bgr is that of BT.601.
        out: (rows, columns) float32, C-contiguous; gets the means, 0..255 as stored (limited range stays so).

    Raises:
        TypeError, ValueError: an array has the wrong dtype, shape or strides.

    Source: ITU-R BT.601-7 section 2.5 (weights of red, green and blue).
    """
    _kernels.luma_grid(planes.layout, planes.data, planes.matrix, planes.full_range, out)


def sharpness(image: U8) -> float:
    """How sharp a picture is, whatever its contrast: ``var(L) / (var(I) + 1)``.

    I is the gray picture (0..255), L its Laplacian (four neighbors minus four times the pixel) inside the border. The 1
    keeps noise on a flat picture from looking sharp. 0 for a flat picture and below 3 x 3 pixels; white noise gives 20.

    Args:
        image: (h, w, 3) BGR or (h, w) gray uint8, at most 2**24 pixels; rows may be padded.

    Raises:
        TypeError, ValueError: wrong dtype, shape or strides.

    Source: Pertuz et al., Analysis of focus measure operators for shape-from-focus (2013), appendix A, LAPV.
    """
    return _kernels.sharpness(image)


def iou_matrix(a: F32, b: F32) -> F32:
    """Intersection over union of every box of ``a`` with every box of ``b``, (n, m) float32.

    Args:
        a, b: (n, 4) and (m, 4) float32, C-contiguous, half-open xyxy pixels. An empty box overlaps nothing.

    Raises:
        TypeError, ValueError: wrong dtype, shape or strides.
    """
    return _kernels.iou_matrix(a, b)
