"""Draws results on pictures: boxes, plates and labels, Chinese included."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np

from vision.types import F32, U8, Box

INK = (255, 255, 255)
VEHICLE_BGR = (250, 170, 60)
PLATE_BGR = (60, 60, 245)
READ_BGR = (70, 190, 60)


@cache
def font() -> Any:
    """OpenCV's built-in font with Chinese characters."""
    return cv2.FontFace("uni")


@cache
def label(text: str, size: int, back: tuple[int, int, int]) -> U8:
    """A label as a small BGR picture: white text on ``back``; text is drawn once and kept."""
    box = cv2.getTextSize((4000, 200), text, (0, 0), font(), size, 600)
    width, height = int(box[2]) + size // 2, int(size * 1.5)
    picture = np.full((height, max(4, width), 3), back, np.uint8)
    cv2.putText(picture, text, (size // 4, int(size * 1.12)), INK, font(), size, 600)
    return picture


def put_label(image: U8, text: str, x: float, y: float, *, size: int, back: tuple[int, int, int]) -> None:
    """Put a label into ``out`` picture ``image`` with its lower left corner at (x, y), moved inside the picture."""
    if not text:
        return
    picture = label(text, size, back)
    h, w = min(picture.shape[0], image.shape[0]), min(picture.shape[1], image.shape[1])
    left = int(min(max(0, x), image.shape[1] - w))
    top = int(min(max(0, y - h), image.shape[0] - h))
    image[top : top + h, left : left + w] = picture[:h, :w]


def scale_of(image: U8) -> int:
    """Label size in pixels for a picture: one thirtieth of its shorter side, at least 12."""
    return int(max(12, min(image.shape[:2]) // 34))


def draw_vehicle(image: U8, box: Box, text: str, *, is_read: bool = False) -> None:
    """Draw a vehicle's box and label into ``image``."""
    color = READ_BGR if is_read else VEHICLE_BGR
    size = scale_of(image)
    x1, y1, x2, y2 = (round(v) for v in box)
    cv2.rectangle(image, (x1, y1), (x2 - 1, y2 - 1), color, max(1, size // 9))
    put_label(image, text, x1, y1, size=size, back=color)


def draw_plate(image: U8, corners: F32, text: str) -> None:
    """Draw a plate's quadrangle (4, 2) and its text below it into ``image``."""
    size = scale_of(image)
    points = np.round(corners).astype(np.int32)
    cv2.polylines(image, [points], True, READ_BGR if text else PLATE_BGR, max(1, size // 10), cv2.LINE_AA)
    if text:
        x, y = float(corners[:, 0].min()), float(corners[:, 1].max())
        put_label(image, text, x, y + int(size * 1.5) + 2, size=size, back=READ_BGR)
