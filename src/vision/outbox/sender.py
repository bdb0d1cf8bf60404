"""The thread of one sink: takes what is due, in order per camera, and notes what became of it."""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pydantic_core import from_json

from vision.disk.database import is_damaged
from vision.errors import SinkError
from vision.outbox.backoff import wait_s
from vision.outbox.database import NAME
from vision.outbox.store import Row, Store, open_store
from vision.outbox.writer import Writer
from vision.sinks.protocol import Answer, Delivery, Opens, Sink

LOG = logging.getLogger("vision.outbox")
POLL_S = 1.0  # another program may have put dead letters back
DETAIL = 500  # characters of an answer that are kept


@dataclass(frozen=True, slots=True)
class Route:
    """A sink with what the outbox needs to know of it.

    Args:
        types: CloudEvents types that it wants; empty: all.
        batch: at most so many deliveries in one call.
        first_wait_s, longest_wait_s: bounds of the back-off.
        max_attempts: after so many answers of "later" a delivery is a dead letter.
    """

    name: str
    sink: Sink
    types: frozenset[str] = frozenset()
    batch: int = 100
    first_wait_s: float = 1.0
    longest_wait_s: float = 300.0
    max_attempts: int = 20


@dataclass
class Wait:
    """Failures in a row, and until when (``monotonic``) nothing is tried."""

    failures: int = 0
    until_s: float = 0.0


@dataclass
class SenderCounts:
    """What happened in this process."""

    delivered: int = 0
    retries: int = 0
    refused: int = 0
    outages: int = 0  # times the platform was not there
    errors: int = 0  # exceptions of the sink that it should not raise


