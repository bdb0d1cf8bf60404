"""All changes of the archive's tables."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from vision.disk.database import transaction
from vision.events.times import time_ns_of
from vision.sinks.server import plate_of

HOUR_NS = 3600 * 1_000_000_000
CHUNK = 500  # sightings that are deleted in one step
OTHERS = ("merged", "taken", "statistics", "cameras")


class Writer:
    """Changes rows inside a `transaction`; ``now_ns`` is when what it takes came in."""

    def __init__(self, connection: sqlite3.Connection, now_ns: int) -> None:
        self._sql, self._now_ns = connection, now_ns
        self._released: set[str] = set()  # pictures that something does not refer to any more

    def is_new(self, key: str) -> bool:
        """Note an event; False if it is known."""
        return self._sql.execute("INSERT OR IGNORE INTO taken VALUES (?, ?)", (key, self._now_ns)).rowcount == 1

    def sighting(self, event: Mapping[str, Any]) -> None:
        """Take a sighting if it is newer than what is there; those merged into it go, and lead to it."""
        data = event["data"]
        own, revision = data["id"], data["revision"]
        if self._sql.execute("SELECT 1 FROM merged WHERE id = ?", (own,)).fetchone():
            return
        found = self._sql.execute(
            "SELECT revision, begin_ns, entered_ns FROM sightings WHERE id = ?", (own,)
        ).fetchone()
        if found is not None and found[0] >= revision:
            return
        self._forget([own, *data["merged_ids"]])
        for merged in data["merged_ids"]:
            self._sql.execute("UPDATE merged SET into_id = ? WHERE into_id = ?", (own, merged))
            self._sql.execute("INSERT OR REPLACE INTO merged VALUES (?, ?, ?)", (merged, own, self._now_ns))
        begin_ns, entered_ns = found[1:] if found else (begin_of(event), self._now_ns)
        vehicle = data["vehicle"] or {}
        self._sql.execute(
            "INSERT INTO sightings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (own, revision, data["stream_id"], begin_ns, entered_ns, plate_of(event), vehicle.get("type"),
             vehicle.get("color"), json.dumps(data, ensure_ascii=False, separators=(",", ":"))),
        )  # fmt: skip
        pictures = [(picture["sha256"], own) for picture in data["pictures"]]
        self._sql.executemany("INSERT OR IGNORE INTO pictures VALUES (?, ?)", pictures)

    def status(self, data: Mapping[str, Any]) -> None:
        """Take a camera's state if it is not older than the one that is there."""
        since_ns = time_ns_of(data["since"])
        self._sql.execute(
            "INSERT INTO cameras VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(camera) DO UPDATE SET state = excluded.state, "
            "since_ns = excluded.since_ns, detail = excluded.detail "
            "WHERE excluded.since_ns >= since_ns OR state = 'unknown'",
            (data["stream_id"], data["state"], since_ns, data["detail"], since_ns, self._now_ns),
        )

    def statistics(self, data: Mapping[str, Any]) -> None:
        """Add counts to the hour in which their stretch began."""
        start_ns = time_ns_of(data["start"])
        place = start_ns - start_ns % HOUR_NS, data["stream_id"]
        found = self._sql.execute(
            "SELECT vehicles, read, unread, frames, entered_ns FROM statistics WHERE hour_ns = ? AND camera = ?", place
        ).fetchone() or (0, 0, "{}", "{}", self._now_ns)  # fmt: skip
        unread, frames = (
            json.dumps(sums(json.loads(old), data[name]))
            for old, name in zip(found[2:4], ("unread", "frames"), strict=True)
        )
        row = (*place, found[0] + data["vehicles"], found[1] + data["read"], unread, frames, found[4])
        self._sql.execute("INSERT OR REPLACE INTO statistics VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def heard(self, camera: str, time: str) -> None:
        """Something of a camera has a time."""
        time_ns = time_ns_of(time)
        self._sql.execute(
            "INSERT INTO cameras VALUES (?, 'unknown', ?, '', ?, ?) ON CONFLICT(camera) DO UPDATE SET "
            "heard_ns = max(heard_ns, excluded.heard_ns), entered_ns = excluded.entered_ns",
            (camera, time_ns, time_ns, self._now_ns),
        )

    def purge(self, before_ns: int) -> int:
        """Delete, in a step of its own, what came in before a time; returns how many sightings (`CHUNK` at most)."""
        with transaction(self._sql):
            rows = self._sql.execute("SELECT id FROM sightings WHERE entered_ns < ? LIMIT ?", (before_ns, CHUNK))
            ids = [row[0] for row in rows]
            self._forget(ids)
            for table in OTHERS:
                self._sql.execute(f"DELETE FROM {table} WHERE entered_ns < ?", (before_ns,))
        return len(ids)

    def unneeded(self, new: Iterable[str]) -> list[str]:
        """Pictures that nothing refers to any more, and those of the new ones that nothing came to refer to."""
        found = [sha256 for sha256 in self._released.union(new) if not self.is_known(sha256)]
        self._released.clear()
        return found

    def is_known(self, sha256: str) -> bool:
        """Whether something refers to a picture."""
        return self._sql.execute("SELECT 1 FROM pictures WHERE sha256 = ?", (sha256,)).fetchone() is not None

    def _forget(self, ids: Iterable[str]) -> None:
        for one in ids:
            self._sql.execute("DELETE FROM sightings WHERE id = ?", (one,))
            released = self._sql.execute("DELETE FROM pictures WHERE id = ? RETURNING sha256", (one,))
            self._released.update(row[0] for row in released)


def begin_of(event: Mapping[str, Any]) -> int:
    """Begin of a pass in UTC nanoseconds; where the source does not know UTC, the time of the event."""
    times = event["data"]["times"]
    return time_ns_of(times["first"] if times else event["time"])


def sums(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Both counts together."""
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
