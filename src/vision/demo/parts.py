"""Parts of rendered vehicles: lamps, plates and trims on a face, wheels, mirrors, doors.

Sizes in metres, colors B, G, R.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision.demo.shapes import DARK, F32, TYRE, Detail, Model, Paint, Station, box, flat

PAINTS: dict[str, Paint] = {
    "white": (232.0, 232.0, 230.0),
    "black": (34.0, 32.0, 32.0),
    "silver": (178.0, 176.0, 172.0),
    "gray": (104.0, 100.0, 98.0),
    "red": (36.0, 30.0, 176.0),
    "blue": (150.0, 78.0, 30.0),
    "green": (62.0, 84.0, 52.0),
    "yellow": (40.0, 178.0, 228.0),
    "brown": (46.0, 66.0, 92.0),
}


def mix(paint: Paint, k: float) -> Paint:
    """The paint, lighter or darker."""
    return paint[0] * k, paint[1] * k, paint[2] * k


def mirrors(model: Model, z: float, y: float, paint: Paint, half: float, size: float = 1.0) -> None:
    """Two door mirrors at (z, y), ``half`` metres out."""
    for s in (-1, 1):
        a, b = s * (half + 0.02), s * (half + 0.02 + 0.2 * size)
        model.meshes.append(box(min(a, b), max(a, b), y, y + 0.14 * size, z, z + 0.09, paint, 0.3, 2))


def handles(model: Model, zs: Sequence[float], y: float, seams: Sequence[float], paint: Paint, sill: float) -> None:
    """Door handles and the seams of the doors on both flanks."""
    half = model.width / 2 + 0.012
    for s in (-1.0, 1.0):
        for z in zs:
            grip = [(s * half, b, a) for a, b in rect(z, z + 0.2, y, y + 0.04)]
            model.details.append(flat(grip, (s, 0, 0), mix(paint, 0.6)))
        for z in seams:
            seam = [(s * half, b, a) for a, b in rect(z, z + 0.015, sill, y + 0.14, 0.0)]
            model.details.append(flat(seam, (s, 0, 0), mix(paint, 0.35)))


def side(model: Model, points: list[tuple[float, float]], paint: Paint, out: float = 0.012) -> None:
    """A polygon of (z, y) points on both flanks."""
    for s in (-1.0, 1.0):
        x = s * (model.width / 2 + out)
        model.details.append(flat([(x, y, z) for z, y in points], (s, 0, 0), paint))


def ellipse(cx: float, cy: float, rx: float, ry: float, n: int = 20) -> list[tuple[float, float]]:
    """Points of an ellipse."""
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return [(cx + rx * float(np.cos(a)), cy + ry * float(np.sin(a))) for a in turn]


def rect(x0: float, x1: float, y0: float, y1: float, r: float = 0.02) -> list[tuple[float, float]]:
    """A rectangle with cut corners."""
    low, high = [(x0 + r, y0), (x1 - r, y0), (x1, y0 + r)], [(x1, y1 - r), (x1 - r, y1), (x0 + r, y1)]
    return [*low, *high, (x0, y1 - r), (x0, y0 + r)]


class Face:
    """Draws details on the front (``sign`` -1) or the tail (+1): (x, y) on the face -> points on the body."""

    def __init__(self, model: Model, stations: Sequence[Station], sign: int) -> None:
        self.model, self.sign = model, sign
        middle = max(s.z for s in stations) / 2
        side = [s for s in stations if (s.z < middle) == (sign < 0) and s.stuff != "glass"]
        side.sort(key=lambda s: s.y)
        self.y, self.z = np.array([s.y for s in side]), np.array([s.z for s in side])
        self.half, self.wrap = np.array([s.half for s in side]), np.array([s.wrap for s in side])

    def at(self, points: Sequence[tuple[float, float]], out: float = 0.01) -> F32:
        """(x, y) pairs -> (k, 3) just outside the body."""
        xy = np.array(points, np.float64)
        y = xy[:, 1]
        t = np.minimum(np.abs(xy[:, 0]) / np.interp(y, self.y, self.half), 1.1)
        z = np.interp(y, self.y, self.z) - self.sign * (np.interp(y, self.y, self.wrap) * t**3) + self.sign * out
        return np.column_stack((xy[:, 0], y, z)).astype(np.float32)

    def add(self, points: Sequence[tuple[float, float]], paint: Paint, glow: float = 0.0, mirror: bool = False) -> None:
        """One polygon, and its mirror image where asked for."""
        normal = np.array((0, 0, self.sign), np.float32)
        self.model.details.append(Detail(self.at(points), normal, paint, glow))
        if mirror:
            self.add([(-x, y) for x, y in points], paint, glow)

    def plate(self, cy: float, kind_width: float, kind_height: float, frame: bool = True) -> None:
        """A flat place for a plate, centre height ``cy``, sizes in metres; without ``frame`` nothing shows it."""
        w, h = kind_width / 2, kind_height / 2
        if frame:
            self.add(rect(-w - 0.035, w + 0.035, cy - h - 0.035, cy + h + 0.035), (38, 38, 38))
        left = self.sign * w  # seen from outside, left is -x on the front and +x on the tail
        z = float(self.at([(0.0, cy)], 0.035)[0, 2])
        quad = np.array(((left, cy + h, z), (-left, cy + h, z), (-left, cy - h, z), (left, cy - h, z)), np.float32)
        if self.sign < 0:
            self.model.plate_front = quad
        else:
            self.model.plate_rear = quad


def wheel(model: Model, z: float, radius: float, wide: float = 0.22) -> None:
    """Two wheels at ``z``: arch, tyre and rim on both sides, and the tread below the body."""
    half = model.width / 2
    for side in (-1.0, 1.0):
        x = side * (half + 0.012)
        rim, hub = (150.0, 150.0, 150.0), (70.0, 70.0, 70.0)
        for r, paint in ((radius * 1.14, DARK), (radius, TYRE), (radius * 0.64, rim), (radius * 0.2, hub)):
            ring = [(x, max(yy, 0.0), zz) for zz, yy in ellipse(z, radius, r, r, 24)]
            model.details.append(flat(ring, (side, 0, 0), paint))
        for face in (-1.0, 1.0):
            zz = z + face * radius * 0.75
            a, b = side * (half - wide), side * half
            tread = [(a, 0.0, zz), (b, 0.0, zz), (b, radius, zz), (a, radius, zz)]
            model.under.append(flat(tread, (0, 0, face), TYRE))
