"""Where to search plates in a frame: in vehicles whose plate can still be read better, and now and then everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vision.detect.heads import Roi
from vision.sightings.records import PlateRecord
from vision.types import F32, I64, Frame, PlateText

NS = 1_000_000_000
SETTLED = 0.95  # a plate this sure needs no further look
EAGER_LOOKS = 3  # looks at the usual interval before waiting longer
PATIENT_LOOKS, HOPEFUL = 8, 0.3  # after so many looks a plate that is still less sure is looked at less often
LEAST_SIDE, ENOUGH = 128, 1.6  # enlarged so much, a plate at the limit of reading is found as well as at any size
PLATE_SHARE = 1 / 3  # a plate is hardly ever wider than this share of its vehicle's longer side
BELOW = 0.15  # how far under a vehicle's box its plate may lie, in heights of the box


TextOf = Callable[[int], PlateText | None]


@dataclass(frozen=True, slots=True)
class LookRules:
    """Cadence and sides of plate searches; see `vision.pipeline.config.DetectConfig`.

    ``backs_off``: whether looks that bring nothing new become rarer, up to one every ``longest_s``.
    """

    interval_s: float
    frame_side: int
    crop_side: int
    max_crops: int
    min_width_px: float
    longest_s: float = 0.8
    backs_off: bool = True


@dataclass(slots=True)
class Watch:
    """Looks at one vehicle: how many, when the next is due, and what the best one had."""

    looks: int = 0
    wait_s: float = 0.0
    next_ns: int = 0
    side: float = 0.0
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Search:
    """One search of a frame: a region (None: the whole frame), the longest input side, and the vehicle's track id."""

    roi: Roi | None
    side: int
    vehicle_id: int = -1


