"""Paints real vehicles in other colors: finds the body of white and strongly colored vehicles and repaints it."""

from __future__ import annotations

import cv2
import numpy as np

# Paint drawn per color, OpenCV HSV (hue 0..180, may wrap; saturation and value 0..255): low and high of each.
PAINTS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "black": ((0, 180), (0, 45), (8, 42)),
    "white": ((0, 180), (0, 12), (212, 250)),
    "gray": ((0, 180), (0, 22), (60, 140)),
    "red": ((173, 184), (165, 255), (80, 220)),
    "blue": ((100, 126), (110, 250), (55, 215)),
    "yellow": ((19, 30), (140, 250), (165, 245)),
    "orange": ((6, 13), (175, 250), (165, 245)),
    "brown": ((4, 15), (70, 170), (45, 110)),
    "green": ((38, 85), (80, 230), (45, 185)),
    "purple": ((130, 150), (70, 200), (50, 170)),
    "pink": ((160, 177), (60, 145), (185, 248)),
}
MIN_BODY_SHARE = 0.2
MIN_PAINT_VALUE = 105.0
"""Darker paint holds too little shading to carry a bright color."""


def find_body(image: np.ndarray, color: str) -> np.ndarray | None:
    """Soft mask of the painted body.

    Args:
        image: stored crop, uint8 (s, s, 3), BGR.
        color: the vehicle's known color: "white" or a strong one (red, blue, yellow).

    Returns:
        uint8 (s, s), 255 on paint, or None where too little paint is found.
    """
    side = image.shape[0]
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.int16)
    if color == "white":
        half = cv2.resize(image, (side // 2, side // 2), interpolation=cv2.INTER_AREA)
        labels = np.full(half.shape[:2], cv2.GC_PR_BGD, np.uint8)
        inset, rim = round(side * 0.065), side // 32
        labels[inset:-inset, inset:-inset] = cv2.GC_PR_FGD
        labels[:rim], labels[:, :rim], labels[:, -rim:] = cv2.GC_BGD, cv2.GC_BGD, cv2.GC_BGD
        cv2.grabCut(half, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
        labels = cv2.resize(labels, (side, side), interpolation=cv2.INTER_NEAREST)
        is_vehicle = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
        bright = np.percentile(hsv[..., 2][is_vehicle], 85) if is_vehicle.any() else 255.0
        mask = is_vehicle & (hsv[..., 1] < 60) & (hsv[..., 2] > 0.5 * bright)
    else:
        middle = {"red": 0, "blue": 113, "yellow": 24}[color]
        distance = np.abs((hsv[..., 0] - middle + 90) % 180 - 90)
        mask = (distance < 16) & (hsv[..., 1] > 80) & (hsv[..., 2] > 35)
    soft = cv2.morphologyEx(mask.astype(np.uint8) * 255, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    is_paint = soft > 0
    if is_paint.mean() < MIN_BODY_SHARE or np.percentile(hsv[..., 2][is_paint], 80) < MIN_PAINT_VALUE:
        return None
    return cv2.GaussianBlur(soft, (3, 3), 0)


def draw_paint(color: str, rng: np.random.Generator) -> np.ndarray:
    """One paint of a color, float32 (3,), BGR 0..255."""
    (h0, h1), (s0, s1), (v0, v1) = PAINTS[color]
    hsv = np.array([[[rng.uniform(h0, h1) % 180, rng.uniform(s0, s1), rng.uniform(v0, v1)]]], np.uint8)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


def repaint(image: np.ndarray, body: np.ndarray, color: str, rng: np.random.Generator) -> np.ndarray:
    """Paint the body, keeping its shading and highlights.

    Args:
        image: uint8 (s, s, 3), BGR.
        body: mask from `find_body`, uint8 (s, s).
        color: a key of `PAINTS`.
        rng: draws the paint and its gloss.

    Returns:
        uint8 (s, s, 3), BGR.
    """
    value = image.max(axis=2).astype(np.float32)
    reference = np.percentile(value[body > 128], 80) if (body > 128).any() else 200.0
    shade = np.clip(value / max(reference, 30.0), 0, 1.25)[..., None] ** rng.uniform(0.8, 1.3)
    gloss = np.clip(shade - rng.uniform(0.95, 1.1), 0, 1) * rng.uniform(100, 500)
    exposure = np.clip(reference / 215, 0.55, 1.05)
    painted = draw_paint(color, rng) * shade * exposure + gloss + rng.uniform(0, 14)
    alpha = body[..., None].astype(np.float32) / 255
    return np.clip(image * (1 - alpha) + painted * alpha, 0, 255).astype(np.uint8)
