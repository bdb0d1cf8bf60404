"""The one thread that writes the outbox: what came meanwhile is committed together, and is on disk after that.

Group commit: while one commit waits for the disk, the next group gathers.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from vision.disk.database import is_damaged, transaction
from vision.disk.pictures import Pictures
from vision.events.model import MATCH, Event
from vision.outbox.database import open_database
from vision.outbox.store import Entry, Store

LOG = logging.getLogger("vision.outbox")
NS = 1_000_000_000
GROUP = 1000  # at most so many in one commit
GATHER_S = 0.01  # a group gathers so long at most; giving threads then need not wake this one, which costs them 50 us
MOST_LOST = 1_000_000
WAITING = 10_000  # events in memory while the disk takes none
WAITING_BYTES = 256 << 20  # and bytes of their pictures
RETRY_S = 1.0  # between two tries when the disk takes none
CAPS_S = 10.0  # between two looks at age and size
SWEEP_S = 600.0  # between two searches for pictures that nothing refers to
CHUNK = 500  # events that go at once


@dataclass(frozen=True, slots=True)
class Caps:
    """How much is kept: events older than ``max_age_s`` go, and the oldest while there are more than ``max_bytes``."""

    max_age_s: float
    max_bytes: int


class Put(NamedTuple):
    """An event with its pictures (JPEG bytes) and the sinks that want it."""

    event: Event
    pictures: Sequence[bytes]
    sinks: Sequence[str]


Change = Callable[[Store], object]


@dataclass
class WriterCounts:
    """What happened in this process."""

    committed: int = 0
    commits: int = 0
    doubles: int = 0
    lost: Counter[str] = field(default_factory=Counter)  # events that never got to disk, by why
    renewals: int = 0  # damaged files put aside


class Writer:
    """Owns the database; others hand it events and changes.

    Args:
        folder: where the database and the pictures are.
        caps: how much is kept.
        on_commit: called in the writer's thread after each commit.

    Raises:
        OutputError: the database cannot be opened.
    """

    def __init__(self, folder: Path, caps: Caps, on_commit: Callable[[], None]) -> None:
        self.folder, self._caps, self._on_commit = folder, caps, on_commit
        self._lock = threading.Lock()  # of the gate: taken directly where every microsecond counts
        self._gate = threading.Condition(self._lock)
        self._queue: deque[tuple[int, Put | Change]] = deque()
        self._lost: set[int] = set()  # numbers of events that had to go
        self._n_put = self._n_done = self._n_events = self._n_bytes = 0  # the last two: of what is queued
        self._is_closing = self._is_awaited = self._has_ended = False
        self._due_s = {"caps": 0.0, "sweep": 0.0}
        self.pictures = Pictures(folder / "pictures")
        self.counts = WriterCounts()
        self.trouble = ""  # why nothing can be written just now
        self._damage = ""
        self._is_stale = False  # a transaction was rolled back: what the store keeps in memory is too new
        self._connection, aside = open_database(folder)
        self.counts.renewals += aside is not None
        self._store = Store(self._connection)
        self._thread = threading.Thread(target=self._work, name="outbox-writer", daemon=True)
        self._thread.start()

    def put(self, change: Put | Change) -> int:
        """Hand over an event or a change; returns at once with a number for `wait`.

        While the disk takes nothing at most `WAITING` events with `WAITING_BYTES` of pictures are held; then the oldest
        goes, watch-list matches last. After `close` an event is lost, and counted.
        """
        with self._lock:
            self._n_put += 1
            if self._has_ended:
                self.counts.lost["closed"] += isinstance(change, Put)
                return self._n_put
            self._queue.append((self._n_put, change))
            if isinstance(change, Put):
                self._n_events += 1
                self._n_bytes += size_of(change)
                if self._n_events > WAITING or self._n_bytes > WAITING_BYTES:
                    self._make_room()
            return self._n_put

    def wait(self, number: int, timeout_s: float | None = None) -> bool:
        """Wait until what `put` gave a number for is on disk; whether it is."""
        with self._gate:
            self._is_awaited = True
            self._gate.notify_all()
            self._gate.wait_for(lambda: self._n_done >= number or not self._thread.is_alive(), timeout_s)
            return self._n_done >= number and number not in self._lost

    def report_damage(self, err: sqlite3.Error, generation: int) -> None:
        """Another thread found the file of a generation (``counts.renewals``) damaged: a new one begins."""
        with self._gate:
            if generation != self.counts.renewals or self._damage:
                return
            self._damage = str(err)
        self.put(lambda _: None)

    def close(self, timeout_s: float) -> None:
        """Write what was handed over, and end; what the disk does not take by then is lost, and said."""
        with self._gate:
            self._is_closing = True
            self._gate.notify_all()
        self._thread.join(timeout_s)
        with self._gate:
            left = self._n_events
            if left:
                self.counts.lost["closed"] += left
                LOG.error("%d events are lost: %s", left, self.trouble or "the writer did not end in time")

    # -- inside ------------------------------------------------------------------------------------------------------

    def _make_room(self) -> None:
        while self._n_events > 1 and (self._n_events > WAITING or self._n_bytes > WAITING_BYTES):
            events = [i for i, (_, change) in enumerate(self._queue) if isinstance(change, Put)]
            others = (i for i in events if self._queue[i][1].event.type != MATCH)  # type: ignore[union-attr]
            at = next(others, events[0])
            number, put = self._queue[at]
            self._mark_lost(number)
            del self._queue[at]
            self._n_events -= 1
            self._n_bytes -= size_of(put)
            self.counts.lost["memory"] += 1
            if self.counts.lost["memory"] % 1000 == 1:
                LOG.error("%d events lost so far: the disk takes nothing: %s", self.counts.lost["memory"], self.trouble)

    def _mark_lost(self, number: int) -> None:
        if len(self._lost) < MOST_LOST:
            self._lost.add(number)

    def _work(self) -> None:
        """Body of the thread."""
        while True:
            with self._gate:
                self._gate.wait_for(lambda: self._is_awaited or self._is_closing, GATHER_S)
                self._is_awaited = False
                if not self._queue and self._is_closing:
                    self._has_ended = True
                    break
                if not self._queue and time.monotonic() < self._due_s["caps"]:
                    continue
                group = [self._queue.popleft() for _ in range(min(GROUP, len(self._queue)))]
                n_events = sum(isinstance(change, Put) for _, change in group)
                n_bytes = sum(size_of(change) for _, change in group)
                self._n_events -= n_events
                self._n_bytes -= n_bytes
            is_done = self._tried(group)
            with self._gate:
                if is_done:
                    self._n_done = group[-1][0] if group else self._n_done
                    self._gate.notify_all()
                else:
                    self._queue.extendleft(reversed(group))
                    self._n_events += n_events
                    self._n_bytes += n_bytes
                    if self._is_closing:
                        self._has_ended = True
                        break
                    self._gate.wait_for(lambda: self._is_closing, RETRY_S)
            if is_done:
                self._on_commit()
        self._connection.close()

    def _tried(self, group: Sequence[tuple[int, Put | Change]]) -> bool:
        """Commit a group; False if the disk takes nothing now."""
        try:
            if self._damage:
                self._renew()
            self._commit([change for _, change in group])
        except (sqlite3.Error, OSError) as err:
            if isinstance(err, sqlite3.Error) and is_damaged(err):
                self._damage = str(err)
            elif not self.trouble:
                LOG.error("%s: cannot write: %s; events wait in memory", self.folder, err)
            self.trouble = str(err)
            self._is_stale = True
            return False
        except Exception as err:  # a mistake of ours must not end this thread: find out what it is about
            self._is_stale = True
            if len(group) > 1:
                return all(self._tried([one]) for one in group)  # behind one that has to wait none is tried: order
            number, change = group[0]
            LOG.exception("%s: %s cannot be written and is given up", self.folder, name_of(change))
            if isinstance(change, Put):
                self.counts.lost[type(err).__name__] += 1
                with self._gate:
                    self._mark_lost(number)
            return True
        if self.trouble:
            LOG.warning("%s: can be written again", self.folder)
            self.trouble = ""
        return True

    def _commit(self, group: Sequence[Put | Change]) -> None:
        if self._is_stale:
            self._store.forget()  # also clears what was unneeded
            self._is_stale = False
        entries = self._entries([c for c in group if isinstance(c, Put)])
        now_s = time.monotonic()
        with transaction(self._connection):
            doubles = self._store.insert(entries)
            for change in group:
                if not isinstance(change, Put):
                    change(self._store)
            if now_s >= self._due_s["caps"]:
                self._keep_caps()
                self._due_s["caps"] = now_s + CAPS_S
        self.counts.doubles += doubles
        self.counts.committed += len(entries) - doubles
        self.counts.commits += 1
        unneeded, self._store.unneeded = self._store.unneeded, set()
        for sha256 in unneeded:
            self.pictures.remove(sha256)
        if now_s >= self._due_s["sweep"]:
            with transaction(self._connection):
                self._store.trim_keys()
            self.pictures.sweep(self._store.known_pictures())
            self._due_s["sweep"] = now_s + SWEEP_S

    def _entries(self, puts: Sequence[Put]) -> list[Entry]:
        """The events as they enter; their pictures are on disk."""
        now_ns, named, entries = time.time_ns(), dict[str, bytes](), []
        for event, pictures, sinks in puts:
            own = {hashlib.sha256(data).hexdigest(): data for data in pictures} if sinks else {}
            named.update(own)
            sizes = {sha256: len(data) for sha256, data in own.items()}
            entries.append(Entry(event.id, event.partitionkey, event.type, now_ns, event.body(), sizes, sinks))
        self.pictures.put(named)
        return entries

    def _keep_caps(self) -> None:
        """Drop what is too old or too much."""
        oldest_ns = time.time_ns() - round(self._caps.max_age_s * NS)
        n_old = n_much = 0
        while rows := self._store.oldest(CHUNK, before_ns=oldest_ns):
            n_old += self._store.drop(rows, "age")
        while self._store.bytes() > self._caps.max_bytes and (rows := self._store.oldest(CHUNK)):
            n_much += self._store.drop(rows, "size")
        if n_old or n_much:
            LOG.warning("%s: %d deliveries dropped for their age, %d for want of room", self.folder, n_old, n_much)

    def _renew(self) -> None:
        """Put a damaged database aside and begin a new one.

        Raises:
            OutputError: that cannot be done now.
        """
        self._connection.close()
        self._connection, _ = open_database(self.folder, self._damage)
        self._store = Store(self._connection)
        with self._gate:
            self._damage = ""
            self.counts.renewals += 1


def size_of(change: Put | Change) -> int:
    """Bytes of an event's pictures."""
    return sum(map(len, change.pictures)) if isinstance(change, Put) else 0


def name_of(change: Put | Change) -> str:
    """What a log calls it."""
    return change.event.id if isinstance(change, Put) else "a change"
