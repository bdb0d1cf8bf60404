"""Plane geometry of a scene: points in polygons, sides of lines, the picture's way to the road."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]
Point = tuple[float, float]


def contains(polygon: F64, points: F64) -> Bools:
    """Which points (n, 2) lie in a polygon (k, 2), by the even-odd rule; of its edge, the upper and left part count.

    Source: Shimrat, Algorithm 112: position of point relative to polygon, CACM 5 (1962).
    """
    x, y = points[:, 0:1], points[:, 1:2]
    (x1, y1), (x2, y2) = polygon.T, np.roll(polygon, -1, 0).T
    spans = (y1 <= y) != (y2 <= y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x1 + (y - y1) * (x2 - x1) / (y2 - y1)
    return np.asarray(np.count_nonzero(spans & (x < at), axis=1) % 2 == 1)


def problem_of(polygon: Sequence[Point]) -> str | None:
    """What keeps points from being a polygon: too few, equal neighbors, no area, edges that cross; None if fine."""
    n = len(polygon)
    if n < 3:
        return f"expected at least 3 points, got {n}"
    edges = [(polygon[i], polygon[(i + 1) % n]) for i in range(n)]
    for i, (a, b) in enumerate(edges):
        if a == b:
            return f"expected points that differ from their neighbors, got {a} twice at {i}"
    for i in range(n):
        for j in range(i + 1, n):
            are_neighbors = j == i + 1 or (i == 0 and j == n - 1)
            if not are_neighbors and do_cross(*edges[i], *edges[j]):
                return f"expected edges that do not cross, got edge {i} across edge {j}"
    if abs(area(polygon)) < 1e-9 * max(1.0, max(abs(v) for p in polygon for v in p)) ** 2:
        return "expected points that are not all in line"
    return None


def area(polygon: Sequence[Point]) -> float:
    """Signed area (shoelace formula): positive where the points run clockwise in a picture."""
    x, y = np.asarray(polygon, np.float64).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def do_cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the segments ab and cd share a point."""

    def turn(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    def is_between(p: Point, q: Point, r: Point) -> bool:
        return min(p[0], q[0]) <= r[0] <= max(p[0], q[0]) and min(p[1], q[1]) <= r[1] <= max(p[1], q[1])

    t = turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)
    if t[0] * t[1] < 0 and t[2] * t[3] < 0:
        return True
    on = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(v == 0 and is_between(*points) for v, points in zip(t, on, strict=True))


def side_of(a: F64, b: F64, points: F64) -> tuple[F64, F64]:
    """Where points (n, 2) are beside the line from ``a`` to ``b``.

    Returns:
        Distances (n,) to the line, positive on the right hand of someone who looks from ``a`` to ``b`` in the picture;
        and positions (n,) along it, 0 at ``a`` and 1 at ``b``.
    """
    along = b - a
    length = float(np.hypot(*along))
    away = points - a
    return (along[0] * away[:, 1] - along[1] * away[:, 0]) / length, (away @ along) / length**2


def homography(picture: F64, road: F64) -> F64:
    """The (3, 3) matrix that carries picture points (n, 2) to road points (n, 2), n >= 4, in the least squares.

    Raises:
        ValueError: three of four points are in line, or the points determine nothing.

    Source: Hartley and Zisserman, Multiple View Geometry, 2nd ed., algorithm 4.2 (normalized DLT).
    """
    to_p, to_r = normalization(picture), normalization(road)
    p, r = apply(to_p, picture), apply(to_r, road)
    rows = []
    for (x, y), (u, v) in zip(p, r, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, -u], [0, 0, 0, x, y, 1, -v * x, -v * y, -v]]
    _, values, vectors = np.linalg.svd(np.array(rows))
    matrix = np.linalg.inv(to_r) @ vectors[8].reshape(3, 3) @ to_p
    if values[7] < 1e-9 * values[0] or abs(np.linalg.det(matrix / np.abs(matrix).max())) < 1e-12:
        raise ValueError("points: expected no three of the four in line")
    return np.asarray(matrix / matrix[2, 2])


def normalization(points: F64) -> F64:
    """The (3, 3) matrix that moves points to their center and scales their mean distance from it to sqrt(2)."""
    center = points.mean(0)
    mean = float(np.hypot(*(points - center).T).mean())
    k = np.sqrt(2) / mean if mean > 0 else 1.0
    return np.array([[k, 0, -k * center[0]], [0, k, -k * center[1]], [0, 0, 1]])


def apply(matrix: F64, points: F64) -> F64:
    """Points (n, 2) through a (3, 3) matrix; what lies on or beyond the horizon becomes not a number."""
    out = np.column_stack((points, np.ones(len(points)))) @ matrix.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(out[:, :2] / out[:, 2:])
