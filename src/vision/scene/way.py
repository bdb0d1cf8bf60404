"""One vehicle's way through a scene: what it crossed, where it stayed, which lane it kept, whether it went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vision.scene.layout import CountingLine, SceneConfig
from vision.scene.speed import SpeedMeter
from vision.types import Crossing, Dwell, Passage

BAND = 0.1  # a vehicle is on a line, on neither side, while this share of its size away: boxes jitter
FIRM_S = 0.2  # and it has crossed once it stayed beyond for so long: a box may hold a neighbor for a frame
WRONG_TRAVEL = 1.5  # sizes that a vehicle must have gone against its lane: less is jitter or parking
MOST_PLACES = 400
STANDING = 0.15  # a vehicle stands while it stays this share of its size around one place


@dataclass(slots=True)
class AtLine:
    """Where a vehicle is at one line: the side it was firmly on, and when it last passed the line itself."""

    side: int = 0  # -1 left, 1 right, 0 not known yet
    distance: float = 0.0
    along: float = 0.0
    passed: tuple[float, int, float] | None = None  # place along the line, time_ns, offset_s
    beyond_s: float | None = None  # since when it is on the other side, not yet for long enough


@dataclass(slots=True)
class Stay:
    """Seconds in a zone, and the longest time standing there."""

    seconds: float = 0.0
    still_s: float = 0.0


@dataclass(slots=True)
class Progress:
    """Seconds in a lane, and how far along it in sizes of the vehicle: now, and at its farthest."""

    seconds: float = 0.0
    travel: float = 0.0
    farthest: float = 0.0
    is_wrong: bool = False


@dataclass(slots=True, eq=False)
class Way:
    """A track's way, detection by detection.

    Args:
        scene: the settings; results carry their names.
    """

    scene: SceneConfig
    meter: SpeedMeter | None = None
    crossings: list[Crossing] = field(default_factory=list)
    at_lines: list[AtLine] = field(default_factory=list)
    stays: dict[int, Stay] = field(default_factory=dict)
    progress: dict[int, Progress] = field(default_factory=dict)
    places: list[tuple[float, float]] = field(default_factory=list)  # inside the calibrated area
    place_s: list[float] = field(default_factory=list)
    last_s: float | None = None
    last_ns: int = 0
    spot: tuple[float, float] = (0.0, 0.0)
    zones: frozenset[int] = frozenset()
    lanes: frozenset[int] = frozenset()
    anchor: tuple[float, float] = (0.0, 0.0)  # the vehicle stands around here
    anchor_s: float = 0.0

    def see(
        self,
        time_ns: int,
        offset_s: float,
        spot: tuple[float, float],
        size: float,
        beside: Sequence[tuple[float, float]],
        zones: frozenset[int],
        lanes: frozenset[int],
        steps: Sequence[tuple[float, float] | None],
        is_metered: bool,
    ) -> list[Crossing]:
        """Go on to the next detection; returns what was crossed on the way to it.

        Args:
            time_ns, offset_s: of the frame.
            spot: the ground point in pixels.
            size: of the vehicle, sqrt(width * height), in pixels.
            beside: per line, distance (right positive) in pixels and place along it (0..1), see `geometry.side_of`.
            zones, lanes: indices of those that the point is in.
            steps: per lane its direction as a unit vector, or None.
            is_metered: whether the point is inside the calibrated area and the box whole.
        """
        new = self._cross(time_ns, offset_s, size, beside)
        seconds = 0.0 if self.last_s is None else offset_s - self.last_s
        step = (spot[0] - self.spot[0], spot[1] - self.spot[1])
        moved = np.hypot(spot[0] - self.anchor[0], spot[1] - self.anchor[1])
        if self.last_s is None or moved > STANDING * size:
            self.anchor, self.anchor_s = spot, offset_s
        for zone in zones & self.zones:
            stay = self.stays.setdefault(zone, Stay())
            stay.seconds += seconds
            stay.still_s = max(stay.still_s, min(stay.seconds, offset_s - self.anchor_s))
        for lane in lanes & self.lanes:
            self._follow(self.progress.setdefault(lane, Progress()), seconds, step, size, steps[lane])
        if is_metered:
            self.places.append(spot)
            self.place_s.append(offset_s)
            if len(self.places) > MOST_PLACES:  # who stands there for hours needs no memory of each moment
                del self.places[1::2], self.place_s[1::2]
        self.last_s, self.last_ns, self.spot, self.zones, self.lanes = offset_s, time_ns, spot, zones, lanes
        return new

    @staticmethod
    def _follow(
        progress: Progress, seconds: float, step: tuple[float, float], size: float, ahead: tuple[float, float] | None
    ) -> None:
        progress.seconds += seconds
        if ahead is not None:
            progress.travel += (step[0] * ahead[0] + step[1] * ahead[1]) / size
            progress.farthest = max(progress.farthest, progress.travel)
            progress.is_wrong |= progress.farthest - progress.travel > WRONG_TRAVEL

    def offences(self) -> frozenset[str]:
        """Zones in which it stood for longer than their limit, and ``wrong_way``, so far."""
        zones = (i for i, stay in self.stays.items() if is_over(self.scene, i, stay))
        names = {f"zone {self.scene.zones[i].name}" for i in zones}
        return frozenset(names | ({"wrong_way"} if any(p.is_wrong for p in self.progress.values()) else set()))

    def _cross(
        self, time_ns: int, offset_s: float, size: float, beside: Sequence[tuple[float, float]]
    ) -> list[Crossing]:
        """Lines that it has crossed for certain by now, each once per direction."""
        new: list[Crossing] = []
        if not self.at_lines:
            self.at_lines = [AtLine() for _ in beside]
        for line, at, (distance, along) in zip(self.scene.lines, self.at_lines, beside, strict=True):
            if self.last_s is not None and at.distance * distance <= 0 and at.distance != distance:
                k = at.distance / (at.distance - distance)
                at.passed = (
                    at.along + k * (along - at.along),
                    self.last_ns + round(k * (time_ns - self.last_ns)),
                    self.last_s + k * (offset_s - self.last_s),
                )
            at.distance, at.along = distance, along
            if abs(distance) <= BAND * size:
                continue
            side = 1 if distance > 0 else -1
            if side == at.side or at.side == 0:
                at.side, at.passed, at.beyond_s = side, None, None
            elif at.beyond_s is None:
                at.beyond_s = offset_s
            elif offset_s - at.beyond_s >= FIRM_S:
                new += self._settle(line, at)
        return new

    def absorb(self, other: Way) -> None:
        """Take over the way of a later track of the same vehicle; a line counts once per direction."""
        crossed = {(c.line, c.direction) for c in self.crossings}
        self.crossings += [c for c in other.crossings if (c.line, c.direction) not in crossed]
        for zone, stay in other.stays.items():
            own = self.stays.setdefault(zone, Stay())
            own.seconds, own.still_s = own.seconds + stay.seconds, max(own.still_s, stay.still_s)
        for lane, progress in other.progress.items():
            mine = self.progress.setdefault(lane, Progress())
            mine.seconds, mine.is_wrong = mine.seconds + progress.seconds, mine.is_wrong or progress.is_wrong
        if len(other.places) > len(self.places):
            self.places, self.place_s = other.places, other.place_s
        self.last_ns = max(self.last_ns, other.last_ns)

    def finish(self) -> list[Crossing]:
        """The track has ended: where it was beyond a line, it has crossed it."""
        return [c for line, at in zip(self.scene.lines, self.at_lines, strict=False) for c in self._settle(line, at)]

    def _settle(self, line: CountingLine, at: AtLine) -> list[Crossing]:
        """Take the other side of a line for where it is; returns the crossing that this is, if it is a new one."""
        if at.beyond_s is None:
            return []
        passed = at.passed
        at.side, at.passed, at.beyond_s = -at.side, None, None
        word = line.forward if at.side > 0 else line.backward
        if (
            passed is None
            or not 0 <= passed[0] <= 1
            or (line.name, word) in {(c.line, c.direction) for c in self.crossings}
        ):
            return []
        self.crossings.append(Crossing(line.name, word, passed[1], round(passed[2], 3)))
        return self.crossings[-1:]


def is_over(scene: SceneConfig, zone: int, stay: Stay) -> bool:
    """Whether somebody stood in the zone for as long as its limit says, or longer."""
    limit_s = scene.zones[zone].limit_s
    return limit_s is not None and stay.still_s >= limit_s


def passage_of(ways: Sequence[Way]) -> Passage:
    """What one vehicle did in the scene, from the ways of all its tracks; a line counts once per direction."""
    if not ways:
        return Passage()
    whole = Way(ways[0].scene, ways[0].meter)
    for way in sorted(ways, key=lambda w: w.last_ns):
        whole.absorb(way)
    scene, meter, places = whole.scene, whole.meter, whole.places
    speed = meter.speed(np.array(places), np.array(whole.place_s)) if meter and places else None
    lanes = {lane: progress.seconds for lane, progress in whole.progress.items()}
    dwells = []
    for zone, stay in sorted(whole.stays.items()):
        name, over = scene.zones[zone].name, is_over(scene, zone, stay)
        dwells.append(Dwell(name, round(stay.seconds, 2), round(stay.still_s, 2), over))
    return Passage(
        lane=scene.lanes[max(lanes, key=lambda i: lanes[i])].name if lanes else None,
        crossings=tuple(sorted(whole.crossings, key=lambda c: c.time_ns)),
        dwells=tuple(dwells),
        is_wrong_way=any(p.is_wrong for p in whole.progress.values()),
        speed=speed,
    )
