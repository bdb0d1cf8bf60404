"""NATS JetStream, against a real server."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import nats
import pytest

from tests.servers.brokers import Server, nats_server
from tests.sinks.sending import check_order, deliveries, one_of_each_type, send_all, states
from vision.errors import ConfigError, SinkError
from vision.sinks.nats import NatsSink, nats_sink, subjects_of

Message = tuple[str, dict[str, str], bytes]
pytestmark = [  # nats-py leaves the socket of a connection that was cut off to the garbage collector
    pytest.mark.usefixtures("nothing_is_left_to_other_tests"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with nats_server() as running:
        yield running


def sink_to(server: Server, **settings: Any) -> NatsSink:
    servers = [f"127.0.0.1:{server.port}"]
    return nats_sink("bus", {"servers": servers, "timeout_s": 2, "create_stream": True, **settings})


def messages(server: Server, stream: str = "VISION", **login: Any) -> list[Message]:
    """Subject, headers and data of everything in a stream."""

    async def read() -> list[Message]:
        client = await nats.connect(f"nats://127.0.0.1:{server.port}", **login)
        js = client.jetstream()
        n = (await js.stream_info(stream)).state.messages
        found = await js.pull_subscribe("", stream=stream, durable="reader")
        got: list[Message] = []
        while len(got) < n:
            for m in await found.fetch(min(100, n - len(got)), timeout=5):
                got.append((m.subject, dict(m.headers or {}), m.data))
                await m.ack()
        await found.unsubscribe()
        await js.delete_consumer(stream, "reader")
        await client.close()
        return got

    return asyncio.run(read())


def test_every_type_arrives_as_it_was_stored(server: Server) -> None:
    sink, sent = sink_to(server, stream="A", subject="a.{camera}.{type}"), one_of_each_type()
    assert states(sink.send(sent)) == ["delivered"] * len(sent)
    sink.close()
    got = messages(server, "A")
    assert [data for _, _, data in got] == [d.body for d in sent]
    assert [headers["Nats-Msg-Id"] for _, headers, _ in got] == [d.key for d in sent]
    assert got[0][0] == "a.gate.vision.sighting.early.v1"
    assert got[0][1]["Content-Type"].startswith("application/cloudevents+json")


def test_sent_twice_is_there_once(server: Server) -> None:
    sink = sink_to(server, stream="B", subject="b.{camera}")
    sink.send(deliveries(5))
    answers = sink.send(deliveries(8))
    assert [a.detail for a in answers] == ["was there already"] * 5 + [""] * 3
    got = messages(server, "B")
    check_order([headers["Nats-Msg-Id"] for _, headers, _ in got], deliveries(8))
    assert {subject for subject, _, _ in got} == {"b.gate", "b.yard", "b.ramp_2/a"}
    sink.close()


def test_a_stream_that_is_not_there_is_waited_for(server: Server) -> None:
    settings = {"stream": "C", "subject": "c.{camera}"}
    sink, owner = sink_to(server, create_stream=False, **settings), sink_to(server, **settings)
    with pytest.raises(SinkError, match=r"sink 'bus': nats: no stream takes the subject c\.gate"):
        sink.send(deliveries(3))
    owner.send([])
    assert states(sink.send(deliveries(3))) == ["delivered"] * 3
    owner.close()
    sink.close()


def test_too_large_is_refused_alone(server: Server) -> None:
    sink, sent = sink_to(server, stream="D", subject="d.{camera}"), deliveries(4)
    sent[0] = replace(sent[0], body=b"x" * 1_100_000)  # the server's max_payload is 1 MiB
    answers = sink.send(sent)
    assert states(answers) == ["refused"] + ["delivered"] * 3
    assert "max_payload" in answers[0].detail

    async def limit() -> None:
        client = await nats.connect(f"nats://127.0.0.1:{server.port}")
        js = client.jetstream()
        config = (await js.stream_info("D")).config
        await js.update_stream(config.evolve(max_msg_size=10_000))
        await client.close()

    asyncio.run(limit())
    sent = deliveries(3, start=10)
    sent[1] = replace(sent[1], body=b"x" * 20_000)
    answers = sink.send(sent)
    assert states(answers) == ["delivered", "refused", "delivered"]
    assert "message size exceeds maximum allowed" in answers[1].detail
    sink.close()


def test_a_full_stream_is_waited_for_in_order(server: Server) -> None:
    sink = sink_to(server, stream="E", subject="e.{camera}")
    sink.send([])

    async def limit(n: int) -> None:
        client = await nats.connect(f"nats://127.0.0.1:{server.port}")
        js = client.jetstream()
        config = (await js.stream_info("E")).config
        await js.update_stream(config.evolve(max_msgs=n, discard="new"))
        await client.close()

    asyncio.run(limit(4))
    answers = sink.send(deliveries(12))
    assert states(answers).count("delivered") == 4
    assert any("maximum messages exceeded" in a.detail for a in answers)
    asyncio.run(limit(100))
    send_all(sink, deliveries(12))
    got = messages(server, "E")
    assert len(got) == 12
    check_order([headers["Nats-Msg-Id"] for _, headers, _ in got], deliveries(12))
    sink.close()


def test_login_and_permissions() -> None:
    rights = """authorization: {users: [
      {user: vision, password: s3cret, permissions: {publish: ["vision.gate.>", "$JS.API.>"], subscribe: ["_INBOX.>"]}}
    ]}\n"""
    with nats_server(rights) as server:
        sink = sink_to(server, user="vision", password="wrong-hush")
        with pytest.raises(SinkError, match="Authorization Violation") as caught:
            sink.send(deliveries(1))
        assert "hush" not in str(caught.value)
        sink.close()
        sink = sink_to(server, user="vision", password="s3cret", timeout_s=1)
        answers = sink.send(deliveries(2))
        assert states(answers) == ["delivered", "refused"]
        assert answers[1].detail == "no permission to publish to vision.yard.vision.sighting.final.v1"
        sink.close()
        got = messages(server, user="vision", password="s3cret")
        assert [data for _, _, data in got] == [deliveries(1)[0].body]


def test_nobody_there() -> None:
    sink = nats_sink("bus", {"servers": ["127.0.0.1:1"], "timeout_s": 1})
    with pytest.raises(SinkError, match=r"^sink 'bus': nats: "):
        sink.send(deliveries(1))
    sink.close()
    sink.close()


def test_a_server_that_says_nothing_more() -> None:
    with nats_server() as server:
        sink = sink_to(server, timeout_s=0.5)
        send_all(sink, deliveries(1))
        server.stall()
        with pytest.raises(SinkError):
            sink.send(deliveries(3))
        server.go_on()
        send_all(sink, deliveries(6))
        got = messages(server)
        assert len(got) == 6
        check_order([headers["Nats-Msg-Id"] for _, headers, _ in got], deliveries(6))
        sink.close()


def test_killed_and_started_again_nothing_is_lost_or_doubled() -> None:
    sent = deliveries(400)
    with nats_server() as server:
        sink = sink_to(server)
        killed: list[int] = []

        def meanwhile(n: int) -> None:
            if n >= 200 and not killed:
                killed.append(n)
                server.kill()
                with pytest.raises(SinkError):
                    sink.send(sent[n : n + 20])
                server.start()

        send_all(sink, sent, meanwhile=meanwhile)
        assert killed
        sink.close()
        keys = [headers["Nats-Msg-Id"] for _, headers, _ in messages(server)]
        assert len(keys) == 400
        check_order(keys, sent)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "servers: expected a value, got none"),
        ({"servers": []}, "servers: "),
        ({"servers": ["nats://u:hush@a:1"]}, "servers.0: expected to match pattern"),
        ({"servers": ["a:1"], "subject": "a.>"}, "subject: expected to match pattern"),
        ({"servers": ["a:1"], "password": "hush"}, "user: expected a value with a password, got none"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        nats_sink("bus", settings)
    assert message in str(caught.value)
    assert "hush" not in str(caught.value)


def test_subjects_of_a_stream() -> None:
    assert subjects_of("vision.{camera}.{type}") == "vision.*.>"
    assert subjects_of("vision.{camera}.new") == "vision.*.new"