class Sender:
    """Sends one sink's deliveries until `close`.

    Args:
        route: the sink.
        writer: owns the outbox; the folder's database is read with a connection of this thread's own.
        seed: for the jitter of waits.
    """

    def __init__(self, route: Route, writer: Writer, *, seed: int | None = None) -> None:
        self.route, self._writer = route, writer
        self.counts = SenderCounts()
        self.trouble = ""
        self._random = random.Random(seed)
        self._down = Wait()
        self._cameras: dict[str, Wait] = {}
        self._batch = route.batch
        self._gate = threading.Condition()
        self._has_news = True
        self._is_closing = False
        self._is_idle = False
        self._opens = route.sink if isinstance(route.sink, Opens) else None  # until it has opened
        self._reader: tuple[int, Store, sqlite3.Connection] | None = None
        self._thread = threading.Thread(target=self._work, name=f"sink-{route.name}", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wake(self) -> None:
        """Something was committed."""
        with self._gate:
            self._has_news = True
            self._gate.notify_all()

    def drain(self, timeout_s: float) -> bool:
        """Wait until nothing is due; whether that came to be."""
        with self._gate:
            return self._gate.wait_for(lambda: self._is_idle and not self._has_news, timeout_s)

    def close(self, timeout_s: float) -> bool:
        """End after what is being sent; whether it ended in time."""
        with self._gate:
            self._is_closing = True
            self._gate.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Body of the thread."""
        while not self._is_closing:
            now_s = time.monotonic()
            with self._gate:
                self._has_news = False
            rows = self._due(now_s) if now_s >= self._down.until_s and self._opened() else []
            if rows:
                self._send(rows)
                continue
            until_s = [w.until_s for w in (self._down, *self._cameras.values()) if w.until_s > now_s]
            with self._gate:
                self._is_idle = True
                self._gate.notify_all()
                self._gate.wait_for(
                    lambda: self._is_closing or (self._has_news and time.monotonic() >= self._down.until_s),
                    min([POLL_S, *(u - now_s for u in until_s)]),
                )
                self._is_idle = False
        try:
            self.route.sink.close()
        except Exception as err:
            LOG.error("sink %s: close: %s: %s", self.route.name, type(err).__name__, err)
        if self._reader is not None:
            self._reader[2].close()

    def _opened(self) -> bool:
        """Whether the sink has done what it does before its first delivery."""
        if self._opens is not None:
            try:
                self._opens.open()
            except SinkError as err:
                self.counts.outages += 1
                self._later(self._down, str(err), err.wait_s)
            except Exception as err:  # a sink's mistake must not end its thread
                self.counts.errors += 1
                self._later(self._down, f"{type(err).__name__}: {err}")
            else:
                self._opens, self._down, self.trouble = None, Wait(), ""
        return self._opens is None

    def _due(self, now_s: float) -> list[Row]:
        held = [camera for camera, wait in self._cameras.items() if wait.until_s > now_s]
        generation = self._writer.counts.renewals
        try:
            rows = self._store(generation).due(self.route.name, self._batch, held)
        except sqlite3.Error as err:
            if is_damaged(err):
                self._writer.report_damage(err, generation)
            self._later(self._down, str(err))
            return []
        if not rows:  # who waits no longer has nothing left, perhaps since somebody purged it
            self._cameras = {camera: self._cameras[camera] for camera in held}
            if not held:
                self.trouble = ""
        return rows

    def _store(self, generation: int) -> Store:
        """The database as it is now: a new one after a damaged one was put aside."""
        if self._reader is None or self._reader[0] != generation:
            if self._reader is not None:
                self._reader[2].close()
                self._reader = None
            self._reader = generation, *open_store(self._writer.folder / NAME)
        return self._reader[1]

    def _send(self, rows: Sequence[Row]) -> None:
        """One call of the sink, and its answers noted; returns when that is on disk."""
        answers: Sequence[Answer]
        try:
            answers = checked(self.route.sink.send([self._delivery(row) for row in rows]))
        except SinkError as err:
            self.counts.outages += 1
            self._later(self._down, str(err), err.wait_s)
            return
        except Exception as err:  # a sink's mistake must not end its thread: find out which event it is about
            self.counts.errors += 1
            text = f"{type(err).__name__}: {err}"
            LOG.error("sink %s: %s", self.route.name, text)
            if len(rows) > 1:
                self._batch = 1
                return
            answers = [Answer("retry", text)]
        else:
            self._batch = min(self.route.batch, 2 * self._batch)
        if not answers:
            self._later(self._down, "the sink gave no answer")
            return
        self._down = Wait()
        self._note(rows, answers)

    def _delivery(self, row: Row) -> Delivery:
        return Delivery(
            key=row.key,
            camera=row.camera,
            number=row.number,
            attempt=row.attempts + 1,
            event=from_json(row.body),
            body=row.body,
            evidence=self._writer.pictures.get,
        )

    def _note(self, rows: Sequence[Row], answers: Sequence[Answer]) -> None:
        """Commit what became of the deliveries; of a camera only its first "later" counts as an attempt."""
        name, now_ns, held = self.route.name, time.time_ns(), set()
        seqs: list[int] = []
        number = 0
        for row, answer in zip(rows, answers, strict=False):
            detail = clean(answer.detail)
            if answer.state == "delivered":
                seqs.append(row.seq)
            elif answer.state == "refused" or (row.camera not in held and row.attempts + 1 >= self.route.max_attempts):
                self.counts.refused += 1
                LOG.warning("sink %s: dead letter %s: %s", name, row.key, detail)
                number = self._writer.put(partial(Store.died, sink=name, seq=row.seq, detail=detail, now_ns=now_ns))
            elif row.camera not in held:
                held.add(row.camera)
                self.counts.retries += 1
                self._later(self._cameras.setdefault(row.camera, Wait()), detail, answer.wait_s)
                number = self._writer.put(partial(Store.tried, sink=name, seq=row.seq, detail=detail))
        for camera in {row.camera for row in rows[: len(answers)]} - held:
            self._cameras.pop(camera, None)
        if not self._cameras:
            self.trouble = ""
        if seqs:
            number = self._writer.put(partial(Store.delivered, sink=name, seqs=seqs))
        while number and not self._is_closing and not self._writer.wait(number, POLL_S):
            continue  # sent but not noted: taken again only after it is
        self.counts.delivered += len(seqs)

    def _later(self, wait: Wait, why: str, at_least_s: float | None = None) -> None:
        why = clean(why)
        if why != self.trouble:
            LOG.warning("sink %s: %s", self.route.name, why)
        self.trouble = why
        wait.failures += 1
        pause_s = wait_s(wait.failures, self.route.first_wait_s, self.route.longest_wait_s, self._random)
        wait.until_s = time.monotonic() + max(pause_s, at_least_s or 0.0)


def checked(answers: Sequence[Answer]) -> list[Answer]:
    """What a sink answered, if these are answers: anybody may write a sink.

    Raises:
        TypeError: they are something else.
    """
    found = list(answers)
    for answer in found:
        if not isinstance(answer, Answer):
            raise TypeError(f"answers: expected Answer, got {type(answer).__name__}")
    return found


def clean(text: object) -> str:
    """A text of the other side as it can be stored: its beginning, without half characters (lone surrogates)."""
    return str(text)[:DETAIL].encode("utf-8", "replace").decode()
