"""What is remembered about one vehicle track and one plate track while they are in view."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from vision.plates.fuse import PlateFusion
from vision.plates.view import PlateView, view_of
from vision.scene.way import Way
from vision.sightings.lasting import Keeper
from vision.sightings.span import Span
from vision.sightings.votes import Key, Votes
from vision.types import F32, Box, Evidence, Frame, PlateRead, PlateText

LEAVING_S = 0.6
LARGER, CLEARER = 1.3, 1.1  # so much better is worth another frame; in one that is kept anyway, any better look counts
CLEAR = 0.8  # the likeliest characters of a look together: what they say is not in doubt


@dataclass(slots=True, eq=False)
class VehicleRecord:
    """One vehicle track: its way, the votes for its class, type and color, and its best picture.

    A track that goes on with another vehicle, as its plate shows, becomes two records: `part` counts them. What came
    after the last look that fitted the plate is kept apart in ``since``, so that it can be told where it belongs.
    """

    track_id: int
    span: Span
    class_votes: F32
    part: int = 0
    score_sum: float = 0.0
    max_width_px: float = 0.0
    type_votes: F32 | None = None
    color_votes: F32 | None = None
    attribute_weight: float = 0.0
    attribute_area: float = 0.0  # of the largest box whose type and color were looked at, px^2
    n_attributes: int = 0
    best_area: float = 0.0
    evidence: Evidence | None = None
    is_at_edge: bool = False  # cut by the picture's edge when last seen
    was_whole: bool = False  # inside the picture at some time
    is_ended: bool = False
    way: Way | None = None
    told: frozenset[str] = frozenset()  # offences that early sightings were asked about
    plate: PlateRecord | None = None  # that its looks showed so far
    n_strange: int = 0  # looks since then that showed another one
    absorbed_ids: tuple[int, ...] = ()  # of earlier or later tracks of the same vehicle
    fitting: VehicleRecord | None = None  # this record as it was at the last look that fitted
    since: VehicleRecord | None = None

    def new_offences(self) -> bool:
        """Whether it did something forbidden since this was asked last."""
        before, self.told = self.told, self.way.offences() if self.way else self.told
        return self.told > before

    @property
    def key(self) -> Key:
        """What plates vote for: the track and its part."""
        return self.track_id, self.part

    def fits(self, plate: PlateRecord, *, is_read: bool) -> None:
        """A look showed the plate that belongs to this vehicle: all so far is its own."""
        self.plate, self.n_strange, self.since = plate, 0, None
        self.fitting = replace(self, span=replace(self.span), fitting=None) if is_read else None

    def divided(self, frame: Frame, box: Box) -> tuple[VehicleRecord, VehicleRecord]:
        """The vehicle as of the last look that fitted, ended, and the one that came after it."""
        before = self.fitting or self
        after = self.since or VehicleRecord(self.track_id, Span.start(frame, box), np.zeros_like(self.class_votes))
        before.is_ended, before.way, after.part = True, self.way, self.part + 1
        return before, after

    def see(self, frame: Frame, box: Box, score: float, probs: F32, keeper: Keeper | None) -> None:
        """Add one detection of the vehicle; no picture of it without a keeper, and no better one once it is read."""
        if self.fitting is not None:
            if self.since is None:
                self.since = VehicleRecord(self.track_id, Span.start(frame, box), np.zeros_like(probs))
            self.since.see(frame, box, score, probs, None)
        self.span.see(frame, box)
        self.class_votes = self.class_votes + score * probs
        self.score_sum += score
        width, height = box[2] - box[0], box[3] - box[1]
        self.max_width_px = max(self.max_width_px, width)
        is_whole = box[0] > 1 and box[1] > 1 and box[2] < frame.width - 1 and box[3] < frame.height - 1
        self.is_at_edge = not is_whole
        self.was_whole |= is_whole
        area = width * height * score * (1.0 if is_whole else 0.5)
        gain = 1.0 if keeper is None or keeper.has(frame) else LARGER
        is_better = self.fitting is None and area > self.best_area * gain
        if keeper is not None and (is_better or self.evidence is None):
            self.best_area = area
            self.evidence = Evidence(keeper.keep(frame), box, None)

    def absorb(self, other: VehicleRecord) -> None:
        """Take over another track of the same vehicle; both have ended."""
        is_later = other.span.last_ns > self.span.last_ns
        self.is_at_edge = other.is_at_edge if is_later else self.is_at_edge
        self.span.absorb(other.span)
        self.absorbed_ids += (other.track_id, *other.absorbed_ids)
        self.class_votes = self.class_votes + other.class_votes
        self.score_sum += other.score_sum
        self.max_width_px = max(self.max_width_px, other.max_width_px)
        if other.type_votes is not None and other.color_votes is not None:
            self._add_votes(other.type_votes, other.color_votes, other.attribute_weight)
        if other.evidence is not None and (self.evidence is None or other.best_area > self.best_area):
            self.best_area, self.evidence = other.best_area, other.evidence
        self.was_whole |= other.was_whole
        if self.way is not None and other.way is not None:
            self.way.absorb(other.way)
        self.way, self.told = self.way or other.way, self.told | other.told
        self.plate = self.fitting = self.since = None

    def leaves_as(self, part: VehicleRecord) -> bool:
        """Whether ``part`` is what was left of this vehicle while it drove out of the picture.

        It appears within `LEAVING_S` of this one's end, inside its last box and less than half as large, and both
        were last seen at the picture's edge.
        """
        if part.track_id == self.track_id:
            return False
        gap_ns = part.span.first_ns - self.span.last_ns
        if not 0 < gap_ns <= LEAVING_S * 1e9 or not (self.is_at_edge and part.is_at_edge):
            return False
        x1, y1, x2, y2 = self.span.last_box
        a1, b1, a2, b2 = part.span.first_box
        inside = max(0.0, min(x2, a2) - max(x1, a1)) * max(0.0, min(y2, b2) - max(y1, b1))
        area = (a2 - a1) * (b2 - b1)
        return inside > 0.9 * area and area < 0.5 * (x2 - x1) * (y2 - y1)

    def add_attributes(self, types: F32, colors: F32, area: float, score: float) -> None:
        """Add one opinion of the attributes network; it counts by the box's scale and score."""
        if self.since is not None:
            self.since.add_attributes(types, colors, area, score)
        self.attribute_area, self.n_attributes = area, self.n_attributes + 1
        weight = np.float32(np.sqrt(area) * score)
        self._add_votes(weight * types, weight * colors, float(weight))

    def _add_votes(self, types: F32, colors: F32, weight: float) -> None:
        self.type_votes = types if self.type_votes is None else self.type_votes + types
        self.color_votes = colors if self.color_votes is None else self.color_votes + colors
        self.attribute_weight += weight


