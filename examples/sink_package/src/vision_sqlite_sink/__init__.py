"""Sightings as rows of a SQLite table, one row for each event however often it comes."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from vision.errors import SinkError
from vision.settings import Section, parse
from vision.sinks.protocol import Answer, Delivery

TABLE = "CREATE TABLE IF NOT EXISTS passes(key TEXT PRIMARY KEY, camera TEXT, first_time TEXT, plate TEXT, score REAL)"


class SqliteSettings(Section):
    """``file``: the database."""

    file: str


class SqliteSink:
    """Two methods make a sink."""

    def __init__(self, settings: SqliteSettings) -> None:
        self._file = settings.file
        self._connection: sqlite3.Connection | None = None

    def send(self, deliveries: Sequence[Delivery]) -> list[Answer]:
        """All rows in one transaction: an answer is given when they are on disk."""
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(self._file, check_same_thread=False)
                self._connection.execute(TABLE)
            with self._connection:
                return [self._insert(self._connection, delivery) for delivery in deliveries]
        except sqlite3.Error as err:
            self.close()
            raise SinkError(f"{self._file}: {err}") from err

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @staticmethod
    def _insert(connection: sqlite3.Connection, delivery: Delivery) -> Answer:
        if not delivery.event["type"].startswith("vision.sighting."):
            return Answer("refused", f"expected a sighting, got {delivery.event['type']}")
        data = delivery.event["data"]
        plate = data["plate"] or {"text": None, "score": None}
        row = (delivery.key, delivery.camera, data["first_time"], plate["text"], plate["score"])
        connection.execute("INSERT OR IGNORE INTO passes VALUES (?, ?, ?, ?, ?)", row)
        return Answer("delivered")


def sqlite_sink(name: str, settings: Mapping[str, Any]) -> SqliteSink:
    """The entry point: the sink of a ``[[sink]]`` table."""
    return SqliteSink(parse(SqliteSettings, settings, f"sink {name!r}"))
