"""Camera model: what an imperfect detector, weather, lens, sensor and codec make of a plate patch."""

from __future__ import annotations

import cv2
import numpy as np
from dataset import PLATE_H, PLATE_RECT, PLATE_W, Image
from labels import INPUT_H, INPUT_W
from numpy.typing import NDArray

_YY, _XX = np.mgrid[0:INPUT_H, 0:INPUT_W].astype(np.float32)
_TARGET = np.array([[0, 0], [INPUT_W, 0], [INPUT_W, INPUT_H], [0, INPUT_H]], np.float32)


def view_matrix(
    rng: np.random.Generator, has_margin: bool, upright: NDArray[np.float32] | None = None
) -> NDArray[np.float64]:
    """Perspective (3, 3) from a patch to a 48 x 160 crop, with the corner errors of a detector.

    Args:
        upright: the upright box round the plate in its photo, in patch coordinates: what a detector without corners
            would give.
    """
    quad = PLATE_RECT.astype(np.float64)
    center = quad.mean(0)
    u = rng.random()
    if u < 0.33 and upright is not None and rng.random() < 0.6:
        box = upright.astype(np.float64)
        middle = box.mean(0)
        quad = (box - middle) * (rng.uniform(0.97, 1.06), rng.uniform(0.95, 1.08)) + middle
    elif u < 0.33:  # the detector gave an upright box round a tilted plate
        angle = np.deg2rad(rng.normal(0, 7.0))
        shear = rng.normal(0, 0.14)
        m = np.array([[np.cos(angle), -np.sin(angle) + shear], [np.sin(angle), np.cos(angle)]])
        half = np.abs((quad - center) @ m.T).max(0) * (rng.uniform(0.96, 1.06), rng.uniform(0.92, 1.08))
        box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        quad = box @ np.linalg.inv(m).T + center
    else:
        strength = 0.5 if u < 0.72 else 1.0
        if not has_margin:
            strength *= 0.6
        scale = 1 + rng.normal(0, 0.045, 2) * strength
        shift = rng.normal(0, 1, 2) * np.array([0.025 * PLATE_W, 0.06 * PLATE_H]) * strength
        corner = rng.normal(0, 1, (4, 2)) * np.array([0.015 * PLATE_W, 0.05 * PLATE_H]) * strength
        quad = (quad - center) * scale + center + shift + corner
    if rng.random() < 0.09:  # one end is cut: up to half of the first or last character is lost
        side = [0, 3] if rng.random() < 0.5 else [1, 2]
        quad[side, 0] += rng.uniform(-0.01, 0.075) * PLATE_W * (1 if side[0] == 0 else -1)
    if rng.random() < 0.04:  # a bad box
        quad += np.array([rng.uniform(-0.07, 0.07) * PLATE_W, rng.uniform(-0.12, 0.12) * PLATE_H])
    return cv2.getPerspectiveTransform(quad.astype(np.float32), _TARGET)  # type: ignore[return-value]


def _light(x: NDArray[np.float32], rng: np.random.Generator, s: float) -> NDArray[np.float32]:
    """Shadow, dirt, exposure, haze, glare."""
    if rng.random() < 0.15 * s:
        a = rng.uniform(0, 2 * np.pi)
        d = (_XX - rng.uniform(0, INPUT_W)) * np.cos(a) + (_YY - rng.uniform(0, INPUT_H)) * np.sin(a) * 3
        x = x * (1 - rng.uniform(0.3, 0.7) / (1 + np.exp(-d / rng.uniform(1, 8))))[..., None]
    if rng.random() < 0.15 * s:
        for _ in range(int(rng.integers(1, 5))):
            u = (_XX - rng.uniform(0, INPUT_W)) / rng.uniform(2, 14)
            v = (_YY - rng.uniform(0, INPUT_H)) / rng.uniform(2, 8)
            x = x + (rng.uniform(20, 140, 3) - x) * (rng.uniform(0.3, 0.9) * np.exp(-(u**2 + v**2)))[..., None]
    if rng.random() < 0.75:
        gain = np.exp(rng.normal(0, 0.25 * s + 0.1))
        x = x * gain * np.exp(rng.normal(0, 0.08, 3)) + rng.normal(0, 20 * s)
        x = 255 * np.clip(x / 255, 0, 1).astype(np.float32) ** np.float32(np.exp(rng.normal(0, 0.3 * s + 0.05)))
        if rng.random() < 0.3 * s:
            x = x * rng.uniform(0.25, 0.8) + rng.uniform(0, 120)
    if rng.random() < 0.12 * s:
        u = (_XX - rng.uniform(0, INPUT_W)) / rng.uniform(10, 60)
        v = (_YY - rng.uniform(-10, INPUT_H + 10)) / rng.uniform(8, 30)
        x = x + rng.uniform(60, 200) * np.exp(-(u**2 + v**2))[..., None]
    return x.astype(np.float32)


