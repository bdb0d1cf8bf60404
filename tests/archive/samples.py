"""Deliveries for an archive, and one that holds some."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.events.samples import NS, T0, sighting, site
from vision.archive.sink import ArchiveSink, archive_sink
from vision.events.make import Stretch, picture_part, sighting_event, statistics_event, status_event
from vision.events.model import Event
from vision.sinks.protocol import Delivery
from vision.types import CameraStatus, Sighting

HOUR_NS = 3600 * NS


def jpeg(n: int) -> bytes:
    return b"\xff\xd8 picture %d \xff\xd9" % n


def delivery_of(event: Event, *pictures: bytes) -> Delivery:
    kept = {picture_part("plate", data, 1, 1).sha256: data for data in pictures}

    def evidence(sha256: str) -> bytes:
        return kept[sha256]

    body = event.body()
    return Delivery(event.id, event.partitionkey, 1, 1, json.loads(body), body, evidence)


def passes(one: Sighting, *pictures: bytes) -> Delivery:
    parts = [picture_part("vehicle", data, 8, 8) for data in pictures]
    return delivery_of(sighting_event(one, site(), parts, now_ns=T0), *pictures)


def seen(n: int, camera: str = "gate", *, text: str | None = None, vehicle: tuple[str, str] | None = None) -> Delivery:
    """The nth sighting with picture n; a plate of its own unless one is given."""
    one = sighting(n, camera, text=text or f"京A{n:05d}")
    if vehicle and one.vehicle:
        one = replace(one, vehicle=replace(one.vehicle, type=vehicle[0], color=vehicle[1]))
    return passes(one, jpeg(n))


def state(camera: str, after_s: int, word: str) -> Delivery:
    return delivery_of(status_event(CameraStatus(camera, T0 + after_s * NS, word, ""), site()))


def counts(camera: str, start_s: int, vehicles: int, read: int) -> Delivery:
    start = T0 + start_s * NS
    unread = {"too_small": vehicles - read}
    stretch = Stretch(camera, start, start + 60 * NS, vehicles, read, unread, {"processed": 1500, "failed": 0})
    return delivery_of(statistics_event(stretch, site()))


def filled(folder: Path, deliveries: Sequence[Delivery], **settings: object) -> ArchiveSink:
    """A sink that took deliveries; it is still open."""
    sink = archive_sink("archive", {"folder": str(folder), **settings})
    assert {answer.state for answer in sink.send(deliveries)} <= {"delivered"}
    return sink
