"""Puts vehicles in front of others in a training canvas."""

from __future__ import annotations

import cv2
import numpy as np
from detection.decode import F32, U8, box_quads
from detection.records import Record

Item = tuple[F32, F32, bool, bool]  # quad (4, 2), kinds (classes,), exact, ignore
COVERED = 0.3  # how often vehicles are put in front of others


def is_inside(quad: F32, image: U8, margin: int = 2) -> bool:
    """Whether an object is seen as a whole: no side lies at the picture's edge."""
    lo, hi = quad.min(0), quad.max(0)
    return bool((lo >= margin).all() and (hi <= np.float32(image.shape[1::-1]) - margin).all())


def rounded(h: int, w: int) -> F32:
    """(h, w) 0..1: 1 inside, soft towards the edge and round at the corners, where a box shows what is behind it."""
    y, x = (np.abs(np.linspace(-1, 1, n, dtype=np.float32)) ** 6 for n in (h, w))
    return np.clip((1.08 - (y[:, None] + x[None])) / 0.16, 0, 1)


def remains(item: Item, cover: F32) -> Item:
    """An object of which the box `cover` (4,) hides a part: its box ends where it is hidden from top to bottom.

    Less than a third left: neither an object nor background.
    """
    quad, kinds, exact, ignore = item
    lo, hi = quad.min(0), quad.max(0)
    shared = np.clip(np.minimum(hi, cover[2:]) - np.maximum(lo, cover[:2]), 0, None)
    share = float(np.prod(shared) / max(np.prod(hi - lo), 1e-6))
    if share == 0:
        return item
    for axis in (0, 1):
        if shared[1 - axis] >= 0.9 * (hi - lo)[1 - axis]:
            if cover[axis] <= lo[axis]:
                lo[axis] = min(cover[axis + 2], hi[axis])
            elif cover[axis + 2] >= hi[axis]:
                hi[axis] = max(cover[axis], lo[axis])
    left = float((hi - lo).min())
    box = box_quads(np.array([*lo, *hi], np.float32))[0] if left > 4 else quad
    return box, kinds, exact, ignore or share > 0.67 or left < 8


def put_before(canvas: U8, items: list[Item], rec: Record, r: np.random.Generator) -> None:
    """Puts a vehicle of `rec` in front of one that is there, so that a part of that one is hidden.

    Vehicles that stand side by side hide each other, and of those half hidden behind others most were missed.
    """
    behind = [q for q, *_, ignore in items if not ignore and np.ptp(q, 0).min() >= 20]
    whole = [i for i, q in enumerate(rec.quads) if not rec.ignore[i] and is_inside(q, rec.image)]
    if not behind or not whole:
        return
    q = behind[int(r.integers(len(behind)))]
    chosen = whole[int(r.integers(len(whole)))]
    other = rec.quads[chosen]
    (sx0, sy0), (sx1, sy1) = np.floor(other.min(0)).astype(int), np.ceil(other.max(0)).astype(int)
    (x0, y0), (x1, y1) = q.min(0), q.max(0)
    k = (y1 - y0) * float(np.exp(r.uniform(np.log(0.7), np.log(1.3)))) / max(sy1 - sy0, 1)
    w, h = round((sx1 - sx0) * k), round((sy1 - sy0) * k)
    if not (12 <= w <= 0.7 * canvas.shape[1] and 12 <= h <= 0.9 * canvas.shape[0] and k < 2.5):
        return
    hidden = float(r.uniform(0.15, 0.65)) * (x1 - x0)
    left = round(x1 - hidden if r.random() < 0.5 else x0 + hidden - w)
    top = round(y1 - h + float(r.uniform(-0.05, 0.25)) * (y1 - y0))  # what is nearer stands lower
    lo = np.maximum((left, top), 0)
    hi = np.minimum((left + w, top + h), canvas.shape[1::-1])
    if (hi - lo < 12).any() or np.prod(hi - lo) < 0.6 * w * h:
        return
    how = cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR
    patch = cv2.resize(rec.image[sy0:sy1, sx0:sx1], (w, h), interpolation=how)
    if r.random() < 0.5:
        patch = cv2.flip(patch, 1)
    cut = (slice(lo[1] - top, hi[1] - top), slice(lo[0] - left, hi[0] - left))
    at = (slice(lo[1], hi[1]), slice(lo[0], hi[0]))
    alpha = rounded(h, w)[cut][..., None]
    canvas[at] = (canvas[at] + alpha * (patch[cut].astype(np.float32) - canvas[at]) + 0.5).astype(np.uint8)
    box = np.array([*lo, *hi], np.float32)
    items[:] = [remains(item, box) for item in items]
    items.append((box_quads(box)[0], rec.kinds[chosen], False, False))
