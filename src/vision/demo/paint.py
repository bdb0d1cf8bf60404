"""Paints rendered vehicles into a frame: light, reflections, shadow on the road, and the plate on top.

Pictures are uint8, BGR; world coordinates are those of the scene.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.demo.scene import EYE, HEIGHT, NEAR, WIDTH, project
from vision.demo.shapes import Model

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

SUN = np.array((0.45, 0.78, -0.43), np.float32)


@dataclass
class Placed:
    """Where a vehicle stands: its nearest end is at ``z``; it comes towards the camera or drives away from it."""

    model: Model
    plate: U8 | None
    x: float
    z: float
    away: bool

    def world(self, points: F32) -> F32:
        """Vehicle points (..., 3) -> world points."""
        out = np.array(points, np.float32)
        if self.away:
            out[..., 0] = self.x - points[..., 0]
            out[..., 2] = self.z + self.model.length - points[..., 2]
        else:
            out[..., 0] = self.x + points[..., 0]
            out[..., 2] = self.z + points[..., 2]
        return out

    def turn(self, normals: F32) -> F32:
        """Vehicle directions (..., 3) -> world directions."""
        return normals * np.array((-1, 1, -1), np.float32) if self.away else normals

    def plate_corners(self) -> F32 | None:
        """The plate's corners in pixels (4, 2) from the top left, or None where there is none to see."""
        quad = self.model.plate_rear if self.away else self.model.plate_front
        if self.plate is None or quad is None:
            return None
        p = project(self.world(quad))
        return p[:, :2] if bool((p[:, 2] > NEAR).all()) else None


def _shade(normals: F32, view: F32, middle: F32, albedo: F32, gloss: F32) -> F32:
    """Light on faces: sun, sky, and a clear coat that mirrors sky, skyline and road; (n, 3) BGR."""
    sun = np.clip(normals @ SUN, 0, None)[:, None]
    sky = 0.5 + 0.5 * normals[:, 1:2]
    color = albedo * (0.36 + 0.34 * sky + 0.52 * sun)
    facing = np.clip(-(normals * view).sum(-1), 0, 1)
    mirror = view + 2 * facing[:, None] * normals
    up = mirror[:, 1:2]
    x, z = mirror[:, 0:1] + 0.05 * middle[:, 0:1], mirror[:, 2:3] + 0.015 * middle[:, 2:3]
    cloud = 0.82 + 0.12 * np.sin(4 * x + 3 * z) + 0.05 * np.sin(7 * x - 6 * z + 1)
    above = np.array((232, 208, 180), np.float32) * cloud
    trees = np.clip((np.abs(mirror[:, 0:1]) - 0.3 + 0.06 * np.sin(5 * z)) / 0.35, 0, 1)
    trees = trees * np.clip((0.9 - up) / 0.4, 0, 1)
    above = above * (1 - trees) + np.array((58, 82, 68), np.float32) * trees
    amount = np.clip((up + 0.04 * np.sin(9 * x + 4 * z) + 0.1) / 0.4, 0, 1)
    env = np.array((84, 86, 86), np.float32) * (1 - amount) + above * amount
    fresnel = (0.05 + 0.95 * (1 - facing) ** 4)[:, None]
    shine = np.clip((mirror @ SUN), 0, 1)[:, None] ** 24
    glass = (gloss > 0.8)[:, None]
    mixed = np.where(glass, 0.36 + 0.64 * fresnel, fresnel * 0.8) * gloss[:, None]
    return cast(F32, color * (1 - mixed) + env * mixed + 120 * shine * gloss[:, None])


def _polygon(canvas: U8, points: F32, color: tuple[float, ...], smooth: bool) -> None:
    cv2.fillConvexPoly(canvas, np.round(points * 16).astype(np.int32), color, cv2.LINE_AA if smooth else cv2.LINE_8, 4)


