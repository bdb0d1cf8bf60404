"""Kafka: librdkafka's mock broker speaks the protocol, and aiokafka, which shares no code with us, reads."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from cloudevents.core.formats.json import JSONFormat

from tests.servers.brokers import KafkaServer
from tests.sinks.sending import CAMERAS, check_order, deliveries, one_of_each_type, send_all, states
from vision.errors import ConfigError, SinkError
from vision.sinks.kafka import KafkaSettings, KafkaSink, kafka_sink, producer_config

MSG_SIZE_TOO_LARGE, NOT_LEADER, TOPIC_AUTHORIZATION_FAILED, POLICY_VIOLATION = 10, 6, 29, 44


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    with KafkaServer() as running:
        yield running


def sink_to(server: KafkaServer, topic: str, **settings: Any) -> KafkaSink:
    return kafka_sink("bus", {"servers": [server.address], "topic": topic, "timeout_s": 3, **settings})


def records(server: KafkaServer, topic: str) -> list[Any]:
    """Everything in a topic, by partition and then as it came."""

    async def read() -> list[Any]:
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=server.address, enable_auto_commit=False, fetch_max_wait_ms=5
        )
        await consumer.start()
        try:
            parts = sorted(consumer.assignment())
            assert parts
            ends = await consumer.end_offsets(parts)
            for part in parts:
                consumer.seek(part, 0)
            got: list[Any] = []
            while len(got) < sum(ends.values()):
                for found in (await consumer.getmany(timeout_ms=1000)).values():
                    got += found
            return sorted(got, key=lambda r: (r.partition, r.offset))
        finally:
            await consumer.stop()

    return asyncio.run(asyncio.wait_for(read(), 15))


def header(record: Any, name: str) -> str:
    return str(dict(record.headers)[name].decode())


def test_what_is_read_is_what_was_sent(server: KafkaServer) -> None:
    sink, sent = sink_to(server, "a"), one_of_each_type()
    assert states(sink.send(sent)) == ["delivered"] * len(sent)
    sink.close()
    got = records(server, "a")
    assert [json.loads(r.value) for r in got] == [d.event["data"] for d in sent]
    assert [r.key.decode() for r in got] == [d.camera for d in sent]
    for record, delivery in zip(got, sent, strict=True):
        attributes = {k: v for k, v in delivery.event.items() if k not in ("data", "datacontenttype")}
        assert {k: header(record, f"ce_{k}") for k in attributes} == attributes
        assert header(record, "content-type") == "application/json"


def test_the_cloudevents_library_reads_both_contents(server: KafkaServer) -> None:
    for content in ("binary", "structured"):
        sink, sent = sink_to(server, f"b-{content}", content=content), one_of_each_type()
        sink.send(sent)
        sink.close()
        for record, delivery in zip(records(server, f"b-{content}"), sent, strict=True):
            message = KafkaMessage(dict(record.headers), record.key, record.value)
            event = from_kafka_event(message, JSONFormat())
            assert event.get_id() == delivery.key
            assert event.get_type() == delivery.event["type"]
            assert event.get_data() == delivery.event["data"]
            assert content == "binary" or record.value == delivery.body


def test_a_camera_or_a_plate_keeps_to_its_partition(server: KafkaServer) -> None:
    sink = sink_to(server, "c")
    send_all(sink, deliveries(60))
    sink.close()
    got = records(server, "c")
    place = {(r.key.decode(), r.partition) for r in got}
    assert {camera for camera, _ in place} == set(CAMERAS)
    assert len(place) == len(CAMERAS)
    check_order([header(r, "ce_id") for r in got], deliveries(60))
    sink = sink_to(server, "d", key="plate")
    sink.send(one_of_each_type())
    sink.close()
    assert {r.key.decode() for r in records(server, "d")} == {"京A12345", "gate"}  # status has no plate


def test_too_large_is_refused_alone(server: KafkaServer) -> None:
    sink, sent = sink_to(server, "e", max_bytes=20_000, content="structured"), deliveries(6)
    sent[1] = replace(sent[1], body=b"x" * 30_000)  # by ourselves
    answers = sink.send(sent)
    assert states(answers) == ["delivered", "refused"] + ["delivered"] * 4
    assert answers[1].detail.startswith("MSG_SIZE_TOO_LARGE: ")
    sink.close()


@pytest.mark.parametrize("code", [MSG_SIZE_TOO_LARGE, POLICY_VIOLATION])
def test_what_the_broker_refuses_for_good(server: KafkaServer, code: int) -> None:
    sink = sink_to(server, f"f-{code}")
    sink.send(deliveries(1))
    server.fail(code)
    answers = sink.send(deliveries(2)[1:])
    assert states(answers) == ["refused"]
    send_all(sink, deliveries(6)[2:])
    sink.close()
    keys = [header(r, "ce_id") for r in records(server, f"f-{code}")]
    assert sorted(keys) == sorted(d.key for i, d in enumerate(deliveries(6)) if i != 1)


def test_without_the_right_to_write_everything_waits(server: KafkaServer) -> None:
    sink = sink_to(server, "h")
    sink.send(deliveries(1))
    server.fail(TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(SinkError, match=r"^sink 'bus': kafka: no permission: "):
        sink.send(deliveries(2)[1:])
    send_all(sink, deliveries(2)[1:])
    sink.close()
    assert sorted(header(r, "ce_id") for r in records(server, "h")) == sorted(d.key for d in deliveries(2))


def test_a_broker_that_moves_is_followed(server: KafkaServer) -> None:
    sink, sent = sink_to(server, "g"), deliveries(60)
    sink.send(sent[:1])
    server.fail(*[NOT_LEADER] * 5)
    send_all(sink, sent[1:])
    sink.close()
    got = [header(r, "ce_id") for r in records(server, "g")]
    assert len(got) == 60
    check_order(got, sent)


def test_nobody_there() -> None:
    sink = kafka_sink("bus", {"servers": ["127.0.0.1:1"], "timeout_s": 1})
    with pytest.raises(SinkError, match=r"^sink 'bus': kafka: no connection: .*refused"):
        sink.send(deliveries(1))
    sink.close()


def test_a_broker_that_says_nothing_more() -> None:
    with KafkaServer() as server:
        sink = sink_to(server, "a", timeout_s=1)
        send_all(sink, deliveries(1))
        server.stall()
        with pytest.raises(SinkError, match=r"no report within 1 s|no connection"):
            sink.send(deliveries(3))
        server.go_on()
        send_all(sink, deliveries(6))
        sink.close()
        check_order([header(r, "ce_id") for r in records(server, "a")], deliveries(6))


def test_cut_off_and_allowed_again_nothing_is_lost() -> None:
    sent = deliveries(400)
    with KafkaServer() as server:
        sink = sink_to(server, "a")
        cut: list[int] = []

        def meanwhile(n: int) -> None:
            if n >= 200 and not cut:
                cut.append(n)
                server.down()
                for _ in range(2):
                    with suppress(SinkError):
                        assert "delivered" not in states(sink.send(sent[n : n + 20]))
                server.up()

        send_all(sink, sent, meanwhile=meanwhile)
        sink.close()
        assert cut
        keys = [header(r, "ce_id") for r in records(server, "a")]
    assert len(keys) <= 440  # what was under way may come twice, to be dropped by its id
    check_order(keys, sent)


def test_the_wait_ends_long_before_the_librarys_own() -> None:
    sink = kafka_sink("bus", {"servers": ["127.0.0.1:1"], "timeout_s": 0.5})
    began = time.monotonic()
    with pytest.raises(SinkError):
        sink.send(deliveries(200))
    sink.close()
    assert time.monotonic() - began < 30  # the library's is 60 s longer than ours


def test_encryption_is_on_and_verified_to_other_hosts() -> None:
    settings = KafkaSettings(servers=("kafka.example:9093", "127.0.0.1:9092"), user="vision", password="hush")  # type: ignore[arg-type]
    config = producer_config("bus", settings)
    assert config["security.protocol"] == "sasl_ssl"
    assert config["ssl.endpoint.identification.algorithm"] == "https"
    assert "enable.ssl.certificate.verification" not in config  # on unless switched off
    assert config["sasl.mechanism"] == "SCRAM-SHA-512"
    assert "hush" not in repr(settings)
    assert producer_config("bus", KafkaSettings(servers=("[::1]:9092",)))["security.protocol"] == "plaintext"
    kafka_sink("bus", {"servers": ["kafka.example:9093"]})._connected()  # librdkafka knows all of these settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "servers: expected a value, got none"),
        ({"servers": ["u:hush@a:1"]}, "servers.0: expected to match pattern"),
        ({"servers": ["a:1"], "topic": "a b"}, "topic: expected to match pattern"),
        ({"servers": ["a:1"], "key": "color"}, "key: expected 'camera' or 'plate', got 'color'"),
        ({"servers": ["a:1"], "password": "hush"}, "user: expected a value with a password, got none"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        kafka_sink("bus", settings)
    assert message in str(caught.value)
    assert "hush" not in str(caught.value)
