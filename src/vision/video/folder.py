"""A folder that grows: each new video segment or picture once, in the order of their names."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from vision.types import Frame
from vision.video.file import FileSource
from vision.video.images import read_image
from vision.video.status import LiveStatus, OnStatus

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
VIDEOS = {".mp4", ".mkv", ".ts", ".avi", ".flv", ".mov", ".m4v"}
QUIET_S = 1.0  # a file that has not grown for so long is taken for whole
PATIENCE_S = 20.0  # one that cannot be read is tried again until it has not grown for so long


class FolderSource:
    """Frames of the files that are in a folder or appear there.

    A video's times are its own where it knows them (``creation_time``), else the file's last change is taken for its
    end; a picture's time is its file's last change. Files that cannot be read are told and counted. A file is known
    by its name for as long as it lies in the folder.

    Args:
        path: the folder; it may vanish and come back.
        stream_id: name of the camera.
        device: where videos are decoded.
        on_status: told of files that cannot be read, and of the beginning.
        poll_s: how often the folder is looked at.
        patience_s: a file that cannot be read is tried again until it has not grown for so long.
    """

    def __init__(
        self,
        path: Path,
        *,
        stream_id: str,
        device: str = "cpu",
        on_status: OnStatus | None = None,
        poll_s: float = 0.5,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._path, self._stream_id, self._device, self._poll_s = path, stream_id, device, poll_s
        self._patience_s = patience_s
        self._on_status = on_status
        self._closed = threading.Event()
        self._seen: set[str] = set()
        self._grown: dict[str, tuple[tuple[int, int], float]] = {}  # size and change of a new file, since when (steady)
        self._is_there: bool | None = None  # not looked yet
        self._last_ns = 0
        self._index = -1
        self.n_files = 0
        self.n_unreadable = 0

    def close(self) -> None:
        """End the iteration."""
        self._closed.set()

    def __iter__(self) -> Iterator[Frame]:
        while not self._closed.is_set():
            for file, quiet_s in self._whole_files():
                n_before = self._index
                try:
                    yield from self._frames(file)
                    self.n_files += 1
                except OSError as err:  # also what the library raises of a file that it cannot read
                    if self._index == n_before and quiet_s < self._patience_s:
                        break  # perhaps its writer only pauses
                    self.n_unreadable += 1
                    self._say("streaming", f"skipped a file: {err}")
                self._seen.add(file.name)
                self._grown.pop(file.name, None)
                if self._closed.is_set():
                    return
            self._closed.wait(self._poll_s)

    def _whole_files(self) -> list[tuple[Path, float]]:
        """New files up to the first that still grows, so that their order is kept, and for how long each did not."""
        try:
            files = sorted(p for p in self._path.iterdir() if p.suffix.lower() in PICTURES | VIDEOS)
        except OSError as err:
            if self._is_there is not False:
                self._say("waiting", f"{self._path}: {err.strerror}")
            self._is_there = False
            return []
        if not self._is_there:
            self._is_there = True
            self._say("streaming", f"watches {self._path}")
        self._seen &= {file.name for file in files}
        out = []
        for file in (f for f in files if f.name not in self._seen):
            quiet_s = self._quiet_s(file)
            if quiet_s < QUIET_S:
                break
            out.append((file, quiet_s))
        return out

    def _quiet_s(self, file: Path) -> float:
        """For how long a file has been as it is: as we saw it, or by its time of change if that is long ago."""
        try:
            found = file.stat()
        except OSError:
            return 0.0
        now_s, state = time.monotonic(), (found.st_size, found.st_mtime_ns)
        if self._grown.get(file.name, (None, 0.0))[0] != state:
            self._grown[file.name] = state, now_s
        return max(now_s - self._grown[file.name][1], time.time() - found.st_mtime)

    def _frames(self, file: Path) -> Iterator[Frame]:
        changed_ns = file.stat().st_mtime_ns
        if file.suffix.lower() in PICTURES:
            yield self._placed(read_image(file), changed_ns, is_own=False)
            return
        with FileSource(file, stream_id=self._stream_id, threads=1, device=self._device) as source:
            n = source.n_frames_expected or 0
            start_ns = changed_ns - round(n / source.frame_rate * 1e9)
            for frame in source:
                time_ns = frame.time_ns if frame.is_utc else start_ns + frame.time_ns
                yield self._placed(frame, time_ns, is_own=frame.is_utc)
                if self._closed.is_set():
                    return

    def _placed(self, frame: Frame, time_ns: int, *, is_own: bool) -> Frame:
        self._index += 1
        self._last_ns = max(time_ns, self._last_ns + 1_000_000)
        return replace(
            frame,
            stream_id=self._stream_id,
            index=self._index,
            time_ns=self._last_ns,
            is_utc=True,
            time_source="container" if is_own else "file",
        )

    def _say(self, state: str, detail: str) -> None:
        if self._on_status is not None:
            self._on_status(LiveStatus(state, time.time_ns(), detail))
