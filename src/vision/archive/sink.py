"""Sink ``archive``: keeps sightings, camera states, counts and pictures for so many days."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from vision.archive.database import NAME, open_to_write
from vision.archive.writer import Writer
from vision.disk.database import is_damaged, transaction
from vision.disk.pictures import Pictures
from vision.errors import SinkError
from vision.events.model import EARLY, FINAL, STATISTICS, STATUS
from vision.settings import Section, parse
from vision.sinks.protocol import Answer, Delivery

DAY_S = 86_400.0
PURGE_S = 60.0  # between two looks at age
SWEEP_S = 3600.0  # between two searches for files that nothing refers to
NS = 1_000_000_000


class ArchiveSettings(Section):
    """``folder``: where it lies; ``days``: how long anything is kept after it came in."""

    folder: str
    days: Annotated[float, Field(gt=0, le=3650)] = 30.0


class ArchiveSink:
    """``archive.db`` and ``pictures/`` in a folder.

    A sighting stands there once, under its id, in its newest revision; what comes twice changes nothing. What came in
    more than ``days`` ago is deleted, also from within the file; its pictures go with it.
    """

    def __init__(self, settings: ArchiveSettings) -> None:
        self._folder, self._settings = Path(settings.folder), settings
        self._pictures = Pictures(self._folder / "pictures")
        self._connection: sqlite3.Connection | None = None
        self._damage = ""
        self._purge_s = self._sweep_s = 0.0

    def send(self, deliveries: Sequence[Delivery]) -> list[Answer]:
        """Take all in one step; it is on disk when this returns.

        Raises:
            SinkError: the folder cannot be written. A damaged file is put aside by the next try.
        """
        try:
            if self._connection is None:
                self._connection = open_to_write(self._folder, self._settings.days, self._damage)
                self._damage, self._sweep_s = "", 0.0
            self._take(self._connection, deliveries)
        except sqlite3.Error as err:
            self._damage = str(err) if is_damaged(err) else ""
            self.close()
            raise SinkError(f"{self._folder / NAME}: cannot write: {err}") from err
        except OSError as err:  # OutputError, too
            self.close()
            raise SinkError(str(err)) from err
        return [Answer("delivered")] * len(deliveries)

    def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _take(self, connection: sqlite3.Connection, deliveries: Sequence[Delivery]) -> None:
        now_ns, now_s = time.time_ns(), time.monotonic()
        new = self._new_pictures(deliveries)
        self._pictures.put(new)  # on disk before the rows that name them
        writer = Writer(connection, now_ns)
        with transaction(connection):
            for delivery in deliveries:
                apply(writer, delivery)
        before_ns = now_ns - round(self._settings.days * DAY_S * NS)
        if now_s >= self._purge_s:
            self._purge_s = now_s + PURGE_S
            while writer.purge(before_ns):
                pass
        for sha256 in writer.unneeded(new):
            self._pictures.remove(sha256)
        if now_s >= self._sweep_s:
            self._sweep_s = now_s + SWEEP_S
            self._sweep(writer, before_ns)

    def _new_pictures(self, deliveries: Sequence[Delivery]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for delivery in deliveries:
            if delivery.event["type"] in (EARLY, FINAL):
                for picture in delivery.event["data"]["pictures"]:
                    sha256 = picture["sha256"]
                    if sha256 not in found and not self._pictures.path(sha256).exists():
                        try:
                            found[sha256] = delivery.evidence(sha256)
                        except LookupError:
                            continue  # the reference stays, the picture is gone
        return found

    def _sweep(self, writer: Writer, before_ns: int) -> None:
        """Delete what a killed process left behind, and damaged files, when they are too old, too."""
        for path in self._pictures.folder.glob("??/*"):  # pieces of pictures, too
            if path.stat().st_mtime_ns < before_ns and not (path.suffix == ".jpg" and writer.is_known(path.stem)):
                path.unlink()
        for path in self._folder.glob(f"{Path(NAME).stem}.damaged-*"):
            if path.stat().st_mtime_ns < before_ns:
                path.unlink()


def apply(writer: Writer, delivery: Delivery) -> None:
    """Take one event; of a type that is not kept (watch-list matches), nothing."""
    event = delivery.event
    kind, data = event["type"], event["data"]
    if kind in (EARLY, FINAL):
        writer.sighting(event)
    elif kind == STATUS and writer.is_new(delivery.key):
        writer.status(data)
    elif kind == STATISTICS and writer.is_new(delivery.key):
        writer.statistics(data)
    writer.heard(delivery.camera, event["time"])


def archive_sink(name: str, settings: Mapping[str, Any]) -> ArchiveSink:
    """The sink of a ``[[sink]]`` table.

    Raises:
        ConfigError: a setting is unknown or wrong.
    """
    return ArchiveSink(parse(ArchiveSettings, settings, f"sink {name!r}"))