def _draw_flats(canvas: U8, placed: Placed, origin: F32, k: float, under: bool) -> None:
    """The flat details that face the camera: those below the body, or those on it."""
    f = placed.model.flats
    chosen = np.zeros(len(f.ends), bool)
    chosen[: f.under] = under
    chosen[f.under :] = not under
    normals, eye = placed.turn(f.normals), np.array((0, EYE, 0), np.float32)
    chosen &= ((placed.world(f.middles) - eye) * normals).sum(-1) < 0
    light = 0.36 + 0.34 * (0.5 + 0.5 * normals[:, 1]) + 0.52 * np.clip(normals @ SUN, 0, None)
    light = light * (1 - f.glow) + 1.05 * f.glow
    colors = np.column_stack((np.minimum(f.paints * light[:, None], 255), np.full(len(light), 255))).tolist()
    p = project(placed.world(f.points))
    shapes = np.round((p[:, :2] - origin) * (16 * k)).astype(np.int32)
    near = p[:, 2] < NEAR
    for i in np.flatnonzero(chosen):
        part = slice(int(f.ends[i - 1]) if i else 0, int(f.ends[i]))
        if not near[part].any():
            cv2.fillConvexPoly(canvas, shapes[part], colors[i], cv2.LINE_AA, 4)


def draw_shadow(frame: U8, placed: Placed) -> None:
    """Darkens the road below and beside a vehicle."""
    w, length = placed.model.width / 2, placed.model.length
    tall = float(placed.model.body.corners[..., 1].max())
    shift = -SUN[0] / SUN[1] * tall * 0.55
    for grow, dx, strength in ((0.12, 0.0, 0.55), (0.0, shift, 0.34)):
        z0, z1 = placed.z - grow, placed.z + length + grow
        x0, x1 = placed.x - w - grow + min(dx, 0), placed.x + w + grow
        z0 = max(z0, 4.0)
        if z1 <= z0:
            continue
        quad = project(np.array(((x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)), np.float32))[:, :2]
        lo = np.clip(quad.min(0) - 24, 0, (WIDTH, HEIGHT)).astype(int)
        hi = np.clip(quad.max(0) + 24, 0, (WIDTH, HEIGHT)).astype(int)
        if (hi - lo < 8).any():
            continue
        size = ((hi - lo) // 4 + 1).astype(int)
        mask = np.zeros((int(size[1]), int(size[0])), np.uint8)
        _polygon(mask, (quad - lo) / 4, (255 * strength,), True)
        soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, min(4.0, 12 / max(placed.z, 1.0))))
        full = 255 - cv2.resize(soft, (int(hi[0] - lo[0]), int(hi[1] - lo[1])))
        part = frame[lo[1] : hi[1], lo[0] : hi[0]]
        part[:] = cv2.multiply(part, cv2.merge((full, full, full)), scale=1 / 255)


@dataclass
class Sprite:
    """A painted vehicle: premultiplied (h, w, 4) BGRA, its top left pixel, and where its foot was at that time."""

    pixels: U8
    corner: NDArray[np.int64]
    foot: F32


def _foot(placed: Placed) -> F32:
    """Pixel of the middle of the near end on the ground, and its depth (3,)."""
    return project(np.array((placed.x, 0, placed.z), np.float32))


def draw_vehicle(frame: U8, placed: Placed, old: Sprite | None = None) -> Sprite | None:
    """Paints one vehicle and its plate into ``frame`` (720, 1280, 3) BGR; far away an ``old`` sprite serves again."""
    foot = _foot(placed)
    if old is not None and placed.z > 24 and abs(float(foot[2] / old.foot[2]) - 1) < 0.05:
        k = float(old.foot[2] / foot[2])
        move = foot[:2] - (old.foot[:2] - old.corner) * k
        corner = np.floor(move).astype(np.int64)
        matrix = np.array(((k, 0, move[0] - corner[0]), (0, k, move[1] - corner[1])), np.float64)
        size = (int(old.pixels.shape[1] * k) + 2, int(old.pixels.shape[0] * k) + 2)
        _paste(frame, cast(U8, cv2.warpAffine(old.pixels, matrix, size)), corner)
        sprite: Sprite | None = old
    else:
        sprite = _paint(placed, foot)
        if sprite is not None:
            _paste(frame, sprite.pixels, sprite.corner)
    if sprite is not None:
        _draw_plate(frame, placed)
    return sprite