class Looks:
    """Plans the plate searches of one stream.

    A vehicle is searched at the usual interval while looks at it bring something: a plate that is not settled yet, or
    a larger view. Without that rarer and rarer, and no more once its plate is settled. The whole frame is searched
    for plates on no known vehicle: at the usual interval while such a plate is being read, more often while something
    unexplained moves, else rarely.
    """

    def __init__(self, rules: LookRules) -> None:
        self._rules = rules
        self._watches: dict[int, Watch] = {}
        self._frame = Watch()
        self.postponed = 0  # searches that were due and put off, since the machine does not keep up

    def due(
        self, frame: Frame, boxes: F32, ids: I64, text_of: TextOf, alone: int, stretch: float = 1.0
    ) -> list[Search]:
        """The searches of this frame, the whole frame's first, then vehicles, largest first.

        Args:
            frame: the frame.
            boxes, ids: (n, 4) and (n,) vehicles in it, -1 for those without a confirmed track.
            text_of: track id -> the plate believed so far; asked only where it matters.
            alone: how much there is that no vehicle explains: change in the picture, plates on no vehicle.
            stretch: how much longer every interval is than it should be, at least 1.
        """
        rules, now = self._rules, frame.time_ns
        slack = rules.interval_s * 0.1 * NS - (stretch - 1) * rules.interval_s * NS
        whole = rules.frame_side / max(frame.width, frame.height)
        searches = []
        if alone and self._frame.wait_s > rules.longest_s / 2:
            self._frame.next_ns = min(self._frame.next_ns, now + round(rules.longest_s / 2 * NS))
        is_whole = now >= self._frame.next_ns - slack
        if is_whole:
            searches.append(Search(None, rules.frame_side))
        elif not rules.backs_off:
            return []  # one cadence for all
        crops: list[tuple[int, Search]] = []
        for i in np.flatnonzero(ids >= 0):
            vehicle_id = int(ids[i])
            watch = self._watches.setdefault(vehicle_id, Watch())
            if now < watch.next_ns - slack:
                continue
            roi = region_of(boxes[i], frame)
            side = max(roi[2] - roi[0], roi[3] - roi[1])
            if side * PLATE_SHARE < rules.min_width_px:
                continue
            text = text_of(vehicle_id)
            if text is not None and text.score >= SETTLED:
                continue
            if rules.crop_side / side < 1.3 * whole:
                if is_whole:  # the whole frame shows this vehicle nearly as large
                    self._note(watch, now, side, text)
                    continue
                crop = min(rules.frame_side, max(rules.crop_side, math.ceil(side * whole / 32) * 32))
            else:
                crop = min(rules.crop_side, max(LEAST_SIDE, math.ceil(side * ENOUGH / 32) * 32))
            crops.append((side, Search(roi, crop, vehicle_id)))
        crops.sort(key=lambda item: -item[0])
        most = max(1, int(rules.max_crops / stretch)) if rules.max_crops else 0
        self.postponed += max(0, min(len(crops), rules.max_crops) - most)
        for side, search in crops[:most]:
            self._note(self._watches[search.vehicle_id], now, side, text_of(search.vehicle_id))
            searches.append(search)
        return searches

    def swept(self, now_ns: int, *, alone: int, found: int) -> None:
        """The whole frame was searched: ``alone`` as for `due`, ``found`` plates on no vehicle were seen."""
        rules = self._rules
        if found or not rules.backs_off:
            self._frame.wait_s = rules.interval_s
        else:
            limit = rules.longest_s / 2 if alone else 2 * rules.longest_s
            self._frame.wait_s = min(limit, max(rules.interval_s, 2 * self._frame.wait_s))
        self._frame.next_ns = now_ns + round(self._frame.wait_s * NS)

    def saw_plate(self, vehicle_id: int, now_ns: int, score: float) -> None:
        """A look found a plate on this vehicle, score so far ``score``: while there is hope, looks stay frequent."""
        watch = self._watches.get(vehicle_id)
        if watch is not None and (watch.looks <= PATIENT_LOOKS or score >= HOPEFUL):
            watch.wait_s = self._rules.interval_s
            watch.next_ns = now_ns + round(watch.wait_s * NS)

    def forget(self, vehicle_ids: I64) -> None:
        """These tracks have ended."""
        for vehicle_id in vehicle_ids.tolist():
            self._watches.pop(vehicle_id, None)

    def reset(self) -> None:
        """The next frame shows another scene."""
        self._watches.clear()
        self._frame = Watch()

    def _note(self, watch: Watch, now_ns: int, side: float, text: PlateText | None) -> None:
        """A look is made: decide from what the ones before brought when the next is due."""
        rules = self._rules
        score = text.score if text else 0.0
        gained = side > 1.15 * watch.side or score > watch.score + 0.005
        watch.looks += 1
        if gained or watch.looks <= EAGER_LOOKS or not rules.backs_off:
            watch.wait_s = rules.interval_s
        else:
            watch.wait_s = min(rules.longest_s, max(rules.interval_s, 2 * watch.wait_s))
        watch.side, watch.score = max(watch.side, side), max(watch.score, score)
        watch.next_ns = now_ns + round(watch.wait_s * NS)


def region_of(box: F32, frame: Frame) -> Roi:
    """The part of a frame that holds a vehicle and the plate below its box."""
    x1, y1, x2, y2 = box.tolist()
    grow = 0.05 * max(x2 - x1, y2 - y1)
    below = max(grow, BELOW * (y2 - y1))
    return (
        max(0, int(x1 - grow)),
        max(0, int(y1 - grow)),
        min(frame.width, int(x2 + grow) + 1),
        min(frame.height, int(y2 + below) + 1),
    )


def is_worth_another_look(plate: PlateRecord, min_width_px: float) -> bool:
    """Whether a plate on no vehicle should be looked at again soon: readable, not settled, no sign or caption."""
    text = plate.fusion.plate
    is_settled = text is not None and text.score >= SETTLED
    return not is_settled and plate.fusion.max_width_px >= min_width_px and not plate.span.is_fixed(1.0)
