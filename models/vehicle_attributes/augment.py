"""Changes a stored crop the way cameras, weather and detectors do, and says what of the label survives."""

from __future__ import annotations

import cv2
import numpy as np
from dataset import GROW, STORE_MARGIN
from network import INPUT_SIDE

GRAY_SHARE, GLOW_SHARE, DARK_SHARE, TINY_SHARE = 0.06, 0.03, 0.03, 0.04


def crop_input(image: np.ndarray, offsets: np.ndarray | None = None) -> np.ndarray:
    """The network's view of a stored crop: the box grown by `GROW`, uint8 (96, 96, 3), BGR.

    Args:
        image: stored crop, uint8 (s, s, 3), BGR.
        offsets: float (4,), shares of the box by which left, top, right and bottom are moved (training only).
    """
    side = image.shape[0]
    box = side / (1 + 2 * STORE_MARGIN)
    low = (STORE_MARGIN - GROW / 2) * box
    high = side - low
    edges = np.array([low, low, high, high]) + (0 if offsets is None else offsets * box)
    x1, y1, x2, y2 = np.clip(np.round(edges), 0, side).astype(int)
    part = image[y1 : max(y2, y1 + 8), x1 : max(x2, x1 + 8)]
    is_shrinking = min(part.shape[:2]) > INPUT_SIDE
    filter_ = cv2.INTER_AREA if is_shrinking else cv2.INTER_LINEAR
    return cv2.resize(part, (INPUT_SIDE, INPUT_SIDE), interpolation=filter_)


def _shrink(image: np.ndarray, side: int) -> np.ndarray:
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _move(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.5:
        image = image[:, ::-1]
    if rng.random() < 0.3:
        side = image.shape[0]
        turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.normal(0, 4), 1.0)
        turn[0, 1] += rng.normal(0, 0.05)
        image = cv2.warpAffine(image, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return crop_input(np.ascontiguousarray(image), rng.normal(0, 0.035, 4))


def _light(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    out = image.astype(np.float32) / 255
    if rng.random() < 0.6:
        out = out ** np.exp(rng.normal(0, 0.18))
        out = (out - 0.5) * np.exp(rng.normal(0, 0.12)) + 0.5 + rng.normal(0, 0.04)
    if rng.random() < 0.5:
        out = out * np.exp(rng.normal(0, 0.05, 3)).astype(np.float32)
    if rng.random() < 0.15:
        haze = rng.uniform(0.08, 0.35)
        out = out * (1 - haze) + haze * rng.uniform(0.65, 0.9)
    if rng.random() < 0.15:
        ramp = np.linspace(rng.uniform(0.6, 1.1), rng.uniform(0.6, 1.1), image.shape[0], dtype=np.float32)
        out = out * (ramp[:, None, None] if rng.random() < 0.5 else ramp[None, :, None])
    return np.clip(out * 255, 0, 255).astype(np.uint8)


def _sensor(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.35:
        image = _shrink(image, int(rng.uniform(22, 80)))
    if rng.random() < 0.15:
        length = int(rng.integers(3, 8))
        kernel = np.full((1, length), 1 / length, np.float32)
        image = cv2.filter2D(image, -1, kernel if rng.random() < 0.7 else kernel.T)
    if rng.random() < 0.3:
        noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(2, 9)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(30, 85))])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if rng.random() < 0.15:
        x, y = rng.integers(0, INPUT_SIDE - 20, 2)
        w, h = rng.integers(10, 36, 2)
        image = image.copy()
        image[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return image


def _without_color(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A gray or infrared picture: one channel, at most an even tint."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)[..., None]
    tint = np.exp(rng.normal(0, 0.08, 3)) if rng.random() < 0.3 else np.ones(3)
    return np.clip(gray * tint, 0, 255).astype(np.uint8)


def _glow(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture lit by one strongly colored lamp (tail lights, sodium street light), its own color almost gone."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)[..., None]
    lamp = np.array([[[rng.choice([0, 4, 12, 60, 110, 170, 176]) + rng.uniform(-3, 3), rng.uniform(110, 240), 255]]])
    tint = cv2.cvtColor(np.mod(lamp, [180, 256, 256]).astype(np.uint8), cv2.COLOR_HSV2BGR)[0, 0] / 255
    own = rng.uniform(0, 0.25)
    out = (image * own + gray * (1 - own)) * tint * rng.uniform(0.5, 1.3)
    return np.clip(out, 0, 255).astype(np.uint8)


def _night(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture too dark to name the paint."""
    dark = image.astype(np.float32) * rng.uniform(0.05, 0.22) * np.exp(rng.normal(0, 0.12, 3))
    return np.clip(dark + rng.normal(0, rng.uniform(1, 6), image.shape), 0, 255).astype(np.uint8)


def _make_tiny(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A vehicle of a few pixels."""
    return _shrink(image, int(rng.integers(3, 9)))


def augment(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, bool, bool]:
    """Change a stored crop.

    Args:
        image: stored crop, uint8 (s, s, 3), BGR.
        rng: source of every choice.

    Returns:
        The network's input, uint8 (96, 96, 3), BGR; whether its color can still be named; whether its type can.
    """
    out = _sensor(_light(_move(image, rng), rng), rng)
    draw = rng.random()
    for share, change, has_type in (
        (GRAY_SHARE, _without_color, True),
        (GLOW_SHARE, _glow, True),
        (DARK_SHARE, _night, True),
        (TINY_SHARE, _make_tiny, False),
    ):
        if draw < share:
            return change(out, rng), False, has_type
        draw -= share
    return out, True, True
