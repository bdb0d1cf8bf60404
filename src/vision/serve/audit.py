"""The audit log: who was told plates, when, and of which sightings; never the plates themselves."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vision.errors import OutputError
from vision.events.times import milliseconds_text


class Audit:
    """``audit-YYYYMM.jsonl`` (months in UTC) in a folder, a line per answer that holds plates; nothing is deleted.

    Files are made for their owner's eyes only.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            os.close(self._opened(time.time_ns()))
        except OSError as err:
            raise OutputError(f"{folder}: cannot write: {err.strerror}") from err

    def write(self, values: Mapping[str, Any]) -> None:
        """Append a line; it is on disk when this returns, so that no plate leaves unnoted.

        Raises:
            OutputError: the disk does not take it; what could not be written completely is taken back.
        """
        now_ns = time.time_ns()
        line = json.dumps({"time": milliseconds_text(now_ns), **values}, ensure_ascii=False).encode() + b"\n"
        with self._lock:
            try:
                file = self._opened(now_ns)
                try:
                    size = os.fstat(file).st_size
                    if os.write(file, line) != len(line):
                        os.ftruncate(file, size)
                        raise OSError(0, "disk full")
                    os.fsync(file)
                finally:
                    os.close(file)
            except OSError as err:
                raise OutputError(f"{self._folder}: cannot write: {err.strerror}") from err

    def _opened(self, now_ns: int) -> int:
        month = milliseconds_text(now_ns)[:7].replace("-", "")
        return os.open(self._folder / f"audit-{month}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
