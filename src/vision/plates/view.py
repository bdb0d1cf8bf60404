"""How a plate is seen: its size, its angle, its light, and which way it is blurred. Says nothing about its text."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vision import kernels
from vision.types import F32, U8, Planes

SIZE = (160, 48)  # width and height of the straightened picture that is measured
ASPECT = 440 / 140  # width to height of a one-row plate. Source: GA 36-2018, table 1 (blue plate)
BLOWN = 245  # gray levels of 255 from here on show nothing any more


@dataclass(frozen=True, slots=True)
class PlateView:
    """One look at a plate, without its text.

    Attributes:
        width_px: mean length of the upper and lower edge.
        roll_deg: of the upper and lower edge from the horizontal, 0..90.
        slant_deg: by how much the angle between the edges differs from a right one, 0..90: seen from the side and from
            above at once.
        aspect: width to height.
        luma: mean gray level, 0..255.
        contrast: gray levels between the darkest and the brightest twentieth of the pixels.
        blown: share of the pixels at `BLOWN` or above, 0..1.
        sharpness: as `vision.kernels.sharpness`.
        strokes: energy of the changes along a row, of all changes, 0..1: high where vertical movement has washed out
            the horizontal strokes, low where horizontal movement has washed out the vertical ones.
    """

    width_px: float
    roll_deg: float
    slant_deg: float
    aspect: float
    luma: float
    contrast: float
    blown: float
    sharpness: float
    strokes: float


def view_of(planes: Planes, corners: F32) -> PlateView:
    """How a plate is seen.

    Args:
        planes: the picture.
        corners: (4, 2) float32, clockwise from the top left as seen in the plate.
    """
    picture = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
    kernels.warp(planes, np.ascontiguousarray(corners, np.float32), picture)
    gray = gray_of(picture)
    low, high = np.percentile(gray, (5, 95))
    dx, dy = np.diff(gray, axis=1), np.diff(gray, axis=0)
    across, down = float((dx * dx).mean()), float((dy * dy).mean())
    top, right = corners[1] - corners[0], corners[2] - corners[1]
    bottom, left = corners[2] - corners[3], corners[3] - corners[0]
    along, upright = (top + bottom) / 2, (right + left) / 2
    width, height = float(np.hypot(*along)), float(np.hypot(*upright))
    cosine = float(along @ upright) / max(1e-6, width * height)
    return PlateView(
        width_px=(float(np.hypot(*top)) + float(np.hypot(*bottom))) / 2,
        roll_deg=abs(math.degrees(math.atan2(abs(float(along[1])), abs(float(along[0]))))),
        slant_deg=abs(math.degrees(math.asin(max(-1.0, min(1.0, cosine))))),
        aspect=width / max(1e-6, height),
        luma=float(gray.mean()),
        contrast=float(high - low),
        blown=float((gray >= BLOWN).mean()),
        sharpness=kernels.sharpness(picture),
        strokes=across / max(1e-6, across + down),
    )


def gray_of(picture: U8) -> F32:
    """Luma (h, w) float32, 0..255, of a BGR picture (h, w, 3). Source: ITU-R BT.601-7 section 2.5."""
    return np.asarray(picture @ np.array([0.114, 0.587, 0.299], np.float32), np.float32)
