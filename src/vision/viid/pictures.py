"""Pictures on their way to a platform: their size, and JPEG encoded anew where it is too large."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np

QUALITIES = (85, 70, 55, 40)
SHRINK = 0.75
SMALLEST_PX = 32


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG, its size in pixels, and how much smaller it is than the original (1.0: not)."""

    data: bytes
    width: int
    height: int
    scale: float = 1.0

    @property
    def base64(self) -> str:
        """The bytes as JSON text."""
        return base64.b64encode(self.data).decode("ascii")


def fit(data: bytes, limit: int) -> Picture:
    """The picture in at most ``limit`` bytes: as it is, else at less quality, else in fewer pixels.

    Raises:
        ValueError: it is no picture, or cannot be made that small.
    """
    image = None
    if data:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"expected a picture, got {len(data)} bytes that are none")
    height, width = image.shape[:2]
    if len(data) <= limit and data.startswith(b"\xff\xd8"):
        return Picture(data, width, height)
    scale = 1.0
    while True:
        small = image if scale == 1.0 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        h, w = small.shape[:2]
        for quality in QUALITIES:
            encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
            if len(encoded) <= limit:
                return Picture(encoded, w, h, w / width)
        scale *= SHRINK
        if min(width, height) * scale < SMALLEST_PX:
            raise ValueError(f"expected a picture that fits into {limit} bytes, got {width} x {height} pixels")
