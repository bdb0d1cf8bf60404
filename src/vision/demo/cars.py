"""Rendered cars, each a `Model`: sedan, police car, SUV and van.

Sizes in metres, colors B, G, R.
"""

from __future__ import annotations

from vision.demo.parts import Face, ellipse, handles, mirrors, mix, rect, side, wheel
from vision.demo.shapes import CHROME, DARK, GREY, LAMP, TAIL, Model, Paint, box, flat, loft, profile


def _front_of_car(face: Face, w: float, y0: float, grille: Paint, high: float) -> None:
    """Lamps, grille and bumper; ``y0`` is the lower edge of the lamps, ``high`` stretches the grille."""
    lamp = [
        (w - 0.42, y0 + 0.02),
        (w - 0.08, y0 + 0.06),
        (w - 0.03, y0 + 0.15),
        (w - 0.12, y0 + 0.17),
        (w - 0.38, y0 + 0.11),
    ]
    face.add(lamp, (66.0, 62.0, 60.0), mirror=True)
    inner = [(x * 0.96 + 0.02, (y - y0 - 0.09) * 0.72 + y0 + 0.09) for x, y in lamp]
    face.add(inner, (190.0, 186.0, 180.0), mirror=True)
    for dx in (0.32, 0.17):
        face.add(ellipse(w - dx, y0 + 0.085, 0.05, 0.038, 14), LAMP, 0.7, mirror=True)
    face.add(
        [(w - 0.44, y0 + 0.005), (w - 0.08, y0 + 0.04), (w - 0.08, y0 + 0.055), (w - 0.44, y0 + 0.02)],
        LAMP,
        0.8,
        mirror=True,
    )
    g = [(-0.42, y0 + 0.13), (-0.36, y0 - 0.02 - high), (0.36, y0 - 0.02 - high), (0.42, y0 + 0.13)]
    face.add(g, CHROME)
    face.add([(x * 0.95, (y - y0 - 0.05) * 0.88 + y0 + 0.05) for x, y in g], grille)
    for k in range(4):
        y = y0 + 0.1 - k * (0.14 + high) / 4.5
        face.add([(-0.38, y), (0.38, y), (0.38, y - 0.012), (-0.38, y - 0.012)], (92.0, 92.0, 92.0))
    face.add(ellipse(0, y0 + 0.06, 0.06, 0.05, 16), CHROME, 0.1)
    face.add(ellipse(0, y0 + 0.06, 0.042, 0.034, 16), (90.0, 90.0, 96.0))
    face.add(rect(-0.62, 0.62, 0.25, 0.36, 0.05), (24.0, 24.0, 24.0))
    face.add([(w - 0.26, 0.3), (w - 0.08, 0.34), (w - 0.06, 0.46), (w - 0.22, 0.42)], (40.0, 40.0, 40.0), mirror=True)
    face.add(ellipse(w - 0.15, 0.385, 0.05, 0.035, 12), (200.0, 200.0, 196.0), 0.2, mirror=True)


def _rear_of_car(face: Face, w: float, y: float, plate_y: float) -> None:
    """Tail lamps, bumper, seam and badge; ``y`` is the middle of the lamps."""
    lamp = [(w - 0.36, y - 0.05), (w - 0.05, y - 0.09), (w - 0.02, y + 0.07), (w - 0.1, y + 0.09), (w - 0.36, y + 0.06)]
    face.add(lamp, mix(TAIL, 0.6), mirror=True)
    face.add([(x * 0.94 + 0.035, (b - y) * 0.65 + y) for x, b in lamp], TAIL, 0.25, mirror=True)
    face.add(rect(w - 0.34, w - 0.22, y - 0.03, y + 0.03), (200.0, 205.0, 225.0), mirror=True)
    face.add(rect(-w + 0.38, w - 0.38, y + 0.055, y + 0.08, 0.005), CHROME)
    face.add(rect(-0.4, 0.4, plate_y - 0.14, plate_y + 0.14, 0.04), (60.0, 60.0, 60.0))
    face.add(rect(-w + 0.14, w - 0.14, 0.22, 0.4, 0.03), (38.0, 38.0, 38.0))
    face.add(rect(w - 0.3, w - 0.1, 0.44, 0.49), (36.0, 30.0, 150.0), mirror=True)
    for x in (-0.5, 0.5):
        face.add(ellipse(x, 0.27, 0.09, 0.035, 12), (150.0, 150.0, 150.0))


def sedan(paint: Paint, plate_w: float = 0.44) -> Model:
    """A three-box car."""
    m = Model(4.72, 1.82)
    p = profile(
        """
        0.16 0.2 0.8 dark 2 0.22 | 0.03 0.3 0.86 body 3 0.25 | 0.0 0.52 0.87 body 3 0.25 |
        0.03 0.66 0.86 body 3 0.25 | 0.16 0.76 0.83 body 8 0.18 | 1.08 0.96 0.8 dark 1 0.04 |
        1.2 0.98 0.76 glass 13 0.16 | 1.98 1.41 0.58 body 3 0.06 | 2.3 1.46 0.57 body 6 0.0 |
        3.2 1.43 0.56 body 2 0.0 | 3.36 1.39 0.56 glass 11 0.04 | 4.08 1.06 0.68 body 4 0.08 |
        4.58 1.02 0.74 body 2 0.14 | 4.68 0.92 0.82 body 3 0.18 | 4.72 0.6 0.86 body 3 0.2 |
        4.7 0.36 0.86 dark 2 0.2 | 4.6 0.22 0.8 body 3 0.2
        """
    )
    m.meshes.append(loft(p, 1.82, 0.93, 0.2, paint, windows=((1.5, 2.42), (2.5, 3.3), (3.36, 3.7))))
    for z in (0.86, 3.72):
        wheel(m, z, 0.325)
    handles(m, (2.15, 3.1), 0.8, (1.42, 2.45, 3.42), paint, 0.25)
    mirrors(m, 1.5, 0.94, paint, 0.84)
    front, rear = Face(m, p, -1), Face(m, p, 1)
    _front_of_car(front, 0.86, 0.58, (30.0, 30.0, 30.0), 0.03)
    front.plate(0.45, plate_w, 0.14)
    _rear_of_car(rear, 0.84, 0.82, 0.7)
    rear.plate(0.7, plate_w, 0.14)
    return m


