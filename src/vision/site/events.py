"""What a running site sends: its sightings, camera states and statistics as events, through the outbox to its sinks."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vision import __version__
from vision.errors import ConfigError
from vision.events.make import (
    Stretch,
    match_event,
    picture_part,
    sighting_event,
    site_part,
    statistics_event,
    status_event,
)
from vision.events.model import SitePart
from vision.outbox.outbox import Outbox
from vision.outbox.sender import Route
from vision.report.evidence import Jpeg
from vision.sinks.registry import make_sink
from vision.site.camera import Camera
from vision.site.settings import CameraSettings, SinkSettings, SiteSettings
from vision.types import CameraStatus, Match, Sighting

HOUR_S = 3600.0
DRAIN_S = 1.0  # so long sinks may still take what is left when a site stops
FRAMES = ("received", "processed", "skipped", "dropped_queue", "dropped_stop", "failed")


def make_routes(sinks: Sequence[SinkSettings]) -> list[Route]:
    """The sinks, made by their factories; none connects yet.

    Raises:
        ConfigError: a type or a setting is unknown or wrong.
    """
    return [
        Route(
            name=sink.name,
            sink=make_sink(sink.type, sink.name, sink.settings),
            types=frozenset(f"vision.{name}.v1" for name in sink.events),
            batch=sink.batch,
            first_wait_s=sink.first_wait_s,
            longest_wait_s=sink.longest_wait_s,
            max_attempts=sink.max_attempts,
        )
        for sink in sinks
    ]


class Tally:
    """What a camera saw since the last statistics."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.vehicles = self.read = 0
        self.unread: Counter[str] = Counter()


class SiteEvents:
    """Makes the events of a site and hands them to the outbox; safe to call from several threads.

    Args:
        folder: of the outbox.
        settings: of the site.
        routes: from `make_routes`.
        models: identities of the networks.
        cameras: gives the cameras of now, for statistics.

    Raises:
        OutputError: the outbox cannot be opened.
    """

    def __init__(
        self,
        folder: Path,
        settings: SiteSettings,
        routes: Sequence[Route],
        models: Sequence[Mapping[str, str]],
        cameras: Callable[[], Sequence[Camera]],
    ) -> None:
        self._settings, self._models, self._cameras = settings, models, cameras
        caps = settings.outbox
        self.outbox = Outbox(folder, routes, max_age_s=caps.max_age_h * HOUR_S, max_bytes=round(caps.max_gb * 1e9))
        self._lock = threading.Lock()
        self._parts: dict[str, tuple[CameraSettings | None, SitePart]] = {}
        self._tallies: dict[str, Tally] = {}
        self._frames: dict[str, dict[str, int]] = {}
        self._start_ns = time.time_ns()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._count, name="statistics", daemon=True)
        self._thread.start()

    def sighting(self, sighting: Sighting, jpegs: Mapping[str, Jpeg]) -> None:
        """Hand over a sighting with its pictures by role."""
        parts = [picture_part(role, j.data, j.width, j.height) for role, j in jpegs.items()]  # type: ignore[arg-type]
        if sighting.state == "final":
            with self._lock:
                tally = self._tallies.setdefault(sighting.stream_id, Tally(self._start_ns))
                tally.vehicles += 1
                tally.read += sighting.plate is not None
                if sighting.reason:
                    tally.unread[sighting.reason] += 1
        event = sighting_event(sighting, self._part(sighting.stream_id), parts, now_ns=time.time_ns())
        self.outbox.put(event, [j.data for j in jpegs.values()])

    def match(self, match: Match, jpegs: Mapping[str, Jpeg]) -> None:
        """Hand over a watch-list's alarm with the pictures of its sighting by role."""
        parts = [picture_part(role, j.data, j.width, j.height) for role, j in jpegs.items()]  # type: ignore[arg-type]
        event = match_event(match, self._part(match.sighting.stream_id), parts, now_ns=time.time_ns())
        self.outbox.put(event, [j.data for j in jpegs.values()])

    def status(self, status: CameraStatus) -> None:
        """Hand over a camera's state."""
        self.outbox.put(status_event(status, self._part(status.stream_id)))

    def close(self) -> None:
        """The last statistics; then the outbox is closed."""
        self._ending.set()
        self._thread.join()
        self.outbox.drain(DRAIN_S)
        self.outbox.close()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _part(self, stream_id: str) -> SitePart:
        """What events of a camera say of the site; made anew when the camera's settings changed."""
        found = next((c.settings for c in self._cameras() if c.id == stream_id), None)
        known = self._parts.get(stream_id)
        if known is not None and (found is None or found is known[0]):
            return known[1]
        config = (
            found.model_dump(mode="json", exclude={"url", "main_url"}) if found else {}
        )  # an address may hold a password
        part = site_part(self._settings.name, self._settings.purpose, __version__, self._models, config)
        self._parts[stream_id] = found, part
        return part

    def _count(self) -> None:
        """Body of the thread: statistics of every camera now and then, and at the end."""
        while not self._ending.wait(self._settings.statistics_s):
            self._tell()
        self._tell()

    def _tell(self) -> None:
        now_ns = time.time_ns()
        for camera in self._cameras():
            counts: dict[str, Any] = asdict(camera.counts)
            with self._lock:
                tally = self._tallies.get(camera.id) or Tally(self._start_ns)
                self._tallies[camera.id] = Tally(now_ns)
                before = self._frames.get(camera.id, {})
                now = self._frames[camera.id] = {name: counts[name] for name in FRAMES}
            if any(now[name] < before.get(name, 0) for name in FRAMES):
                before = {}  # the camera was taken out and came back
            frames = {name: now[name] - before.get(name, 0) for name in FRAMES}
            stretch = Stretch(camera.id, tally.start_ns, now_ns, tally.vehicles, tally.read, tally.unread, frames)
            self.outbox.put(statistics_event(stretch, self._part(camera.id)))


def checked_routes(settings: SiteSettings, file: Path) -> list[Route]:
    """`make_routes` with the file's name in errors.

    Raises:
        ConfigError: a type or a setting is unknown or wrong.
    """
    try:
        return make_routes(settings.sinks)
    except ConfigError as err:
        raise ConfigError(f"{file}: {err}") from err
