"""A recorded video played over and over in real time, as if it were a camera."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from vision.types import CameraStatus, Frame
from vision.video.file import FileSource

NS = 1_000_000_000
LATE_S = 0.5  # a frame that is decoded so late is left out: a camera could not be followed either
REST_S = 1.0  # but not for longer than this: else a machine that is far behind would decode for nothing


class PacedFile:
    """Frames of a file, each when it is due; its times are the wall clock's.

    Args:
        path: the file.
        stream_id: name of the camera.
        seconds: use so much of the file; default all.
        start_s: moment of the first frame (``time.time``); default now.
        length_s: end after so long; default only at `close`.
        device: where it is decoded.
        say: told once that frames come.

    Raises:
        SourceError, DecodeError: (while iterating) see `vision.video.file.FileSource`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        stream_id: str,
        seconds: float | None = None,
        start_s: float | None = None,
        length_s: float | None = None,
        device: str = "cpu",
        say: Callable[[CameraStatus], None] | None = None,
    ) -> None:
        self._path, self._stream_id, self._seconds, self._device = path, stream_id, seconds, device
        self._start_s = time.time() if start_s is None else start_s
        self._length_s, self._say = length_s, say
        self._closed = threading.Event()
        self.n_late = 0
        self.n_undecodable = 0

    def __iter__(self) -> Iterator[Frame]:
        if self._say is not None:
            self._say(CameraStatus(self._stream_id, time.time_ns(), "streaming", f"plays {self._path} in real time"))
        loop_s, given_s = 0.0, time.monotonic()
        while not self._closed.is_set() and (self._length_s is None or loop_s < self._length_s - 1e-3):
            last_s = period_s = 0.0
            with FileSource(
                self._path, duration_s=self._seconds, stream_id=self._stream_id, threads=1, device=self._device
            ) as source:
                period_s = 1 / source.frame_rate
                for frame in source:
                    last_s = frame.offset_s
                    if self._length_s is not None and loop_s + last_s >= self._length_s:
                        return
                    delay_s = self._start_s + loop_s + last_s - time.time()
                    if self._closed.wait(delay_s) if delay_s > 0 else self._closed.is_set():
                        return
                    if delay_s < -LATE_S and time.monotonic() - given_s < REST_S:
                        self.n_late += 1
                        continue
                    at, given_s = loop_s + last_s, time.monotonic()
                    time_ns = round((self._start_s + at) * NS)
                    yield replace(frame, time_ns=time_ns, offset_s=at, is_utc=True, time_source="given")
                self.n_undecodable += source.counts.undecodable
            loop_s += self._seconds if self._seconds is not None else last_s + period_s

    def close(self) -> None:
        """End the iteration."""
        self._closed.set()
