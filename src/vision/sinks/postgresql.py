"""Events to a PostgreSQL table; a key that is there already stays as it is."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from vision.errors import SinkError
from vision.settings import parse
from vision.sinks.protocol import Answer, Delivery, one_by_one
from vision.sinks.server import Host, Port, ServerSettings, library, plate_of, short

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
# Source: PostgreSQL manual, appendix A: data exception, integrity constraint violation, insufficient privilege,
# program limit exceeded. What else goes wrong may pass: a missing table, a full disk, a server that shuts down.
NEVER = re.compile(r"22...|23...|42501|54...")


class PostgresSettings(ServerSettings):
    """Where and how.

    ``host`` may be the folder of a socket. ``create_table`` makes the table and its indices if they are missing.
    """

    host: Host | Annotated[str, Field(pattern=r"^/")]
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
        """Insert all in one transaction; if a row is not taken, each in its own.

        Raises:
            SinkError: the server cannot be reached, does not take the login, or was lost on the way; what it had
                committed by then is known to it by key.
        """
        rows = [row_of(delivery) for delivery in deliveries]
        try:
            connection = self._connected()
            try:
                with connection.transaction(), connection.cursor() as cursor:
                    cursor.executemany(self._insert, rows)
                return [Answer("delivered")] * len(rows)
            except self._psycopg.Error as err:
                if connection.broken or len(rows) == 1:
                    return [self._answer(err)] * len(rows)
            return one_by_one(deliveries, lambda delivery: self._one(connection, row_of(delivery)))
        except (self._psycopg.Error, OSError) as err:
            self.close()
            raise SinkError(f"sink {self.name!r}: postgresql: {short(err)}") from err

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _one(self, connection: Any, row: tuple[Any, ...]) -> Answer:
        try:
            connection.execute(self._insert, row)
        except self._psycopg.Error as err:
            return self._answer(err)
        return Answer("delivered")

    def _answer(self, err: Any) -> Answer:
        """What an error of one row means.

        Raises:
            psycopg.Error: it is not the row's: the connection is gone.
        """
        if self._connection is None or self._connection.broken or err.sqlstate is None:
            raise err
        return Answer("refused" if NEVER.fullmatch(err.sqlstate) else "retry", f"{err.sqlstate}: {short(err)}")

    def _connected(self) -> Any:
        if self._connection is not None and self._connection.closed:
            self._connection = None
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


def path_of(path: Path | None) -> str | None:
    """A path as libpq takes it."""
    return None if path is None else str(path)


def row_of(delivery: Delivery) -> tuple[Any, ...]:
    """Values of `COLUMNS`."""
    event = delivery.event
    return delivery.key, delivery.camera, event["type"], event["time"], plate_of(event), delivery.body.decode()
