"""The scene of one stream: which boxes count, and the way of each track through lines, lanes and zones."""

from __future__ import annotations

from collections import Counter

import numpy as np

from vision.scene.geometry import F64, Bools, contains, side_of
from vision.scene.layout import SceneConfig
from vision.scene.mask import Mask
from vision.scene.speed import SpeedMeter
from vision.scene.way import Way
from vision.types import F32, I64, PlateDetections

EDGE_PX = 1.0


class Scene:
    """Ways of all tracks of one stream.

    A vehicle is where its ground point is: the middle of the lower edge of its box. Only detections count: a box that
    was carried along in between says nothing new.

    Args:
        config: checked settings.
    """

    def __init__(self, config: SceneConfig) -> None:
        self.config = config
        self._size = (0, 0)
        self._is_idle = not (config.lanes or config.lines or config.zones or config.calibration)
        self._ways: dict[int, Way] = {}
        self.mask: Mask | None = None
        self.counts: Counter[tuple[str, str]] = Counter()  # crossings of tracks so far, by line and direction

    def fit(self, width: int, height: int) -> bool:
        """The picture has this size from now on; returns whether it is another one than before, which ends all ways."""
        if (width, height) == self._size:
            return False
        self._size = (width, height)
        self.reset()
        config = self.config
        scale = np.array([width, height]) / np.array(config.size)
        self._scale: F64 = scale
        include, exclude = ([np.array(p) * scale for p in polygons] for polygons in (config.include, config.exclude))
        self.mask = Mask(include, exclude, width, height) if include or exclude else None
        self._lines = [(np.array(line.points[0]) * scale, np.array(line.points[1]) * scale) for line in config.lines]
        self._zones = [np.array(zone.points) * scale for zone in config.zones]
        self._lanes = [np.array(lane.points) * scale for lane in config.lanes]
        self._steps = [unit(np.array(lane.direction) * scale) if lane.direction else None for lane in config.lanes]
        self._meter = SpeedMeter(config.calibration, scale) if config.calibration else None
        return True

    def hidden_cells(self, rows: int, cols: int) -> Bools | None:
        """(rows, cols): the cells of a grid over the frame that do not count; None if all do."""
        return None if self.mask is None else ~self.mask.cells(rows, cols)

    def are_visible(self, boxes: F32) -> Bools:
        """Which boxes (n, 4) stand where vehicles count."""
        return self.mask.is_visible(ground(boxes)) if self.mask else np.ones(len(boxes), bool)

    def in_sight(self, plates: PlateDetections) -> PlateDetections:
        """The plates whose center is where vehicles count."""
        if self.mask is None or not len(plates):
            return plates
        seen = self.mask.is_visible(plates.corners.mean(1).astype(np.float64))
        return PlateDetections(plates.corners[seen], plates.scores[seen])

    def see(self, ids: I64, boxes: F32, time_ns: int, offset_s: float) -> dict[int, Way]:
        """Go on with the detections of a frame: track ids (n,) and boxes (n, 4); returns the ways by track id."""
        if not len(ids) or self._is_idle:
            return {}
        points = ground(boxes)
        sizes = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1))
        beside = [np.column_stack(side_of(a, b, points)) for a, b in self._lines]
        in_zone = [contains(polygon, points) for polygon in self._zones]
        in_lane = [contains(polygon, points) for polygon in self._lanes]
        if self._meter is not None:
            w, h = self._size
            is_whole = (boxes[:, :2] > EDGE_PX).all(1) & (boxes[:, 2:] < np.array([w, h]) - EDGE_PX).all(1)
            metered = self._meter.is_inside(points) & is_whole
        else:
            metered = np.zeros(len(ids), bool)
        seen = {}
        for i, track_id in enumerate(ids.tolist()):
            way = self._ways.setdefault(track_id, Way(self.config, self._meter))
            seen[track_id] = way
            new = way.see(
                time_ns,
                offset_s,
                (float(points[i, 0]), float(points[i, 1])),
                max(1.0, float(sizes[i])),
                [(float(d[i, 0]), float(d[i, 1])) for d in beside],
                frozenset(k for k, inside in enumerate(in_zone) if inside[i]),
                frozenset(k for k, inside in enumerate(in_lane) if inside[i]),
                self._steps,
                bool(metered[i]),
            )
            self.counts.update((c.line, c.direction) for c in new)
        return seen

    def reset(self) -> None:
        """All tracks have ended."""
        self.forget(np.array(list(self._ways), np.int64))

    def forget(self, track_ids: I64) -> None:
        """These tracks have ended; what holds their ways keeps them."""
        for track_id in track_ids.tolist():
            way = self._ways.pop(track_id, None)
            if way is not None:
                self.counts.update((c.line, c.direction) for c in way.finish())


def ground(boxes: F32) -> F64:
    """Ground points (n, 2) of boxes (n, 4): the middle of the lowest row of pixels, so that it lies in the picture."""
    return np.column_stack(((boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3] - 0.5)).astype(np.float64)


def unit(line: F64) -> tuple[float, float]:
    """The direction of a line (2, 2) as a unit vector."""
    x, y = (line[1] - line[0]) / np.hypot(*(line[1] - line[0]))
    return float(x), float(y)
