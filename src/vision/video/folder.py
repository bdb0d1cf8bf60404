"""A folder that grows: each new video segment or picture once, in the order of their names."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vision.errors import SourceError
from vision.types import Frame
from vision.video.file import FileSource
from vision.video.images import read_image

if TYPE_CHECKING:
    from vision.video.live import LiveStatus

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
VIDEOS = {".mp4", ".mkv", ".ts", ".avi", ".flv", ".mov", ".m4v"}
QUIET_S = 1.0  # a file that has not grown for so long is whole


class FolderSource:
    """Frames of the files that are in a folder or appear there.

    A video's times are its own where it knows them (``creation_time``), else the file's last change is taken for its
    end; a picture's time is its file's last change. Files that cannot be read are told and counted.

    Args:
        path: the folder.
        stream_id: name of the camera.
        device: where videos are decoded.
        on_status: told of files that cannot be read, and of the beginning.
        poll_s: how often the folder is looked at.
    """

    def __init__(
        self,
        path: Path,
        *,
        stream_id: str,
        device: str = "cpu",
        on_status: Callable[[LiveStatus], None] | None = None,
        poll_s: float = 0.5,
    ) -> None:
        self._path, self._stream_id, self._device, self._poll_s = path, stream_id, device, poll_s
        self._on_status = on_status
        self._closed = threading.Event()
        self._seen: set[str] = set()
        self._last_ns = 0
        self._index = -1
        self.n_files = 0
        self.n_unreadable = 0

    def close(self) -> None:
        """End the iteration."""
        self._closed.set()

    def __iter__(self) -> Iterator[Frame]:
        self._say("streaming", f"watches {self._path}")
        while not self._closed.is_set():
            for file in self._whole_files():
                self._seen.add(file.name)
                try:
                    yield from self._frames(file)
                    self.n_files += 1
                except SourceError as err:
                    self.n_unreadable += 1
                    self._say("streaming", f"skipped a file: {err}")
                if self._closed.is_set():
                    return
            self._closed.wait(self._poll_s)

    def _whole_files(self) -> list[Path]:
        """New files up to the first that may still grow, so that their order is kept."""
        out = []
        try:
            files = sorted(self._path.iterdir())
        except OSError as err:
            self._say("waiting", f"{self._path}: {err.strerror}")
            return []
        for file in files:
            if file.name in self._seen or file.suffix.lower() not in PICTURES | VIDEOS:
                continue
            if time.time() - file.stat().st_mtime < QUIET_S:
                break
            out.append(file)
        return out

    def _frames(self, file: Path) -> Iterator[Frame]:
        changed_ns = file.stat().st_mtime_ns
        if file.suffix.lower() in PICTURES:
            yield self._placed(read_image(file), changed_ns)
            return
        with FileSource(file, stream_id=self._stream_id, threads=1, device=self._device) as source:
            n = source.n_frames_expected or 0
            start_ns = changed_ns - round(n / source.frame_rate * 1e9)
            for frame in source:
                yield self._placed(frame, frame.time_ns if frame.is_utc else start_ns + frame.time_ns)
                if self._closed.is_set():
                    return

    def _placed(self, frame: Frame, time_ns: int) -> Frame:
        self._index += 1
        self._last_ns = max(time_ns, self._last_ns + 1_000_000)
        return replace(frame, stream_id=self._stream_id, index=self._index, time_ns=self._last_ns, is_utc=True)

    def _say(self, state: str, detail: str) -> None:
        if self._on_status is not None:
            from vision.video.live import LiveStatus

            self._on_status(LiveStatus(state, time.time_ns(), detail))
