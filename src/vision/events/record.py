"""Sightings and matches as plain JSON: lines of ``events.jsonl`` and ``matches.jsonl``, and the data of events."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from vision.events.times import milliseconds_text
from vision.types import Box, Match, Passage, PlateText, Reason, Sighting, Vehicle

SCHEMA: Final = "vision.sighting/1"
MATCH_SCHEMA: Final = "vision.match/1"

Score = Annotated[float, Field(ge=0, le=1)]
BoxPx = Annotated[tuple[float, float, float, float], Field(description="[x1, y1, x2, y2], pixels, half-open")]
Point = tuple[float, float]


class Part(BaseModel):
    """Base of everything in an event: unknown fields are errors, nothing changes, every number is finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def plain(self) -> dict[str, Any]:
        """Plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)


class PlatePart(Part):
    """A plate text with its characters and runners-up, best first."""

    text: str
    score: Score
    chars: tuple[tuple[str, Score], ...]
    color: str
    kind: str
    rows: Annotated[int, Field(ge=1)]
    candidates: tuple[tuple[str, Score], ...]

    @classmethod
    def of(cls, plate: PlateText) -> Self:
        """Scores rounded to four places."""
        return cls(
            text=plate.text,
            score=round(plate.score, 4),
            chars=tuple((c.text, round(c.score, 4)) for c in plate.chars),
            color=plate.color,
            kind=plate.kind,
            rows=plate.rows,
            candidates=tuple((text, round(score, 4)) for text, score in plate.candidates),
        )


class VehiclePart(Part):
    """A vehicle with its type and color."""

    box: BoxPx
    type: str
    type_score: Score
    color: str
    color_score: Score
    score: Score

    @classmethod
    def of(cls, vehicle: Vehicle) -> Self:
        """Scores rounded to four places."""
        return cls(
            box=box_of(vehicle.box),
            type=vehicle.type,
            type_score=round(vehicle.type_score, 4),
            color=vehicle.color,
            color_score=round(vehicle.color_score, 4),
            score=round(vehicle.score, 4),
        )


class DirectionPart(Part):
    """Travel in the picture; ``angle_deg`` clockwise from right."""

    word: str
    angle_deg: float
    distance_px: float
    depth: str


class BoxesPart(Part):
    """Where the vehicle was first and last."""

    first: BoxPx
    last: BoxPx


class EvidencePart(Part):
    """The frame with the clearest look; ``images`` are paths by role, where pictures lie beside the file."""

    frame: int
    time_s: float
    vehicle_box: BoxPx | None
    plate_corners: Annotated[tuple[Point, ...], Field(min_length=4, max_length=4)] | None
    images: dict[str, str]


class CrossingPart(Part):
    """A counting line that was crossed."""

    line: str
    direction: str
    time_s: float


class DwellPart(Part):
    """Time in a zone, and the longest time standing there."""

    zone: str
    seconds: float
    still_s: float
    is_over: bool


class SpeedPart(Part):
    """Mean speed; true within ``error_kmh`` in 95 of 100 cases."""

    kmh: float
    error_kmh: float


class PassagePart(Part):
    """What a vehicle did in the scene."""

    lane: str | None
    crossings: tuple[CrossingPart, ...]
    dwells: tuple[DwellPart, ...]
    is_wrong_way: bool
    speed: SpeedPart | None

    @classmethod
    def of(cls, passage: Passage) -> Self:
        """Times in seconds from the start of the source."""
        speed = passage.speed
        return cls(
            lane=passage.lane,
            crossings=tuple(
                CrossingPart(line=c.line, direction=c.direction, time_s=round(c.offset_s, 3)) for c in passage.crossings
            ),
            dwells=tuple(
                DwellPart(zone=d.zone, seconds=d.seconds, still_s=d.still_s, is_over=d.is_over) for d in passage.dwells
            ),
            is_wrong_way=passage.is_wrong_way,
            speed=SpeedPart(kmh=speed.kmh, error_kmh=speed.error_kmh) if speed else None,
        )


class SightingRecord(Part):
    """One vehicle passing one camera.

    ``first_time`` and ``last_time`` are ISO 8601 UTC where the source knows its time, else null; ``ts_source`` and
    ``ts_error_ms`` say where it is from and how far it may be off, if that is known. ``first_s`` and ``last_s`` are
    seconds from the start of the source. Exactly one of ``plate`` and ``reason`` is not null.
    """

    schema_: Annotated[Literal["vision.sighting/1"], Field(alias="schema")] = SCHEMA
    id: str
    revision: Annotated[int, Field(ge=1)]
    state: Literal["early", "final"]
    merged_ids: tuple[str, ...]
    stream_id: str
    first_time: str | None
    last_time: str | None
    ts_source: Literal["container", "file", "stamp", "arrival", "given"] | None
    ts_error_ms: int | None
    first_s: float
    last_s: float
    plate: PlatePart | None
    reason: Reason | None
    vehicle: VehiclePart | None
    direction: DirectionPart
    boxes: BoxesPart
    evidence: EvidencePart | None
    n_frames: int
    n_reads: int
    track_ids: tuple[int, ...]
    passage: PassagePart


def fields_of(sighting: Sighting, images: dict[str, str]) -> dict[str, Any]:
    """What a `SightingRecord` is made of.

    Args:
        images: paths of the evidence pictures by role (scene, vehicle, plate).
    """
    evidence, direction = sighting.evidence, sighting.direction
    error_ns = evidence.frame.time_error_ns if evidence else None
    return {
        "id": sighting.id,
        "revision": sighting.revision,
        "state": sighting.state,
        "merged_ids": sighting.merged_ids,
        "stream_id": sighting.stream_id,
        "first_time": milliseconds_text(sighting.first_time_ns) if sighting.is_utc else None,
        "last_time": milliseconds_text(sighting.last_time_ns) if sighting.is_utc else None,
        "ts_source": evidence.frame.time_source if evidence else None,
        "ts_error_ms": None if error_ns is None else round(error_ns / 1e6),
        "first_s": round(sighting.first_s, 3),
        "last_s": round(sighting.last_s, 3),
        "plate": PlatePart.of(sighting.plate) if sighting.plate else None,
        "reason": sighting.reason or None,
        "vehicle": VehiclePart.of(sighting.vehicle) if sighting.vehicle else None,
        "direction": DirectionPart(
            word=direction.word,
            angle_deg=direction.angle_deg,
            distance_px=direction.distance_px,
            depth=direction.depth,
        ),
        "boxes": BoxesPart(first=box_of(sighting.first_box), last=box_of(sighting.last_box)),
        "evidence": None
        if evidence is None
        else EvidencePart(
            frame=evidence.frame.index,
            time_s=round(evidence.frame.offset_s, 3),
            vehicle_box=box_of(evidence.vehicle_box) if evidence.vehicle_box else None,
            plate_corners=None
            if evidence.plate_corners is None
            else tuple((round(float(x), 1), round(float(y), 1)) for x, y in evidence.plate_corners),
            images=images,
        ),
        "n_frames": sighting.n_frames,
        "n_reads": sighting.n_reads,
        "track_ids": sighting.track_ids,
        "passage": PassagePart.of(sighting.passage),
    }


def record_of(sighting: Sighting, images: dict[str, str] | None = None) -> SightingRecord:
    """The sighting as a record; ``images`` as in `fields_of`."""
    return SightingRecord(**fields_of(sighting, images or {}))


class MatchPart(Part):
    """A watch-list's alarm about a sighting: an alert to verify, never a proof.

    Each new one about the same alarm has the same ``id`` and a higher ``revision``. ``state``: early (while the pass
    goes on), confirmed or withdrawn; the one with a final sighting is the last word. ``kind``: certain (every character
    was read, as listed, and ``score`` is at least .9) or possible. ``score`` estimates the probability that the plate
    is the listed one. ``entry`` is the reference of the list's entry, ``text`` the plate as read, ``?`` for what was
    not (empty: nothing). ``differs`` names what the list says of the vehicle and the camera saw otherwise.
    """

    id: Annotated[str, Field(min_length=1)]
    revision: Annotated[int, Field(ge=1)]
    state: Literal["early", "confirmed", "withdrawn"]
    watchlist: str
    entry: str
    kind: Literal["certain", "possible"]
    score: Score
    text: str
    differs: tuple[Literal["color", "type"], ...]
    expires: Annotated[str | None, Field(description="RFC 3339 UTC; null: the entry has no end")]

    @classmethod
    def of(cls, match: Match) -> Self:
        """The score rounded to four places."""
        expires = None if match.expires_ns is None else milliseconds_text(match.expires_ns)
        names = ("id", "revision", "state", "watchlist", "entry", "kind", "text", "differs")
        return cls(**{n: getattr(match, n) for n in names}, score=round(match.score, 4), expires=expires)


class MatchRecord(Part):
    """A match with its sighting as it was then: a line of ``matches.jsonl``."""

    schema_: Annotated[Literal["vision.match/1"], Field(alias="schema")] = MATCH_SCHEMA
    match: MatchPart
    sighting: SightingRecord


def match_record_of(match: Match, images: dict[str, str] | None = None) -> MatchRecord:
    """The match as a record; ``images`` as in `fields_of`."""
    return MatchRecord(match=MatchPart.of(match), sighting=record_of(match.sighting, images))


def box_of(box: Box) -> Box:
    """A box rounded to a tenth of a pixel."""
    x1, y1, x2, y2 = (round(float(v), 1) for v in box)
    return x1, y1, x2, y2