def police_car(paint: Paint, stripe: Paint = (140.0, 60.0, 20.0)) -> Model:
    """A sedan with a light bar and a stripe."""
    m = sedan(paint)
    m.meshes.append(box(-0.55, -0.05, 1.47, 1.58, 2.25, 2.5, (40.0, 30.0, 215.0), 0.5, 3))
    m.meshes.append(box(0.05, 0.55, 1.47, 1.58, 2.25, 2.5, (215.0, 70.0, 30.0), 0.5, 3))
    m.meshes.append(box(-0.06, 0.06, 1.47, 1.55, 2.25, 2.5, GREY, 0.3, 1))
    side(m, rect(0.5, 4.3, 0.5, 0.66, 0.0), stripe)
    bonnet = [(-0.8, 0.835, 0.5), (0.8, 0.835, 0.5), (0.8, 0.862, 0.62), (-0.8, 0.862, 0.62)]
    m.details.append(flat(bonnet, (0, 0.98, -0.2), stripe))
    return m


def suv(paint: Paint, plate_w: float = 0.44) -> Model:
    """A tall two-box car."""
    m = Model(4.7, 1.9)
    p = profile(
        """
        0.16 0.26 0.84 dark 2 0.2 | 0.03 0.36 0.9 body 3 0.2 | 0.0 0.62 0.9 body 3 0.2 |
        0.02 0.86 0.89 body 3 0.2 | 0.14 0.98 0.87 body 8 0.16 | 1.02 1.1 0.84 dark 1 0.04 |
        1.12 1.12 0.8 glass 13 0.16 | 1.78 1.63 0.64 body 2 0.06 | 2.1 1.71 0.64 body 8 0.0 |
        4.0 1.7 0.63 body 2 0.0 | 4.26 1.64 0.64 glass 10 0.06 | 4.6 1.16 0.78 body 3 0.12 |
        4.68 1.04 0.86 body 3 0.14 | 4.7 0.64 0.9 body 3 0.16 | 4.68 0.42 0.9 dark 2 0.16 |
        4.6 0.26 0.84 body 3 0.16
        """
    )
    m.meshes.append(loft(p, 1.9, 1.08, 0.26, paint, windows=((1.45, 2.5), (2.58, 3.5), (3.58, 4.2))))
    for z in (0.88, 3.72):
        wheel(m, z, 0.37, 0.25)
    handles(m, (2.2, 3.25), 0.95, (1.4, 2.53, 3.55), paint, 0.35)
    mirrors(m, 1.42, 1.08, paint, 0.88)
    for s in (-1, 1):
        m.meshes.append(box(s * 0.56 - 0.02, s * 0.56 + 0.02, 1.72, 1.77, 2.1, 4.0, (150.0, 150.0, 150.0), 0.3, 3))
    front, rear = Face(m, p, -1), Face(m, p, 1)
    _front_of_car(front, 0.89, 0.74, (26.0, 26.0, 26.0), 0.08)
    front.plate(0.52, plate_w, 0.14)
    _rear_of_car(rear, 0.88, 0.98, 0.8)
    rear.plate(0.8, plate_w, 0.14)
    return m


def van(paint: Paint, plate_w: float = 0.44, frame: bool = True) -> Model:
    """A minibus with a short snout; without ``frame`` nothing shows where a plate would be."""
    m = Model(4.9, 1.88)
    p = profile(
        """
        0.12 0.26 0.84 dark 2 0.12 | 0.02 0.36 0.9 body 3 0.13 | 0.0 0.62 0.91 body 3 0.13 |
        0.06 0.86 0.9 body 3 0.13 | 0.22 0.98 0.88 body 4 0.12 | 0.5 1.1 0.86 dark 1 0.08 |
        0.56 1.12 0.84 glass 14 0.14 | 1.18 1.84 0.74 body 2 0.05 | 1.5 1.95 0.73 body 8 0.0 |
        4.55 1.95 0.73 body 2 0.0 | 4.74 1.86 0.74 glass 10 0.05 | 4.86 1.2 0.85 body 3 0.06 |
        4.9 0.7 0.9 body 3 0.08 | 4.88 0.44 0.9 dark 2 0.08 | 4.8 0.28 0.84 body 3 0.08
        """
    )
    m.meshes.append(loft(p, 1.88, 1.1, 0.28, paint, windows=((0.9, 1.75), (1.85, 3.1), (3.2, 4.6))))
    for z in (0.8, 3.8):
        wheel(m, z, 0.33)
    handles(m, (1.55, 1.9), 0.95, (0.85, 1.8, 3.15), paint, 0.35)
    mirrors(m, 0.8, 1.12, DARK, 0.9, 1.15)
    front, rear = Face(m, p, -1), Face(m, p, 1)
    _front_of_car(front, 0.88, 0.68, (28.0, 28.0, 28.0), 0.02)
    front.plate(0.48, plate_w, 0.14, frame)
    _rear_of_car(rear, 0.88, 1.0, 0.78)
    for x in (-0.84, 0.84):
        rear.add(rect(x - 0.05, x + 0.05, 0.85, 1.35), TAIL, 0.1)
    rear.plate(0.78, plate_w, 0.14)
    return m
