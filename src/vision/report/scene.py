"""Draws a camera's scene on its picture: masks, lanes, counting lines with their counts, zones, rulers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.report.draw import put_label, scale_of
from vision.scene.layout import SceneConfig
from vision.types import U8

LINE_BGR, LANE_BGR, ZONE_BGR, ROAD_BGR = (40, 40, 240), (220, 200, 60), (60, 190, 250), (200, 80, 220)
DIM = 0.35  # how bright hidden parts stay


def draw_scene(image: U8, scene: SceneConfig, counts: Mapping[tuple[str, str], int] | None = None) -> None:
    """Draw a scene into ``image``.

    Args:
        image: (h, w, 3) BGR.
        scene: its settings.
        counts: crossings so far by line and direction; None writes the directions alone, the arrow's first.
    """
    if scene.include or scene.exclude:
        dim_hidden(image, scene)
    size = scale_of(image)
    width = max(1, size // 8)
    for lane in scene.lanes:
        outline(image, pixels(lane.points, scene, image), lane.name, LANE_BGR)
        if lane.direction:
            a, b = pixels(lane.direction, scene, image)
            cv2.arrowedLine(image, spot(a), spot(b), LANE_BGR, width, cv2.LINE_AA, tipLength=0.2)
    for zone in scene.zones:
        outline(image, pixels(zone.points, scene, image), zone.name, ZONE_BGR)
    if scene.calibration:
        outline(image, pixels(scene.calibration.polygon, scene, image), "", ROAD_BGR)
    for line in scene.lines:
        a, b = pixels(line.points, scene, image)
        cv2.line(image, spot(a), spot(b), LINE_BGR, 2 * width, cv2.LINE_AA)
        middle = (a + b) / 2
        ahead = np.array([-(b - a)[1], (b - a)[0]]) / max(1.0, float(np.hypot(*(b - a))))  # to the right hand
        tip = middle + 2.5 * size * ahead
        cv2.arrowedLine(image, spot(middle), spot(tip), LINE_BGR, width, cv2.LINE_AA, tipLength=0.4)
        words = [line.forward, line.backward]
        if counts is not None:
            words = [f"{word} {counts.get((line.name, word), 0)}" for word in words]
        put_label(image, f"{line.name}: {', '.join(words)}", float(a[0]), float(a[1]) - width, size=size, back=LINE_BGR)


def draw_rulers(image: U8, scene: SceneConfig) -> None:
    """Draw a grid of tenths into ``image``, labelled in the units of the scene's points."""
    h, w = image.shape[:2]
    size = max(10, scale_of(image) * 3 // 4)
    for tenth in range(1, 10):
        x, y = round(tenth * w / 10), round(tenth * h / 10)
        cv2.line(image, (x, 0), (x, h), (255, 255, 255), 1)
        cv2.line(image, (0, y), (w, y), (255, 255, 255), 1)
        put_label(image, f"{tenth * scene.size[0] / 10:g}", x + 2, h, size=size, back=(90, 90, 90))
        put_label(image, f"{tenth * scene.size[1] / 10:g}", 0, y, size=size, back=(90, 90, 90))


def dim_hidden(image: U8, scene: SceneConfig) -> None:
    """Darken the parts of ``image`` that do not count."""
    hidden = np.full(image.shape[:2], bool(scene.include), np.uint8)
    for polygons, value in ((scene.include, 0), (scene.exclude, 1)):
        for polygon in polygons:
            cv2.fillPoly(hidden, [np.round(pixels(polygon, scene, image)).astype(np.int32)], value)
    cv2.copyTo(cv2.convertScaleAbs(image, alpha=DIM), hidden, image)


def outline(image: U8, points: NDArray[np.float64], name: str, color: tuple[int, int, int]) -> None:
    """Draw a polygon (k, 2) and its name at its first point into ``image``."""
    size = scale_of(image)
    cv2.polylines(image, [np.round(points).astype(np.int32)], True, color, max(1, size // 9), cv2.LINE_AA)
    put_label(image, name, float(points[0, 0]), float(points[0, 1]) + size, size=size, back=color)


def pixels(points: Sequence[tuple[float, float]], scene: SceneConfig, image: U8) -> NDArray[np.float64]:
    """Points of the settings in pixels of a picture, (k, 2)."""
    scale = np.array([image.shape[1], image.shape[0]]) / np.array(scene.size)
    return np.asarray(np.array(points) * scale, np.float64)


def spot(point: NDArray[np.float64]) -> tuple[int, int]:
    """A point as OpenCV takes it."""
    return round(float(point[0])), round(float(point[1]))
