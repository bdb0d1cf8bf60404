"""Writes the annotated video: H.264, yuv420p, plays in a browser, keeps the source's frame times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np

from vision.errors import OutputError
from vision.types import U8

TIME_BASE = Fraction(1, 90_000)


class VideoWriter:
    """A new mp4. It is written under a temporary name (``.part``) and gets its own when it is whole.

    Args:
        path: the final name.
        width, height: size of the pictures to come; an odd edge is cut by a pixel, as yuv420p needs.
        frame_rate: nominal rate; the true times are given with each picture.

    Raises:
        OutputError: cannot be created or written (disk full).
    """

    def __init__(self, path: Path, width: int, height: int, frame_rate: float) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._size = max(2, width // 2 * 2), max(2, height // 2 * 2)
        self._last = -1
        try:
            self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
            rate = Fraction(max(1.0, min(frame_rate, 240.0))).limit_denominator(1000)
            self._stream = self._container.add_stream("libx264", rate=rate)
            self._stream.width, self._stream.height = self._size
            self._stream.pix_fmt = "yuv420p"
            self._stream.time_base = TIME_BASE
            self._stream.codec_context.time_base = TIME_BASE
            self._stream.options = {"preset": "veryfast", "crf": "24"}
        except (av.error.FFmpegError, OSError) as err:
            raise OutputError(f"{path}: cannot create: {err.strerror or err}") from err

    def add(self, image: U8, offset_s: float) -> None:
        """Append a picture (h, w, 3) BGR uint8 shown from ``offset_s`` seconds on; times must increase."""
        w, h = self._size
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:h, :w]), format="bgr24")
        self._last = max(self._last + 1, round(offset_s / TIME_BASE))
        picture.pts, picture.time_base = self._last, TIME_BASE
        self._mux(picture)

    def _mux(self, picture: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(picture):
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError) as err:
            raise OutputError(f"{self.path}: cannot write: {err.strerror or err}") from err

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._mux(None)
        try:
            self._container.close()
            self._part.rename(self.path)
        except (av.error.FFmpegError, OSError) as err:
            raise OutputError(f"{self.path}: cannot write: {err.strerror or err}") from err

    def abandon(self) -> None:
        """Give up after an error: what was written stays under the ``.part`` name."""
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError):
            return  # the error that led here has been reported already
