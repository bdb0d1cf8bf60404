"""The one thread that writes the outbox: what came meanwhile is committed together, and is on disk after that.

Group commit: while one commit waits for the disk, the next group gathers.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vision.events.model import MATCH, Event
from vision.outbox.database import is_damaged, open_database, transaction
from vision.outbox.pictures import Pictures
from vision.outbox.store import Entry, Store

LOG = logging.getLogger("vision.outbox")
NS = 1_000_000_000
GROUP = 500  # at most so many in one commit
WAITING = 10_000  # events in memory while the disk takes none
RETRY_S = 1.0  # between two tries when the disk takes none
CAPS_S = 10.0  # between two looks at age and size
SWEEP_S = 600.0  # between two searches for pictures that nothing refers to
CHUNK = 500  # events that go at once


@dataclass(frozen=True, slots=True)
class Caps:
    """How much is kept: events older than ``max_age_s`` go, and the oldest while there are more than ``max_bytes``."""

    max_age_s: float
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Put:
    """An event with its pictures (SHA-256 to JPEG bytes) and the sinks that want it."""

    event: Event
    pictures: Mapping[str, bytes]
    sinks: Sequence[str]
    entered_ns: int


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
        self._gate = threading.Condition()
        self._queue: deque[Put | Change] = deque()
        self._n_put = self._n_done = self._n_events = 0
        self._is_closing = False
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

        While the disk takes nothing at most `WAITING` events are held; then the oldest goes, watch-list matches last.
        """
        with self._gate:
            self._queue.append(change)
            self._n_put += 1
            if isinstance(change, Put):
                self._n_events += 1
                if self._n_events > WAITING:
                    self._make_room()
            self._gate.notify_all()
            return self._n_put

    def wait(self, number: int, timeout_s: float | None = None) -> bool:
        """Wait until what `put` gave a number for is on disk; whether it is."""
        with self._gate:
            return self._gate.wait_for(lambda: self._n_done >= number or not self._thread.is_alive(), timeout_s) and (
                self._n_done >= number
            )

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
        at = next(
            (i for i, c in enumerate(self._queue) if isinstance(c, Put) and c.event.type != MATCH),
            next(i for i, c in enumerate(self._queue) if isinstance(c, Put)),
        )
        del self._queue[at]
        self._n_events -= 1
        self._n_done += 1  # nobody waits for it any more
        self.counts.lost["memory"] += 1
        if self.counts.lost["memory"] % 1000 == 1:
            LOG.error("%d events lost so far: the disk takes nothing: %s", self.counts.lost["memory"], self.trouble)

    def _work(self) -> None:
        """Body of the thread."""
        while True:
            with self._gate:
                self._gate.wait_for(lambda: self._queue or self._is_closing, CAPS_S)
                if not self._queue and self._is_closing:
                    break
                group = [self._queue.popleft() for _ in range(min(GROUP, len(self._queue)))]
            is_done = self._tried(group)
            with self._gate:
                if is_done:
                    self._n_events -= sum(isinstance(change, Put) for change in group)
                    self._n_done += len(group)
                    self._gate.notify_all()
                else:
                    self._queue.extendleft(reversed(group))
                    if self._is_closing:
                        break
                    self._gate.wait_for(lambda: self._is_closing, RETRY_S)
            if is_done:
                self._on_commit()
        self._connection.close()

    def _tried(self, group: Sequence[Put | Change]) -> bool:
        """Commit a group; False if the disk takes nothing now."""
        try:
            if self._damage:
                self._renew()
            self._commit(group)
        except (sqlite3.Error, OSError) as err:
            if isinstance(err, sqlite3.Error) and is_damaged(err):
                self._damage = str(err)
            elif not self.trouble:
                LOG.error("%s: cannot write: %s; events wait in memory", self.folder, err)
            self.trouble = str(err)
            self._store.unneeded.clear()
            self._is_stale = True
            return False
        if self.trouble:
            LOG.warning("%s: can be written again", self.folder)
            self.trouble = ""
        return True

    def _commit(self, group: Sequence[Put | Change]) -> None:
        if self._is_stale:
            self._store.forget()
            self._is_stale = False
        entries = [self._entry(c) for c in group if isinstance(c, Put)]  # pictures are on disk before what names them
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
            for sha256 in set(self.pictures) - self._store.known_pictures():
                self.pictures.remove(sha256)
            self._due_s["sweep"] = now_s + SWEEP_S

    def _entry(self, put: Put) -> Entry:
        for sha256, data in put.pictures.items():
            if not self.pictures.path(sha256).exists():
                self.pictures.put(sha256, data)
        event = put.event
        sizes = {sha256: len(data) for sha256, data in put.pictures.items()}
        return Entry(event.id, event.partitionkey, event.type, put.entered_ns, event.body(), sizes, put.sinks)

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