@dataclass(slots=True)
class Alarm:
    """The early sightings that a plate record was given out under: their id, the last revision and what it said."""

    id: str
    revision: int
    text: str
    merged_ids: tuple[str, ...]
    first_ns: int  # of the first revision
    is_sure: bool  # whether its plate was as sure as early sightings have to be that nobody waits for


@dataclass(frozen=True, slots=True)
class Look:
    """A read in its frame, on a vehicle in a box or on none."""

    frame: Frame
    read: PlateRead
    vehicle: tuple[VehicleRecord, Box] | None


@dataclass(slots=True, eq=False)
class PlateRecord:
    """One plate track: its looks fused, the vehicles it was seen on, and its clearest look.

    The look's frame is kept from the first look on that is clear enough for the plate to be believed.
    """

    track_id: int
    span: Span
    fusion: PlateFusion
    votes: Votes = field(default_factory=Votes)
    best_quality: float = 0.0
    view: PlateView | None = None
    evidence: Evidence | None = None
    frame_width: int = 0
    has_clear_read: bool = False  # one look showed sure characters, whether or not they are a plate
    held: Look | None = None  # a strong read that contradicts the others, waiting for a second one
    is_ended: bool = False
    is_fresh: bool = False  # seen since early sightings were last asked for
    alarm: Alarm | None = None
    believed: tuple[tuple[int, bool], PlateText | None] | None = None  # its text, after so many looks, alone or not
    n_merged: int = 0  # early sightings of its own that were merged into another plate's

    def see(self, look: Look, keeper: Keeper, min_look_score: float) -> None:
        """Add one look; a plate is not believed before one of them has the least score."""
        frame, read, vehicle = look.frame, look.read, look.vehicle
        self.is_fresh = True
        self.span.see(frame, read.box)
        quality = self.fusion.add(read, frame.time_ns)
        self.has_clear_read |= math.exp(float(read.log_probs.max(1).sum())) > CLEAR
        if vehicle is not None:
            self.votes.add(vehicle[0].key, vehicle[0].span)
        else:
            self.votes.n_unowned += 1
        is_better = self.view is None or quality > self.best_quality * (1.0 if keeper.has(frame) else CLEARER)
        if is_better:
            self.best_quality, self.frame_width = quality, frame.width
            self.view = view_of(frame.planes, read.corners)
        if self.fusion.best_look >= min_look_score and (is_better or self.evidence is None):
            self.evidence = Evidence(keeper.keep(frame), vehicle[1] if vehicle else None, read.corners)

    def vehicles(self) -> list[Key]:
        """Vehicles this plate belongs to: seen there at least twice, or always, and in a quarter of its looks.

        Looks at a plate that moved count only where it was on some vehicle: its vehicle may have been found late.
        """
        n_unowned = self.votes.n_unowned if self.span.is_fixed(0.0) else 0
        return self.votes.owners(min(2, self.fusion.n_looks), n_unowned)

    def absorb(self, other: PlateRecord) -> None:
        """Take over another track of the same plate; both have ended. Alarms are left as they are."""
        self.span.absorb(other.span)
        self.fusion.absorb(other.fusion)
        self.votes.absorb(other.votes)
        if other.best_quality > self.best_quality:
            self.best_quality, self.view, self.frame_width = other.best_quality, other.view, other.frame_width
            self.evidence = other.evidence or self.evidence
        self.evidence = self.evidence or other.evidence
        self.has_clear_read |= other.has_clear_read
        other.evidence = None  # a vehicle may still point there
