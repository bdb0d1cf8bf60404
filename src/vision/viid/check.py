"""Walks a platform through its life with one device, from register to unregister, and notes what is particular."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Literal

from vision.errors import SinkError
from vision.viid.answers import Reply, Verdict, describe
from vision.viid.client import KEEPALIVE, REGISTER, UNREGISTER, VEHICLES, Client
from vision.viid.times import stamp_of
from vision.viid.vehicle import Device, Json, Stamps, list_body, vehicle_object

Mark = Literal["ok", "note", "off"]
OFFSET_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: fine, worth knowing, or in the way; ``values`` fill the sentence of this name."""

    name: str
    mark: Mark
    values: Mapping[str, Any] = field(default_factory=dict)


def walk(client: Client, zone: tzinfo, *, send_vehicle: bool) -> Iterator[Finding]:
    """Findings in the order of the walk; it ends where going on makes no sense.

    Args:
        send_vehicle: also send one made-up vehicle without a plate, twice with one id; it stays at the platform.
    """
    body = {"RegisterObject": {"DeviceID": client.device}}
    try:
        bare = client.post(REGISTER, body, with_digest=False)
    except SinkError as err:
        yield Finding("unreachable", "off", {"why": str(err)})
        return
    yield challenge(bare)
    try:
        yield from registered(client, zone, body, send_vehicle=send_vehicle)
    except SinkError as err:
        yield Finding("broke_off", "off", {"why": str(err)})


def registered(client: Client, zone: tzinfo, body: Json, *, send_vehicle: bool) -> Iterator[Finding]:
    """The walk from Register on.

    Raises:
        SinkError: an answer did not come.
    """
    reply = client.post(REGISTER, body)
    verdict = client.verdict(reply)
    if verdict.state != "ok":
        yield refusal(reply, verdict)
        return
    yield Finding("registered", "ok", {"device": client.device})
    yield from answer_forms(reply)
    clock = client.clock(zone)
    if clock is None:
        yield Finding("no_time", "note")
    else:
        values = {"seconds": clock.offset_ns / 1e9, "error": clock.error_ns / 1e9, "form": clock.form}
        yield Finding("time", "note" if abs(clock.offset_ns) > OFFSET_NS + clock.error_ns else "ok", values)
    reply = client.post(KEEPALIVE, {"KeepaliveObject": {"DeviceID": client.device}})
    verdict = client.verdict(reply)
    yield plain("keepalive", verdict)
    if send_vehicle:
        yield from vehicle(client, zone)
    else:
        yield Finding("vehicle_not_tried", "note")
    reply = client.post(UNREGISTER, {"UnRegisterObject": {"DeviceID": client.device}})
    yield plain("unregister", client.verdict(reply))
    reply = client.post(KEEPALIVE, {"KeepaliveObject": {"DeviceID": client.device}})
    if client.verdict(reply).state == "ok":
        yield Finding("keepalive_of_stranger", "note")
    else:
        yield Finding("stranger", "ok", {"detail": describe(reply, reply.statuses[0] if reply.statuses else None)})


def challenge(reply: Reply) -> Finding:
    """What a registration without a password hears."""
    header = reply.challenge
    if reply.is_2xx:
        return Finding("open", "note")
    if reply.http != 401 or not header.lower().startswith("digest"):
        return Finding("no_challenge", "off", {"http": reply.http, "header": header or "-"})
    if "qop" not in header.lower():
        return Finding("digest_old", "note", {"header": header})
    return Finding("digest", "ok", {"header": header})


def refusal(reply: Reply, verdict: Verdict) -> Finding:
    """Why Register failed."""
    status = reply.statuses[0] if reply.statuses else None
    if reply.http == 404 or (status is not None and verdict.state == "unregistered" and reply.http != 401):
        return Finding("unknown_device", "off", {"detail": verdict.detail})
    if status is None and reply.http in (400, 401, 403):
        return Finding("wrong_password", "off", {"detail": verdict.detail})
    return Finding("not_registered", "off", {"detail": verdict.detail})


def answer_forms(reply: Reply) -> Iterator[Finding]:
    """Forms of an answer that other clients stumble over; ours does not."""
    text = reply.text
    if '"ResponseStatus"' in text:
        yield Finding("root", "note")
    if '"statusCode"' in text:
        yield Finding("lower_case", "note")
    if '"StatusCode": "' in text or '"StatusCode":"' in text:
        yield Finding("string_codes", "note")
    if "json" not in reply.content_type.lower():
        yield Finding("content_type", "note", {"type": reply.content_type or "-"})


def vehicle(client: Client, zone: tzinfo) -> Iterator[Finding]:
    """One made-up vehicle, and the same again.

    Raises:
        SinkError: an answer did not come.
    """
    made = made_up_vehicle(client, zone)
    reply = client.post(VEHICLES, list_body([made]))
    verdict = client.verdict(reply)
    yield plain("vehicle", verdict)
    if verdict.state != "ok":
        return
    if '"ResponseStatusListObject"' not in reply.text:
        yield Finding("single", "note")
    elif not any(s.id == made["MotorVehicleID"] for s in reply.statuses):
        yield Finding("no_ids", "note")
    again = client.verdict(client.post(VEHICLES, list_body([made])))
    yield Finding("repeat", "ok") if again.state == "ok" else Finding("repeat_refused", "off", {"detail": again.detail})


def plain(name: str, verdict: Verdict) -> Finding:
    """A step that worked or did not."""
    return (
        Finding(name, "ok") if verdict.state == "ok" else Finding(f"{name}_refused", "off", {"detail": verdict.detail})
    )


def made_up_vehicle(client: Client, zone: tzinfo) -> Json:
    """A vehicle that never was: no plate, no picture, color and class unknown, now."""
    stamp = stamp_of(time.time_ns(), zone)
    data = {
        "plate": None,
        "evidence": None,
        "n_reads": 0,
        "vehicle": None,
        "boxes": {"last": [0, 0, 1, 1]},
        "passage": {"lane": None, "speed": None},
        "direction": {"depth": "same"},
    }
    number = secrets.randbelow(25_000)
    stamps = Stamps(stamp, stamp, stamp, stamp)
    return vehicle_object(data, Device(client.device), number, stamps, client.profile, {}, {})
