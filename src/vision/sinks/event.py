"""Sightings, matches and photos as plain JSON: what `vision run` and `vision read` write."""

from __future__ import annotations

from typing import Any

from vision.events.record import PlatePart, VehiclePart, box_of, match_record_of, record_of
from vision.types import Match, Photo, PlateRead, Sighting


def event_of(sighting: Sighting, *, images: dict[str, str] | None = None) -> dict[str, Any]:
    """The sighting under schema ``vision.sighting/1`` (see `vision.events.record.SightingRecord`).

    Args:
        images: relative paths of the evidence pictures by role (scene, vehicle, plate).
    """
    return record_of(sighting, images).plain()


def match_of(match: Match, *, images: dict[str, str] | None = None) -> dict[str, Any]:
    """The match under schema ``vision.match/1`` (see `vision.events.record.MatchRecord`)."""
    return match_record_of(match, images).plain()


def read_of(read: PlateRead) -> dict[str, Any]:
    """One read of one photo."""
    return {
        **PlatePart.of(read.plate).plain(),
        "corners": [[round(float(v), 1) for v in point] for point in read.corners],
        "box": list(box_of(read.box)),
        "detection_score": round(read.detection_score, 4),
    }


def photo_of(file: str, photo: Photo) -> dict[str, Any]:
    """One photo's line of ``vision read --json``."""
    return {
        "file": file,
        "plates": [read_of(r) for r in photo.plates],
        "vehicles": [VehiclePart.of(v).plain() for v in photo.vehicles],
        "rejected": photo.rejected,
        "ms": dict(photo.ms),
    }
