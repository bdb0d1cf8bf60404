"""The event types: what each carries, the CloudEvents envelope around it, and the one place that checks them.

Source of the envelope: CloudEvents 1.0.2, JSON format and partitioning extension.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from vision.events.record import MatchPart, Part, SightingRecord
from vision.events.times import time_ns_of

SCHEMA_ID = "urn:platevision:schema:event:1"

EARLY: Final = "vision.sighting.early.v1"
FINAL: Final = "vision.sighting.final.v1"
MATCH: Final = "vision.watchlist.match.v1"
STATUS: Final = "vision.camera.status.v1"
STATISTICS: Final = "vision.statistics.v1"
TYPES = (EARLY, FINAL, MATCH, STATUS, STATISTICS)


def checked_time(text: str) -> str:
    """The text if it is a time."""
    time_ns_of(text)
    return text


Time = Annotated[
    str,
    AfterValidator(checked_time),
    Field(description="RFC 3339 UTC; nine places: nanoseconds", examples=["2026-01-31T13:00:00.123456789Z"]),
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Key = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_~%-]+$", max_length=512, description="stable for ever, no dot in it; the idempotency key"
    ),
]


class ModelPart(Part):
    """A network that took part."""

    name: str
    version: str
    precision: str
    sha256: Sha256


class SitePart(Part):
    """Who saw it, what for, and with what: in every event.

    ``purpose`` is what the site's configuration says these data are collected for. ``config_sha256`` is of the
    camera's settings without its address, which may hold a password.
    """

    name: str
    purpose: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(description="of this library")]
    models: tuple[ModelPart, ...]
    config_sha256: Sha256


class TimesPart(Part):
    """When: begin and end of the pass, and the frame of its evidence.

    ``source`` says where the time is from, ``error_ns`` how far it may be off; null: nothing is known.
    """

    first: Time
    last: Time
    evidence: Time | None
    source: Literal["container", "file", "stamp", "arrival", "given"] | None
    error_ns: Annotated[int, Field(ge=0)] | None


class PicturePart(Part):
    """An evidence picture by reference: the SHA-256 of its bytes finds it; ``scene`` is the whole frame."""

    role: Literal["scene", "vehicle", "plate"]
    sha256: Sha256
    size: Annotated[int, Field(ge=1, description="bytes")]
    width: Annotated[int, Field(ge=1, description="pixels")]
    height: Annotated[int, Field(ge=1, description="pixels")]
    media_type: Literal["image/jpeg"] = "image/jpeg"
    data_base64: Annotated[str | None, Field(description="the bytes, only where a sink is set to send them")] = None


class SightingData(SightingRecord):
    """A sighting (``vision.sighting/1``) with its exact times, its pictures and its site.

    ``times`` is null where the source does not know UTC.
    """

    times: TimesPart | None
    pictures: tuple[PicturePart, ...]
    site: SitePart


class MatchData(Part):
    """A sighting that may be of a plate on a watch-list, with the sighting as it was then."""

    match: MatchPart
    sighting: SightingData


class StatusData(Part):
    """A change of a camera's state, since ``since``; ``detail`` says why in plain words, never with a password."""

    stream_id: str
    since: Time
    state: Annotated[
        str,
        Field(
            min_length=1,
            description="connecting, streaming, waiting, stalled, failed, closed, ended, stopped or stuck",
        ),
    ]
    detail: str
    site: SitePart


class StatisticsData(Part):
    """What a camera saw from ``start`` to ``end``: vehicles, how many were read, why not, and what became of frames."""

    stream_id: str
    start: Time
    end: Time
    vehicles: Annotated[int, Field(ge=0)]
    read: Annotated[int, Field(ge=0)]
    unread: dict[str, Annotated[int, Field(ge=0)]]
    frames: dict[str, Annotated[int, Field(ge=0)]]
    site: SitePart


class Envelope(Part):
    """CloudEvents 1.0 attributes.

    ``id`` is stable for ever and is the idempotency key; ``source`` names site and camera, ``subject`` what the event
    is about; ``time`` is when it happened; events of one ``partitionkey`` (the camera) are to be kept in order.
    """

    specversion: Literal["1.0"] = "1.0"
    id: Key
    source: Annotated[str, Field(pattern=r"^vision://[^/\s]+/[^/\s]*$", description="vision://SITE/CAMERA")]
    subject: Annotated[str, Field(min_length=1, description="sighting, alarm or camera that it is about")]
    time: Time
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    partitionkey: Annotated[str, Field(description="the camera: its events are to be kept in order")]

    def body(self) -> bytes:
        """The event as UTF-8 JSON."""
        return self.model_dump_json(by_alias=True).encode()


class EarlyEvent(Envelope):
    """What is known of a pass that goes on; a final event with a higher revision follows."""

    type: Literal["vision.sighting.early.v1"] = EARLY
    dataschema: Literal["urn:platevision:schema:event:1#/$defs/SightingData"] = (
        "urn:platevision:schema:event:1#/$defs/SightingData"
    )
    data: SightingData


class FinalEvent(Envelope):
    """A vehicle has passed a camera."""

    type: Literal["vision.sighting.final.v1"] = FINAL
    dataschema: Literal["urn:platevision:schema:event:1#/$defs/SightingData"] = (
        "urn:platevision:schema:event:1#/$defs/SightingData"
    )
    data: SightingData


class MatchEvent(Envelope):
    """A plate of a watch-list was seen, probably; or an alarm is confirmed or taken back."""

    type: Literal["vision.watchlist.match.v1"] = MATCH
    dataschema: Literal["urn:platevision:schema:event:1#/$defs/MatchData"] = (
        "urn:platevision:schema:event:1#/$defs/MatchData"
    )
    data: MatchData


class StatusEvent(Envelope):
    """A camera's state changed."""

    type: Literal["vision.camera.status.v1"] = STATUS
    dataschema: Literal["urn:platevision:schema:event:1#/$defs/StatusData"] = (
        "urn:platevision:schema:event:1#/$defs/StatusData"
    )
    data: StatusData


class StatisticsEvent(Envelope):
    """What a camera saw in a stretch of time."""

    type: Literal["vision.statistics.v1"] = STATISTICS
    dataschema: Literal["urn:platevision:schema:event:1#/$defs/StatisticsData"] = (
        "urn:platevision:schema:event:1#/$defs/StatisticsData"
    )
    data: StatisticsData


Event = EarlyEvent | FinalEvent | MatchEvent | StatusEvent | StatisticsEvent
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])


def parse_event(value: bytes | str | Mapping[str, Any]) -> Event:
    """An event of its JSON, checked.

    Raises:
        ValueError: it is none; the text names the field.
    """
    try:
        return EVENT.validate_json(value) if isinstance(value, (bytes, str)) else EVENT.validate_python(value)
    except ValidationError as err:
        first = err.errors()[0]
        place = ".".join(str(p) for p in first["loc"]) or "event"
        raise ValueError(f"{place}: {first['msg']}, got {str(first['input'])[:80]!r}") from err


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of every event."""
    schema = EVENT.json_schema(by_alias=True, mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Event",
        "description": "What platevision sends: a CloudEvents 1.0 envelope with one of five kinds of data.",
        **schema,
    }
