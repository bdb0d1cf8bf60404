"""The rendered street: a pinhole camera on a pole and the empty road that it looks at.

World coordinates are metres: x to the right of the camera, y up from the road, z along the road. Pictures are
(720, 1280, 3) uint8, BGR.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

WIDTH, HEIGHT = 1280, 720
FOCAL, EYE, PITCH = 2300.0, 3.7, np.deg2rad(8.3)
NEAR = 1.5  # metres: closer than this to the camera nothing is drawn
LANE = 1.65  # lane centres are this far left and right of the camera
_SIN, _COS = float(np.sin(PITCH)), float(np.cos(PITCH))


def project(points: F32) -> F32:
    """World points (..., 3) -> (..., 3): x and y in pixels, and the depth in metres."""
    down, z = EYE - points[..., 1], points[..., 2]
    depth = down * _SIN + z * _COS
    safe = np.maximum(depth, 1e-3)
    x = WIDTH / 2 + FOCAL * points[..., 0] / safe
    y = HEIGHT / 2 + FOCAL * (down * _COS - z * _SIN) / safe
    return np.stack((x, y, depth), -1).astype(np.float32)


def _noise(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[float, ...]) -> F32:
    """Smooth noise (h, w), a sum over grain sizes, about -1..1."""
    out = np.zeros(shape, np.float32)
    for c in cells:
        small = rng.standard_normal((max(2, int(shape[0] / c)), max(2, int(shape[1] / c)))).astype(np.float32)
        out += cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return cast(F32, out / len(cells))


def _ground(rng: np.random.Generator) -> F32:
    """The street from above (h, w, 3) float BGR: x -16..16 at 40 px per metre, z 4..124 at 20 px per metre."""
    ax, az, x0 = 40, 20, 16.0
    h, w = 120 * az, 32 * ax
    x = np.arange(w, dtype=np.float32) / ax - x0
    image = np.empty((h, w, 3), np.float32)
    image[:] = (98, 96, 94)
    image += (_noise(rng, (h, w), (2, 5, 30, 160)) * 9)[..., None]
    for center in (-LANE, LANE):  # wheels darken the lane, oil drips between them
        for track in (-0.78, 0.78):
            image -= (8 * np.exp(-(((x - center - track) / 0.28) ** 2)))[None, :, None]
        image -= (6 * np.exp(-(((x - center) / 0.22) ** 2)))[None, :, None]

    def band(a: float, b: float, color: tuple[float, float, float], rough: float) -> None:
        i, j = round((a + x0) * ax), round((b + x0) * ax)
        image[:, i:j] = np.array(color, np.float32) + (_noise(rng, (h, j - i), (2, 6, 40)) * rough)[..., None]

    white, wear = np.array((214, 216, 218), np.float32), 1 - 0.35 * np.clip(_noise(rng, (h, w), (3, 12)), 0, 1)
    paint = np.zeros((h, w), np.float32)
    for edge in (-3.5, 3.4):
        i = round((edge + x0) * ax)
        paint[:, i : i + 5] = 1
    yellow = np.zeros((h, w), np.float32)
    for edge in (-0.16, 0.06):
        i = round((edge + x0) * ax)
        yellow[:, i : i + 4] = 1
    image = image * (1 - (paint * wear)[..., None]) + white * (paint * wear)[..., None]
    image = image * (1 - (yellow * wear)[..., None]) + np.array((60, 170, 214), np.float32) * (yellow * wear)[..., None]
    for s in (-1, 1):
        a, b = sorted((s * 4.3, s * 4.55))
        band(a, b, (158, 160, 162), 6)
        a, b = sorted((s * 4.55, s * 7.6))
        band(a, b, (128, 138, 146), 8)
        a, b = sorted((s * 7.6, s * 15.9))
        band(a, b, (58, 96, 74), 26)
    for k in range(0, h, az):  # joints of the pavement
        for s in (-1, 1):
            a, b = sorted((round((s * 4.55 + x0) * ax), round((s * 7.6 + x0) * ax)))
            image[k : k + 1, a:b] -= 10
    return cast(F32, np.clip(image * 1.28, 0, 232))


def _block(
    image: F32, x0: float, x1: float, y0: float, y1: float, z0: float, z1: float, paint: tuple[float, float, float]
) -> None:
    """A box beside the road with a lit front, a flank and a roof."""
    inner = x1 if x0 < 0 else x0
    faces = (
        (((inner, y0, z0), (inner, y0, z1), (inner, y1, z1), (inner, y1, z0)), 0.8),
        (((x0, y1, z0), (x1, y1, z0), (x1, y1, z1), (x0, y1, z1)), 1.1),
        (((x0, y0, z0), (x1, y0, z0), (x1, y1, z0), (x0, y1, z0)), 1.0),
    )
    for corners, light in faces:
        p = project(np.array(corners, np.float32))
        if (p[:, 2] > NEAR).all():
            color = tuple(min(255.0, c * light) for c in paint)
            cv2.fillConvexPoly(image, np.round(p[:, :2] * 8).astype(np.int32), color, cv2.LINE_AA, 3)


def _tree(image: F32, rng: np.random.Generator, x: float, z: float, high: float) -> None:
    """A round street tree: trunk and a heap of leaf blobs, light from the upper right, shadow on the ground."""
    foot, top = project(np.array(((x, 0, z), (x, high, z)), np.float32))
    k = FOCAL / float(foot[2])
    cv2.line(
        image, (int(foot[0]), int(foot[1])), (int(top[0]), int(top[1])), (44, 58, 72), max(1, int(0.2 * k)), cv2.LINE_AA
    )
    blobs = rng.normal(0, 1, (150, 2))
    for i, (u, v) in enumerate(blobs[np.argsort(blobs[:, 1])]):
        shade = 0.72 + 0.3 * i / 150 + rng.normal(0, 0.04)
        center = (int(top[0] + u * 0.75 * k), int(top[1] - v * 0.6 * k))
        leaf = (44 * shade, 104 * shade, 76 * shade)
        cv2.circle(image, center, max(1, int(rng.uniform(0.12, 0.36) * k)), leaf, -1, cv2.LINE_AA)


def background(seed: int) -> U8:
    """The empty street (720, 1280, 3) uint8 BGR; the same for the same seed."""
    rng = np.random.default_rng(seed)
    ground = _ground(rng)
    corners = np.array(((-16, 0, 4), (16, 0, 4), (16, 0, 124), (-16, 0, 124)), np.float32)
    pixels = np.ascontiguousarray(project(corners)[:, :2])
    source = np.array(((0, 0), (1280, 0), (1280, 2400), (0, 2400)), np.float32)
    image = np.empty((HEIGHT, WIDTH, 3), np.float32)
    image[:] = (238, 226, 208)
    for x in np.arange(-60.0, 60.0, 6.0):  # a skyline where the road ends
        tone = rng.uniform(0.9, 1.05)
        _block(
            image, x, x + rng.uniform(5, 7), -8, rng.uniform(3.5, 9.5), 190, 196, (214 * tone, 200 * tone, 186 * tone)
        )
    matrix = cv2.getPerspectiveTransform(source, pixels)
    cv2.warpPerspective(ground, matrix, (WIDTH, HEIGHT), image, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    for z in np.arange(122.0, 12.0, -4.0):
        for s in (-1.0, 1.0):
            wall = rng.uniform(0.75, 1.1)
            a, b = sorted((s * 9.6, s * 13.0))
            if int(z) % 3:
                _block(image, a, b, 0, rng.uniform(5, 9), z, z + 4, (150 * wall, 158 * wall, 166 * wall))
        for s in (-1.0, 1.0):
            if int(z) % 8 == 2:
                _tree(image, rng, s * (6.9 + rng.uniform(-0.2, 0.2)), float(z), rng.uniform(2.8, 3.6))
            if int(z) % 16 == 6:
                a, b = sorted((s * 4.75, s * 4.87))
                _block(image, a, b, 0, 7.0, z, z + 0.12, (96, 96, 92))
    haze = np.linspace(0.55, 0, 300, dtype=np.float32)[:, None, None] ** 2
    image[:300] = image[:300] * (1 - haze) + np.array((232, 224, 212), np.float32) * haze
    across, along = np.linspace(-1, 1, WIDTH, dtype=np.float32), np.linspace(-1, 1, HEIGHT, dtype=np.float32)
    edge = across[None, :] ** 2 + along[:, None] ** 2
    return cast(U8, np.clip(image * (1.04 - 0.12 * edge[..., None]), 0, 255).astype(np.uint8))
