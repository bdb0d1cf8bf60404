"""Passes of hours: a parked vehicle's tracks end and begin anew all night, and are to take no more than one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vision.sightings.groups import TextOf, clusters_of, owners_of
from vision.sightings.records import PlateRecord, VehicleRecord
from vision.sightings.summary import alarm_of, lead_of, merged_into


def fold(
    vehicles: Sequence[VehicleRecord], plates: Sequence[PlateRecord], text_of: TextOf, before_ns: int
) -> tuple[list[VehicleRecord], list[PlateRecord]]:
    """Let one record of each vehicle and plate of a pass take over the others that have ended before this time.

    Args:
        vehicles, plates: one group of `vision.sightings.groups.groups_of`.
        text_of: the believed text of a plate record, None without one.

    Returns:
        The records that are no longer needed.
    """
    clusters, _ = clusters_of(plates, text_of)
    gone: list[VehicleRecord] = []
    for owned in owners_of(vehicles, clusters) if clusters else [vehicles]:
        gone += fold_vehicles(owned, plates, before_ns)
    old = [[p for p in cluster if is_old(p, before_ns)] for cluster in clusters]
    return gone, [p for cluster in old for p in fold_plates(cluster)]


def is_old(record: VehicleRecord | PlateRecord, before_ns: int) -> bool:
    """Whether it ended before this time."""
    return record.is_ended and record.span.last_ns < before_ns


def fold_vehicles(owned: Sequence[VehicleRecord], plates: Sequence[PlateRecord], before_ns: int) -> list[VehicleRecord]:
    """The first of the old tracks takes over the others; one that goes on as a part that is still seen is left."""
    rest = [v for v in owned if not is_old(v, before_ns)]
    old = [v for v in owned if is_old(v, before_ns) and not any(v.leaves_as(part) for part in rest)]
    old.sort(key=lambda v: (v.span.first_ns, v.key))
    for other in old[1:]:
        old[0].absorb(other)
        for plate in plates:
            if n_looks := plate.votes.take(other.key):
                plate.votes.add(old[0].key, old[0].span, n_looks)
    return old[1:]


def fold_plates(old: Sequence[PlateRecord]) -> list[PlateRecord]:
    """The first takes over the others, which say the same, and the first of their early sightings."""
    if len(old) < 2:
        return []
    first, alarm = lead_of(old), alarm_of(old)
    first.alarm = alarm and replace(alarm, merged_ids=merged_into(alarm, old))
    others = [p for p in old if p is not first]
    for other in others:
        first.absorb(other)
    return others
