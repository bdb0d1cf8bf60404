"""Sink ``jsonl``: events as lines of files that begin anew by day and by size."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from vision.disk.synced import replace_synced, sync_folder
from vision.errors import SinkError
from vision.settings import Section, parse
from vision.sinks.lines import LineFile
from vision.sinks.protocol import Answer, Delivery, pictures_of

TAIL = 4 << 20  # bytes read of a file's end to know what was written before a crash
RECENT = 10_000  # keys that are remembered
NAME = re.compile(r"events-(\d{8})-(\d{3,})\.jsonl", re.ASCII)


class JsonlSettings(Section):
    """``folder``: where the files go; ``max_mb``: a file that is larger is continued in another; ``pictures``: too."""

    folder: str
    max_mb: Annotated[float, Field(gt=0)] = 100.0
    pictures: bool = False


class JsonlSink:
    """``events-YYYYMMDD-NNN.jsonl`` (days in UTC) and, if asked, ``pictures/ab/SHA256.jpg`` in a folder.

    An event stands in the files once, also when it was written but the process was killed before that was noted:
    the ends of the last two files are read at the beginning. Whole lines only; on disk when it answers.
    """

    def __init__(self, settings: JsonlSettings) -> None:
        self._folder, self._settings = Path(settings.folder), settings
        self._file: LineFile | None = None
        self._day, self._size = "", 0
        self._keys: set[str] = set()
        self._order: deque[str] = deque()

    def send(self, deliveries: Sequence[Delivery]) -> list[Answer]:
        """Append the events that are not there yet.

        Raises:
            SinkError: the folder cannot be written.
        """
        try:
            for delivery in deliveries:
                file = self._opened()
                if delivery.key in self._keys:
                    continue
                if self._settings.pictures:
                    self._save_pictures(delivery)
                file.write(delivery.body + b"\n")
                self._size += len(delivery.body) + 1
                self._remember(delivery.key)
            if self._file is not None:
                self._file.sync()
        except OSError as err:  # OutputError, too
            self.close()
            self._keys.clear()  # what is in the files is looked up again
            self._order.clear()
            raise SinkError(str(err)) from err
        return [Answer("delivered")] * len(deliveries)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> LineFile:
        """The file to write to now."""
        day = f"{datetime.now(UTC):%Y%m%d}"
        if self._file is not None and day == self._day and self._size < self._settings.max_mb * 1e6:
            return self._file
        if self._file is not None:
            self._file.sync()
            self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        matches = (NAME.fullmatch(path.name) for path in self._folder.iterdir())
        files = sorted((match[1], int(match[2]), match[0]) for match in matches if match)
        if not self._keys:
            for _, _, name in files[-2:]:
                self._read_end(self._folder / name)
        today = [(part, name) for of_day, part, name in files if of_day == day]
        part, name = today[-1] if today else (1, "")
        if name and (self._folder / name).stat().st_size >= self._settings.max_mb * 1e6:
            part += 1
        path = self._folder / f"events-{day}-{part:03d}.jsonl"
        self._file, self._day = LineFile(path, append=True), day
        self._size = path.stat().st_size
        sync_folder(self._folder)
        return self._file

    def _read_end(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            for line in file.read().split(b"\n")[:-1]:
                key = key_in(line)
                if key:
                    self._remember(key)

    def _remember(self, key: str) -> None:
        self._keys.add(key)
        self._order.append(key)
        if len(self._order) > RECENT:
            self._keys.discard(self._order.popleft())

    def _save_pictures(self, delivery: Delivery) -> None:
        for picture, content in pictures_of(delivery, delivery.event):
            sha256 = picture["sha256"]
            path = self._folder / "pictures" / sha256[:2] / f"{sha256}.jpg"
            if not path.exists():
                replace_synced(path, content)


def key_in(line: bytes) -> str:
    """The id of an event's line, empty if the line is none."""
    start = line.find(b'"id":"')
    return line[start + 6 : line.find(b'"', start + 6)].decode("ascii", "replace") if start >= 0 else ""


def jsonl_sink(name: str, settings: Mapping[str, Any]) -> JsonlSink:
    """The sink of a ``[[sink]]`` table.

    Raises:
        ConfigError: a setting is unknown or wrong.
    """
    return JsonlSink(parse(JsonlSettings, settings, f"sink {name!r}"))
