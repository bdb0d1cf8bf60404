"""A sighting of the records that are one pass, as they are now: early, while it goes on, or final."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from vision.scene.way import passage_of
from vision.sightings.motion import direction_of
from vision.sightings.records import Alarm, PlateRecord, VehicleRecord
from vision.types import PlateText, Reason, Sighting, Vehicle

Describe = Callable[[VehicleRecord], Vehicle]


def sighting_of(
    stream_id: str,
    vehicles: Sequence[VehicleRecord],
    plates: Sequence[PlateRecord],
    text: PlateText | None,
    reason: Reason,
    describe: Describe,
    alarmed: Sequence[PlateRecord],
    doubtful: PlateText | None = None,
    *,
    is_final: bool,
) -> Sighting:
    """The sighting of these vehicles and plates.

    Args:
        text, reason: what the plates say together, or why nothing.
        describe: makes a `Vehicle` of a vehicle record's votes.
        alarmed: the plates whose early sightings this one goes on with.
        doubtful: what the plates say and is not believed.
    """
    own, others = [v.span for v in vehicles], [p.span for p in plates]
    spans, every = own or others, own + others
    first, last = min(every, key=lambda s: s.first_ns), max(every, key=lambda s: s.last_ns)
    start, stop = min(spans, key=lambda s: s.first_ns), max(spans, key=lambda s: s.last_ns)
    main = max(vehicles, key=lambda v: v.score_sum, default=None)
    best = max((p for p in plates if p.evidence), key=lambda p: p.best_quality, default=None)
    evidence = best.evidence if best and text else main.evidence if main else best.evidence if best else None
    alarm = alarm_of(alarmed)
    return Sighting(
        id=alarm.id if alarm else id_of(stream_id, vehicles, plates, text),
        stream_id=stream_id,
        first_time_ns=first.first_ns,
        last_time_ns=last.last_ns,
        first_s=first.first_s,
        last_s=last.last_s,
        is_utc=False if evidence is None else evidence.frame.is_utc,
        plate=text,
        reason=reason,
        vehicle=describe(main) if main else None,
        direction=direction_of(start.first_box, stop.last_box),
        first_box=start.first_box,
        last_box=stop.last_box,
        n_frames=sum(s.n_frames for s in spans),
        n_reads=sum(p.fusion.n_looks for p in plates),
        track_ids=tuple(sorted({i for v in vehicles for i in (v.track_id, *v.absorbed_ids)})),
        evidence=evidence,
        passage=passage_of([v.way for v in vehicles if v.way]),
        revision=alarm.revision + 1 if alarm else 1,
        state="final" if is_final else "early",
        merged_ids=merged_into(alarm, alarmed),
        doubtful=doubtful,
    )


def id_of(
    stream_id: str, vehicles: Sequence[VehicleRecord], plates: Sequence[PlateRecord], text: PlateText | None
) -> str:
    """Stream, first millisecond and track of the plate that was read, or of the vehicle where none was.

    A plate record is in one sighting only, whatever is joined to it or taken from it later: no id can come twice.
    """
    if text or not vehicles:
        plate = lead_of(plates)
        again = f"_{plate.n_merged}" if plate.n_merged else ""
        return f"{stream_id}-{plate.span.first_ns // 1_000_000}-p{plate.track_id}{again}"
    vehicle = min(vehicles, key=lambda v: (v.span.first_ns, v.key))
    return f"{stream_id}-{vehicle.span.first_ns // 1_000_000}-v{vehicle.track_id}"


def lead_of(plates: Iterable[PlateRecord]) -> PlateRecord:
    """The plate that gives a sighting its id."""
    return min(plates, key=lambda p: (p.span.first_ns, p.track_id))


def carry(said: Sighting, plates: Sequence[PlateRecord], text: str, *, is_sure: bool) -> None:
    """Note an early sighting on the plate whose id it has; alarms of the others are merged into it, for good.

    Should one of those part from it later after all, it goes on under a new id.
    """
    alarm = alarm_of(plates)
    carrier = next((p for p in plates if alarm and p.alarm is alarm), None) or lead_of(plates)
    first_ns = alarm.first_ns if alarm else max(p.span.last_ns for p in plates)
    for plate in plates:
        if plate is not carrier and plate.alarm:
            plate.alarm, plate.n_merged = None, plate.n_merged + 1
    carrier.alarm = Alarm(said.id, said.revision, text, said.merged_ids, first_ns, is_sure)


def alarm_of(plates: Iterable[PlateRecord]) -> Alarm | None:
    """The first early sighting of these plates."""
    return min((p.alarm for p in plates if p.alarm), key=lambda a: (a.first_ns, a.id), default=None)


def merged_into(alarm: Alarm | None, plates: Iterable[PlateRecord]) -> tuple[str, ...]:
    """Ids of the other early sightings of these plates, and of those that were merged into any of them before."""
    alarms = [p.alarm for p in plates if p.alarm]
    ids = {a.id for a in alarms if a is not alarm} | {i for a in alarms for i in a.merged_ids}
    return tuple(sorted(ids - {alarm.id} if alarm else ids))