def _paste(frame: U8, pixels: U8, corner: NDArray[np.int64]) -> None:
    """Premultiplied BGRA over the frame, cut to it."""
    x, y = int(corner[0]), int(corner[1])
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + pixels.shape[1], WIDTH), min(y + pixels.shape[0], HEIGHT)
    if x1 <= x0 or y1 <= y0:
        return
    cut = pixels[y0 - y : y1 - y, x0 - x : x1 - x]
    inverse = 255 - cut[..., 3]
    part = frame[y0:y1, x0:x1]
    part[:] = cv2.add(cv2.multiply(part, cv2.merge((inverse, inverse, inverse)), scale=1 / 255), cut[..., :3])


def _paint(placed: Placed, foot: F32) -> Sprite | None:
    """The vehicle as a sprite, painted far to near at twice the size and averaged; None if nothing is to be seen."""
    body = placed.model.body
    corners, normals = placed.world(body.corners), placed.turn(body.normals)
    middle = corners.mean(1)
    view = middle - np.array((0, EYE, 0), np.float32)
    view /= np.linalg.norm(view, axis=1, keepdims=True)
    seen = (normals * view).sum(-1) < 0
    p = project(corners[seen])
    near = p[..., 2].min(1) > NEAR
    seen[seen] = near
    if not seen.any():
        return None
    flat, depth = p[near][..., :2], p[near][..., 2].mean(1)
    extra = project(placed.world(placed.model.flats.points))
    spots = np.concatenate((flat.reshape(-1, 2), extra[extra[:, 2] > NEAR][:, :2]))
    lo = np.clip(np.floor(spots.min(0)) - 2, 0, (WIDTH, HEIGHT)).astype(int)
    hi = np.clip(np.ceil(spots.max(0)) + 2, 0, (WIDTH, HEIGHT)).astype(int)
    if (hi - lo < 4).any():
        return None
    k, (w, h) = 2.0, (int(hi[0] - lo[0]), int(hi[1] - lo[1]))
    canvas = np.zeros((int(h * k), int(w * k), 4), np.uint8)
    origin = lo.astype(np.float32)
    _draw_flats(canvas, placed, origin, k, True)
    color = _shade(normals[seen], view[seen], middle[seen], body.albedo[seen], body.gloss[seen])
    colors = np.column_stack((np.clip(color, 0, 255), np.full(len(color), 255, np.float32))).tolist()
    center = flat.mean(1, keepdims=True)
    shapes = np.round(((flat - center) * 1.01 + center - origin) * (k * 16)).astype(np.int32)
    for i in np.argsort(-depth).tolist():
        cv2.fillConvexPoly(canvas, shapes[i], colors[i], cv2.LINE_8, 4)
    _draw_flats(canvas, placed, origin, k, False)
    return Sprite(cast(U8, cv2.resize(canvas, (w, h), interpolation=cv2.INTER_AREA)), lo.astype(np.int64), foot)


def _draw_plate(frame: U8, placed: Placed) -> None:
    quad, plate = placed.plate_corners(), placed.plate
    if quad is None or plate is None:
        return
    lo = np.clip(np.floor(quad.min(0)) - 2, 0, (WIDTH, HEIGHT)).astype(int)
    hi = np.clip(np.ceil(quad.max(0)) + 2, 0, (WIDTH, HEIGHT)).astype(int)
    if (hi - lo < 3).any():
        return
    h, w = plate.shape[:2]
    shrink = max(1.0, w / float(np.linalg.norm(quad[1] - quad[0])) / 2)  # area first, then a small warp: no aliasing
    source = cv2.resize(plate, (max(2, round(w / shrink)), max(2, round(h / shrink))), interpolation=cv2.INTER_AREA)
    h, w = source.shape[:2]
    k = 2
    matrix = cv2.getPerspectiveTransform(
        np.array(((0, 0), (w, 0), (w, h), (0, h)), np.float32), ((quad - lo) * k).astype(np.float32)
    )
    size = (int(hi[0] - lo[0]), int(hi[1] - lo[1]))
    full = (size[0] * k, size[1] * k)
    opaque = cv2.merge((source, np.full((h, w), 255, np.uint8)))
    color = cv2.warpPerspective(opaque, matrix, full, flags=cv2.INTER_LINEAR)
    small = cv2.resize(color, size, interpolation=cv2.INTER_AREA)
    small[..., :3] = cv2.convertScaleAbs(small[..., :3], alpha=0.92)
    _paste(frame, cast(U8, small), lo.astype(np.int64))
