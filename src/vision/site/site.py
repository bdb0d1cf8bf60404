"""The engine: cameras and workers that share the networks; what they see comes out, in order per camera.

A worker takes the frame that has waited longest, longer ones of a camera with priority counting more. When frames wait
too long the governor makes every stream look less often, which is counted. One camera's errors stay with it.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from vision.errors import ConfigError
from vision.match.alarms import Alarms
from vision.match.watchlist import load_watchlists
from vision.pipeline.config import Config
from vision.pipeline.governor import Governor
from vision.pipeline.stages import Stages, adjusted, load_stages
from vision.pipeline.stats import StageTimes
from vision.pipeline.stream import Stream
from vision.pipeline.watch import follow_files, wants_of, words_of
from vision.site.camera import Camera, CameraCounts, Open, Waiting
from vision.site.memory import SteadyMalloc
from vision.site.settings import CameraSettings, SiteSettings, load_site
from vision.site.sources import open_camera
from vision.types import CameraStatus, Match, Sighting

SiteEvent = Sighting | Match | CameraStatus

MOST_PENDING = 10_000  # events that nobody has taken yet; then frames wait, and are dropped and counted
FIXED = ("models", "workers", "name", "purpose", "statistics_s", "outbox", "sinks", "watchlist")  # while a site runs
STOP_S = 4.0  # within this, stopping has flushed everything
TICK_S = 0.25


class Site:
    """A running site.

    Args:
        settings: a `SiteSettings`, or the path of a TOML file with one.
        open_source: opens a camera's source; for sources of one's own.
        stages: networks that are loaded already; ``settings.models`` is not used then.
        times: where stage times are added.

    Raises:
        ConfigError: the settings are wrong.
        ModelError, InferenceError: a model or the device cannot be used.

    Example:
        >>> with vision.Site("site.toml") as site:
        ...     for event in site:
        ...         print(event)
    """

    def __init__(
        self,
        settings: SiteSettings | str | Path,
        *,
        open_source: Open = open_camera,
        stages: Stages | None = None,
        times: StageTimes | None = None,
    ) -> None:
        self.settings = settings if isinstance(settings, SiteSettings) else load_site(settings)
        self._malloc = SteadyMalloc()
        self.stages = stages or load_stages(Config(models=self.settings.models))
        self.watchlists = load_watchlists(self.settings.watchlist, words_of(self.stages))
        self.times = times or StageTimes()
        self.governor = Governor()
        self.cameras: dict[str, Camera] = {}
        self.started_ns = 0
        self._open_source = open_source
        self._gate = threading.Condition()
        self._reloading = threading.Lock()
        self._events: queue.Queue[SiteEvent | None] = queue.Queue(MOST_PENDING)
        self._threads: list[threading.Thread] = []
        self._is_stopping = self._is_abandoned = False
        self._leaving: list[Camera] = []  # removed from the site, not yet flushed

    # -- the three faces ---------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[SiteEvent]:
        """Sightings, matches and camera states as they come, until `stop`; then what was still open.

        A match follows its sighting; where early sightings are not asked for, early matches come alone.
        """
        self.start()
        while (event := self._events.get()) is not None:
            yield event

    async def __aiter__(self) -> AsyncIterator[SiteEvent]:
        """The same for `async for`."""
        self.start()
        while True:
            try:
                event = await asyncio.to_thread(self._events.get, timeout=TICK_S)
            except queue.Empty:
                continue
            if event is None:
                return
            yield event

    def run(self, on_event: Callable[[SiteEvent], None]) -> None:
        """The same with a callback, which runs in this thread."""
        for event in self:
            on_event(event)

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return any(t.is_alive() for t in self._threads)

    # -- life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start all cameras and workers; does nothing if they run."""
        if self._threads:
            return
        workers = self.settings.workers or n_cores()
        self.stages.warm_up(workers)
        self.started_ns = time.time_ns()
        for settings in self.settings.cameras:
            self._add(settings)
        bodies = [self._work] * workers
        self._threads = [
            threading.Thread(target=body, name=f"site-{body.__name__.strip('_')}-{i}", daemon=True)
            for i, body in enumerate([*bodies, self._keep])
        ]
        args = (self.watchlists, lambda: self._is_stopping)
        self._threads.append(threading.Thread(target=follow_files, args=args, name="site-watchlists", daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask for the end: sources close, open sightings are flushed, the iteration ends. Returns at once."""
        with self._gate:
            self._is_stopping = True
            self._gate.notify_all()

    def finish(self) -> None:
        """Stop when every frame that waits now has been processed."""
        with self._gate:
            self._gate.wait_for(lambda: all(not c.waiting and not c.is_busy for c in self.cameras.values()))
        self.stop()

    def close(self) -> None:
        """Stop and wait; events that nobody takes any more are discarded."""
        self.stop()
        self._is_abandoned = True
        for thread in self._threads:
            while thread.is_alive():
                self._discard()
                thread.join(TICK_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def reload(self, settings: SiteSettings | str | Path) -> dict[str, list[str]]:
        """Take new settings: cameras that did not change notice nothing.

        Returns:
            Ids of cameras under ``added``, ``removed``, ``reconnected`` (another source) and ``changed``.

        Raises:
            ConfigError: the settings are wrong, or something differs that needs a restart (`FIXED`); nothing changes.

        A site that is being stopped takes nothing over.
        """
        new = settings if isinstance(settings, SiteSettings) else load_site(settings)
        for name in FIXED:
            if getattr(new, name) != getattr(self.settings, name):
                raise ConfigError(f"{name}: expected no change while the site runs; restart it")
        done: dict[str, list[str]] = {"added": [], "removed": [], "reconnected": [], "changed": []}
        with self._reloading:
            if self._is_stopping:
                return done
            wanted = {c.id: c for c in new.cameras}
            streams = {c.id: self._stream(c) for c in new.cameras}  # whatever is wrong with them shows here
            for camera in list(self.cameras.values()):
                settings_ = wanted.get(camera.id)
                if settings_ is None:
                    done["removed"].append(camera.id)
                    self._remove(camera)
                elif settings_.source() != camera.settings.source():
                    done["reconnected"].append(camera.id)
                    self._remove(camera)
                    self._add(settings_, camera.counts)
                elif settings_ != camera.settings:
                    done["changed"].append(camera.id)
                    with self._gate:
                        camera.settings, camera.next_stream = settings_, streams[camera.id]
            for settings_ in new.cameras:
                if settings_.id not in self.cameras:
                    done["added"].append(settings_.id)
                    self._add(settings_)
            self.settings = new
        return done

    # -- inside ------------------------------------------------------------------------------------------------------

    def _stream(self, settings: CameraSettings) -> Stream:
        stages = adjusted(self.stages, settings)
        return Stream(stages, settings, settings.id, self.times, early=settings.early, wants=wants_of(self.watchlists))

    def _add(self, settings: CameraSettings, counts: CameraCounts | None = None) -> None:
        stream = self._stream(settings)
        counts, alarms = counts or CameraCounts(), Alarms(self.watchlists)
        camera = Camera(settings, stream, self._gate, self._emit, self._open_source, counts, alarms)
        with self._gate:
            self.cameras[settings.id] = camera
        camera.start()

    def _remove(self, camera: Camera) -> None:
        with self._gate:
            del self.cameras[camera.id]
            self._leaving.append(camera)
        camera.stop()

    def _emit(self, event: SiteEvent | None) -> None:
        """Leave an event for whoever iterates (None: the end); waits where too many are pending."""
        while not self._is_abandoned:
            try:
                self._events.put(event, timeout=TICK_S)
            except queue.Full:
                continue
            return

    def _discard(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._events.get_nowait()

    def _work(self) -> None:
        """Body of a worker's thread."""
        while (job := self._take()) is not None:
            camera, taken = job
            wait_s = time.perf_counter() - taken.since_s
            camera.wait.add(wait_s)
            # A camera behind its own time hurries at once: a frame without a look takes half a millisecond.
            stretch = self.governor.note(wait_s)
            stretch = (1 + (stretch - 1) / (1 + camera.settings.priority)) * (1 + len(camera.waiting))
            self._with(camera, partial(camera.process, taken, stretch))
            del job, taken  # its frame is let go before the next one comes

    def _take(self) -> tuple[Camera, Waiting] | None:
        """The next frame, its camera marked busy; None when the site is stopping."""
        with self._gate:
            while not self._is_stopping:
                ready = [c for c in self.cameras.values() if c.waiting and not c.is_busy]
                if ready:
                    now = time.perf_counter()
                    camera = max(ready, key=lambda c: (now - c.waiting[0].since_s) * (1 + c.settings.priority))
                    camera.is_busy = True
                    return camera, camera.waiting.popleft()
                self._gate.wait()
        return None

    def _with(self, camera: Camera, act: Callable[[], list[Sighting]]) -> None:
        """Do something with a camera marked busy, hand on what it gives, and release it.

        An error stays with this camera: it is said once, counted, and the stream begins anew.
        """
        try:
            sightings = act()
            if camera.is_failing:
                camera.is_failing = False
                camera.report("streaming", "the pipeline works again")
        except Exception as err:
            camera.counts.failed += 1
            if not camera.is_failing:
                camera.is_failing = True
                camera.report("failed", f"{type(err).__name__}: {err}")
            sightings = salvaged(camera)
            camera.stream = self._stream(camera.settings)
        for result in camera.results(sightings):
            self._emit(result)
        with self._gate:
            camera.is_busy = False
            self._gate.notify_all()

    def _keep(self) -> None:
        """Body of the keeper's thread: flushes cameras that went quiet or leave, and ends the site."""
        while True:
            self._malloc.tick()
            with self._gate:
                if self._gate.wait_for(lambda: self._is_stopping, TICK_S):
                    break
                now = time.monotonic()
                quiet = [
                    c
                    for c in self.cameras.values()
                    if c.last_time_ns is not None and not c.waiting and now - c.last_frame_s > c.settings.quiet_s
                ]
                leaving, self._leaving = self._leaving, []
            for camera in quiet:
                self._flush(camera)
            self._end(leaving)
        with self._reloading, self._gate:
            everyone = [*self.cameras.values(), *self._leaving]
        self._end(everyone)
        self._emit(None)

    def _end(self, cameras: list[Camera]) -> None:
        """Stop cameras and flush them; a source that does not end in time is named."""
        until_s = time.monotonic() + STOP_S
        for camera in cameras:
            camera.stop()
        for camera in cameras:
            self._flush(camera)
            camera.report("stopped" if camera.join(until_s) else "stuck", "")

    def _flush(self, camera: Camera) -> None:
        with self._gate:
            self._gate.wait_for(lambda: not camera.is_busy)
            camera.is_busy = True
            if camera.is_stopping:
                camera.counts.dropped_stop += len(camera.waiting)
                camera.waiting.clear()
            elif camera.waiting:  # came back meanwhile
                camera.is_busy = False
                return
        self._with(camera, camera.flush)


def salvaged(camera: Camera) -> list[Sighting]:
    """What can still be closed of a stream that raised an error; if nothing can, that is counted."""
    try:
        return camera.flush()
    except Exception:
        camera.counts.lost_flushes += 1
        camera.alarms.abandon()
        return []


def n_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
