"""Reads by the shipped network of rendered plates, for tests of what is made of reads."""

from functools import cache

import cv2
import numpy as np

from vision.demo.plates import draw_plate
from vision.infer.session import Session
from vision.infer.store import choose
from vision.plates.reader import PlateReader
from vision.types import Frame, Planes, PlateDetections, PlateRead

SIZE = 320, 160  # width, height of the picture around a plate


@cache
def reader() -> PlateReader:
    return PlateReader(Session(choose("plate_reader"), threads=1))


@cache
def real_read(text: str, width: int = 110, blur: float = 0.0, seed: int = 0) -> PlateRead:
    """A look at a blue plate so wide, in pixels, with so much blur, and noise."""
    rng = np.random.default_rng(seed)
    plate = draw_plate(text, "green" if len(text) == 8 else "blue")
    height = round(width * plate.shape[0] / plate.shape[1])
    small = cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA)
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    x, y = (SIZE[0] - width) // 2, (SIZE[1] - height) // 2
    picture[y : y + height, x : x + width] = small
    if blur:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.uint8)
    noisy = np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
    corners = np.array([[[x, y], [x + width, y], [x + width, y + height], [x, y + height]]], np.float32)
    corners += rng.normal(0, 0.4, corners.shape).astype(np.float32)
    frame = Frame("cam", 0, 0, 0.0, Planes("bgr", (noisy,)))
    (read,) = reader().read(frame, PlateDetections(corners, np.ones(1, np.float32)))
    return read
