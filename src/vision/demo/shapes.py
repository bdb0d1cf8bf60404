"""Rendered vehicles as small meshes, built by code: bodies lofted along a side profile, boxes, and flat details.

Vehicle coordinates are metres: x across, y up from the ground, z from the front bumper (0) to the tail (length).
Colors are B, G, R floats 0..255. Nothing here copies a particular make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Paint = tuple[float, float, float]
GLASS: Paint = (34.0, 30.0, 26.0)
DARK: Paint = (30.0, 30.0, 30.0)
TYRE: Paint = (26.0, 25.0, 25.0)
GREY: Paint = (120.0, 120.0, 120.0)
LAMP: Paint = (250.0, 250.0, 245.0)
TAIL: Paint = (30.0, 24.0, 190.0)
AMBER: Paint = (20.0, 130.0, 240.0)
STRIPE: Paint = (235.0, 235.0, 235.0)
CHROME: Paint = (205.0, 205.0, 205.0)


@dataclass
class Mesh:
    """Quads of a body: corners (n, 4, 3), outward normals (n, 3), albedo (n, 3) B, G, R, gloss (n,) 0..1."""

    corners: F32
    normals: F32
    albedo: F32
    gloss: F32


@dataclass
class Detail:
    """A flat polygon (k, 3) drawn over the body where its normal (3,) faces the camera; one color, some glow."""

    points: F32
    normal: F32
    paint: Paint
    glow: float = 0.0


def flat(
    points: Sequence[tuple[float, float, float]], normal: tuple[float, float, float], paint: Paint, glow: float = 0.0
) -> Detail:
    """A detail from plain tuples."""
    return Detail(np.array(points, np.float32), np.array(normal, np.float32), paint, glow)


@dataclass
class Flats:
    """Details as arrays: points (n, 3), where each polygon ends (m,), middles, normals and paints (m, 3), glow (m,)."""

    points: F32
    ends: NDArray[np.int64]
    middles: F32
    normals: F32
    paints: F32
    glow: F32
    under: int


@dataclass
class Model:
    """A whole vehicle; plates are four corners (4, 3) from the top left as seen from outside."""

    length: float
    width: float
    meshes: list[Mesh] = field(default_factory=list)
    under: list[Detail] = field(default_factory=list)
    details: list[Detail] = field(default_factory=list)
    plate_front: F32 | None = None
    plate_rear: F32 | None = None

    @cached_property
    def body(self) -> Mesh:
        """All meshes as one; made once, when the model is complete."""
        return join(self.meshes)

    @cached_property
    def flats(self) -> Flats:
        """All flat details, those under the body first; made once, when the model is complete."""
        every = [*self.under, *self.details]
        ends = np.cumsum([len(d.points) for d in every])
        return Flats(
            np.concatenate([d.points for d in every]),
            ends.astype(np.int64),
            np.stack([d.points.mean(0) for d in every]),
            np.stack([d.normal for d in every]),
            np.array([d.paint for d in every], np.float32),
            np.array([d.glow for d in every], np.float32),
            len(self.under),
        )


@dataclass(frozen=True)
class Station:
    """One point of the side profile: where it is, how wide the body is there, and what the next stretch is made of."""

    z: float
    y: float
    half: float
    stuff: str = "body"  # body, glass, dark: from this station to the next
    steps: int = 3
    wrap: float = 0.0  # how far the ends are pulled towards the middle of the vehicle


def profile(table: str) -> list[Station]:
    """Stations from a table, parted by ``|``: z, y, half width, stuff, steps, wrap."""
    rows = (row.split() for row in table.split("|"))
    return [Station(float(z), float(y), float(half), stuff, int(n), float(w)) for z, y, half, stuff, n, w in rows]


def grid_mesh(grid: F32, albedo: F32, gloss: F32, center: F32) -> Mesh:
    """Grid of points (n, m, 3) with albedo (n-1, m-1, 3) and gloss (n-1, m-1) -> quads with normals off ``center``."""
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    corners = np.stack((a, b, c, d), 2).reshape(-1, 4, 3)
    normal = np.cross(c - a, d - b)
    size = np.linalg.norm(normal, axis=-1, keepdims=True)
    out = (a + b + c + d) / 4 - center
    normal = np.where(size > 1e-7, normal / np.maximum(size, 1e-9), out / np.linalg.norm(out, axis=-1, keepdims=True))
    normal *= np.where((normal * out).sum(-1, keepdims=True) < 0, -1.0, 1.0)
    return Mesh(
        corners.astype(np.float32),
        normal.reshape(-1, 3).astype(np.float32),
        albedo.reshape(-1, 3).astype(np.float32),
        gloss.reshape(-1).astype(np.float32),
    )


def box(
    x0: float, x1: float, y0: float, y1: float, z0: float, z1: float, paint: Paint, gloss: float = 0.2, steps: int = 6
) -> Mesh:
    """A box without a floor, each face cut into quads."""
    faces: list[Mesh] = []
    center = np.array(((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2), np.float32)
    t = np.linspace(0, 1, steps + 1)
    for axis, value in ((0, x0), (0, x1), (1, y1), (2, z0), (2, z1)):
        u, v = [i for i in range(3) if i != axis]
        lo, hi = (x0, y0, z0), (x1, y1, z1)
        grid = np.empty((steps + 1, steps + 1, 3), np.float32)
        grid[..., axis] = value
        grid[..., u] = (lo[u] + (hi[u] - lo[u]) * t)[:, None]
        grid[..., v] = (lo[v] + (hi[v] - lo[v]) * t)[None, :]
        faces.append(
            grid_mesh(
                grid,
                np.broadcast_to(np.array(paint, np.float32), (steps, steps, 3)),
                np.full((steps, steps), gloss, np.float32),
                center,
            )
        )
    return join(faces)


def join(parts: Sequence[Mesh]) -> Mesh:
    """Several meshes as one."""
    return Mesh(
        np.concatenate([p.corners for p in parts]),
        np.concatenate([p.normals for p in parts]),
        np.concatenate([p.albedo for p in parts]),
        np.concatenate([p.gloss for p in parts]),
    )


_ACROSS = np.array((0, 0.15, 0.3, 0.45, 0.6, 0.72, 0.82, 0.9, 0.95, 1.0))
_RING = len(_ACROSS) + 4  # points of half a section: skin and side


def loft(
    stations: Sequence[Station],
    width: float,
    belt: float,
    sill: float,
    paint: Paint,
    roof: Paint | None = None,
    windows: tuple[tuple[float, float], ...] = (),
) -> Mesh:
    """A body: ``stations`` run from under the front over bonnet and roof to under the tail; the sides hang from that.

    ``windows`` are z ranges with side glass above the ``belt``.
    """
    rows: list[tuple[float, float, float, float, str]] = []
    for a, b in pairwise(stations):
        for i in range(a.steps):
            k = i / a.steps
            bulge = 0.035 * float(np.sin(np.pi * k)) if a.stuff == "glass" else 0.0  # panes are curved
            out = bulge * (-1 if a.z < stations[-1].z / 2 else 1)
            rows.append(
                (
                    a.z + (b.z - a.z) * k + out,
                    a.y + (b.y - a.y) * k + bulge,
                    a.half + (b.half - a.half) * k,
                    a.wrap + (b.wrap - a.wrap) * k,
                    a.stuff,
                )
            )
    last = stations[-1]
    rows.append((last.z, last.y, last.half, last.wrap, last.stuff))
    length, top, w = max(s.z for s in stations), max(s.y for s in stations), width / 2
    front = length / 2
    grid = np.empty((len(rows), _RING, 3), np.float32)
    for i, (z, y, half, wrap, _) in enumerate(rows):
        inward = wrap * (1 if z < front else -1)
        drop = 0.035 + 0.02 * (y > 0.6)
        grid[i, :-4, 0] = half * _ACROSS
        grid[i, :-4, 1] = y - drop * _ACROSS**4
        grid[i, :-4, 2] = z + inward * _ACROSS**3
        y_edge = y - drop
        waist = min(belt, y_edge - 0.02)
        z_side = z + inward * 1.6
        end = 0.05 * (1 - min(1.0, min(z_side, length - z_side) / 0.5))  # the ends are a little narrower
        for j, (x_side, y_side) in enumerate(
            ((w - 0.04 - end, waist), (w - end, waist - 0.12), (w - end, (waist + sill) / 2), (w - 0.03 - end, sill))
        ):
            grid[i, j - 4] = x_side, min(max(y_side, sill), y_edge), z_side
    albedo = np.empty((len(rows) - 1, _RING - 1, 3), np.float32)
    gloss = np.full((len(rows) - 1, _RING - 1), 0.45, np.float32)
    body = np.array(paint, np.float32)
    albedo[:] = body
    for i, (z, y, _, _, stuff) in enumerate(rows[:-1]):
        if roof is not None and y > top - 0.25 and stuff == "body":
            albedo[i, :-4] = roof
        if stuff == "glass":
            albedo[i, :-5], gloss[i, :-5] = GLASS, 1.0
        elif stuff == "dark":
            albedo[i, :-4], gloss[i, :-4] = DARK, 0.1
        if any(lo <= z < hi for lo, hi in windows) and y > belt + 0.08:
            albedo[i, -4], gloss[i, -4] = GLASS, 0.9
        albedo[i, -1] = body * 0.55
    both = np.concatenate((grid[:, :0:-1] * np.array((-1, 1, 1), np.float32), grid), 1)
    center = np.array((0, min(0.6, belt), length / 2), np.float32)
    colors, shine = np.concatenate((albedo[:, ::-1], albedo), 1), np.concatenate((gloss[:, ::-1], gloss), 1)
    return grid_mesh(both, colors, shine, center)
