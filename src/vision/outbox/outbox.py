"""The outbox: events go in once, each sink gets every one of them at least once, in order per camera."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vision.events.model import TYPES, Event
from vision.outbox.database import NAME
from vision.outbox.sender import Route, Sender
from vision.outbox.store import Store, open_store
from vision.outbox.writer import Caps, Put, Writer

LOG = logging.getLogger("vision.outbox")
DAY_S = 86_400.0
CLOSE_S = 3.0  # within this, `close` has ended the threads


class Outbox:
    """Keeps events on disk until every sink has them.

    Args:
        folder: holds ``outbox.db`` and ``pictures/``; a later outbox in the same folder goes on with what is there.
        routes: the sinks; their names are unique.
        max_age_s, max_bytes: what is older, and the oldest of what is more, is dropped, watch-list matches last;
            counted and logged.

    Raises:
        OutputError: the folder's database cannot be opened.

    Example:
        >>> with Outbox(folder, [Route("log", sink)]) as outbox:
        ...     number = outbox.put(event, [jpeg])
        ...     outbox.wait(number)  # now it is on disk, whatever happens
    """

    def __init__(
        self, folder: Path, routes: Sequence[Route], *, max_age_s: float = 7 * DAY_S, max_bytes: int = 10**10
    ) -> None:
        names = [route.name for route in routes]
        if len(set(names)) != len(names):
            raise ValueError(f"routes: expected different names, got {names}")
        self._senders: list[Sender] = []
        self._writer = Writer(folder, Caps(max_age_s, max_bytes), self._committed)
        self._look = threading.Lock()
        self._reader: tuple[int, Store, sqlite3.Connection] | None = None
        self._senders = [Sender(route, self._writer) for route in routes]
        self._sinks = {t: [r.name for r in routes if not r.types or t in r.types] for t in TYPES}
        for sender in self._senders:
            sender.start()

    def put(self, event: Event, pictures: Sequence[bytes] = ()) -> int:
        """Hand over an event with its evidence pictures (JPEG); returns at once with a number for `wait`.

        It is on disk a few milliseconds later, together with what else came meanwhile. An event whose id is known is
        left out and counted.
        """
        return self._writer.put(Put(event, pictures, self._sinks[event.type]))

    def wait(self, number: int, timeout_s: float | None = None) -> bool:
        """Wait until the event that `put` gave a number for is on disk; whether it is."""
        return self._writer.wait(number, timeout_s)

    def drain(self, timeout_s: float) -> bool:
        """Wait until no sink has anything due (what waits for another try does not count); whether that came to be."""
        until_s = time.monotonic() + timeout_s
        self._writer.wait(self._writer.put(lambda _: None), timeout_s)
        for sender in self._senders:
            sender.wake()  # the commit may not have been told yet
        done = [sender.drain(max(0.0, until_s - time.monotonic())) for sender in self._senders]
        return all(done)

    def figures(self) -> dict[str, dict[str, Any]]:
        """By sink: waiting, dead now; delivered, dead_total, dropped since the outbox began; others since the start."""
        kept: dict[str, Any] = {}
        unreadable = ""
        try:
            kept = self._kept()
        except sqlite3.Error as err:  # said as trouble: the zeros below are not known
            unreadable = f"the outbox cannot be read: {err}"
        out: dict[str, dict[str, Any]] = {}
        for sender in self._senders:
            found = kept.get(sender.route.name, {})
            dropped = {name.removeprefix("dropped_"): n for name, n in found.items() if name.startswith("dropped_")}
            out[sender.route.name] = {
                **{name: found.get(name, 0) for name in ("waiting", "dead", "delivered", "dead_total")},
                "dropped": dropped,
                "retries": sender.counts.retries,
                "outages": sender.counts.outages,
                "errors": sender.counts.errors,
                "trouble": unreadable or sender.trouble,
            }
        return out

    @property
    def trouble(self) -> str:
        """Why nothing can be written just now, if so."""
        return self._writer.trouble

    @property
    def lost(self) -> int:
        """Events that never got to disk."""
        return sum(self._writer.counts.lost.values())

    @property
    def counts(self) -> Mapping[str, int]:
        """What the writer did in this process: committed events, commits, doubles, renewals."""
        found = self._writer.counts
        return {n: getattr(found, n) for n in ("committed", "commits", "doubles", "renewals")}

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Write what was handed over and end; what the sinks do not have yet waits for the next time."""
        until_s = time.monotonic() + timeout_s
        self._writer.wait(self._writer.put(lambda _: None), timeout_s)
        for sender in self._senders:
            if not sender.close(max(0.1, until_s - time.monotonic())):
                LOG.warning("sink %s: still busy with what it sends; left alone", sender.route.name)
        self._writer.close(max(0.1, until_s - time.monotonic()))
        with self._look:
            if self._reader is not None:
                self._reader[2].close()
                self._reader = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _committed(self) -> None:
        for sender in self._senders:
            sender.wake()

    def _kept(self) -> dict[str, Any]:
        with self._look:
            generation = self._writer.counts.renewals
            if self._reader is None or self._reader[0] != generation:
                if self._reader is not None:
                    self._reader[2].close()
                    self._reader = None
                self._reader = generation, *open_store(self._writer.folder / NAME)
            return dict(self._reader[1].figures())
