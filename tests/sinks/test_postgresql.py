"""A PostgreSQL table, against a real server."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from tests.servers.brokers import Postgres
from tests.sinks.sending import check_order, deliveries, one_of_each_type, send_all, states
from vision.errors import ConfigError, SinkError
from vision.sinks.postgresql import PostgresSink, postgresql_sink
from vision.sinks.protocol import Delivery


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Postgres]:
    with Postgres() as running:
        run(running, "create database vision", "postgres")
        yield running


@pytest.fixture
def server(shared_server: Postgres) -> Postgres:
    run(shared_server, "drop table if exists vision_events")
    return shared_server


def login(server: Postgres, database: str = "vision") -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": server.port, "dbname": database, "user": "vision", "password": "secret"}


def run(server: Postgres, statement: str, database: str = "vision") -> list[tuple[Any, ...]]:
    with psycopg.connect(**login(server, database), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def sink_to(server: Postgres, **settings: Any) -> PostgresSink:
    given = {"host": "127.0.0.1", "port": server.port, "database": "vision", "user": "vision", "password": "secret"}
    return postgresql_sink("archive", {**given, "timeout_s": 2, "create_table": True, **settings})


def spoiled(delivery: Delivery) -> Delivery:
    """The event with a character that jsonb cannot hold."""
    event = json.loads(delivery.body)
    event["subject"] = "a\0b"
    return replace(delivery, key=delivery.key + "-bad", event=event, body=json.dumps(event).encode())


def test_every_type_arrives_as_it_was_stored(server: Postgres) -> None:
    sink, sent = sink_to(server), one_of_each_type()
    assert states(sink.send(sent)) == ["delivered"] * len(sent)
    rows = run(server, "select key, camera, type, time, plate, event from vision_events")
    assert [row[0] for row in rows] == [d.key for d in sent]
    assert [row[5] for row in rows] == [d.event for d in sent]
    assert [row[4] for row in rows] == ["京A12345"] * 3 + [None] * 2
    assert {(row[1], row[2]) for row in rows} == {(d.camera, d.event["type"]) for d in sent}
    assert rows[1][3] == datetime(2023, 11, 14, 22, 13, 22, 123457, tzinfo=UTC)  # rounded to microseconds
    sink.close()


def test_sent_twice_is_there_once(server: Postgres) -> None:
    sink = sink_to(server)
    sink.send(deliveries(5))
    assert states(sink.send(deliveries(8))) == ["delivered"] * 8
    assert run(server, "select count(*), count(distinct key) from vision_events") == [(8, 8)]
    sink.close()


def test_a_table_that_is_not_there_is_waited_for(server: Postgres) -> None:
    sink = sink_to(server, create_table=False)
    with pytest.raises(SinkError, match='42P01: relation "vision_events" does not exist'):
        sink.send(deliveries(3))
    other = sink_to(server)
    other.send([])
    assert states(sink.send(deliveries(3))) == ["delivered"] * 3
    sink.close()
    other.close()


def test_one_bad_row_takes_no_other_with_it(server: Postgres) -> None:
    sink, sent = sink_to(server), deliveries(6)
    sent[2] = spoiled(sent[2])
    answers = sink.send(sent)
    assert states(answers) == ["delivered"] * 2 + ["refused"] + ["delivered"] * 3
    assert answers[2].detail.startswith("22P05: ")
    assert states(sink.send([spoiled(sent[0])])) == ["refused"]
    assert run(server, "select count(*) from vision_events") == [(5,)]
    sink.close()


def test_without_the_right_everything_waits(server: Postgres) -> None:
    owner = sink_to(server)
    owner.send([])
    owner.close()
    run(server, "drop role if exists guest")
    run(server, "create role guest login password 'guest'")
    run(server, "grant connect on database vision to guest")
    sink = sink_to(server, user="guest", password="guest", create_table=False)
    with pytest.raises(SinkError, match="permission denied for table vision_events"):
        sink.send(deliveries(2))
    run(server, "grant select, insert on vision_events to guest")
    assert states(sink.send(deliveries(2))) == ["delivered"] * 2
    sink.close()


def test_a_standby_is_waited_for(server: Postgres) -> None:
    sink = sink_to(server)
    sink.send(deliveries(1))
    sink._connection.execute("set default_transaction_read_only = on")
    with pytest.raises(SinkError, match="25006: "):
        sink.send(deliveries(2))
    assert states(sink.send(deliveries(2))) == ["delivered"] * 2
    sink.close()


def test_a_row_that_is_locked_is_waited_for(server: Postgres) -> None:
    sink = sink_to(server, timeout_s=2)
    sink.send([])
    with psycopg.connect(**login(server)) as connection:
        connection.execute("lock table vision_events")
        with pytest.raises(SinkError, match="57014: "):
            sink.send(deliveries(4))
    assert states(sink.send(deliveries(4))) == ["delivered"] * 4
    sink.close()


def test_wrong_password_and_nobody_there(server: Postgres) -> None:
    sink = sink_to(server, password="wrong-hush")
    with pytest.raises(SinkError, match="password authentication failed") as caught:
        sink.send(deliveries(1))
    assert "hush" not in str(caught.value)
    for settings in ({"port": 1}, {"database": "none"}):
        with pytest.raises(SinkError, match=r"^sink 'archive': postgresql: "):
            sink_to(server, **settings).send(deliveries(1))


def test_a_server_that_says_nothing_more() -> None:
    with Postgres() as server:
        sink = sink_to(server, database="postgres", timeout_s=1)
        send_all(sink, deliveries(1))
        server.stall()
        with pytest.raises(SinkError):
            sink.send(deliveries(2))
        server.go_on()
        send_all(sink, deliveries(4))
        sink.close()
        assert run(server, "select count(*), count(distinct key) from vision_events", "postgres") == [(4, 4)]


def test_killed_and_started_again_nothing_is_lost_or_doubled() -> None:
    sent = deliveries(400)
    with Postgres() as server:
        sink = sink_to(server, database="postgres")
        killed: list[int] = []

        def meanwhile(n: int) -> None:
            if n == 200 and not killed:
                killed.append(n)
                server.kill()
                with pytest.raises(SinkError):
                    sink.send(sent[n : n + 20])
                server.start()

        assert send_all(sink, sent, meanwhile=meanwhile) < 20
        assert killed
        sink.close()
        keys = [row[0] for row in run(server, "select key from vision_events order by received, ctid", "postgres")]
        assert len(keys) == 400
        check_order(keys, sent)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"host": "a"}, "database: expected a value, got none"),
        ({"host": "a", "database": "d", "table": "x; drop table y"}, "table: expected to match pattern"),
        ({"host": "a", "database": "d", "port": 0}, "port: expected greater than or equal to 1, got 0"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        postgresql_sink("archive", settings)
    assert message in str(caught.value)


def test_encryption_is_on_and_verified_to_other_hosts() -> None:
    from vision.sinks.postgresql import PostgresSettings, connect_options

    options = connect_options("a", PostgresSettings(host="db.example", database="d"))
    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "system")
    assert connect_options("a", PostgresSettings(host="db.example", database="d", tls=False))["sslmode"] == "disable"
    assert connect_options("a", PostgresSettings(host="/run/postgresql", database="d"))["sslmode"] == "disable"
