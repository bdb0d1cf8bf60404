"""Text files that stay valid whatever happens: whole lines only, each flushed when written."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from vision.errors import OutputError
from vision.types import F32, I64, Sighting


class LineFile:
    """A text file that holds whole lines only: a line that cannot be written completely is taken back.

    Args:
        path: a file that does not exist yet.
        head: its first line.
        append: the file may exist and is continued; a piece of a line at its end, which a program that was killed
            left, is cut off first.

    Raises:
        OutputError: the file exists, cannot be created, or a write failed (disk full).
    """

    def __init__(self, path: Path, *, head: bytes = b"", append: bool = False) -> None:
        self.path = path
        try:
            self._good = end_of_lines(path) if append and path.exists() else 0
            self._file = path.open("r+b" if self._good or (append and path.exists()) else "xb", buffering=0)
            self._file.truncate(self._good)
            self._file.seek(self._good)
        except OSError as err:
            raise OutputError(f"{path}: cannot create: {err.strerror}") from err
        if head and not self._good:
            self.write(head)

    def write(self, data: bytes) -> None:
        """Append ``data``, which ends with a line break, wholly or not at all."""
        try:
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        except OSError as err:
            self._file.truncate(self._good)
            self._file.seek(self._good)
            raise OutputError(f"{self.path}: cannot write: {err.strerror}") from err
        self._good += len(data)

    def sync(self) -> None:
        """Return when everything is on disk.

        Raises:
            OutputError: the disk does not take it.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as err:
            raise OutputError(f"{self.path}: cannot write: {err.strerror}") from err

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()


def end_of_lines(path: Path) -> int:
    """Length of a file up to the end of its last whole line, in bytes."""
    with path.open("rb") as file:
        end = file.seek(0, io.SEEK_END)
        while end > 0:
            start = max(0, end - 65536)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0


class JsonLines(LineFile):
    """One JSON object per line, UTF-8."""

    def add(self, value: dict[str, Any]) -> None:
        """Append one object."""
        self.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")


COLUMNS = (
    "id", "stream_id", "first_time", "last_time", "first_s", "last_s", "plate", "plate_score", "plate_color",
    "plate_kind", "reason", "vehicle_type", "vehicle_color", "direction", "depth", "n_frames", "n_reads",
    "plate_image", "vehicle_image", "scene_image", "lane", "crossings", "dwells", "is_wrong_way", "speed_kmh",
    "speed_error_kmh",
)  # fmt: skip


class EventTable(LineFile):
    """Sightings as CSV that a spreadsheet opens right: UTF-8 with byte order mark, CRLF, quoted where needed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, head="\ufeff".encode() + csv_line(COLUMNS))

    def add(self, event: dict[str, Any]) -> None:
        """Append one event (see `vision.sinks.event.event_of`)."""
        plate, vehicle = event["plate"] or {}, event["vehicle"] or {}
        images = (event["evidence"] or {}).get("images", {})
        passage = event["passage"]
        speed = passage["speed"] or {}
        row = {
            **{key: event[key] for key in ("id", "stream_id", "first_time", "last_time", "first_s", "last_s")},
            **{key: event[key] for key in ("reason", "n_frames", "n_reads")},
            "plate": plate.get("text"),
            "plate_score": plate.get("score"),
            "plate_color": plate.get("color"),
            "plate_kind": plate.get("kind"),
            "vehicle_type": vehicle.get("type"),
            "vehicle_color": vehicle.get("color"),
            "direction": event["direction"]["word"],
            "depth": event["direction"]["depth"],
            **{f"{role}_image": images.get(role) for role in ("plate", "vehicle", "scene")},
            "lane": passage["lane"],
            "crossings": "; ".join(f"{c['line']} {c['direction']}" for c in passage["crossings"]),
            "dwells": "; ".join(f"{d['zone']} {d['seconds']:g} s" for d in passage["dwells"]),
            "is_wrong_way": "yes" if passage["is_wrong_way"] else None,
            "speed_kmh": speed.get("kmh"),
            "speed_error_kmh": speed.get("error_kmh"),
        }
        self.write(csv_line([row[name] for name in COLUMNS]))


class TrackTable(LineFile):
    """Tracked vehicle boxes in MOTChallenge text form.

    A line is ``frame, id, left, top, width, height, score, -1, -1, -1``, frames from 1.
    Source: MOTChallenge file format (Leal-Taixe et al., arXiv 1504.01942, section 3.3).
    """

    def add(self, frame_index: int, ids: I64, boxes: F32, scores: F32) -> None:
        """Append the confirmed tracks of one frame: ids (n,), boxes (n, 4) xyxy, scores (n,)."""
        rows = []
        for i in (ids >= 0).nonzero()[0]:
            x1, y1, x2, y2 = boxes[i].tolist()
            rows.append(
                f"{frame_index + 1},{ids[i]},{x1:.1f},{y1:.1f},{x2 - x1:.1f},{y2 - y1:.1f},{scores[i]:.3f},-1,-1,-1\n"
            )
        if rows:
            self.write("".join(rows).encode())


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A whole table as CSV that a spreadsheet opens right, in one step: the old one stays until the new one is whole.

    Raises:
        OutputError: it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes("\ufeff".encode() + b"".join(csv_line(row) for row in (columns, *rows)))
        os.replace(part, path)
    except OSError as err:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot write: {err.strerror}") from err


def csv_line(values: Sequence[object]) -> bytes:
    """One CSV record (RFC 4180)."""
    out = io.StringIO()
    csv.writer(out).writerow(["" if v is None else v for v in values])
    return out.getvalue().encode()


def evidence_name(sighting: Sighting) -> str:
    """File name stem of a sighting's pictures: time and plate, safe on every file system."""
    text = sighting.plate.text.replace("?", "_") if sighting.plate else "unread"
    early = f"_early{sighting.revision}" if sighting.state == "early" else ""
    return f"{round(sighting.first_s * 1000):09d}_{text}_{sighting.id.rpartition('-')[2]}{early}"
