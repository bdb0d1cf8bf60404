"""A camera's scene as its settings say: polygons, lanes, lines, zones and the way to meters. Checked here alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.functional_validators import AfterValidator

from vision.scene.geometry import Point, homography, problem_of
from vision.settings import wrong

Finite = Annotated[float, Field(allow_inf_nan=False)]
Spot = tuple[Finite, Finite]
Name = Annotated[str, Field(min_length=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Row = tuple[Finite, Finite, Finite]


def checked_polygon(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The points, if they are a polygon."""
    problem = problem_of(points)
    if problem:
        raise wrong(problem)
    return points


def checked_line(points: tuple[Point, Point]) -> tuple[Point, Point]:
    """The points, if they differ."""
    if points[0] == points[1]:
        raise wrong("expected two different points")
    return points


Polygon = Annotated[tuple[Spot, ...], AfterValidator(checked_polygon)]
Line = Annotated[tuple[Spot, Spot], AfterValidator(checked_line)]


class Part(BaseModel):
    """Base of all parts of a scene: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Lane(Part):
    """A lane; ``direction`` (from, to) is the way traffic should go on it."""

    name: Name
    points: Polygon
    direction: Line | None = None


class CountingLine(Part):
    """A line that vehicles cross; ``forward`` is from the left to the right hand of who looks from first to last."""

    name: Name
    points: Line
    forward: Name = "forward"
    backward: Name = "backward"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.forward == self.backward:
            raise wrong(f"backward: expected another word than forward, got {self.backward!r}")
        return self


class Zone(Part):
    """A place to dwell in; a vehicle that stands there for ``limit_s`` is over the limit."""

    name: Name
    points: Polygon
    limit_s: Positive | None = None


class Calibration(Part):
    """How the picture becomes meters on the road: points and their meters, or a homography and where it holds."""

    points: tuple[Spot, ...] | None = None
    meters: tuple[Spot, ...] | None = None
    homography: tuple[Row, Row, Row] | None = None
    area: Polygon | None = None
    point_error_px: Annotated[float, Field(ge=0)] = 2.0
    meter_error_m: Annotated[float, Field(ge=0)] = 0.1
    scale_error: Annotated[float, Field(ge=0, le=1)] = 0.05

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.points is None) != (self.meters is None) or (self.points is None) == (self.homography is None):
            raise wrong("expected points and meters, or a homography")
        if self.points is None or self.meters is None:
            if self.area is None:
                raise wrong("area: expected the polygon in which the homography holds, got nothing")
            if abs(np.linalg.det(np.array(self.homography))) < 1e-12:
                raise wrong("homography: expected a matrix that can be inverted")
            return self
        if len(self.points) < 4 or len(self.points) != len(self.meters):
            raise wrong(
                "expected at least four points and as many meters, "
                f"got {len(self.points)} points and {len(self.meters)} meters"
            )
        if self.area is None and len(self.points) > 4:
            raise wrong("area: expected the polygon in which more than four points hold, got nothing")
        if self.area is None and (problem := problem_of(self.points)):
            raise wrong(f"points: {problem}")
        try:
            homography(np.array(self.points), np.array(self.meters))
        except ValueError as err:
            raise wrong(str(err)) from err
        return self

    @property
    def polygon(self) -> tuple[Point, ...]:
        """Where speeds are measured."""
        return self.area or self.points or ()


class SceneConfig(Part):
    """What a camera's picture means. Points are in units of ``size``; by default shares of the picture, 0..1."""

    size: tuple[Positive, Positive] = (1.0, 1.0)
    include: tuple[Polygon, ...] = ()
    exclude: tuple[Polygon, ...] = ()
    lanes: tuple[Lane, ...] = ()
    lines: tuple[CountingLine, ...] = ()
    zones: tuple[Zone, ...] = ()
    calibration: Calibration | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        w, h = self.size
        problems = []
        for key, points in self._points():
            outside = [p for p in points if not (0 <= p[0] <= w and 0 <= p[1] <= h)]
            if outside:
                problems.append(f"{key}: expected points within size, 0..{w:g} x 0..{h:g}, got {outside[0]}")
        for key in ("lanes", "lines", "zones"):
            names = [part.name for part in getattr(self, key)]
            problems += [
                f"{key}: expected different names, got {n!r} twice" for n in {n for n in names if names.count(n) > 1}
            ]
        if problems:
            raise wrong("; ".join(problems))
        return self

    def _points(self) -> Iterator[tuple[str, Sequence[Point]]]:
        """Every list of points with its key."""
        for key in ("include", "exclude"):
            yield from ((f"{key}.{i}", polygon) for i, polygon in enumerate(getattr(self, key)))
        for key in ("lanes", "lines", "zones"):
            for i, part in enumerate(getattr(self, key)):
                yield f"{key}.{i}.points", part.points
        for i, lane in enumerate(self.lanes):
            yield f"lanes.{i}.direction", lane.direction or ()
        if self.calibration:
            yield "calibration.points", self.calibration.points or ()
            yield "calibration.area", self.calibration.area or ()
