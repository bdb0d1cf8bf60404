"""Deliveries of sightings with real pictures, as the outbox hands them to a sink."""

import hashlib
from functools import cache
from typing import Any

import cv2
import numpy as np

from tests.events.samples import sighting, site
from vision.events.make import picture_part, sighting_event
from vision.sinks.protocol import Delivery
from vision.sinks.viid import ViidSink, viid_sink
from vision.types import Sighting

OWN, GATE, YARD = "34020000001190000001", "34020000001320000002", "34020000001320000003"
SIZES = {"scene": (640, 360), "vehicle": (160, 120), "plate": (320, 96)}


@cache
def jpeg(role: str, seed: int = 0) -> bytes:
    width, height = SIZES[role]
    noise = np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    picture = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def delivery(
    n: int = 1, camera: str = "gate", *, seen: Sighting | None = None, attempt: int = 1, roles: tuple[Any, ...] = ()
) -> Delivery:
    """The ``n``-th delivery of a camera; ``roles`` default to all pictures."""
    data = {role: jpeg(role) for role in roles or ("scene", "vehicle", "plate")}
    parts = [picture_part(role, d, *SIZES[role]) for role, d in data.items()]
    event = sighting_event(seen or sighting(n, camera), site(), parts, now_ns=0)
    by_hash = {hashlib.sha256(d).hexdigest(): d for d in data.values()}
    return Delivery(event.id, camera, n, attempt, event.plain(), event.body(), by_hash.__getitem__)


def sink(url: str, **changes: Any) -> ViidSink:
    """A sink with two cameras that does not wait long for anything."""
    settings = {
        "url": url,
        "device_id": OWN,
        "password": "vision",
        "register_wait_s": 0.0,
        "timeout_s": 2.0,
        "cameras": {
            "gate": {"device_id": GATE, "tollgate_id": OWN, "nearer_heads": "south", "lanes": {"lane 1": 1}},
            "yard": YARD,
        },
        **changes,
    }
    return viid_sink("library", settings)
