"""What is in the outbox: all reading and writing of its tables. One connection, used by one thread at a time."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from vision.disk.database import connect
from vision.events.model import MATCH

KEPT_KEYS = 100_000  # of events that are done, to recognize them if they are put again
IN_ONE = 500  # values in one statement; SQLite takes 999 in any version
BYTES = ("", "bytes")


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as it enters: its body, its pictures (SHA-256 to size in bytes), and the sinks that want it."""

    key: str
    camera: str
    type: str
    entered_ns: int
    body: bytes
    pictures: Mapping[str, int]
    sinks: Sequence[str]


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery or a dead letter. ``state`` is waiting or dead."""

    sink: str
    seq: int
    key: str
    camera: str
    type: str
    entered_ns: int
    number: int
    attempts: int
    detail: str
    state: str
    body: bytes


ROW = (
    "SELECT d.sink, d.seq, e.key, d.camera, e.type, e.entered_ns, d.number, d.attempts, d.detail, '{state}', e.body "
    "FROM {table} d JOIN events e ON e.seq = d.seq"
)
TABLE_OF = {"waiting": "deliveries", "dead": "dead"}


def parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    """The values, so many at once as one statement takes."""
    rest = iter(values)
    while part := list(islice(rest, IN_ONE)):
        yield part


class Store:
    """The tables of an outbox. What changes them runs inside `vision.disk.database.transaction`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self._numbers: dict[tuple[str, str], int] = {}
        self._last_seq = 0
        self.unneeded: set[str] = set()  # pictures that nothing refers to since the last commit
        self.forget()

    def forget(self) -> None:
        """Read anew what is kept in memory, after a transaction that was rolled back."""
        rows = self._sql.execute("SELECT sink, camera, last FROM numbers")
        self._numbers = {(sink, camera): last for sink, camera, last in rows}
        found = self._sql.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        self._last_seq = found[0]
        self.unneeded.clear()

    # -- what a site does --------------------------------------------------------------------------------------------

    def insert(self, entries: Sequence[Entry]) -> int:
        """Add events; one whose key is there already is left out. Returns how many were left out."""
        keys = parts(entry.key for entry in entries)
        known = {row[0] for part in keys for row in self._in("SELECT key FROM events", "key", part)}
        n_bytes = 0
        numbers: dict[tuple[str, str], int] = {}
        events, deliveries = [], []
        for entry in entries:
            if entry.key in known:
                continue
            known.add(entry.key)
            self._last_seq += 1
            seq, names = self._last_seq, " ".join(entry.pictures)
            events.append(
                (seq, entry.key, entry.camera, entry.type, entry.entered_ns, len(entry.sinks), names, entry.body)
            )
            for sink in entry.sinks:
                place = sink, entry.camera
                numbers[place] = self._numbers[place] = self._numbers.get(place, 0) + 1
                deliveries.append((sink, seq, entry.camera, numbers[place]))
            n_bytes += len(entry.body) + sum(self._refer(*picture) for picture in entry.pictures.items())
        self._sql.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", events)
        self._sql.executemany("INSERT INTO deliveries VALUES (?, ?, ?, ?, 0, '')", deliveries)
        self._sql.executemany(
            "INSERT INTO numbers VALUES (?, ?, ?) ON CONFLICT(sink, camera) DO UPDATE SET last = excluded.last",
            [(*place, last) for place, last in numbers.items()],
        )
        self.count(*BYTES, n_bytes)
        return len(entries) - len(events)

    def _refer(self, sha256: str, size: int) -> int:
        """Count one more reference to a picture; returns its size if it is the first."""
        self.unneeded.discard(sha256)
        is_known = self._sql.execute("UPDATE pictures SET refs = refs + 1 WHERE sha256 = ?", (sha256,)).rowcount
        if not is_known:
            self._sql.execute("INSERT INTO pictures VALUES (?, ?, 1)", (sha256, size))
        return 0 if is_known else size

    def due(self, sink: str, limit: int, held: Sequence[str] = ()) -> list[Row]:
        """The first deliveries of a sink in order, without the cameras that are held."""
        marks = ", ".join("?" * len(held))
        query = ROW.format(table="deliveries", state="waiting")
        query += f" WHERE d.sink = ? AND d.camera NOT IN ({marks}) ORDER BY d.seq LIMIT ?"
        return [Row(*r) for r in self._sql.execute(query, (sink, *held, limit))]

    def delivered(self, sink: str, seqs: Sequence[int]) -> None:
        """A sink has these."""
        self.count(sink, "delivered", self._take("deliveries", sink, seqs))

    def tried(self, sink: str, seq: int, detail: str) -> None:
        """One more attempt was answered with "later"."""
        self._sql.execute(
            "UPDATE deliveries SET attempts = attempts + 1, detail = ? WHERE sink = ? AND seq = ?", (detail, sink, seq)
        )

    def died(self, sink: str, seq: int, detail: str, now_ns: int) -> None:
        """Move a delivery to the dead letters."""
        moved = self._sql.execute(
            "INSERT INTO dead SELECT sink, seq, camera, number, attempts + 1, ?, ? FROM deliveries "
            "WHERE sink = ? AND seq = ?",
            (detail, now_ns, sink, seq),
        ).rowcount
        self._sql.execute("DELETE FROM deliveries WHERE sink = ? AND seq = ?", (sink, seq))
        self.count(sink, "dead", moved)

    # -- what people do ----------------------------------------------------------------------------------------------

    def rows(self, state: str, sink: str | None = None, keys: Sequence[str] = (), limit: int = -1) -> list[Row]:
        """Deliveries (waiting) or dead letters (dead), oldest first."""
        query = ROW.format(table=TABLE_OF[state], state=state) + " WHERE (? IS NULL OR d.sink = ?)"
        if keys:
            query += f" AND e.key IN ({', '.join('?' * len(keys))})"
        return [Row(*r) for r in self._sql.execute(f"{query} ORDER BY d.seq LIMIT ?", (sink, sink, *keys, limit))]

    def requeue(self, rows: Iterable[Row]) -> int:
        """Send dead letters again, with their numbers, in their old places."""
        n = 0
        for row in rows:
            n += self._sql.execute(
                "INSERT INTO deliveries SELECT sink, seq, camera, number, 0, '' FROM dead WHERE sink = ? AND seq = ?",
                (row.sink, row.seq),
            ).rowcount
            self._sql.execute("DELETE FROM dead WHERE sink = ? AND seq = ?", (row.sink, row.seq))
        return n

    def drop(self, rows: Iterable[Row], why: str) -> int:
        """Give up deliveries and dead letters; counted as ``dropped_WHY`` of their sinks."""
        groups: dict[tuple[str, str], list[int]] = {}
        for row in rows:
            groups.setdefault((TABLE_OF[row.state], row.sink), []).append(row.seq)
        total = 0
        for (table, sink), seqs in groups.items():
            n = self._take(table, sink, seqs)
            self.count(sink, f"dropped_{why}", n)
            total += n
        return total

    # -- caps --------------------------------------------------------------------------------------------------------

    def oldest(self, limit: int, *, before_ns: int | None = None) -> list[Row]:
        """What is to go first: everything that is kept of the oldest events, watch-list matches last.

        Args:
            limit: at most so many events.
            before_ns: only events that entered before.
        """
        end = self._first_seq(before_ns) if before_ns is not None else 2**62
        query = "SELECT seq FROM events WHERE seq < ? AND n_open > 0 AND type {} ? ORDER BY seq LIMIT ?"
        for sign in ("!=", "="):
            seqs = [row[0] for row in self._sql.execute(query.format(sign), (end, MATCH, limit))]
            if seqs:
                return self._rows_at(seqs)
        return []

    def _first_seq(self, entered_ns: int) -> int:
        """The first event that entered at or after a time; events stand in the order in which they entered."""
        low, high = self._sql.execute("SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) + 1 FROM events").fetchone()
        while low < high:
            middle = (low + high) // 2
            found = self._sql.execute(
                "SELECT seq, entered_ns FROM events WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,)
            ).fetchone()
            low, high = (low, middle) if found is None or found[1] >= entered_ns else (found[0] + 1, high)
        return int(low)

    def _rows_at(self, seqs: Sequence[int]) -> list[Row]:
        marks, out = ", ".join("?" * len(seqs)), []
        for sink in {sink for sink, _ in self._numbers}:
            for state, table in TABLE_OF.items():
                query = ROW.format(table=table, state=state) + f" WHERE d.sink = ? AND d.seq IN ({marks})"
                out += [Row(*r) for r in self._sql.execute(query, (sink, *seqs))]
        return out

    def trim_keys(self) -> None:
        """Forget the keys of events that were done long ago."""
        last = self._sql.execute("SELECT max(seq) FROM events").fetchone()[0] or 0
        self._sql.execute("DELETE FROM events WHERE seq <= ? AND n_open = 0", (last - KEPT_KEYS,))

    # -- figures -----------------------------------------------------------------------------------------------------

    def count(self, sink: str, name: str, n: int) -> None:
        """Add to a total."""
        if n:
            self._sql.execute(
                "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT(sink, name) DO UPDATE SET n = n + excluded.n",
                (sink, name, n),
            )

    def bytes(self) -> int:
        """Bodies and pictures that are kept."""
        found = self._sql.execute("SELECT n FROM counts WHERE sink = ? AND name = ?", BYTES).fetchone()
        return int(found[0]) if found else 0

    def figures(self) -> dict[str, Counter[str]]:
        """By sink: waiting and dead now; delivered, dead_total, dropped_age, dropped_size ... since the beginning."""
        out: dict[str, Counter[str]] = {}
        for sink, name, n in self._sql.execute("SELECT sink, name, n FROM counts WHERE sink != ''"):
            out.setdefault(sink, Counter())["dead_total" if name == "dead" else name] = n
        for state, table in TABLE_OF.items():
            for sink, n in self._sql.execute(f"SELECT sink, count(*) FROM {table} GROUP BY sink"):
                out.setdefault(sink, Counter())[state] = n
        return out

    def known_pictures(self) -> set[str]:
        """SHA-256 of the pictures that something refers to."""
        return {row[0] for row in self._sql.execute("SELECT sha256 FROM pictures")}

    # -- inside ------------------------------------------------------------------------------------------------------

    def _take(self, table: str, sink: str, seqs: Sequence[int]) -> int:
        """Remove rows; events that nothing is left of lose their body and their hold on pictures."""
        n, n_bytes = 0, 0
        for part in parts(seqs):
            rows = self._in(f"SELECT seq FROM {table}", "seq", part, "AND sink = ?", sink)
            found = [row[0] for row in rows]  # a person may have taken some away meanwhile
            n += len(found)
            self._in(f"DELETE FROM {table}", "seq", found, "AND sink = ?", sink)
            self._in("UPDATE events SET n_open = n_open - 1", "seq", found)
            for names, size in self._in("SELECT pictures, length(body) FROM events", "seq", found, "AND n_open = 0"):
                n_bytes += size + sum(map(self._release, names.split()))
            self._in("UPDATE events SET body = NULL, pictures = ''", "seq", found, "AND n_open = 0")
        self.count(*BYTES, -n_bytes)
        return n

    def _in(self, statement: str, column: str, values: Sequence[Any], rest: str = "", *more: Any) -> list[Any]:
        """All rows of a statement with ``WHERE column IN (values)``."""
        marks = ", ".join("?" * len(values))
        return self._sql.execute(f"{statement} WHERE {column} IN ({marks}) {rest}", (*values, *more)).fetchall()

    def _release(self, sha256: str) -> int:
        """Count one reference less to a picture; returns its size if it was the last."""
        self._sql.execute("UPDATE pictures SET refs = refs - 1 WHERE sha256 = ?", (sha256,))
        found = self._sql.execute("SELECT size FROM pictures WHERE sha256 = ? AND refs <= 0", (sha256,)).fetchone()
        if found is None:
            return 0
        self._sql.execute("DELETE FROM pictures WHERE sha256 = ?", (sha256,))
        self.unneeded.add(sha256)
        return int(found[0])


def open_store(path: Path) -> tuple[Store, sqlite3.Connection]:
    """The tables of an outbox's file through a connection of their own.

    Raises:
        sqlite3.Error: it cannot be opened or read; nothing stays open.
    """
    connection = connect(path)
    try:
        return Store(connection), connection
    except sqlite3.Error:
        connection.close()
        raise
