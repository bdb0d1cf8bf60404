"""MQTT, against a real broker."""

import gc
import hashlib
import json
import queue
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.events.samples import final_event
from tests.servers.brokers import Server, mosquitto
from tests.sinks.certificates import make_certificates
from tests.sinks.sending import check_order, deliveries, delivery_of, one_of_each_type, send_all, states
from vision.errors import ConfigError, SinkError
from vision.sinks.mqtt import MqttSink, answer_of, mqtt_sink
from vision.sinks.protocol import Answer

pytestmark = [  # paho leaves the socket of a connection that was refused to the garbage collector
    pytest.mark.usefixtures("nothing_is_left_to_other_tests"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with mosquitto() as running:
        yield running


def sink_to(server: Server, **settings: Any) -> MqttSink:
    return mqtt_sink("field", {"host": "127.0.0.1", "port": server.port, "timeout_s": 2, **settings})


class Reader:
    """A subscriber that keeps its session, so that it gets what came while it was away."""

    def __init__(self, server: Server, topics: str = "#", login: tuple[str, str] | None = None) -> None:
        self.messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self._topics = topics
        self._subscribed: queue.Queue[None] = queue.Queue()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"reader-{uuid4().hex}", protocol=paho.MQTTv5)
        self.client.on_message = lambda client, data, message: self.messages.put(message)
        self.client.on_connect = self._subscribe
        self.client.on_subscribe = lambda *_: self._subscribed.put(None)
        self.client.reconnect_delay_set(1, 1)
        if login:
            self.client.username_pw_set(*login)
        session: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = 3600
        self.client.connect("127.0.0.1", server.port, clean_start=False, properties=session)
        self.client.loop_start()
        self._subscribed.get(timeout=5)

    def _subscribe(self, *_: Any) -> None:
        self.client.subscribe(self._topics, qos=1)

    def get(self, n: int) -> list[paho.MQTTMessage]:
        """The next n messages."""
        return [self.messages.get(timeout=10) for _ in range(n)]

    def rest(self) -> list[paho.MQTTMessage]:
        """What else has come, after a while of silence."""
        got = []
        while True:
            try:
                got.append(self.messages.get(timeout=1))
            except queue.Empty:
                return got

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def reader_of(server: Server, topics: str = "#", login: tuple[str, str] | None = None) -> Iterator[Reader]:
    reader = Reader(server, topics, login)
    try:
        yield reader
    finally:
        reader.close()


def key_of(message: paho.MQTTMessage) -> str:
    return str(json.loads(message.payload)["id"])


def content_type_of(message: paho.MQTTMessage) -> str:
    properties: Any = message.properties
    return str(properties.ContentType)


def test_every_type_arrives_as_it_was_stored(server: Server) -> None:
    sink, sent = sink_to(server, topic="a/{camera}/{type}/{plate}"), one_of_each_type()
    with reader_of(server, "a/#") as reader:
        assert states(sink.send(sent)) == ["delivered"] * len(sent)
        got = reader.get(len(sent))
    sink.close()
    assert [bytes(m.payload) for m in got] == [d.body for d in sent]
    assert got[0].topic == "a/gate/vision.sighting.early.v1/京A12345"
    assert got[3].topic == "a/gate/vision.camera.status.v1/unread"
    assert got[0].qos == 1
    assert not got[0].retain
    assert content_type_of(got[0]) == "application/cloudevents+json; charset=UTF-8"


def test_what_means_something_in_topics_is_replaced(server: Server) -> None:
    sink = sink_to(server, topic="b/{camera}")
    with reader_of(server, "b/#") as reader:
        sink.send([delivery_of(final_event(1, "a/+#"))])
        assert reader.get(1)[0].topic == "b/a___"
    sink.close()


def test_status_is_retained_and_the_broker_says_offline_for_us(server: Server) -> None:
    with reader_of(server, "s/+") as reader:
        sink = sink_to(server, status_topic="s/site")
        sink.send(deliveries(1))
        assert bytes(reader.get(1)[0].payload) == b"online"
        sink._client._sock.close()  # no goodbye
        assert bytes(reader.get(1)[0].payload) == b"offline"
        send_all(sink, deliveries(2))
        assert bytes(reader.get(1)[0].payload) == b"online"
        sink.close()
        assert bytes(reader.get(1)[0].payload) == b"offline"
    with reader_of(server, "s/+") as late:
        message = late.get(1)[0]
        assert (bytes(message.payload), message.retain) == (b"offline", True)


def test_onvif_style(server: Server) -> None:
    sink, sent = sink_to(server, style="onvif", topic_prefix="site-1"), one_of_each_type()
    with reader_of(server, "site-1/onvif-ej/#") as reader:
        answers = sink.send(sent)
        assert states(answers) == ["delivered"] * 5
        assert [bool(a.detail) for a in answers] == [False] * 3 + [True] * 2  # no plate in status and statistics
        got = reader.get(3)
        assert not reader.rest()
    sink.close()
    assert {m.topic for m in got} == {
        "site-1/onvif-ej/RuleEngine/Recognition/LicensePlate/&gate/LicensePlateRecognition"
    }
    payload = json.loads(got[1].payload)
    assert payload["Source"] == {"VideoSource": "gate", "Rule": "LicensePlateRecognition"}
    assert payload["Data"]["LicensePlateInfo"]["PlateNumber"]["#"] == "京A12345"
    assert content_type_of(got[0]) == "application/json"


def test_too_large_is_refused_alone() -> None:
    with mosquitto("allow_anonymous true\nmax_packet_size 20000\n") as server:
        sink, sent = sink_to(server), deliveries(4)
        sent[0] = replace(sent[0], body=b"x" * 30_000)
        answers = sink.send(sent)
        assert states(answers) == ["refused"] + ["delivered"] * 3
        assert answers[0].detail == "packet too large: the broker takes 20000 bytes"
        sink.close()


def test_what_ends_the_connection_counts_as_tried() -> None:
    """This broker answers a large payload with a code that MQTT does not allow there, which ends the connection."""
    with mosquitto("allow_anonymous true\nmessage_size_limit 20000\n") as server:
        sink, sent = sink_to(server), deliveries(7)
        sent[0] = replace(sent[0], body=b"x" * 30_000)
        answers = sink.send(sent)
        assert answers[0].state == "retry"  # and after some more of them a dead letter
        assert answers[0].detail.startswith("connection lost")
        assert len(answers) == 3
        send_all(sink, sent[1:])
        sink.close()


def test_login_and_permissions() -> None:
    config = "allow_anonymous false\npassword_file {folder}/passwords\nacl_file {folder}/rights\n"
    salt = b"saltsaltsalt"  # as mosquitto_passwd writes it
    parts = (salt, hashlib.pbkdf2_hmac("sha512", b"s3cret", salt, 101))
    hashed = "$".join(["vision:", "7", "101", *(b64encode(part).decode() for part in parts)])
    rights = "user vision\ntopic write vision/gate/#\ntopic write vision/status\ntopic read vision/#\n"
    with mosquitto(config, {"passwords": hashed + "\n", "rights": rights}) as server:
        sink = sink_to(server, user="vision", password="wrong-hush")
        with pytest.raises(SinkError, match=r"login refused: Not authorized") as caught:
            sink.send(deliveries(1))
        assert "hush" not in str(caught.value)
        sink.close()
        sink = sink_to(server, user="vision", password="s3cret")
        with reader_of(server, "vision/gate/#", ("vision", "s3cret")) as reader:
            answers: list[Answer] = []
            while len(answers) < 6:  # this broker ends the connection after a refusal
                answers += [a for a in sink.send(deliveries(6)[len(answers) :]) if a.state != "retry"]
            assert states(answers) == ["delivered", "refused", "refused"] * 2
            assert answers[1].detail == "not authorized (0x87)"
            assert [key_of(m) for m in reader.get(2)] == [d.key for d in deliveries(6) if d.camera == "gate"]
        sink.close()


@pytest.mark.filterwarnings("ignore:unclosed <ssl")  # the library leaves a failed handshake to the collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_encrypted_and_verified(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    files = {name: (tmp_path / name).read_text() for name in ("server.pem", "server.key")}
    config = "allow_anonymous true\ncertfile {folder}/server.pem\nkeyfile {folder}/server.key\n"
    with mosquitto(config, files) as server:
        sink = sink_to(server, tls=True, ca_file=str(tmp_path / "ca.pem"))
        assert states(sink.send(deliveries(3))) == ["delivered"] * 3
        sink.close()
        for settings in ({"tls": True}, {"tls": False}):  # an unknown authority; no encryption
            sink = sink_to(server, **settings)
            with pytest.raises(SinkError) as caught:
                sink.send(deliveries(1))
            assert not settings["tls"] or "certificate verify failed" in str(caught.value)
            sink.close()
            del caught, sink
    gc.collect()  # under this test's filters


def test_nobody_there() -> None:
    sink = mqtt_sink("field", {"host": "127.0.0.1", "port": 1, "timeout_s": 1})
    with pytest.raises(SinkError, match=r"^sink 'field': mqtt: no connection: .*refused"):
        sink.send(deliveries(1))
    sink.close()


def test_a_broker_that_says_nothing_more() -> None:
    with mosquitto() as server, reader_of(server, "vision/+/+") as reader:
        sink = sink_to(server, timeout_s=0.5)
        send_all(sink, deliveries(1))
        server.stall()
        answers = sink.send(deliveries(3))
        assert [a.detail for a in answers] == ["no acknowledgement within 0.5 s"] * 3
        with pytest.raises(SinkError, match=r"no connection"):
            sink.send(deliveries(3))
        server.go_on()
        send_all(sink, deliveries(6))
        sink.close()
        reader.get(6)


def test_ended_and_started_again_nothing_is_lost() -> None:
    """With SIGTERM: killed, this broker forgets what it acknowledged and had not yet written."""
    sent = deliveries(400)
    with mosquitto() as server, reader_of(server, "vision/+/+") as reader:
        sink = sink_to(server)
        ended: list[int] = []

        def meanwhile(n: int) -> None:
            if n >= 200 and not ended:
                ended.append(n)
                server.stop()
                with suppress(SinkError):  # it may know already
                    assert "delivered" not in states(sink.send(sent[n : n + 20]))
                with pytest.raises(SinkError, match="no connection"):
                    sink.send(sent[n : n + 20])
                server.start()

        send_all(sink, sent, meanwhile=meanwhile)
        assert ended
        sink.close()
        got = reader.get(400)
        keys = [key_of(m) for m in (*got, *reader.rest())]
    assert len(keys) <= 440  # what was under way comes twice, to be dropped by its id
    check_order(keys, sent)


@pytest.mark.parametrize(
    ("code", "state"),
    [(0, "delivered"), (0x10, "delivered"), (0x80, "retry"), (0x83, "retry"), (0x97, "retry"), (0x87, "refused"),
     (0x90, "refused"), (0x99, "refused")],
)  # fmt: skip
def test_reason_codes(code: int, state: str) -> None:
    assert answer_of(code).state == state


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "host: expected a value, got none"),
        ({"host": "mqtt://u:hush@a"}, "host: expected to match pattern"),
        ({"host": "a", "topic": "x/{plates}"}, "expected the places camera, type, plate, got plates"),
        ({"host": "a", "topic": "x/#"}, "expected a topic without + # $"),
        ({"host": "a", "style": "frigate"}, "style: "),
        ({"host": "a", "password": "hush"}, "user: expected a value with a password, got none"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        mqtt_sink("field", settings)
    assert message in str(caught.value)
    assert "hush" not in str(caught.value)
