"""Rendered heavy vehicles, each a `Model`: bus, lorry (also as a fire engine) and semitrailer.

Sizes in metres, colors B, G, R.
"""

from __future__ import annotations

import numpy as np

from vision.demo.parts import Face, ellipse, mirrors, mix, rect, side, wheel
from vision.demo.shapes import (
    AMBER,
    CHROME,
    DARK,
    GLASS,
    GREY,
    LAMP,
    STRIPE,
    TAIL,
    Model,
    Paint,
    Station,
    box,
    flat,
    loft,
    profile,
)


def bus(paint: Paint, trim: Paint, plate_w: float = 0.48) -> Model:
    """A city bus."""
    m = Model(10.5, 2.5)
    p = profile(
        """
        0.1 0.28 1.16 dark 2 0.12 | 0.03 0.4 1.22 body 3 0.16 | 0.0 0.8 1.22 body 3 0.16 |
        0.02 1.12 1.21 glass 14 0.16 | 0.14 2.42 1.18 dark 4 0.16 | 0.2 2.82 1.16 body 2 0.14 |
        0.42 2.98 1.12 body 16 0.05 | 10.2 3.0 1.12 body 2 0.0 | 10.42 2.86 1.16 glass 9 0.05 |
        10.48 1.8 1.2 body 4 0.08 | 10.5 0.8 1.22 body 3 0.08 | 10.4 0.3 1.18 body 3 0.08
        """
    )
    m.meshes.append(loft(p, 2.5, 1.14, 0.3, paint, windows=((0.5, 10.2),)))
    for z in (2.2, 8.0):
        wheel(m, z, 0.48, 0.3)
    side(m, rect(0.7, 10.2, 0.62, 0.8, 0.0), trim)
    side(m, rect(0.5, 10.2, 1.15, 2.3, 0.02), GLASS, -0.02)
    for s in (-1, 1):
        m.meshes.append(box(min(s * 1.3, s * 1.46), max(s * 1.3, s * 1.46), 1.75, 2.25, -0.12, -0.02, DARK, 0.2, 2))
        m.meshes.append(box(min(s * 1.15, s * 1.4), max(s * 1.15, s * 1.4), 2.26, 2.31, -0.1, 0.1, DARK, 0.2, 2))
    front = Face(
        m, [s for s in p if s.y > 0] + [Station(0.02, 1.13, 1.21, wrap=0.16), Station(0.14, 2.42, 1.18, wrap=0.16)], -1
    )
    front.add(rect(-0.98, 0.98, 2.5, 2.76, 0.03), (14.0, 14.0, 14.0))
    for x in np.arange(-0.75, 0.76, 0.3):  # a destination sign of lit blocks, no letters
        front.add(rect(float(x) - 0.1, float(x) + 0.1, 2.56, 2.7, 0.02), (30.0, 120.0, 235.0), 0.5)
    front.add([(-1.2, 0.98), (1.2, 0.98), (1.2, 1.08), (-1.2, 1.08)], trim)
    for s in (-1, 1):
        front.add(rect(s * 0.98 - 0.2, s * 0.98 + 0.2, 0.6, 0.86, 0.06), (52.0, 50.0, 50.0))
        for dx in (-0.09, 0.1):
            front.add(ellipse(s * 0.98 + dx, 0.73, 0.075, 0.075, 16), LAMP, 0.6)
        front.add(rect(s * 1.02 - 0.12, s * 1.02 + 0.12, 0.5, 0.55), AMBER, 0.2)
        front.add([(s * 0.1, 1.16), (s * 0.62, 1.2), (s * 0.62, 1.22), (s * 0.1, 1.19)], (12.0, 12.0, 12.0))
    front.add(rect(-0.5, 0.5, 0.8, 0.92, 0.03), (42.0, 42.0, 42.0))
    front.add(ellipse(0, 0.86, 0.08, 0.05, 16), CHROME)
    front.add(rect(-1.1, 1.1, 0.3, 0.38, 0.02), (34.0, 34.0, 34.0))
    front.plate(0.54, plate_w, 0.14)
    return m


def lorry(paint: Paint, cargo: Paint, plate_w: float = 0.44, fire: bool = False) -> Model:
    """A cab-over lorry with a box; as a fire engine with a light bar and lockers."""
    m = Model(7.2, 2.4)
    p = profile(
        """
        0.14 0.34 1.08 dark 2 0.1 | 0.03 0.44 1.14 body 3 0.12 | 0.0 0.84 1.14 body 4 0.12 |
        0.02 1.4 1.12 dark 1 0.12 | 0.04 1.46 1.1 glass 13 0.14 | 0.28 2.2 1.02 body 2 0.12 |
        0.48 2.42 0.98 body 6 0.04 | 1.7 2.5 0.98 body 2 0.0 | 1.82 2.3 1.05 body 3 0.0 |
        1.82 0.5 1.1 body 3 0.0
        """
    )
    m.meshes.append(loft(p, 2.3, 1.44, 0.4, paint, windows=((0.5, 1.4),)))
    top = 2.9 if fire else 3.15
    m.meshes.append(box(-1.18, 1.18, 0.9 if not fire else 0.6, top, 1.95, 7.15, cargo, 0.3, 10))
    m.meshes.append(box(-0.5, 0.5, 0.5, 0.9, 1.85, 7.0, DARK, 0.1, 4))
    for z in (1.0, 5.6):
        wheel(m, z, 0.46, 0.3)
    mirrors(m, 0.15, 1.55, DARK, 1.16, 1.5)
    front = Face(m, p, -1)
    front.add(rect(-0.78, 0.78, 0.98, 1.26, 0.05), mix(paint, 0.3))
    for y in (1.02, 1.1, 1.18):
        front.add([(-0.74, y), (0.74, y), (0.74, y + 0.03), (-0.74, y + 0.03)], (120.0, 120.0, 120.0))
    front.add(ellipse(0, 1.12, 0.1, 0.08, 18), CHROME, 0.1)
    front.add(rect(-1.12, 1.12, 0.42, 0.8, 0.06), (96.0, 94.0, 92.0) if not fire else (215.0, 215.0, 215.0))
    for s in (-1, 1):
        front.add(rect(s * 0.86 - 0.2, s * 0.86 + 0.2, 0.56, 0.76, 0.05), (44.0, 44.0, 44.0))
        for dx in (-0.08, 0.1):
            front.add(ellipse(s * 0.86 + dx, 0.66, 0.07, 0.065, 16), LAMP, 0.6)
        front.add(rect(s * 1.02 - 0.08, s * 1.02 + 0.08, 0.84, 0.94), AMBER, 0.2)
        front.add([(s * 0.1, 1.5), (s * 0.6, 1.54), (s * 0.6, 1.56), (s * 0.1, 1.53)], (12.0, 12.0, 12.0))
    front.plate(0.6, plate_w, 0.14)
    if fire:
        m.meshes.append(box(-0.8, 0.8, 2.46, 2.62, 0.6, 0.85, (190.0, 60.0, 30.0), 0.6, 4))
        for a in (2.1, 3.7, 5.3):
            side(m, rect(a, a + 1.4, 0.9, 2.6, 0.03), (190.0, 190.0, 190.0), 0.0)
        side(m, rect(0.5, 7.1, 1.2, 1.34, 0.0), STRIPE, 0.03)
    _tail_of_box(m, 1.18, top, 7.15, cargo, 0.9, 0.62)
    return m


