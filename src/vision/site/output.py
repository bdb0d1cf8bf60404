"""What a running site leaves on disk: events, pictures by day, and how its cameras were."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vision.errors import OutputError
from vision.events.times import milliseconds_text
from vision.report.evidence import Jpeg, encoded_pictures, save_jpegs
from vision.sinks.event import event_of, match_of
from vision.sinks.ledger import load_ledger, save_ledger
from vision.sinks.lines import JsonLines, told
from vision.types import CameraStatus, Match, Sighting

SAVE_S = 10.0  # the ledger is written at most so often


class SiteOutput:
    """Sightings, matches, camera states, the ledger and ``images/YYYYMMDD/`` in a folder that a later run continues.

    Every line is handed to the system when it is written: killing the process loses what is still open and no more,
    of the ledger what came in the last `SAVE_S` before an event.

    Raises:
        OutputError: something cannot be created or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        make(folder)
        self._events = JsonLines(folder / "events.jsonl", append=True)
        self._cameras = JsonLines(folder / "cameras.jsonl", append=True)
        self._matches: JsonLines | None = None
        self._pictured: tuple[Sighting, dict[str, str]] | None = None  # the last one whose pictures were saved
        self._ledger, self._saved_s = load_ledger(folder), time.monotonic()

    def add(self, sighting: Sighting, jpegs: Mapping[str, Jpeg] | None = None) -> dict[str, Any]:
        """Write one sighting with its pictures (by role, made here if not given); returns the record as written."""
        if jpegs is None:
            jpegs = encoded_pictures(sighting.evidence) if sighting.evidence else {}
        event = event_of(sighting, images=self._pictures(sighting, jpegs))
        self._events.add(event)
        if sighting.state == "final":  # the ledger counts passes
            self._ledger.add(sighting)
        if time.monotonic() - self._saved_s > SAVE_S:
            self._saved_s = time.monotonic()
            save_ledger(self._folder, self._ledger)
        return event

    def add_match(self, match: Match, jpegs: Mapping[str, Jpeg]) -> dict[str, Any]:
        """Write one match with the pictures of its sighting by role; returns the record as written."""
        if self._matches is None:
            self._matches = JsonLines(self._folder / "matches.jsonl", append=True)
        record = match_of(match, images=self._pictures(match.sighting, jpegs))
        self._matches.add(record)
        return record

    def _pictures(self, sighting: Sighting, jpegs: Mapping[str, Jpeg]) -> dict[str, str]:
        """Paths of the sighting's pictures by role, which are saved unless they just were."""
        if self._pictured is None or self._pictured[0] is not sighting:
            images: dict[str, str] = {}
            if jpegs:
                day = datetime.fromtimestamp(sighting.first_time_ns // 1_000_000_000, UTC).strftime("%Y%m%d")
                pictures = self._folder / "images" / day
                make(pictures)
                found = save_jpegs(jpegs, pictures, f"{sighting.id}_{told(sighting)}")
                images = {role: f"images/{name}" for role, name in found.items()}
            self._pictured = sighting, images
        return self._pictured[1]

    def note(self, status: CameraStatus) -> dict[str, Any]:
        """Write one camera state; returns it as written."""
        line = status_of(status)
        self._cameras.add(line)
        return line

    def close(self) -> None:
        """Close the files."""
        save_ledger(self._folder, self._ledger)
        self._events.close()
        self._cameras.close()
        if self._matches is not None:
            self._matches.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def status_of(status: CameraStatus) -> dict[str, Any]:
    """A camera state as plain JSON, schema ``vision.camera/1``."""
    return {
        "schema": "vision.camera/1",
        "time": milliseconds_text(status.time_ns),
        "stream_id": status.stream_id,
        "state": status.state,
        "detail": status.detail,
    }


def make(folder: Path) -> None:
    """Create a folder with its parents; it may exist.

    Raises:
        OutputError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise OutputError(f"{folder}: cannot create: {err.strerror}") from err
