"""Evidence pictures, cut from the very frame that was read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vision import kernels
from vision.errors import OutputError
from vision.types import U8, Box, Evidence

PLATE_SIZE = (320, 96)  # width, height of the straightened plate picture


def pictures_of(evidence: Evidence) -> dict[str, U8]:
    """BGR uint8 pictures by role: scene (whole frame), vehicle (its box), plate (straightened, 320 x 96)."""
    planes = evidence.frame.planes
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


def save_pictures(evidence: Evidence, folder: Path, stem: str) -> dict[str, str]:
    """Write the pictures as JPEG and return their paths relative to the folder's parent, by role.

    Raises:
        OutputError: a file cannot be written.
    """
    paths = {}
    for role, picture in pictures_of(evidence).items():
        path = folder / f"{stem}_{role}.jpg"
        ok, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
        if not ok:
            raise OutputError(f"{path}: cannot encode a {picture.shape[1]} x {picture.shape[0]} picture")
        try:
            path.write_bytes(data.tobytes())
        except OSError as err:
            path.unlink(missing_ok=True)
            raise OutputError(f"{path}: cannot write: {err.strerror}") from err
        paths[role] = f"{folder.name}/{path.name}"
    return paths
