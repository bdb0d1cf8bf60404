"""Deliveries to test sinks with, and a sender as patient as the outbox."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from tests.events.samples import final_event, one_of_each
from vision.errors import SinkError
from vision.events.model import Event
from vision.sinks.protocol import Answer, Delivery, Sink

CAMERAS = ("gate", "yard", "ramp 2/a")


def no_picture(sha256: str) -> bytes:
    raise LookupError(sha256)


def delivery_of(event: Event, number: int = 1) -> Delivery:
    return Delivery(event.id, event.partitionkey, number, 1, event.plain(), event.body(), no_picture)


def deliveries(n: int, start: int = 0) -> list[Delivery]:
    """Final sightings of several cameras in turn."""
    return [delivery_of(final_event(i, CAMERAS[i % len(CAMERAS)]), i) for i in range(start, start + n)]


def one_of_each_type() -> list[Delivery]:
    return [delivery_of(event, i) for i, event in enumerate(one_of_each(), 1)]


def states(answers: Sequence[Answer]) -> list[str]:
    return [answer.state for answer in answers]


def send_all(
    sink: Sink,
    waiting: Sequence[Delivery],
    *,
    batch: int = 20,
    limit_s: float = 60.0,
    meanwhile: Callable[[int], None] = lambda n: None,
) -> int:
    """Send until everything is delivered; the number of times that something had to be sent again.

    Args:
        meanwhile: called with the number delivered so far before each batch.
    """
    left, again, total = list(waiting), 0, len(waiting)
    end = time.monotonic() + limit_s
    while left:
        assert time.monotonic() < end, f"{len(left)} of {total} not delivered"
        meanwhile(total - len(left))
        part = left[:batch]
        try:
            answers = sink.send(part)
        except SinkError:
            again += 1
            time.sleep(0.1)
            continue
        assert all(answer.state != "refused" for answer in answers), answers
        kept = [d for i, d in enumerate(part) if i >= len(answers) or answers[i].state == "retry"]
        again += len(kept) > 0
        left = kept + left[batch:]
    return again


def check_order(keys: Sequence[str], sent: Sequence[Delivery]) -> None:
    """Everything arrived, and first arrivals of a camera's events are in the order in which they were sent."""
    assert set(keys) == {d.key for d in sent}
    camera_of = {d.key: d.camera for d in sent}
    seen: dict[str, list[str]] = defaultdict(list)
    for key in dict.fromkeys(keys):
        seen[camera_of[key]].append(key)
    for camera, got in seen.items():
        assert got == [d.key for d in sent if d.camera == camera]