def _tail_of_box(m: Model, half: float, top: float, z: float, cargo: Paint, floor: float, plate_y: float) -> None:
    """Doors, bars, lamps, underrun and reflectors on the tail of a box."""

    def put(points: list[tuple[float, float]], paint: Paint, glow: float = 0.0, back: float = 0.02) -> None:
        m.details.append(flat([(x, y, z + back) for x, y in points], (0, 0, 1), paint, glow))

    put(rect(-half, half, floor, top, 0.0), mix(cargo, 0.72))
    for s in (-1, 1):
        put(
            rect(min(s * 0.03, s * (half - 0.06)), max(s * 0.03, s * (half - 0.06)), floor + 0.08, top - 0.08, 0.0),
            mix(cargo, 0.9),
        )
        for x in (0.25, 0.85):
            put(rect(s * x - 0.02, s * x + 0.02, floor + 0.1, top - 0.1, 0.0), GREY)
        put(rect(s * 0.25 - 0.06, s * 0.25 + 0.06, floor + 0.55, floor + 0.68), DARK)
        for k in range(6):
            a = s * (half - 0.07) - 0.02
            put(rect(a, a + 0.04, floor + 0.14 + k * 0.32, floor + 0.36 + k * 0.32, 0.0), TAIL if k % 2 else STRIPE)
    for k in range(8):
        a = -half + 0.06 + k * (2 * half - 0.12) / 8
        put(rect(a, a + (2 * half - 0.12) / 8, floor + 0.02, floor + 0.06, 0.0), TAIL if k % 2 else STRIPE)
    put(rect(-0.62, 0.62, 0.4, floor, 0.0), (30.0, 30.0, 30.0))
    put(rect(-half, half, 0.54, 0.84, 0.0), (64.0, 64.0, 64.0))
    put(rect(-half + 0.05, half - 0.05, 0.38, 0.48, 0.0), (150.0, 150.0, 152.0))
    for s in (-1, 1):
        put(rect(s * 0.7 - 0.04, s * 0.7 + 0.04, 0.46, floor, 0.0), (40.0, 40.0, 40.0))
    for s in (-1, 1):
        put(rect(s * (half - 0.3) - 0.22, s * (half - 0.3) + 0.22, 0.6, 0.78), (36.0, 30.0, 120.0))
        put(rect(s * (half - 0.38) - 0.11, s * (half - 0.38) + 0.11, 0.62, 0.76), TAIL, 0.3)
        put(rect(s * (half - 0.16) - 0.06, s * (half - 0.16) + 0.06, 0.62, 0.76), AMBER, 0.2)
    w, h = 0.22, 0.11
    put(rect(-w - 0.03, w + 0.03, plate_y - h - 0.03, plate_y + h + 0.03), (58.0, 58.0, 58.0))
    back = z + 0.03
    up, low = plate_y + h, plate_y - h
    m.plate_rear = np.array(((w, up, back), (-w, up, back), (-w, low, back), (w, low, back)), np.float32)


def semitrailer(paint: Paint, cargo: Paint) -> Model:
    """A long box on a tractor, seen from behind."""
    m = Model(13.5, 2.5)
    p = profile(
        """
        0.03 0.44 1.16 body 3 0.12 | 0.0 0.9 1.16 body 3 0.12 | 0.04 1.5 1.12 glass 9 0.12 |
        0.3 2.4 1.04 body 3 0.1 | 1.9 2.7 1.0 body 3 0.0 | 2.1 0.6 1.1 body 3 0.0
        """
    )
    m.meshes.append(loft(p, 2.4, 1.48, 0.4, paint))
    m.meshes.append(box(-1.24, 1.24, 1.15, 3.3, 2.4, 13.45, cargo, 0.25, 14))
    m.meshes.append(box(-0.5, 0.5, 0.6, 1.15, 2.3, 13.3, DARK, 0.1, 6))
    for z in (9.6, 10.9, 12.2, 3.5):
        wheel(m, z, 0.5, 0.45)
    _tail_of_box(m, 1.24, 3.3, 13.45, cargo, 1.15, 0.72)
    return m