def _caption(x: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A camera's time stamp over the plate."""
    text = "".join("0123456789/: -"[i] for i in rng.integers(0, 14, 12))
    shade = float(rng.choice([0, 255]))
    image = np.clip(x, 0, 255).astype(np.uint8)
    where = (int(rng.integers(-60, 60)), int(rng.integers(6, INPUT_H + 6)))
    cv2.putText(image, text, where, cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.3, 0.7), (shade,) * 3, 1, cv2.LINE_AA)
    return image.astype(np.float32)


def _blur(x: NDArray[np.float32], rng: np.random.Generator, s: float) -> NDArray[np.float32]:
    """Defocus and motion."""
    if rng.random() < 0.25 * s:
        x = cv2.GaussianBlur(x, (0, 0), abs(rng.normal(0, 1.1)) + 0.3)  # type: ignore[assignment]
    if rng.random() < 0.2 * s:
        n = int(rng.integers(3, 12))
        kernel = np.zeros((n, n), np.float32)
        a = rng.normal(0, 0.35) if rng.random() < 0.8 else rng.uniform(0, np.pi)
        c, dx, dy = (n - 1) / 2, (n - 1) / 2 * np.cos(a), (n - 1) / 2 * np.sin(a)
        cv2.line(kernel, (round(c - dx), round(c - dy)), (round(c + dx), round(c + dy)), (1.0,))
        x = cv2.filter2D(x, -1, kernel / kernel.sum())  # type: ignore[assignment]
    return x


def degrade(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Weather, lens, sensor and codec; strength 0..1 scales how often and how hard."""
    s = strength
    x = _light(image.astype(np.float32), rng, s)
    if rng.random() < 0.04 * s:
        x = _caption(x, rng)
    x = np.clip(_blur(x, rng, s), 0, 255).astype(np.float32)
    is_small = rng.random() < 0.55 * s  # far plate: few pixels, then noise and codec at that size
    if is_small:
        h = int(np.exp(rng.uniform(np.log(8), np.log(40))))
        x = cv2.resize(x, (max(24, int(h * rng.uniform(2.9, 3.6))), h), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    if rng.random() < 0.4 * s + 0.1:
        x = x + (abs(rng.normal(0, 9)) + 1) * rng.standard_normal(x.shape, np.float32)
    out = np.clip(x, 0, 255).astype(np.uint8)
    if rng.random() < 0.4 * s:
        code = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 85))])[1]
        out = cv2.imdecode(code, cv2.IMREAD_COLOR)  # type: ignore[assignment]
    if is_small:
        how = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST], p=[0.6, 0.35, 0.05]))
        out = cv2.resize(out, (INPUT_W, INPUT_H), interpolation=how)  # type: ignore[assignment]
    return out


def augment(
    patch: Image,
    rng: np.random.Generator,
    has_margin: bool,
    strength: float,
    upright: NDArray[np.float32] | None = None,
) -> tuple[Image, NDArray[np.float64], bool]:
    """Patch -> (crop uint8 (48, 160, 3) BGR, perspective from patch to crop, is it gray?)."""
    matrix = view_matrix(rng, has_margin, upright)
    crop = cv2.warpPerspective(patch, matrix, (INPUT_W, INPUT_H), borderMode=cv2.BORDER_REPLICATE)
    image = degrade(crop, rng, strength)  # type: ignore[arg-type]
    is_gray = rng.random() < 0.08  # infrared and black-and-white cameras: the color label is dropped
    if is_gray:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)  # type: ignore[assignment]
    return image, matrix, is_gray
