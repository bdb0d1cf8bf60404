"""One camera of a site: its source's thread, a short queue of the latest frames, and the stream they go through."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from vision.match.alarms import Alarms
from vision.pipeline.stats import Durations
from vision.pipeline.stream import Stream
from vision.pipeline.watch import is_told
from vision.site.settings import CameraSettings
from vision.types import CameraStatus, Frame, Match, Sighting
from vision.video.copies import copied
from vision.video.live import HELD
from vision.video.status import Resting, Source

NS = 1_000_000_000
LENT = HELD - 2  # frames that wait in their decoder's memory, one is looked at, one comes; more would enlarge its pool
RESTART_S = 5.0  # after its source failed in a way that it does not handle itself

Say = Callable[[CameraStatus], None]


Open = Callable[[CameraSettings, Say], Source]


@dataclass(slots=True)
class CameraCounts:
    """What became of a camera's frames and vehicles; every frame is in exactly one of the first five or waits."""

    processed: int = 0
    skipped: int = 0  # by `fps`
    dropped_queue: int = 0  # the queue was full: its oldest frame made room
    dropped_stop: int = 0  # still waiting when the camera was stopped or changed
    failed: int = 0  # the pipeline raised an error on them
    received: int = 0  # all of them
    flushes: int = 0  # sightings closed since no frame came, the clock ran back or settings changed
    lost_flushes: int = 0  # after an error: what was open could not be closed any more
    vehicles: int = 0
    read: int = 0
    early: int = 0  # early sightings; the two above count final ones
    matches: int = 0  # of watch-lists: alarms that the final sighting confirmed
    withdrawn: int = 0  # and those that it did not
    restarts: int = 0  # of a source that broke in an unforeseen way
    without_main: int = 0  # frames for which the main stream had no picture
    undecoded: int = 0  # never received: left out by the source while nothing moved


@dataclass(slots=True)
class Waiting:
    """A frame that waits for a worker, and since when (``perf_counter``)."""

    frame: Frame
    since_s: float


