"""A sighting as plain JSON: the versioned form that leaves the library."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from vision.types import Box, Passage, Photo, PlateRead, PlateText, Sighting, Vehicle

SCHEMA = "vision.sighting/1"


def event_of(sighting: Sighting, *, images: dict[str, str] | None = None) -> dict[str, Any]:
    """The sighting under schema ``vision.sighting/1``.

    Args:
        images: relative paths of the evidence pictures by role (scene, vehicle, plate).

    ``first_time`` and ``last_time`` are ISO 8601 UTC where the source knows its time, else null; ``ts_source`` and
    ``ts_error_ms`` say where it is from and how far it may be off, if that is known. ``first_s`` and
    ``last_s`` are seconds from the start of the source. Boxes are [x1, y1, x2, y2] in pixels.
    """
    evidence = sighting.evidence
    return {
        "schema": SCHEMA,
        "id": sighting.id,
        "revision": sighting.revision,
        "state": sighting.state,
        "merged_ids": list(sighting.merged_ids),
        "stream_id": sighting.stream_id,
        "first_time": utc_text(sighting.first_time_ns) if sighting.is_utc else None,
        "last_time": utc_text(sighting.last_time_ns) if sighting.is_utc else None,
        "ts_source": evidence.frame.time_source if evidence else None,
        "ts_error_ms": None
        if not evidence or evidence.frame.time_error_ns is None
        else round(evidence.frame.time_error_ns / 1e6),
        "first_s": round(sighting.first_s, 3),
        "last_s": round(sighting.last_s, 3),
        "plate": plate_of(sighting.plate) if sighting.plate else None,
        "reason": sighting.reason or None,
        "vehicle": vehicle_of(sighting.vehicle) if sighting.vehicle else None,
        "direction": {
            "word": sighting.direction.word,
            "angle_deg": sighting.direction.angle_deg,
            "distance_px": sighting.direction.distance_px,
            "depth": sighting.direction.depth,
        },
        "boxes": {"first": box_of(sighting.first_box), "last": box_of(sighting.last_box)},
        "evidence": None
        if evidence is None
        else {
            "frame": evidence.frame.index,
            "time_s": round(evidence.frame.offset_s, 3),
            "vehicle_box": box_of(evidence.vehicle_box) if evidence.vehicle_box else None,
            "plate_corners": None
            if evidence.plate_corners is None
            else [[round(float(v), 1) for v in point] for point in evidence.plate_corners],
            "images": images or {},
        },
        "n_frames": sighting.n_frames,
        "n_reads": sighting.n_reads,
        "track_ids": list(sighting.track_ids),
        "passage": passage_of(sighting.passage),
    }


def passage_of(passage: Passage) -> dict[str, Any]:
    """What a vehicle did in the scene."""
    return {
        "lane": passage.lane,
        "crossings": [
            {"line": c.line, "direction": c.direction, "time_s": round(c.offset_s, 3)} for c in passage.crossings
        ],
        "dwells": [
            {"zone": d.zone, "seconds": d.seconds, "still_s": d.still_s, "is_over": d.is_over} for d in passage.dwells
        ],
        "is_wrong_way": passage.is_wrong_way,
        "speed": {"kmh": passage.speed.kmh, "error_kmh": passage.speed.error_kmh} if passage.speed else None,
    }


def plate_of(plate: PlateText) -> dict[str, Any]:
    """A plate text with its characters and runners-up."""
    return {
        "text": plate.text,
        "score": round(plate.score, 4),
        "chars": [[c.text, round(c.score, 4)] for c in plate.chars],
        "color": plate.color,
        "kind": plate.kind,
        "rows": plate.rows,
        "candidates": [[text, round(score, 4)] for text, score in plate.candidates],
    }


def vehicle_of(vehicle: Vehicle) -> dict[str, Any]:
    """A vehicle with its type and color."""
    return {
        "box": box_of(vehicle.box),
        "type": vehicle.type,
        "type_score": round(vehicle.type_score, 4),
        "color": vehicle.color,
        "color_score": round(vehicle.color_score, 4),
        "score": round(vehicle.score, 4),
    }


def read_of(read: PlateRead) -> dict[str, Any]:
    """One read of one photo."""
    return {
        **plate_of(read.plate),
        "corners": [[round(float(v), 1) for v in point] for point in read.corners],
        "box": box_of(read.box),
        "detection_score": round(read.detection_score, 4),
    }


def photo_of(file: str, photo: Photo) -> dict[str, Any]:
    """One photo's line of ``vision read --json``."""
    return {
        "file": file,
        "plates": [read_of(r) for r in photo.plates],
        "vehicles": [vehicle_of(v) for v in photo.vehicles],
        "rejected": photo.rejected,
        "ms": dict(photo.ms),
    }


def box_of(box: Box) -> list[float]:
    """A box rounded to a tenth of a pixel."""
    return [round(float(v), 1) for v in box]


def utc_text(time_ns: int) -> str:
    """ISO 8601 with milliseconds and Z."""
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns // 1_000_000 % 1000:03d}Z"
