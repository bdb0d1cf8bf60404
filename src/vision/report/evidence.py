"""Evidence pictures, cut from the very frame that was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vision import kernels
from vision.errors import OutputError
from vision.sightings.lasting import plain
from vision.types import U8, Box, Evidence

PLATE_SIZE = (320, 96)  # width, height of the straightened plate picture


def pictures_of(evidence: Evidence) -> dict[str, U8]:
    """BGR uint8 pictures by role: scene (whole frame), vehicle (its box), plate (straightened, 320 x 96)."""
    planes = plain(evidence.frame.planes)
    pictures = {"scene": kernels.to_bgr(planes)}
    if evidence.vehicle_box is not None:
        roi = pixels_of(evidence.vehicle_box, planes.width, planes.height)
        if roi is not None:
            pictures["vehicle"] = kernels.to_bgr(planes, roi=roi)
    if evidence.plate_corners is not None:
        plate = np.empty((PLATE_SIZE[1], PLATE_SIZE[0], 3), np.uint8)
        kernels.warp(planes, np.ascontiguousarray(evidence.plate_corners, np.float32), plate)
        pictures["plate"] = plate
    return pictures


def pixels_of(box: Box, width: int, height: int) -> tuple[int, int, int, int] | None:
    """The whole pixels a box covers inside the picture, None if there are none."""
    x1, y1 = max(0, int(np.floor(box[0]))), max(0, int(np.floor(box[1])))
    x2, y2 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A picture as JPEG, with its size in pixels."""

    data: bytes
    width: int
    height: int


def encoded_pictures(evidence: Evidence) -> dict[str, Jpeg]:
    """The pictures as JPEG by role.

    Raises:
        OutputError: one cannot be encoded.
    """
    out = {}
    for role, picture in pictures_of(evidence).items():
        height, width = picture.shape[:2]
        ok, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
        if not ok:
            raise OutputError(f"{role}: cannot encode a {width} x {height} picture")
        out[role] = Jpeg(data.tobytes(), width, height)
    return out


def save_pictures(evidence: Evidence, folder: Path, stem: str) -> dict[str, str]:
    """Write the pictures as JPEG and return their paths relative to the folder's parent, by role.

    Raises:
        OutputError: a picture cannot be encoded, or a file cannot be written.
    """
    return save_jpegs(encoded_pictures(evidence), folder, stem)


def save_jpegs(pictures: Mapping[str, Jpeg], folder: Path, stem: str) -> dict[str, str]:
    """Write encoded pictures and return their paths relative to the folder's parent, by role.

    Raises:
        OutputError: a file cannot be written.
    """
    paths = {}
    for role, picture in pictures.items():
        path = folder / f"{stem}_{role}.jpg"
        try:
            path.write_bytes(picture.data)
        except OSError as err:
            path.unlink(missing_ok=True)
            raise OutputError(f"{path}: cannot write: {err.strerror}") from err
        paths[role] = f"{folder.name}/{path.name}"
    return paths
