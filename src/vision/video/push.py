"""Frames that a program hands over itself."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator

from vision.types import U8, Frame, Planes
from vision.video.images import frame_of


class PushSource:
    """A source fed by `push`, for a camera's own SDK or another decoder.

    Args:
        stream_id: name of the camera.
        most: pictures that may wait; then the oldest is dropped and counted.
    """

    def __init__(self, stream_id: str, *, most: int = 8) -> None:
        self.stream_id = stream_id
        self._queue: queue.Queue[Frame | None] = queue.Queue(most)
        self._is_closed = False
        self._index = -1
        self.n_dropped = 0

    def push(self, picture: U8 | Planes, time_ns: int | None = None) -> None:
        """Hand over a picture; it must not be changed afterwards.

        Args:
            picture: BGR uint8 (h, w, 3), or `vision.Planes` (i420, nv12).
            time_ns: UTC moment of capture; default now.

        Raises:
            TypeError, ValueError: it is no such picture.
            RuntimeError: the source is closed.
        """
        if self._is_closed:
            raise RuntimeError(f"{self.stream_id}: expected an open source, it is closed")
        planes = picture if isinstance(picture, Planes) else frame_of(picture).planes
        self._index += 1
        at = time.time_ns() if time_ns is None else time_ns
        self._put(
            Frame(
                self.stream_id,
                self._index,
                at,
                at / 1e9,
                planes,
                is_utc=True,
                time_source="arrival" if time_ns is None else "given",
            )
        )

    def _put(self, frame: Frame | None) -> None:
        while True:
            try:
                return self._queue.put_nowait(frame)
            except queue.Full:
                try:
                    self.n_dropped += self._queue.get_nowait() is not None
                except queue.Empty:
                    continue

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self._queue.get()) is not None:
            yield frame

    def close(self) -> None:
        """End the iteration."""
        self._is_closed = True
        self._put(None)
