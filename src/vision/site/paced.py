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
PATIENCE_S = 1.0  # but not for longer than this: else a machine that is far behind would decode for nothing


class PacedFile:
    """Frames of a file, each when it is due; its times are the wall clock's.

    ``is_resting`` and ``undecoded``: see `vision.video.status.Resting`.

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
        self.is_resting = False
        self.undecoded = 0
        self.n_late = 0
        self.n_undecodable = 0
        self._at_s = 0.0  # how far into the file
        self._given_s = 0.0

    def __iter__(self) -> Iterator[Frame]:
        if self._say is not None:
            self._say(CameraStatus(self._stream_id, time.time_ns(), "streaming", f"plays {self._path} in real time"))
        loop_s, self._given_s = 0.0, time.monotonic()
        while not self._closed.is_set() and not self._is_after(loop_s + 1e-3):
            yield from self._once(loop_s)
            loop_s += self._seconds if self._seconds is not None else self._at_s

    def _once(self, loop_s: float) -> Iterator[Frame]:
        """The file from its beginning to its end, or to ours; it began after so many seconds."""

        def wait(at_s: float) -> None:
            """A packet comes when it is due, not before, so that what is left out takes its time, too."""
            source.is_resting = self.is_resting
            self._at_s = max(self._at_s, at_s + period_s)
            self._is_over_at(loop_s + at_s)

        before, self._at_s, period_s = self.undecoded, 0.0, 0.0
        with FileSource(
            self._path,
            duration_s=self._seconds,
            stream_id=self._stream_id,
            threads=1,
            device=self._device,
            on_packet=wait,
        ) as source:
            period_s = 1 / source.frame_rate
            for frame in source:
                self.undecoded = before + source.undecoded
                self._at_s = max(self._at_s, frame.offset_s + period_s)
                at = loop_s + frame.offset_s
                if self._is_after(at) or self._is_over_at(at):
                    return
                if time.time() - self._start_s - at > LATE_S and time.monotonic() - self._given_s < PATIENCE_S:
                    self.n_late += 1
                    continue
                self._given_s = time.monotonic()
                time_ns = round((self._start_s + at) * NS)
                yield replace(frame, time_ns=time_ns, offset_s=at, is_utc=True, time_source="given")
            self.undecoded = before + source.undecoded
            self.n_undecodable += source.counts.undecodable

    def _is_after(self, at_s: float) -> bool:
        """Whether so many seconds after the first frame are too many."""
        return self._length_s is not None and at_s >= self._length_s

    def _is_over_at(self, at_s: float) -> bool:
        """Wait until so many seconds after the first frame; whether the source was closed meanwhile."""
        delay_s = self._start_s + at_s - time.time()
        return self._closed.wait(delay_s) if delay_s > 0 else self._closed.is_set()

    def close(self) -> None:
        """End the iteration."""
        self._closed.set()
