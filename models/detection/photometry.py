"""What light, weather and cameras do to a picture; all in place on uint8 BGR (h, w, 3)."""

from __future__ import annotations

import cv2
import numpy as np
from detection.decode import F32, U8


def photometric(image: U8, r: np.random.Generator, low_light: float = 0.1) -> None:
    """Brightness, contrast, gamma, white balance, night, fog, a small source picture, blur, noise and JPEG."""
    base = np.arange(256, dtype=np.float32) / 255
    gamma, gain, lift = np.exp(r.normal(0, 0.3)), np.exp(r.normal(0, 0.2)), r.normal(0, 0.06)
    tint = np.exp(r.normal(0, 0.06, 3))
    if r.random() < low_light:
        gain, tint = gain * r.uniform(0.2, 0.6), tint * np.exp(r.normal(0, 0.15, 3))
        gamma *= r.uniform(1, 1.5)
    if r.random() < 0.06:
        gain, lift = gain * r.uniform(0.4, 0.7), lift + r.uniform(0.15, 0.4)
    table = np.stack([np.clip((base**gamma) * gain * t + lift, 0, 1) * 255 for t in tint], -1).astype(np.uint8)
    cv2.LUT(image, table[None], dst=image)
    if r.random() < 0.06:
        image[:] = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]
    blur(image, r)
    u = r.random()
    if u < 0.12:
        noise = r.integers(-1, 2, image.shape, dtype=np.int16) * int(r.integers(3, 14))
        np.copyto(image, np.clip(image.astype(np.int16) + noise, 0, 255).astype(np.uint8))
    elif u < 0.3:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(r.integers(22, 80))])
        np.copyto(image, cv2.imdecode(data, 1))


def blur(image: U8, r: np.random.Generator) -> None:
    """Sometimes a soft lens, motion, or a smaller picture scaled up."""
    u = r.random()
    if u < 0.1:
        cv2.GaussianBlur(image, (0, 0), r.uniform(0.4, 1.1), dst=image)
    elif u < 0.17:
        n = int(r.integers(3, 7))
        kernel = np.zeros((n, n), np.float32)
        kernel[n // 2, :] = 1 / n
        cv2.filter2D(image, -1, kernel if r.random() < 0.7 else np.ascontiguousarray(kernel.T), dst=image)
    elif u < 0.3:
        h, w = image.shape[:2]
        k = 1 / r.uniform(1.2, 2.2)
        small = cv2.resize(image, (int(w * k), int(h * k)), interpolation=cv2.INTER_AREA)
        np.copyto(image, cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR))


def recolor(image: U8, quad: F32, rng: np.random.Generator) -> None:
    """Turns a blue plate in place into another kind.

    Inverted it is yellow with black text, gray it is black with white text, gray and inverted it is white with black
    text; permuted channels stand for green and red ones.
    """
    lo = np.floor(quad.min(0)).astype(int) - 1
    hi = np.ceil(quad.max(0)).astype(int) + 2
    x0, y0 = np.maximum(lo, 0)
    x1, y1 = min(hi[0], image.shape[1]), min(hi[1], image.shape[0])
    if x1 - x0 < 4 or y1 - y0 < 3:
        return
    part = image[y0:y1, x0:x1]
    way = rng.integers(4)
    if way == 0:
        new = 255 - part
    elif way == 3:
        new = part[..., rng.permutation(3)]
    else:
        gray = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_BGR2GRAY)
        new = cv2.cvtColor(gray if way == 1 else 255 - gray, cv2.COLOR_GRAY2BGR)
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round(quad - (x0, y0)).astype(np.int32), 1)
    part[mask > 0] = new[mask > 0]


def scribble(image: U8, rng: np.random.Generator) -> None:
    """Text without a plate around it: signs, adverts, time stamps.  Not an object."""
    h, w = image.shape[:2]
    text = "".join(chr(int(c)) for c in rng.integers(48, 91, int(rng.integers(3, 14))))
    size = float(np.exp(rng.uniform(np.log(0.25), np.log(1.4))))
    color = tuple(int(c) for c in rng.integers(0, 256, 3))
    where = (int(rng.integers(-20, max(w - 30, 1))), int(rng.integers(8, h)))
    cv2.putText(image, text, where, int(rng.integers(0, 8)), size, color, int(rng.integers(1, 3)), cv2.LINE_AA)
