"""Redis streams, against a real server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.servers.brokers import Server, redis_server
from tests.sinks.sending import check_order, deliveries, one_of_each_type, send_all, states
from vision.errors import ConfigError, SinkError
from vision.sinks.redis_streams import RedisSink, redis_sink


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    with redis_server() as running:
        yield running


@pytest.fixture
def server(shared_server: Server) -> Server:
    with client(shared_server) as one:
        one.flushall()
    return shared_server


def client(server: Server, **more: Any) -> "redis.Redis":
    return redis.Redis(port=server.port, decode_responses=True, **more)


def sink_to(server: Server, **settings: Any) -> RedisSink:
    return redis_sink("lake", {"host": "127.0.0.1", "port": server.port, "timeout_s": 2, **settings})


def entries(server: Server, stream: str = "vision:events", **login: Any) -> list[dict[str, str]]:
    with client(server, **login) as one:
        return [fields for _, fields in one.xrange(stream)]


def test_every_type_arrives_as_it_was_stored(server: Server) -> None:
    sink, sent = sink_to(server), one_of_each_type()
    assert states(sink.send(sent)) == ["delivered"] * len(sent)
    sink.close()
    got = entries(server)
    assert [e["key"] for e in got] == [d.key for d in sent]
    assert [e["event"].encode() for e in got] == [d.body for d in sent]
    assert [(e["camera"], e["type"]) for e in got] == [(d.camera, d.event["type"]) for d in sent]
    assert json.loads(got[1]["event"])["data"]["plate"]["text"] == "京A12345"


def test_sent_twice_is_there_once(server: Server) -> None:
    sink = sink_to(server)
    sink.send(deliveries(5))
    answers = sink.send(deliveries(8))
    assert [a.detail for a in answers] == ["was there already"] * 5 + [""] * 3
    assert [e["key"] for e in entries(server)] == [d.key for d in deliveries(8)]
    sink.close()


def test_without_dedup_doubles_are_found_by_key(server: Server) -> None:
    sink = sink_to(server, dedup_s=0, stream="plain")
    for _ in range(2):
        sink.send(deliveries(3))
    keys = [e["key"] for e in entries(server, "plain")]
    assert keys == [d.key for d in deliveries(3)] * 2
    with client(server) as one:
        assert one.keys("*") == ["plain"]
    sink.close()


def test_old_entries_go(server: Server) -> None:
    sink = sink_to(server, maxlen=100)
    send_all(sink, deliveries(600), batch=100)
    assert 100 <= len(entries(server)) < 300  # whole nodes of 100 entries are dropped
    sink.close()


def test_while_the_key_is_no_stream_everything_waits(server: Server) -> None:
    with client(server) as one:
        one.set("vision:events", "text")
    sink = sink_to(server)
    with pytest.raises(SinkError, match="WRONGTYPE"):
        sink.send(deliveries(2))
    with client(server) as one:
        one.delete("vision:events")
    assert states(sink.send(deliveries(2))) == ["delivered"] * 2
    assert len(entries(server)) == 2
    sink.close()


def test_a_full_memory_is_waited_for(server: Server) -> None:
    sink = sink_to(server)
    with client(server) as one:
        one.config_set("maxmemory", "1")
        try:
            with pytest.raises(SinkError, match=r"sink 'lake': redis: .*maxmemory"):
                sink.send(deliveries(2))
        finally:
            one.config_set("maxmemory", "0")
    assert states(sink.send(deliveries(2))) == ["delivered"] * 2
    sink.close()


def test_login_and_permissions() -> None:
    rights = (
        "user default on >boss ~* &* +@all\nuser vision on >s3cret ~vision:* ~{vision:* resetchannels +eval +xadd\n"
    )
    with redis_server(rights) as server:
        for login in ({"user": "vision", "password": "wrong"}, {}):
            sink = sink_to(server, **login)
            with pytest.raises(SinkError, match=r"invalid username-password|HELLO must") as caught:
                sink.send(deliveries(1))
            assert "wrong" not in str(caught.value)
            sink.close()
        sink = sink_to(server, user="vision", password="s3cret")
        with pytest.raises(SinkError, match="can't run this command"):  # it may not ask for keys or set them
            sink.send(deliveries(2))
        sink.close()
        with client(server, password="boss") as one:
            one.acl_setuser(
                "vision", enabled=True, keys=["vision:*", "{vision:*"], commands=["+exists", "+set"], reset_keys=False
            )
        sink = sink_to(server, user="vision", password="s3cret")
        assert states(sink.send(deliveries(2))) == ["delivered"] * 2
        assert len(entries(server, password="boss")) == 2
        sink.close()


def test_nobody_there() -> None:
    sink = redis_sink("lake", {"host": "127.0.0.1", "port": 1, "timeout_s": 1})
    with pytest.raises(SinkError, match=r"^sink 'lake': redis: .*refused"):
        sink.send(deliveries(1))
    sink.close()


def test_a_server_that_says_nothing_more() -> None:
    with redis_server() as server:
        sink = sink_to(server, timeout_s=0.5)
        send_all(sink, deliveries(1))
        server.stall()
        with pytest.raises(SinkError, match=r"[Tt]imeout"):
            sink.send(deliveries(2))
        server.go_on()
        send_all(sink, deliveries(4))
        assert [e["key"] for e in entries(server)] == [d.key for d in deliveries(4)]
        sink.close()


def test_killed_and_started_again_nothing_is_lost_or_doubled() -> None:
    sent = deliveries(400)
    with redis_server() as server:
        sink = sink_to(server)

        def meanwhile(n: int) -> None:
            if n == 200 and server.is_ready() and not killed:
                killed.append(n)
                server.kill()
                with pytest.raises(SinkError):
                    sink.send(sent[n : n + 20])
                server.start()

        killed: list[int] = []
        send_all(sink, sent, meanwhile=meanwhile)
        assert killed
        keys = [e["key"] for e in entries(server)]
        assert len(keys) == 400
        check_order(keys, sent)
        sink.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "host: expected a value, got none"),
        ({"host": "a", "stram": "x"}, "stram: unknown key, expected one of user, password, tls"),
        ({"host": "redis://u:hush@a"}, "host: expected to match pattern"),
        ({"host": "a", "password": 7}, "password: expected a valid string, got something else"),
        ({"host": "a", "maxlen": -1}, "maxlen: expected greater than or equal to 0, got -1"),
        ({"host": "a", "ca_file": "/no/such/file"}, "cannot read the certificates of /no/such/file"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        redis_sink("lake", settings)
    assert str(caught.value).startswith("sink 'lake': ")
    assert message in str(caught.value)
    assert "hush" not in str(caught.value)


def test_the_password_is_never_shown() -> None:
    sink = redis_sink("lake", {"host": "127.0.0.1", "user": "u", "password": "hush"})
    assert "hush" not in repr(sink.settings)
    assert "hush" not in str(sink.settings)
    sink.close()
