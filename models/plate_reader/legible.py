"""A second camera, independent of the one in training: legible pictures of generated plates, for measuring kinds.

A plate of 70 to 220 px in a plain scene, slightly turned, out of focus by at most a pixel, with shot noise and JPEG,
cut out by corners that are off as a detector's are.
"""

from __future__ import annotations

import cv2
import numpy as np
from dataset import Image, warp_plate
from numpy.typing import NDArray

CORNER_ERROR = 0.015  # standard deviation of a corner, in plate widths


def photograph(plate: Image, rng: np.random.Generator) -> Image:
    """Clean plate (h, w, 3) BGR -> the reader's input uint8 (48, 160, 3)."""
    h, w = plate.shape[:2]
    width = float(np.exp(rng.uniform(np.log(70), np.log(220))))
    size = np.array([width, width * h / w * rng.uniform(0.85, 1.0)])
    angle = np.deg2rad(rng.normal(0, 4))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * size @ turn.T
    corners[:, 1] *= 1 + rng.uniform(-0.06, 0.06) * np.sign(corners[:, 0])  # one end nearer
    canvas = np.array(np.ptp(corners, 0) + 40, int)
    corners = (corners + canvas / 2).astype(np.float32)
    scene = np.empty((canvas[1], canvas[0], 3), np.float32)
    scene[:] = rng.uniform(20, 200, 3)
    k = max(1, round(w / width))
    small = cv2.resize(plate, (max(8, w // k), max(4, h // k)), interpolation=cv2.INTER_AREA)
    sh, sw = small.shape[:2]
    source = np.array([[0, 0], [sw, 0], [sw, sh], [0, sh]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners)
    cv2.warpPerspective(small.astype(np.float32), matrix, canvas.tolist(), scene, borderMode=cv2.BORDER_TRANSPARENT)
    scene = defocus(scene, rng.uniform(0, 1.0))
    light = 255 * (np.clip(scene, 0, 255) / 255 * rng.uniform(0.45, 1.0)) ** rng.uniform(0.75, 1.3)
    full_well = rng.uniform(150, 1500)  # electrons at white: shot noise
    seen = rng.poisson(light / 255 * full_well) / full_well * 255
    code = cv2.imencode(".jpg", np.clip(seen, 0, 255).astype(np.uint8), [1, int(rng.integers(60, 96))])[1]
    photo = cv2.imdecode(code, cv2.IMREAD_COLOR)
    return warp_plate(photo, corners + rng.normal(0, CORNER_ERROR * width, (4, 2)).astype(np.float32))  # type: ignore[arg-type]


def defocus(image: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """Disc blur of a radius in pixels."""
    y, x = np.mgrid[-2:3, -2:3]
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return cv2.filter2D(image, -1, disc / disc.sum())  # type: ignore[return-value]
