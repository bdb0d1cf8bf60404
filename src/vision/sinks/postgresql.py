"""Events to a PostgreSQL table; a key that is there already stays as it is."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from vision.errors import SinkError
from vision.settings import parse
from vision.sinks.protocol import Answer, Delivery, one_by_one
from vision.sinks.server import HOST, Port, ServerSettings, library, plate_of, short

COLUMNS = "key, camera, type, time, plate, event"
TABLE = """create table if not exists {table} (
    key text primary key,
    camera text not null,
    type text not null,
    time timestamptz not null,
    plate text,
    event jsonb not null,
    received timestamptz not null default now()
)"""
INDICES = {"time": "(camera, time)", "plate": "(plate, time)"}
Row = tuple[Any, ...]
# Source: PostgreSQL manual, appendix A: data exception, integrity constraint violation, program limit exceeded.
# What else goes wrong may pass: a missing table or right, a full disk, a server that shuts down.
NEVER = re.compile(r"22...|23...|54...")


class PostgresSettings(ServerSettings):
    """Where and how.

    ``host`` may be the folder of a socket. ``create_table`` makes the table and its indices if they are missing.
    """

    host: Annotated[str, Field(pattern=HOST + r"|^/", repr=False)]
    port: Port = 5432
    database: Annotated[str, Field(min_length=1)]
    table: Annotated[str, Field(pattern=r"^([a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,50}$")] = "vision_events"
    create_table: bool = False


def postgresql_sink(name: str, settings: Mapping[str, Any]) -> PostgresSink:
    """A sink of type ``postgresql``.

    Raises:
        ConfigError: a setting is wrong, or the extra ``postgresql`` is not installed.
    """
    return PostgresSink(name, parse(PostgresSettings, settings, f"sink {name!r}"))


class PostgresSink:
    """One connection; after a loss a new one."""

    def __init__(self, name: str, settings: PostgresSettings) -> None:
        self.name, self.settings = name, settings
        self._psycopg = library("psycopg", name, "postgresql")
        self._options = connect_options(name, settings)
        values = "%s, %s, %s, %s, %s, %s"
        self._insert = f"insert into {settings.table} ({COLUMNS}) values ({values}) on conflict (key) do nothing"
        self._connection: Any = None

    def send(self, deliveries: Sequence[Delivery]) -> Sequence[Answer]:
        """Insert all in one transaction; if it is a row that is not taken, each in its own.

        Raises:
            SinkError: the server cannot be reached, does not take the login, was lost on the way or cannot store now;
                what it had committed by then is known to it by key.
        """
        try:
            connection = self._connected()
            with deadline(connection, 2 * self.settings.timeout_s):
                return self._send(connection, deliveries)
        except SinkError:
            self.close()
            raise
        except (self._psycopg.Error, OSError) as err:
            self.close()
            raise self._lost(err) from err

    def _send(self, connection: Any, deliveries: Sequence[Delivery]) -> Sequence[Answer]:
        try:
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(self._insert, [row_of(delivery) for delivery in deliveries])
        except self._psycopg.Error as err:
            if not NEVER.fullmatch(err.sqlstate or ""):
                raise
            return one_by_one(deliveries, lambda delivery: self._one(connection, row_of(delivery)))
        return [Answer("delivered")] * len(deliveries)

    def _one(self, connection: Any, row: Row) -> Answer:
        try:
            connection.execute(self._insert, row)
        except self._psycopg.Error as err:
            if NEVER.fullmatch(err.sqlstate or ""):
                return Answer("refused", f"{err.sqlstate}: {short(err)}")
            raise self._lost(err) from err
        return Answer("delivered")

    def _lost(self, err: Exception) -> SinkError:
        state = getattr(err, "sqlstate", None)
        return SinkError(f"sink {self.name!r}: postgresql: {state + ': ' if state else ''}{short(err)}")

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> Any:
        if self._connection is None:
            self._connection = self._psycopg.connect(**self._options)
            if self.settings.create_table:
                self._create()
        return self._connection

    def _create(self) -> None:
        table = self.settings.table
        with self._connection.transaction():
            self._connection.execute("select pg_advisory_xact_lock(hashtext(%s))", [table])  # two sinks at once
            self._connection.execute(TABLE.format(table=table))
            for name, columns in INDICES.items():
                index = f"{table.rpartition('.')[2]}_{name}"
                self._connection.execute(f"create index if not exists {index} on {table} {columns}")


def connect_options(name: str, settings: PostgresSettings) -> dict[str, Any]:
    """What libpq connects with.

    Raises:
        ConfigError: a certificate cannot be read.
    """
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "dbname": settings.database,
        "user": settings.user,
        "password": settings.secret(),
        "connect_timeout": max(2, round(settings.timeout_s)),
        "options": f"-c statement_timeout={int(settings.timeout_s * 1000)}",
        "application_name": f"vision-{name}",
        "autocommit": True,
        "keepalives_idle": 30,
        "sslmode": "disable",
    }
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # a server that vanished without a word is noticed
        options["tcp_user_timeout"] = int(settings.timeout_s * 1000)
    if settings.encrypts(settings.host):
        settings.context(name)
        options |= {"sslmode": "verify-full", "sslrootcert": path_of(settings.ca_file) or "system"}
        options |= {"sslcert": path_of(settings.cert_file), "sslkey": path_of(settings.key_file)}
    return {key: value for key, value in options.items() if value is not None}


@contextmanager
def deadline(connection: Any, seconds: float) -> Iterator[None]:
    """Cut a connection whose server says nothing for so long: libpq itself would wait for ever.

    The server's own limit (statement_timeout) comes earlier and leaves the connection whole.
    """

    def cut() -> None:
        with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as wire:  # it may have just ended
            wire.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def path_of(path: Path | None) -> str | None:
    """A path as libpq takes it."""
    return None if path is None else str(path)


def row_of(delivery: Delivery) -> Row:
    """Values of `COLUMNS`."""
    event = delivery.event
    return delivery.key, delivery.camera, event["type"], event["time"], plate_of(event), delivery.body.decode()
