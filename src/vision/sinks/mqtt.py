"""Events to an MQTT 5 broker with QoS 1, as CloudEvents or in the form of ONVIF Profile M."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from vision.errors import SinkError
from vision.settings import parse
from vision.sinks.onvif import onvif_message
from vision.sinks.protocol import BEHIND, Answer, Delivery
from vision.sinks.server import Host, Port, ServerSettings, library, plate_of, short

# Source: MQTT 5.0, section 3.4.2.1, PUBACK reason codes.
NEVER = {0x87: "not authorized", 0x90: "topic name invalid", 0x99: "payload format invalid"}
PLACES = ("camera", "type", "plate")
WINDOW = 20  # acknowledgements waited for at once


def checked_topic(topic: str) -> str:
    """The template if every ``{place}`` is known and nothing in it means something to a broker."""
    for place in re.findall(r"\{([^}]*)\}", topic):
        if place not in PLACES:
            raise ValueError(f"expected the places {', '.join(PLACES)}, got {place}")
    if re.search(r"[+#\0]|^\$|^$", topic) or re.sub(r"\{\w+\}", "", topic).count("{"):
        raise ValueError("expected a topic without + # $ and single braces")
    return topic


class MqttSettings(ServerSettings):
    """Where and how.

    ``topic`` may hold ``{camera}``, ``{type}`` and ``{plate}`` (``unread`` where there is none). ``style`` onvif sends
    plates alone, under ``topic_prefix``. ``status_topic`` says online or offline, retained; the broker says offline
    for us when we are lost.
    """

    host: Host
    port: Port | None = None
    topic: Annotated[str, AfterValidator(checked_topic)] = "vision/{camera}/{type}"
    style: Literal["cloudevents", "onvif"] = "cloudevents"
    topic_prefix: Annotated[str, Field(pattern=r"^[^+#$\x00][^+#\x00]*$")] = "vision"
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = "CN"
    status_topic: Annotated[str, Field(pattern=r"^[^+#\x00]*$")] = "vision/status"
    client_id: Annotated[str, Field(pattern=r"^[\w-]{1,64}$")] | None = None
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 30


def mqtt_sink(name: str, settings: Mapping[str, Any]) -> MqttSink:
    """A sink of type ``mqtt``.

    Raises:
        ConfigError: a setting is wrong, or the extra ``mqtt`` is not installed.
    """
    return MqttSink(name, parse(MqttSettings, settings, f"sink {name!r}"))


class MqttSink:
    """One client; after a failure a new one, so that nothing of a lost attempt is sent later."""

    def __init__(self, name: str, settings: MqttSettings) -> None:
        settings.check_login(name)
        self.name, self.settings = name, settings
        self._paho = library("paho.mqtt.client", name, "mqtt")
        self._properties = library("paho.mqtt.properties", name, "mqtt")
        self._packets = library("paho.mqtt.packettypes", name, "mqtt")
        self._tls = settings.context(name) if settings.encrypts(settings.host) else None
        self._client: Any = None
        self._changed = threading.Condition()  # guards what the library's thread says
        self._codes: dict[int, int] = {}  # message id -> reason code of its PUBACK
        self._state, self._detail = "new", ""
        self._max_packet, self._window, self._widest = 268_435_455, WINDOW, WINDOW  # until the broker says less

    def send(self, deliveries: Sequence[Delivery]) -> Sequence[Answer]:
        """Publish in rounds: one event of each camera, then their acknowledgements, so that order is kept.

        Raises:
            SinkError: the broker cannot be reached or does not take the login.
        """
        client = self._connected()
        answers: list[Answer | None] = [None] * len(deliveries)
        cameras: dict[str, list[int]] = {}
        for i, delivery in enumerate(deliveries):
            cameras.setdefault(delivery.camera, []).append(i)
        end = time.monotonic() + self.settings.timeout_s
        silent: list[int] = []
        while cameras and not silent and self._state == "connected" and time.monotonic() < end:
            heads = [indices[0] for indices in cameras.values()][: self._window]
            self._round(client, deliveries, heads, answers, end)
            for i in heads:
                camera, answer = deliveries[i].camera, answers[i]
                if answer is None:
                    silent.append(i)
                elif answer.state == "retry":  # the others of this camera wait behind it
                    for later in cameras.pop(camera)[1:]:
                        answers[later] = Answer("retry", BEHIND)
                elif len(cameras[camera]) > 1:
                    cameras[camera].pop(0)
                else:
                    del cameras[camera]
        if cameras:
            return self._broken(answers, silent)
        self._window = self._widest
        return [answer for answer in answers if answer]

    def close(self) -> None:
        """Say offline and let go of the connection."""
        client, settings = self._client, self.settings
        if client is not None and self._state == "connected" and settings.status_topic:
            try:
                client.publish(settings.status_topic, "offline", qos=1, retain=True).wait_for_publish(2)
            except (RuntimeError, ValueError):
                logging.getLogger(__name__).info("sink %s: mqtt: lost while closing", self.name)
        self._drop()

    def _message(self, delivery: Delivery) -> tuple[str, bytes] | None:
        if self.settings.style == "onvif":
            return onvif_message(delivery.event, self.settings.topic_prefix, self.settings.country)
        return topic_of(self.settings.topic, delivery), delivery.body

    def _content(self) -> Any:
        properties = self._properties.Properties(self._packets.PacketTypes.PUBLISH)
        properties.PayloadFormatIndicator = 1
        onvif = self.settings.style == "onvif"
        properties.ContentType = "application/json" if onvif else "application/cloudevents+json; charset=UTF-8"
        return properties

    def _connected(self) -> Any:
        if self._client is not None and self._state != "connected":
            self._drop()
        if self._client is None:
            try:
                self._connect()
            except OSError as err:
                self._drop()
                raise SinkError(f"sink {self.name!r}: mqtt: no connection: {short(err)}") from err
        return self._client

    def _connect(self) -> None:
        s, paho = self.settings, self._paho
        client = self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=s.client_id or f"vision-{re.sub(r'[^a-zA-Z0-9]', '-', self.name)}",
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
        )
        client.on_connect, client.on_disconnect, client.on_publish = self._on_connect, self._on_disconnect, self._on_ack
        client.connect_timeout = s.timeout_s
        if s.user is not None:
            client.username_pw_set(s.user, s.secret())
        if self._tls is not None:
            client.tls_set_context(self._tls)
        if s.status_topic:
            client.will_set(s.status_topic, "offline", qos=1, retain=True)
        self._state, self._detail = "new", ""
        client.connect(
            s.host, s.port or (1883 if self._tls is None else 8883), keepalive=s.keepalive_s, clean_start=True
        )
        client.loop_start()
        with self._changed:
            self._changed.wait_for(lambda: self._state != "new", s.timeout_s)
        if self._state != "connected":
            raise ConnectionError(self._detail or f"no answer within {s.timeout_s:g} s")
        if s.status_topic:
            client.publish(s.status_topic, "online", qos=1, retain=True)

    def _round(
        self,
        client: Any,
        deliveries: Sequence[Delivery],
        indices: Sequence[int],
        answers: list[Answer | None],
        end: float,
    ) -> None:
        """Publish these and wait for what the broker says; no answer where it said nothing."""
        waiting: dict[int, int] = {}
        for i in indices:
            message = self._message(deliveries[i])
            if message is None:
                answers[i] = Answer("delivered", "not sent: ONVIF has no form for an event without a plate")
            elif len(message[0].encode()) + len(message[1]) + 64 > self._max_packet:
                answers[i] = Answer("refused", f"packet too large: the broker takes {self._max_packet} bytes")
            else:
                waiting[client.publish(message[0], message[1], qos=1, properties=self._content()).mid] = i
        with self._changed:
            self._changed.wait_for(
                lambda: self._state != "connected" or waiting.keys() <= self._codes.keys(), end - time.monotonic()
            )
            for mid in waiting.keys() & self._codes.keys():
                answers[waiting[mid]] = answer_of(self._codes[mid])
            self._codes.clear()

    def _broken(self, answers: list[Answer | None], silent: Sequence[int]) -> Sequence[Answer]:
        """The answers so far. What was sent and not acknowledged counts as tried: it may be why the connection ended.

        Raises:
            SinkError: nothing was tried.
        """
        detail = self._detail or f"no acknowledgement within {self.settings.timeout_s:g} s"
        self._drop()
        self._window = 1  # next time one by one, so that the broker's answer to the culprit is not lost with the others
        for i in silent:
            answers[i] = Answer("retry", detail)
        n_tried = max((i + 1 for i, answer in enumerate(answers) if answer), default=0)
        if not n_tried:
            raise SinkError(f"sink {self.name!r}: mqtt: {detail}")
        return [answer or Answer("retry", BEHIND) for answer in answers[:n_tried]]

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()
        self._codes.clear()

    def _on_connect(self, client: Any, data: object, flags: Any, code: Any, properties: Any) -> None:
        with self._changed:
            self._state = "lost" if code.is_failure else "connected"
            self._detail = f"login refused: {code}" if code.is_failure else ""
            self._max_packet = getattr(properties, "MaximumPacketSize", 268_435_455)
            self._widest = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
            self._window = min(self._window, self._widest)
            self._changed.notify_all()

    def _on_disconnect(self, client: Any, data: object, flags: Any, code: Any, properties: Any) -> None:
        with self._changed:
            if client is self._client:
                self._state, self._detail = "lost", self._detail or f"connection lost: {code}"
            self._changed.notify_all()

    def _on_ack(self, client: Any, data: object, mid: int, code: Any, properties: Any) -> None:
        with self._changed:
            self._codes[mid] = code.value
            self._changed.notify_all()


def answer_of(code: int) -> Answer:
    """What a PUBACK's reason code means; 0x10 says that nobody listens, which is the broker's affair."""
    if code < 0x80:
        return Answer("delivered")
    if code in NEVER:
        return Answer("refused", f"{NEVER[code]} (0x{code:02x})")
    return Answer("retry", f"the broker answered 0x{code:02x}")


def topic_of(template: str, delivery: Delivery) -> str:
    """The topic of an event; what has a meaning in topics is replaced by ``_``."""
    places = {
        "camera": delivery.camera,
        "type": str(delivery.event["type"]),
        "plate": plate_of(delivery.event) or "unread",
    }
    return re.sub(r"\{(\w+)\}", lambda match: re.sub(r"[+#/\0]", "_", places[match[1]]), template)
