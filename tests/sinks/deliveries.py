"""Deliveries to test sinks with."""

import json

from tests.events.samples import JPEG, final_event
from vision.sinks.protocol import Delivery


def picture(sha256: str) -> bytes:
    return JPEG


def gone(sha256: str) -> bytes:
    raise LookupError(sha256)


def delivery(n: int = 1, camera: str = "gate", *, is_gone: bool = False) -> Delivery:
    event = final_event(n, camera)
    body = event.body()
    return Delivery(event.id, camera, n, 1, json.loads(body), body, gone if is_gone else picture)
