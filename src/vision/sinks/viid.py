"""Sightings to a video and image library (GA/T 1400): as a device that sends, or as a platform below another one."""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vision.errors import SinkError
from vision.sinks.protocol import BEHIND, Answer, Delivery
from vision.sinks.server import trusting
from vision.viid.answers import Verdict, verdicts
from vision.viid.client import Client
from vision.viid.courier import Courier, Parcel, Post
from vision.viid.ids import NOTIFICATION, message_id
from vision.viid.link import Link
from vision.viid.pictures import Picture, fit
from vision.viid.settings import Settings, read_settings
from vision.viid.subscriptions import Subscription, Subscriptions
from vision.viid.times import stamp_of, zone_of
from vision.viid.vehicle import Device, Json, notification_body, stamps_of, vehicle_object
from vision.viid.web import WebServer

LOG = logging.getLogger("vision.sinks.viid")
SENT_TYPE = "vision.sighting.final.v1"
MOST_SERVED = 10_000
LARGEST_ORDER = 1 << 20  # bytes of a request with subscriptions
ORGANIZATION = 12  # digits of a device id that name its organization, in ids of notifications


class ViidSink:
    """One platform. Registers when it is opened or the first event comes; ``counts`` says what was left out and why.

    Only final sightings have an object in GA/T 1400: other events count as delivered and are counted as ``no_object``.
    In the cascade role, sightings that nobody has subscribed to are counted as ``no_subscriber``.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name, self.settings = name, settings
        self.zone, self.profile = zone_of(settings.zone), settings.profile
        self.counts: Counter[str] = Counter()
        client = Client(
            settings.url,
            settings.device_id,
            settings.password,
            user=settings.user,
            profile=self.profile,
            timeout_s=settings.timeout_s,
            verify=trusting(Path(settings.ca_file), f"sink {name!r}") if settings.ca_file else settings.verify,
        )
        self.link = Link(
            client,
            self.zone,
            keepalive_s=settings.keepalive_s,
            clock_s=settings.clock_s,
            wait_s=settings.register_wait_s,
        )
        self.courier = Courier(self.profile.batch, self.profile.request_bytes, self.link.register)
        self.subscriptions: Subscriptions | None = None
        self._web: WebServer | None = None
        self._served: OrderedDict[str, set[str]] = OrderedDict()  # event: subscriptions that have it, others do not

    def open(self) -> None:
        """Register, in the cascade role after it listens: a platform may subscribe long before the first vehicle.

        Raises:
            SinkError: the platform does not answer or does not let us register, or the port is taken.
        """
        with self.link.lock:
            self._listen()
            self.link.ensure()

    def send(self, deliveries: Sequence[Delivery]) -> Sequence[Answer]:
        """Deliver final sightings.

        Raises:
            SinkError: the platform does not answer or does not let us register; nothing was delivered.
        """
        answers: list[Answer | None] = [None] * len(deliveries)
        parcels: list[tuple[int, Parcel, Device]] = []
        for i, delivery in enumerate(deliveries):
            made = self._parcel(delivery)
            if isinstance(made, Answer):
                answers[i] = made
            else:
                parcels.append((i, *made))
        if parcels:
            with self.link.lock:
                self.open()
                self._send(deliveries, parcels, answers)
        known = answers.index(None) if None in answers else len(answers)
        return [a for a in answers[:known] if a is not None]

    def close(self) -> None:
        """Unregister, stop listening."""
        if self._web is not None:
            self._web.close()
        self.link.close()

    def _send(
        self,
        deliveries: Sequence[Delivery],
        parcels: Sequence[tuple[int, Parcel, Device]],
        answers: list[Answer | None],
    ) -> None:
        """Batch after batch. A camera with a retry waits; without an answer the rest was not tried."""
        places = {parcel.key: i for i, parcel, _ in parcels}
        devices = {parcel.key: device for _, parcel, device in parcels}
        held: dict[str, float | None] = {}
        for batch in self.courier.batches([p for _, p, _ in parcels]):
            for parcel in batch:
                if parcel.camera in held:
                    answers[places[parcel.key]] = Answer("retry", BEHIND, held[parcel.camera])
            rest = [p for p in batch if p.camera not in held]
            if not rest:
                continue
            try:
                found = self._delivered(rest, devices, deliveries[places[rest[0].key]])
            except SinkError:
                self.link.failed()
                if not any(a is not None for a in answers):
                    raise
                return
            self.link.answered()
            for parcel, (verdict, wait_s) in zip(rest, found, strict=True):
                answers[places[parcel.key]] = answer_of(verdict, wait_s)
                if verdict.state == "retry":
                    held[parcel.camera] = wait_s

    def _delivered(
        self, batch: Sequence[Parcel], devices: Mapping[str, Device], first: Delivery
    ) -> list[tuple[Verdict, float | None]]:
        """What became of each vehicle of a batch."""
        if self.subscriptions is None:
            return self.courier.send(batch, self.link.client.vehicles)
        now_ns = time.time_ns()
        wanted: dict[str, list[Subscription]] = {}
        for parcel in batch:
            device = devices[parcel.key]
            wanted[parcel.key] = self.subscriptions.active(device.id, device.tollgate, now_ns)
            if not wanted[parcel.key]:
                self.counts["no_subscriber"] += 1
        found = {p.key: (Verdict("ok"), None) for p in batch}  # type: dict[str, tuple[Verdict, float | None]]
        for order in {s.id: s for orders in wanted.values() for s in orders}.values():
            due = [
                p
                for p in batch
                if order.id in {s.id for s in wanted[p.key]} and order.id not in self._served.get(p.key, ())
            ]
            if not due:
                continue
            for parcel, (verdict, wait_s) in zip(due, self.courier.send(due, self._notify(order, first)), strict=True):
                if verdict.state == "ok":
                    self._served.setdefault(parcel.key, set()).add(order.id)
                    if len(self._served) > MOST_SERVED:  # of events that were given up meanwhile
                        self._served.popitem(last=False)
                elif found[parcel.key][0].state != "retry":
                    found[parcel.key] = verdict, wait_s
        for key, (verdict, _) in found.items():
            if verdict.state != "retry":
                self._served.pop(key, None)
        return [found[p.key] for p in batch]

    def _notify(self, order: Subscription, first: Delivery) -> Post:
        """Sends vehicles to whoever subscribed."""

        def post(objects: Sequence[Json]) -> tuple[list[Verdict], float | None]:
            stamp = stamp_of(time.time_ns(), self.zone)
            organization = self.settings.device_id[:ORGANIZATION]
            id_ = message_id(organization, NOTIFICATION, stamp, first.number)
            title = str(order.fields.get("Title") or "")
            reply = self.link.client.post(order.address, notification_body(id_, order.id, title, stamp, list(objects)))
            ids = [o["MotorVehicleID"] for o in objects]
            return verdicts(reply, ids, empty_is_ok=self.profile.empty_is_ok), reply.wait_s

        return post

    def _listen(self) -> None:
        """In the cascade role: take subscriptions, before the platform hears that we are there.

        Raises:
            SinkError: the port is taken.
        """
        if self.settings.role != "cascade" or self._web is not None:
            return
        s = self.settings
        state = Path(s.state) if s.state else None
        orders = Subscriptions(s.device_id, self.zone, s.hosts(), platform=s.platform_id, state=state)
        self._web = WebServer(*s.address(), orders.answer, largest_body=LARGEST_ORDER)
        self.subscriptions = orders
        LOG.info("%s: takes subscriptions at %s", self.name, self._web.url)

    def _parcel(self, delivery: Delivery) -> tuple[Parcel, Device] | Answer:
        """A delivery as a vehicle, or why it is none."""
        if delivery.event["type"] != SENT_TYPE:
            self.counts["no_object"] += 1
            return Answer("delivered", f"{delivery.event['type']} has no object in GA/T 1400")
        data = delivery.event["data"]
        try:
            device = self.settings.device_of(delivery.camera)
            clock = self.link.clock
            offset_ns = clock.offset_ns if clock is not None and self.settings.follow_clock else 0
            stamps = stamps_of(data, self.zone, offset_ns)
            pictures, urls = self._pictures(delivery, data)
            vehicle = vehicle_object(data, device, delivery.number, stamps, self.profile, pictures, urls)
        except (ValueError, KeyError, TypeError) as err:
            return Answer("refused", f"cannot be written as a MotorVehicle: {err}")
        return Parcel(delivery.key, delivery.camera, vehicle), device

    def _pictures(self, delivery: Delivery, data: Mapping[str, Any]) -> tuple[dict[str, Picture], dict[str, str]]:
        """Evidence by role, fitted; a picture that is gone or broken is left out, said and counted."""
        pictures: dict[str, Picture] = {}
        urls: dict[str, str] = {}
        for part in data["pictures"]:
            role, sha256 = part["role"], part["sha256"]
            if role not in self.profile.roles or self.profile.images == "none":
                continue
            if self.settings.picture_url:
                urls[role] = self.settings.picture_url.replace("{sha256}", sha256).replace("{role}", role)
            if self.profile.images == "url":
                pictures[role] = Picture(b"", part["width"], part["height"])
                continue
            try:
                pictures[role] = fit(delivery.evidence(sha256), self.profile.image_bytes)
            except (LookupError, ValueError) as err:
                self.counts["no_picture"] += 1
                LOG.warning("%s: %s goes without its %s picture: %s", self.name, delivery.key, role, err)
        return pictures, urls


def answer_of(verdict: Verdict, wait_s: float | None) -> Answer:
    """A verdict in the words of all sinks."""
    if verdict.state == "ok":
        return Answer("delivered", verdict.detail)
    if verdict.state == "refused":
        return Answer("refused", verdict.detail)
    return Answer("retry", verdict.detail, wait_s)


def viid_sink(name: str, settings: Mapping[str, Any]) -> ViidSink:
    """A sink of a ``[[sink]]`` table with ``type = "viid"``.

    Raises:
        ConfigError: a setting is unknown or has a wrong value, or ``ca_file`` cannot be read.
    """
    return ViidSink(name, read_settings(name, settings))