@dataclass
class Camera:
    """State of one camera. ``gate`` guards what several threads touch: the queue, ``is_busy``, ``is_stopping``.

    Whoever sets ``is_busy`` owns ``stream`` until clearing it, so frames of a camera are processed one at a time and
    its sightings leave in order.
    """

    settings: CameraSettings
    stream: Stream
    gate: threading.Condition
    say: Say
    open_source: Open
    counts: CameraCounts = field(default_factory=CameraCounts)
    alarms: Alarms = field(default_factory=Alarms)
    status: CameraStatus | None = None
    waiting: deque[Waiting] = field(default_factory=deque)
    is_busy: bool = False
    is_stopping: bool = False
    is_failing: bool = False
    next_stream: Stream | None = None  # takes over with the next frame, after a change of settings
    last_frame_s: float = 0.0  # monotonic, when the last one was processed
    last_time_ns: int | None = None  # of the last frame that was processed, None after a flush
    next_due_ns: int = 0  # with `fps`: when the next frame is wanted
    latency: Durations = field(default_factory=Durations)
    wait: Durations = field(default_factory=Durations)
    last_plate: str = ""
    _source: Source | None = None
    _resting: Resting | None = None  # the same, if it can rest
    _thread: threading.Thread | None = None

    @property
    def id(self) -> str:
        """Name of the camera in everything it gives."""
        return self.settings.id

    def start(self) -> None:
        """Begin to read the source in a thread."""
        self._thread = threading.Thread(target=self._read, name=f"camera-{self.id}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the source to end; `join` waits for it."""
        with self.gate:
            self.is_stopping = True
            source = self._source
            self.gate.notify_all()
        if source is not None:
            source.close()

    def join(self, until_s: float) -> bool:
        """Wait for the source's thread until ``until_s`` (``monotonic``); whether it ended."""
        if self._thread is None:
            return True
        self._thread.join(max(0.0, until_s - time.monotonic()))
        return not self._thread.is_alive()

    def report(self, state: str, detail: str = "") -> None:
        """Note a new state and tell the site."""
        self.status = CameraStatus(self.id, time.time_ns(), state, detail)
        self.say(self.status)

    def _read(self) -> None:
        """Body of the thread: hand over frames until the source ends; what it does not foresee restarts it."""
        while True:
            try:
                source = self.open_source(self.settings, self._noted)
                with self.gate:
                    self._source = source
                    self._resting = source if isinstance(source, Resting) else None
                    is_stopping = self.is_stopping
                if is_stopping:
                    source.close()
                    return
                before = self.counts.undecoded
                for frame in source:
                    if self._resting is not None:
                        self.counts.undecoded = before + self._resting.undecoded
                    self._hand_over(frame)
                    del frame  # its memory is the decoder's: the source needs it for the next one
                if not self.is_stopping:
                    self.report("ended")
                return
            except Exception as err:  # isolates the other cameras; said, counted and tried again
                self.report("failed", f"{type(err).__name__}: {err}")
            with self.gate:
                if self.gate.wait_for(lambda: self.is_stopping, RESTART_S):
                    return
                self.counts.restarts += 1

    def _noted(self, status: CameraStatus) -> None:
        self.status = status
        self.say(status)

    def _hand_over(self, frame: Frame) -> None:
        if len(self.waiting) >= LENT and frame.overview is None:  # a pair's pixels are the main stream's, made late
            frame = replace(frame, planes=copied(frame.planes))
        with self.gate:
            self.counts.received += 1
            self.counts.without_main += frame.overview is not None and frame.overview is frame.planes
            if self.is_stopping:
                self.counts.dropped_stop += 1
                return
            rate = self.settings.fps
            if rate is not None:
                period_ns = round(NS / rate)
                ahead_ns = self.next_due_ns - frame.time_ns
                if period_ns // 4 < ahead_ns <= 2 * period_ns:  # further ahead: the clock was set back
                    self.counts.skipped += 1
                    return
                is_on_time = abs(ahead_ns) <= period_ns
                self.next_due_ns = (self.next_due_ns if is_on_time else frame.time_ns) + period_ns
            if len(self.waiting) >= self.settings.queue:
                self.waiting.popleft()
                self.counts.dropped_queue += 1
            self.waiting.append(Waiting(frame, time.perf_counter()))
            self.gate.notify()

    def process(self, taken: Waiting, stretch: float) -> list[Sighting]:
        """One frame through the stream; the caller holds ``is_busy``."""
        out: list[Sighting] = []
        with self.gate:
            next_stream, self.next_stream = self.next_stream, None
        if next_stream is not None:
            out += self.flush()
            self.stream = next_stream
        if self.last_time_ns is not None and taken.frame.time_ns <= self.last_time_ns:
            out += self.flush()  # the clock was set back
        result = self.stream.update(taken.frame, stretch)
        out += [*result.sightings, *result.early]
        self.last_time_ns = taken.frame.time_ns
        self.last_frame_s = time.monotonic()
        self.counts.processed += 1
        if self._resting is not None:
            self._resting.is_resting = self.settings.decode.rest and self.stream.is_at_rest(taken.frame)
        self.latency.add(max(0.0, (time.time_ns() - taken.frame.time_ns) / NS))
        return out

    def flush(self) -> list[Sighting]:
        """Close every open sighting; the caller holds ``is_busy``."""
        if self.last_time_ns is None:
            return []
        self.last_time_ns = None
        self.counts.flushes += 1
        return self.stream.close()

    def results(self, sightings: list[Sighting]) -> list[Sighting | Match]:
        """What leaves, counted: the sightings, each followed by the matches that it gives."""
        out: list[Sighting | Match] = []
        for sighting in sightings:
            if is_told(sighting, self.settings, early=self.settings.early):
                out.append(sighting)
                self._count(sighting)
            matches = self.alarms.see(sighting, time.time_ns())
            if sighting.state == "final":
                self.counts.matches += sum(m.state == "confirmed" for m in matches)
                self.counts.withdrawn += sum(m.state == "withdrawn" for m in matches)
            out += matches
        return out

    def _count(self, sighting: Sighting) -> None:
        if sighting.plate is not None:
            self.last_plate = sighting.plate.text
        if sighting.state == "early":
            self.counts.early += 1
        else:
            self.counts.vehicles += 1
            self.counts.read += sighting.plate is not None
