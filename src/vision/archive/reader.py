"""All questions to the archive. What is older than its retention is not told, also where it is not deleted yet."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from vision.archive.database import NAME, opened_to_read
from vision.disk.pictures import Pictures
from vision.errors import OutputError

DAY_NS = 86_400 * 1_000_000_000
SLOW_S = 10.0  # no question may take longer
STEPS = 10_000  # of SQLite, between two looks at the clock
Place = tuple[int, str]  # in a list: a time and an id or a camera; lists go from the newest to the oldest


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; None: anything. Times are UTC nanoseconds, from inclusive, to exclusive.

    In ``plate`` each ``?`` stands for any one character.
    """

    camera: str | None = None
    from_ns: int | None = None
    to_ns: int | None = None
    plate: str | None = None
    type: str | None = None
    color: str | None = None


class CameraRow(NamedTuple):
    """The newest state of a camera; ``heard_ns`` is the time of its newest event."""

    camera: str
    state: str
    since_ns: int
    detail: str
    heard_ns: int


class HourRow(NamedTuple):
    """What a camera saw in an hour that began at ``hour_ns``."""

    hour_ns: int
    camera: str
    vehicles: int
    read: int
    unread: Mapping[str, int]
    frames: Mapping[str, int]


class Archive:
    """An archive that is open for reading; see `open_archive`."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self._folder, self._sql = folder, connection
        days = connection.execute("SELECT days FROM retention").fetchone()[0]
        self._kept_ns = time.time_ns() - round(days * DAY_NS)
        end_s = time.monotonic() + SLOW_S
        connection.set_progress_handler(lambda: time.monotonic() > end_s, STEPS)

    def sightings(self, search: Search, after: Place | None, limit: int) -> list[tuple[Place, str]]:
        """Sightings after a place, by begin: their places and their data (JSON)."""
        where: list[tuple[str, Any]] = [
            # The plus keeps SQLite from walking by this column's index, which would sort all that is kept.
            ("+entered_ns >= ?", self._kept_ns),
            ("camera = ?", search.camera),
            ("begin_ns >= ?", search.from_ns),
            ("begin_ns < ?", search.to_ns),
            ("plate GLOB ?" if search.plate and "?" in search.plate else "plate = ?", globbed(search.plate)),
            ("type = ?", search.type),
            ("color = ?", search.color),
        ]
        rows = self._page("begin_ns, id, data", "sightings", ("begin_ns", "id"), where, after, limit)
        return [((begin_ns, own), data) for begin_ns, own, data in rows]

    def sighting(self, own: str) -> str | None:
        """Data (JSON) of one sighting, or of the one that it was merged into; None: not there."""
        found = self._sql.execute(
            "SELECT data FROM sightings WHERE entered_ns >= ?2 AND id = "
            "coalesce((SELECT into_id FROM merged WHERE id = ?1), ?1)",
            (own, self._kept_ns),
        ).fetchone()
        return None if found is None else str(found[0])

    def picture(self, sha256: str) -> bytes | None:
        """A picture that a sighting refers to; None: no sighting does, or it is not there any more.

        Raises:
            OutputError: the file cannot be read, or is not what its name says.
        """
        found = self._sql.execute(
            "SELECT 1 FROM pictures p JOIN sightings s ON s.id = p.id WHERE p.sha256 = ? AND s.entered_ns >= ?",
            (sha256, self._kept_ns),
        ).fetchone()
        if found is None:
            return None
        try:
            content = Pictures(self._folder / "pictures").get(sha256)
        except LookupError:
            return None
        except OSError as err:
            raise OutputError(f"picture {sha256}: cannot read: {err.strerror}") from err
        if hashlib.sha256(content).hexdigest() != sha256:
            raise OutputError(f"picture {sha256}: damaged: its content has another hash")
        return content

    def cameras(self) -> list[CameraRow]:
        """All cameras, by name."""
        rows = self._sql.execute(
            "SELECT camera, state, since_ns, detail, heard_ns FROM cameras WHERE entered_ns >= ? ORDER BY camera",
            (self._kept_ns,),
        )
        return [CameraRow(*row) for row in rows]

    def statistics(self, search: Search, after: Place | None, limit: int) -> list[HourRow]:
        """Counts by hour and camera after a place; of the search, camera and times count: hours that begin in it."""
        where: list[tuple[str, Any]] = [
            ("entered_ns >= ?", self._kept_ns),
            ("camera = ?", search.camera),
            ("hour_ns >= ?", search.from_ns),
            ("hour_ns < ?", search.to_ns),
        ]
        columns = "hour_ns, camera, vehicles, read, unread, frames"
        rows = self._page(columns, "statistics", ("hour_ns", "camera"), where, after, limit)
        return [
            HourRow(hour_ns, camera, vehicles, read, json.loads(unread), json.loads(frames))
            for hour_ns, camera, vehicles, read, unread, frames in rows
        ]

    def check(self) -> None:
        """Read a little of everything.

        Raises:
            OutputError, from where it was opened: something cannot be read.
        """
        self.sightings(Search(), None, 1)
        self.statistics(Search(), None, 1)
        self.cameras()

    def n_sightings(self) -> int:
        """How many sightings are kept."""
        found = self._sql.execute("SELECT count(*) FROM sightings WHERE entered_ns >= ?", (self._kept_ns,))
        return int(found.fetchone()[0])

    def _page(
        self,
        columns: str,
        table: str,
        order: tuple[str, str],
        where: Sequence[tuple[str, Any]],
        after: Place | None,
        limit: int,
    ) -> list[Any]:
        used = [(text, value) for text, value in where if value is not None]
        conditions, values = [text for text, _ in used], [value for _, value in used]
        if after is not None:
            conditions.append(f"({', '.join(order)}) < (?, ?)")
            values += after
        statement = (
            f"SELECT {columns} FROM {table} WHERE {' AND '.join(conditions)} "
            f"ORDER BY {order[0]} DESC, {order[1]} DESC LIMIT ?"
        )
        return self._sql.execute(statement, (*values, limit)).fetchall()


@contextmanager
def open_archive(folder: Path) -> Iterator[Archive]:
    """The archive of a folder, open for reading while the body runs.

    Raises:
        ConfigError: there is none.
        OutputError: it is of another version, or cannot be read.
        TimeoutError: from within the body: a question took longer than `SLOW_S`.
    """
    with opened_to_read(folder) as connection:
        try:
            yield Archive(folder, connection)
        except sqlite3.OperationalError as err:
            if err.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            raise TimeoutError(f"expected a narrower question, such as a time range, got one for {SLOW_S:g} s") from err


def size_of(folder: Path) -> int:
    """Bytes of the database."""
    return sum(p.stat().st_size for p in folder.glob(f"{NAME}*"))


def globbed(plate: str | None) -> str | None:
    """A plate with ``?`` as SQLite's GLOB takes it: its other signs mean themselves."""
    if plate is None or "?" not in plate:
        return plate
    return plate.replace("[", "[[]").replace("*", "[*]")
