"""Makes events of what a site sees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from vision.events.model import (
    EarlyEvent,
    FinalEvent,
    MatchData,
    MatchEvent,
    ModelPart,
    PicturePart,
    SightingData,
    SitePart,
    StatisticsData,
    StatisticsEvent,
    StatusData,
    StatusEvent,
    TimesPart,
)
from vision.events.record import MatchPart, fields_of
from vision.events.times import time_text
from vision.types import CameraStatus, Match, Sighting


@dataclass(frozen=True, slots=True)
class Stretch:
    """Counts of one camera over a stretch of time (UTC ns)."""

    stream_id: str
    start_ns: int
    end_ns: int
    vehicles: int
    read: int
    unread: Mapping[str, int]
    frames: Mapping[str, int]


def sighting_event(
    sighting: Sighting, site: SitePart, pictures: Sequence[PicturePart] = (), *, now_ns: int
) -> EarlyEvent | FinalEvent:
    """An early or final sighting as an event.

    Args:
        now_ns: the event's time (UTC) where the source does not know its own.
    """
    data = sighting_data(sighting, site, pictures)
    head = {
        **envelope(site, sighting.stream_id, sighting_key(sighting), sighting.id),
        "time": time_text(sighting.last_time_ns if sighting.is_utc else now_ns),
        "data": data,
    }
    return EarlyEvent(**head) if sighting.state == "early" else FinalEvent(**head)


def sighting_data(sighting: Sighting, site: SitePart, pictures: Sequence[PicturePart] = ()) -> SightingData:
    """What a sighting's event carries."""
    evidence = sighting.evidence
    times = TimesPart(
        first=time_text(sighting.first_time_ns),
        last=time_text(sighting.last_time_ns),
        evidence=time_text(evidence.frame.time_ns) if evidence else None,
        source=evidence.frame.time_source if evidence else None,
        error_ns=evidence.frame.time_error_ns if evidence else None,
    )
    return SightingData(
        **fields_of(sighting, {}), times=times if sighting.is_utc else None, pictures=tuple(pictures), site=site
    )


def match_event(match: Match, site: SitePart, pictures: Sequence[PicturePart] = (), *, now_ns: int) -> MatchEvent:
    """A watch-list's alarm as an event.

    Args:
        now_ns: the event's time (UTC) where the source does not know its own.
    """
    sighting = match.sighting
    return MatchEvent(
        **envelope(site, sighting.stream_id, key_of(match.id, f"r{match.revision}"), match.id),
        time=time_text(sighting.last_time_ns if sighting.is_utc else now_ns),
        data=MatchData(match=MatchPart.of(match), sighting=sighting_data(sighting, site, pictures)),
    )


def status_event(status: CameraStatus, site: SitePart) -> StatusEvent:
    """A camera's state as an event."""
    time, key = time_text(status.time_ns), key_of(status.stream_id, str(status.time_ns), status.state)
    return StatusEvent(
        **envelope(site, status.stream_id, key, status.stream_id),
        time=time,
        data=StatusData(stream_id=status.stream_id, since=time, state=status.state, detail=status.detail, site=site),
    )


def statistics_event(stretch: Stretch, site: SitePart) -> StatisticsEvent:
    """A camera's counts as an event."""
    key = key_of(stretch.stream_id, str(stretch.start_ns), "statistics")
    return StatisticsEvent(
        **envelope(site, stretch.stream_id, key, stretch.stream_id),
        time=time_text(stretch.end_ns),
        data=StatisticsData(
            stream_id=stretch.stream_id,
            start=time_text(stretch.start_ns),
            end=time_text(stretch.end_ns),
            vehicles=stretch.vehicles,
            read=stretch.read,
            unread=dict(stretch.unread),
            frames=dict(stretch.frames),
            site=site,
        ),
    )


def envelope(site: SitePart, camera: str, key: str, subject: str) -> dict[str, Any]:
    """The attributes that every event has in the same way."""
    source = f"vision://{quote(site.name, safe='')}/{quote(camera, safe='')}"
    return {"id": key, "source": source, "subject": subject, "partitionkey": camera}


def sighting_key(sighting: Sighting) -> str:
    """Id of a sighting's event: the sighting's id and its revision."""
    return key_of(sighting.id, f"r{sighting.revision}")


def key_of(*parts: str) -> str:
    """An id of its parts in plain ASCII without a dot, so that it fits HTTP headers and what a webhook signs.

    Parts are percent-encoded, which keeps different ids different.
    """
    return "-".join(quote(part, safe="").replace(".", "%2E") for part in parts)


def picture_part(role: Literal["scene", "vehicle", "plate"], data: bytes, width: int, height: int) -> PicturePart:
    """The reference to a picture of these JPEG bytes."""
    digest = hashlib.sha256(data).hexdigest()
    return PicturePart(role=role, sha256=digest, size=len(data), width=width, height=height)


def site_part(
    name: str, purpose: str, version: str, models: Sequence[Mapping[str, str]], config: Mapping[str, Any]
) -> SitePart:
    """What every event says of its site.

    Args:
        models: name, version, precision and sha256 of each, as `Manifest.identity` gives them.
        config: the settings as plain JSON values, without passwords; their SHA-256 goes into events.
    """
    text = json.dumps(config, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    parts = tuple(ModelPart(**{key: m[key] for key in ("name", "version", "precision", "sha256")}) for m in models)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return SitePart(name=name, purpose=purpose, version=version, models=parts, config_sha256=digest)
