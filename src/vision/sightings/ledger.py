"""The read-rate ledger: passes by camera and hour, read or unread with a reason, and the lines they crossed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import get_args

from vision.types import Reason, Sighting

REASONS: tuple[str, ...] = tuple(r for r in get_args(Reason) if r)
HOUR_S = 3600


@dataclass(slots=True)
class Hour:
    """Passes of one camera that began in one hour; ``vehicles`` is the sum of ``read`` and of ``unread``'s values."""

    vehicles: int = 0
    read: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    crossings: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # line, direction, vehicle type


class Ledger:
    """Adds up sightings by camera and hour."""

    def __init__(self) -> None:
        self.hours: dict[tuple[str, str], Hour] = {}

    def add(self, sighting: Sighting) -> None:
        """Enter one sighting."""
        hour = self.hours.setdefault((sighting.stream_id, hour_of(sighting)), Hour())
        hour.vehicles += 1
        if sighting.plate is not None:
            hour.read += 1
        else:
            hour.unread[sighting.reason] += 1
        kind = sighting.vehicle.type if sighting.vehicle else "unknown"
        hour.crossings.update((c.line, c.direction, kind) for c in sighting.passage.crossings)

    def rows(self) -> list[list[object]]:
        """One row per camera and hour, in `COLUMNS`."""
        out: list[list[object]] = []
        for (stream_id, name), hour in sorted(self.hours.items()):
            counts = [hour.unread[reason] for reason in REASONS]
            out.append([stream_id, name, hour.vehicles, hour.read, round(hour.read / hour.vehicles, 4), *counts])
        return out

    def crossing_rows(self) -> list[list[object]]:
        """One row per camera, hour, line, direction and vehicle type, in `CROSSING_COLUMNS`."""
        return [
            [stream_id, name, *key, n]
            for (stream_id, name), hour in sorted(self.hours.items())
            for key, n in sorted(hour.crossings.items())
        ]

    def unread(self) -> Counter[str]:
        """Unread passes of all cameras and hours, by reason."""
        return sum((hour.unread for hour in self.hours.values()), Counter())

    def crossings(self) -> Counter[tuple[str, str, str]]:
        """Crossings of all cameras and hours, by line, direction and vehicle type."""
        return sum((hour.crossings for hour in self.hours.values()), Counter())


COLUMNS = ("stream_id", "hour", "vehicles", "read", "read_rate", *REASONS)
CROSSING_COLUMNS = ("stream_id", "hour", "line", "direction", "vehicle_type", "vehicles")


def hour_of(sighting: Sighting) -> str:
    """The hour in which a pass began: UTC where the source knows it, else counted from the source's start."""
    if not sighting.is_utc:
        return f"+{int(sighting.first_s // HOUR_S)}h"
    return f"{datetime.fromtimestamp(sighting.first_time_ns // 1_000_000_000, UTC):%Y-%m-%dT%H}:00Z"


def ledger_of(sightings: Iterable[Sighting]) -> Ledger:
    """The ledger of these sightings."""
    ledger = Ledger()
    for sighting in sightings:
        ledger.add(sighting)
    return ledger
