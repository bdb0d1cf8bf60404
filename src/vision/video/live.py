"""A live camera, for ever: connects, yields frames, notices when they stop, and connects again."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import av
import av.error

from vision.errors import DecodeError, SourceError
from vision.types import Frame
from vision.video.hardware import accelerator
from vision.video.planes import planes_of
from vision.video.uri import redact, stream_id_of
from vision.video.wall_clock import NS, WallClock

LIBRARY_SHARE = 0.5  # FFmpeg gives up after twice the time it is told (docs/decisions/0014-live-sources.md)
GOOD_S = 10.0  # frames for so long: the next loss starts with the first wait again
GROWTH = 2.0
JITTER = 0.25  # of a wait, so that cameras behind one switch do not come back at once

States = ("connecting", "streaming", "waiting", "stalled", "closed")


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """How a source is since ``since_ns`` (UTC). ``detail`` never holds a password."""

    state: str
    since_ns: int
    detail: str = ""
    width: int = 0
    height: int = 0
    codec: str = ""
    frame_rate: float = 0.0


@dataclass(slots=True)
class LiveCounts:
    """What happened so far; ``disconnects`` by cause."""

    connects: int = 0
    disconnects: Counter[str] = field(default_factory=Counter)
    decoded: int = 0
    corrupt: int = 0
    undecodable: int = 0
    repaired_times: int = 0
    clock_steps: int = 0
    size_changes: int = 0
    stalls: int = 0


class LiveSource:
    """One live camera. One thread iterates it; any thread may `close` it.

    The iteration ends only after `close`. Errors never end it: they are counted by cause, told, and followed by a
    wait that doubles from ``first_wait_s`` to ``longest_wait_s``, varied by a quarter. A wrong password waits the
    longest time at once, since cameras lock accounts.

    Args:
        uri: ``rtsp://``, ``rtsps://``, ``http(s)://`` (FLV, HLS), ``rtmp://``, or ``/dev/videoN``.
        stream_id: name of the camera in results; default from the address.
        transport: ``tcp`` or ``udp``, for RTSP.
        timeout_s: without a frame for so long the camera is stalled and the connection is given up.
        first_wait_s, longest_wait_s: between two tries.
        device: where it is decoded, see `vision.video.hardware.accelerator`.
        on_status: called with each new `LiveStatus`, in the source's threads.
        seed: of the variation of waits.

    Raises:
        ConfigError, DecodeError: the device is unknown or cannot be opened.
    """

    def __init__(
        self,
        uri: str,
        *,
        stream_id: str | None = None,
        transport: str = "tcp",
        timeout_s: float = 5.0,
        first_wait_s: float = 0.5,
        longest_wait_s: float = 30.0,
        device: str = "cpu",
        on_status: Callable[[LiveStatus], None] | None = None,
        seed: int | None = None,
    ) -> None:
        self.name = redact(uri)
        self.stream_id = stream_id or stream_id_of(uri)
        self.counts = LiveCounts()
        self.status = LiveStatus("connecting", time.time_ns())
        self._uri, self._timeout_s, self._device = uri, timeout_s, device
        self._first_s, self._longest_s = first_wait_s, longest_wait_s
        self._accel = accelerator(device)
        self._format = "v4l2" if uri.startswith("/dev/video") else None
        self._options = {"rtsp_transport": transport} if uri.startswith("rtsp") else {}
        self._on_status = on_status
        self._random = random.Random(seed)
        self._closed = threading.Event()
        self._clock = WallClock()
        self._heard_s: float | None = None  # monotonic, of the last sign of life in a connection
        self._frames_s = 0.0  # how long the last connection gave frames
        self._index = -1
        self._began_s = time.monotonic()

    def close(self) -> None:
        """End the iteration: waits at once, a silent connection within ``timeout_s``."""
        self._closed.set()

    def __iter__(self) -> Iterator[Frame]:
        watchdog = threading.Thread(target=self._watch, name=f"watchdog-{self.stream_id}", daemon=True)
        watchdog.start()
        wait_s = self._first_s
        try:
            while not self._closed.is_set():
                self._say("connecting")
                cause, detail, began_s = "ended", "the camera ended the stream", time.monotonic()
                try:
                    yield from self._connection()
                except (av.error.FFmpegError, SourceError, OSError, RuntimeError, ValueError) as err:
                    cause, detail = cause_of(err), self._clean(f"{getattr(err, 'strerror', None) or err}")
                if self._closed.is_set():
                    break
                took_s = time.monotonic() - began_s
                if self.status.state == "connecting" and took_s > 0.8 * LIBRARY_SHARE * self._timeout_s:
                    cause, detail = "timeout", f"no answer for {took_s:.1f} s"  # FFmpeg calls it invalid data
                elif cause == "timeout":
                    self._stalled()
                    detail = "frames stopped coming"
                self.counts.disconnects[cause] += 1
                wait_s = self._first_s if self._frames_s > GOOD_S else wait_s
                now_s = self._longest_s if cause == "unauthorized" else wait_s
                now_s *= 1 + JITTER * (2 * self._random.random() - 1)
                self._say("waiting", f"{cause}: {detail}; next try in {now_s:.1f} s")
                wait_s = min(self._longest_s, wait_s * GROWTH)
                self._closed.wait(now_s)
        finally:
            self._closed.set()
            watchdog.join()
            self._say("closed")

    def _connection(self) -> Iterator[Frame]:
        """Frames of one connection, until it ends or fails."""
        self._frames_s, self._heard_s = 0.0, time.monotonic()
        limit_s = self._timeout_s * LIBRARY_SHARE
        try:
            container = av.open(
                self._uri,
                format=self._format,
                options=self._options,
                timeout=(limit_s, limit_s),
                hwaccel=self._accel,
            )
        except BaseException:
            self._heard_s = None
            raise
        try:
            if not container.streams.video:
                raise SourceError("expected a video stream, got none")
            video = container.streams.video[0]
            video.codec_context.thread_count = 1
            if self._accel is not None and not video.codec_context.is_hwaccel:
                raise DecodeError(f"decode.device: asked for {self._device!r}, but it is not used for this video")
            self.counts.connects += 1
            self._clock.renew()
            first_s: float | None = None
            size = (0, 0)
            for packet in container.demux(video):
                if self._closed.is_set():
                    return
                try:
                    pictures = packet.decode()
                except av.error.FFmpegError:
                    self.counts.undecodable += 1
                    continue
                for picture in pictures:
                    if not isinstance(picture, av.VideoFrame):
                        continue
                    self._heard_s = now_s = time.monotonic()
                    first_s = now_s if first_s is None else first_s
                    self._frames_s = now_s - first_s
                    if (picture.width, picture.height) != size or self.status.state != "streaming":
                        self.counts.size_changes += size not in ((0, 0), (picture.width, picture.height))
                        size = picture.width, picture.height
                        self._streams(picture, video)
                    yield self._frame(picture)
                    if self._closed.is_set():
                        return
        finally:
            self._heard_s = None
            container.close()

    def _frame(self, picture: av.VideoFrame) -> Frame:
        self.counts.decoded += 1
        self.counts.corrupt += bool(picture.is_corrupt)
        self._index += 1
        has_stamp = picture.pts is not None and picture.time_base is not None
        stamp_ns = round(picture.pts * picture.time_base * NS) if has_stamp else None  # type: ignore[operator]
        steps = self._clock.steps
        time_ns = self._clock.time_of(stamp_ns)
        self.counts.repaired_times, self.counts.clock_steps = self._clock.repaired, self._clock.steps
        if self._clock.steps != steps:
            self._say("streaming", "the system's clock was set; times follow it")
        return Frame(
            stream_id=self.stream_id,
            index=self._index,
            time_ns=time_ns,
            offset_s=time.monotonic() - self._began_s,
            planes=planes_of(picture, picture.rotation),
            is_utc=True,
            time_source="arrival" if stamp_ns is None else "stamp",
            time_error_ns=self._clock.error_ns,
        )

    def _streams(self, picture: av.VideoFrame, video: av.video.stream.VideoStream) -> None:
        rate = float(video.average_rate or video.guessed_rate or 0)
        codec = video.codec_context.name
        detail = f"{picture.width}x{picture.height} {codec}" + (f" {rate:.4g} frames/s" if rate else "")
        self._say("streaming", detail, picture.width, picture.height, codec, rate)

    def _watch(self) -> None:
        """Body of the watchdog's thread: says so when a connection is silent for ``timeout_s``."""
        while not self._closed.wait(min(0.5, self._timeout_s / 5)):
            heard_s = self._heard_s
            is_silent = heard_s is not None and time.monotonic() - heard_s > self._timeout_s
            if is_silent and self.status.state == "streaming":
                self._stalled()

    def _stalled(self) -> None:
        if self.status.state == "streaming":
            self.counts.stalls += 1
            self._say("stalled", f"no frame for {self._timeout_s:g} s")

    def _say(
        self, state: str, detail: str = "", width: int = 0, height: int = 0, codec: str = "", rate: float = 0.0
    ) -> None:
        self.status = LiveStatus(state, time.time_ns(), detail, width, height, codec, rate)
        if self._on_status is not None:
            self._on_status(self.status)

    def _clean(self, text: str) -> str:
        """The text without this source's address, user or password."""
        parts = urlsplit(self._uri)
        text = text.replace(self._uri, self.name)
        for secret in filter(None, (parts.password, parts.username)):
            text = text.replace(secret, "***").replace(unquote(secret), "***")
        return re.sub(r"\s+", " ", text)


CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (av.error.HTTPUnauthorizedError, "unauthorized"),
    (av.error.HTTPForbiddenError, "unauthorized"),
    (av.error.HTTPNotFoundError, "not_found"),
    (av.error.ExitError, "timeout"),
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (av.error.InvalidDataError, "garbage"),
    (DecodeError, "device"),
    (SourceError, "no_video"),
    (av.error.EOFError, "ended"),
)


def cause_of(err: BaseException) -> str:
    """One word for why a connection failed."""
    return next((cause for kind, cause in CAUSES if isinstance(err, kind)), "network")


class Source(Protocol):
    """What `open_live` gives."""

    def __iter__(self) -> Iterator[Frame]:
        """Frames until `close`."""

    def close(self) -> None:
        """End the iteration, from any thread."""


def open_live(
    uri: str,
    *,
    stream_id: str,
    transport: str = "tcp",
    timeout_s: float = 5.0,
    first_wait_s: float = 0.5,
    longest_wait_s: float = 30.0,
    device: str = "cpu",
    on_status: Callable[[LiveStatus], None] | None = None,
) -> Source:
    """The source for an address: a `LiveSource`, or for a folder a `FolderSource`.

    Raises:
        SourceError: it is a file; recorded video is not live.
        ConfigError, DecodeError: see `LiveSource`.
    """
    from vision.video.folder import FolderSource

    path = Path(uri)
    if path.is_dir():
        return FolderSource(path, stream_id=stream_id, device=device, on_status=on_status)
    if path.is_file():
        raise SourceError(f"{uri}: expected a live source, got a file: use `vision run`, or loop:{uri} to play it")
    return LiveSource(
        uri,
        stream_id=stream_id,
        transport=transport,
        timeout_s=timeout_s,
        first_wait_s=first_wait_s,
        longest_wait_s=longest_wait_s,
        device=device,
        on_status=on_status,
    )
