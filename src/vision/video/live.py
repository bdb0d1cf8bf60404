"""A live camera, for ever: connects, yields frames, notices when they stop, and connects again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import av.error
from av.container import InputContainer

from vision.errors import DecodeError, SourceError
from vision.types import Frame
from vision.video.connection import (
    LIBRARY_SHARE,
    SCHEMES,
    SilentError,
    cause_of,
    clean,
    connect,
    frame_limit_s,
    is_hls,
)
from vision.video.folder import FolderSource
from vision.video.hardware import accelerator
from vision.video.pacing import Pacer
from vision.video.planes import planes_of
from vision.video.resting import RestingDecoder, Rests
from vision.video.status import LiveCounts, LiveStatus, OnStatus, Source, States
from vision.video.uri import redact, stream_id_of
from vision.video.wall_clock import HIDDEN_NS, NS, WallClock

GOOD_S = 10.0  # frames for so long: the next loss starts with the first wait again
GROWTH = 2.0
JITTER = 0.25  # of a wait, so that cameras behind one switch do not come back at once
REFUSED_LONGEST_S = 600.0  # after refused logins: cameras lock an account after a few of them
# How far behind a playlist is read. Source: RFC 8216 section 6.3.3, three target durations; of ten seconds as usual.
HLS_HIDDEN_NS = 30 * NS
HELD = 5  # pictures of a decoder, the first ones, all at once; later nobody needs more, and its pool stays as it is
CLOCK_WRONG_S = 5.0  # a camera whose clock is off by more is told of

__all__ = ["LiveCounts", "LiveSource", "LiveStatus", "Source", "States", "open_live"]


class LiveSource(Rests):
    """One live camera. One thread iterates it; any thread may `close` it.

    The iteration ends only after `close`. Errors never end it: they are counted by cause, told, and followed by a
    wait that doubles from ``first_wait_s`` to ``longest_wait_s``, varied by a quarter. A refused login waits the
    longest time at once and doubles it up to ten minutes, since cameras lock accounts.

    Args:
        uri: ``rtsp://``, ``rtsps://``, ``http(s)://`` (FLV, HLS), ``rtmp://``, or ``/dev/videoN``.
        stream_id: name of the camera in results; default from the address.
        transport: ``tcp`` or ``udp``, for RTSP.
        timeout_s: without a frame for so long the camera is stalled and the connection is given up (HLS: 15 s more).
        first_wait_s, longest_wait_s: between two tries.
        device: where it is decoded, see `vision.video.hardware.accelerator`.
        on_status: called with each new `LiveStatus`, in the source's threads.
        seed: of the variation of waits.

    ``camera_clock_s`` is how far the camera's own clock is ahead of ours, None where it did not say (RTCP).

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
        on_status: OnStatus | None = None,
        seed: int | None = None,
    ) -> None:
        self.name = redact(uri)
        self.stream_id = stream_id or stream_id_of(uri)
        self.counts = LiveCounts()
        self.status = LiveStatus("connecting", time.time_ns())
        self.camera_clock_s: float | None = None
        self._rests = self._decoder = RestingDecoder()
        self._uri, self._transport, self._timeout_s, self._device = uri, transport, timeout_s, device
        self._limit_s = frame_limit_s(uri, timeout_s)
        self._first_s, self._longest_s = first_wait_s, longest_wait_s
        self._accel = accelerator(device)
        self._on_status = on_status
        self._random = random.Random(seed)
        self._closed = threading.Event()
        self._clock = WallClock(HLS_HIDDEN_NS if is_hls(uri) else HIDDEN_NS)
        self._heard_s: float | None = None  # monotonic, of the last sign of life in a connection
        self._frames_s = 0.0  # how long the last connection gave frames
        self._index = -1
        self._began_ns = time.monotonic_ns()

    def close(self) -> None:
        """End the iteration: waits at once, a silent connection within ``timeout_s``."""
        self._closed.set()

    def __iter__(self) -> Iterator[Frame]:
        watchdog = threading.Thread(target=self._watch, name=f"watchdog-{self.stream_id}", daemon=True)
        watchdog.start()
        wait_s, refused_s = self._first_s, self._longest_s
        try:
            while not self._closed.is_set():
                self._say("connecting")
                cause, detail = "ended", "the camera ended the stream"
                began_s, connects = time.monotonic(), self.counts.connects
                try:
                    yield from self._connection()
                except (av.error.FFmpegError, SourceError, OSError, RuntimeError, ValueError) as err:
                    cause, detail = cause_of(err), clean(f"{getattr(err, 'strerror', None) or err}", self._uri)
                    if isinstance(err, SilentError):
                        self._stalled()
                if self._closed.is_set():
                    break
                took_s = time.monotonic() - began_s
                if self.counts.connects == connects and took_s > 0.8 * LIBRARY_SHARE * self._timeout_s:
                    cause, detail = "timeout", f"no answer of use in {took_s:.1f} s"  # FFmpeg calls it invalid data
                elif cause == "timeout":
                    self._stalled()
                    detail = detail if detail.startswith("no picture") else "frames stopped coming"
                self.counts.disconnects[cause] += 1
                if self._frames_s > GOOD_S:
                    wait_s, refused_s = self._first_s, self._longest_s
                now_s = refused_s if cause == "unauthorized" else wait_s
                now_s *= 1 + JITTER * (2 * self._random.random() - 1)
                self._say("waiting", f"{cause}: {detail}; next try in {now_s:.1f} s")
                wait_s = min(self._longest_s, wait_s * GROWTH)
                if cause == "unauthorized":
                    refused_s = min(max(REFUSED_LONGEST_S, self._longest_s), refused_s * GROWTH)
                self._closed.wait(now_s)
        finally:
            self._closed.set()
            watchdog.join()
            self._say("closed")

    def _connection(self) -> Iterator[Frame]:
        """Frames of one connection, until it ends, fails or is silent."""
        self._frames_s, self._heard_s = 0.0, time.monotonic()
        try:
            container = connect(self._uri, transport=self._transport, timeout_s=self._timeout_s, accel=self._accel)
        except BaseException:
            self._heard_s = None
            raise
        try:
            yield from self._frames(container)
        finally:
            self._heard_s = None
            container.close()

    def _frames(self, container: InputContainer) -> Iterator[Frame]:
        if not container.streams.video:
            raise SourceError("expected a video stream, got none")
        video = container.streams.video[0]
        video.codec_context.thread_count = 1
        if self._accel is not None and not video.codec_context.is_hwaccel:
            raise DecodeError(f"decode.device: asked for {self._device!r}, but it is not used for this video")
        self.counts.connects += 1
        self._clock.renew()
        self._decoder.begin()
        pacer = Pacer() if is_hls(self._uri) else None
        undecodable = self.counts.undecodable
        self._heard_s = first_s = time.monotonic()
        size, is_clock_known = (0, 0), False
        first: list[av.VideoFrame] | None = []
        for packet in container.demux():  # all streams: sound must not hide that the picture stopped
            if self._closed.is_set():
                return
            for picture in self._pictures(packet) if packet.stream is video else ():
                stamp_ns = stamp_of(picture)
                if pacer is not None and self._closed.wait(pacer.wait_s(stamp_ns, time.monotonic_ns())):
                    return
                self._heard_s = now_s = time.monotonic()
                first_s = now_s if size == (0, 0) else first_s
                self._frames_s = now_s - first_s
                if (picture.width, picture.height) != size or self.status.state != "streaming":
                    self.counts.size_changes += size not in ((0, 0), (picture.width, picture.height))
                    size = picture.width, picture.height
                    self._streams(picture, video)
                frame = self._frame(picture, stamp_ns)
                if not is_clock_known:
                    is_clock_known = self._compare_clocks(container, stamp_ns, frame.time_ns)
                if first is not None:
                    first = [*first, picture] if len(first) < HELD else None
                yield frame
                del picture, frame  # the decoder takes their memory for the next one
                if self._closed.is_set():
                    return
                self._heard_s = time.monotonic()  # whoever took the frame may have been slow
            if packet.stream is video and self._decoder.is_asleep:
                self._heard_s = time.monotonic()
            silent_s = time.monotonic() - self._heard_s
            if silent_s > self._limit_s:
                broken = self.counts.undecodable - undecodable
                cause, what = (
                    ("garbage", f"{broken} packets that cannot be decoded") if broken else ("timeout", "others")
                )
                raise SilentError(cause, f"no picture for {silent_s:.1f} s, but {what}")

    def _pictures(self, packet: av.Packet[Any]) -> list[av.VideoFrame]:
        try:
            return self._decoder.decode(packet)
        except av.error.FFmpegError:
            self.counts.undecodable += 1
            return []

    def _frame(self, picture: av.VideoFrame, stamp_ns: int | None) -> Frame:
        self.counts.decoded += 1
        self.counts.corrupt += bool(picture.is_corrupt)
        self._index += 1
        steps = self._clock.steps
        time_ns = self._clock.time_of(stamp_ns)
        self.counts.repaired_times, self.counts.clock_steps = self._clock.repaired, self._clock.steps
        if self._clock.steps != steps:
            self._say("streaming", "the system's clock was set; times follow it")
        return Frame(
            stream_id=self.stream_id,
            index=self._index,
            time_ns=time_ns,
            offset_s=(self._clock.steady_ns - self._began_ns) / NS,
            planes=planes_of(picture, picture.rotation),
            is_utc=True,
            time_source="arrival" if stamp_ns is None else "stamp",
            time_error_ns=self._clock.error_ns,
        )

    def _compare_clocks(self, container: InputContainer, stamp_ns: int | None, time_ns: int) -> bool:
        """Whether the camera has said what its clock shows (RTCP); if so, note it and tell if it is wrong."""
        zero_us = getattr(container, "start_time_realtime", None)  # PyAV 18 and later
        if zero_us is None or stamp_ns is None:
            return False
        self.camera_clock_s = ahead_s = (zero_us * 1000 + stamp_ns - time_ns) / NS
        if abs(ahead_s) > CLOCK_WRONG_S:
            word = "ahead" if ahead_s > 0 else "behind"
            self._say("streaming", f"the camera's clock is {abs(ahead_s):.0f} s {word}; times do not follow it")
        return True

    def _streams(self, picture: av.VideoFrame, video: av.video.stream.VideoStream) -> None:
        rate = float(video.average_rate or video.guessed_rate or 0)
        codec = video.codec_context.name
        detail = f"{picture.width}x{picture.height} {codec}" + (f" {rate:.4g} frames/s" if rate else "")
        self._say("streaming", detail, picture.width, picture.height, codec, rate)

    def _watch(self) -> None:
        """Body of the watchdog's thread: says so when a connection is silent for too long."""
        while not self._closed.wait(min(0.5, self._timeout_s / 5)):
            heard_s = self._heard_s
            is_silent = heard_s is not None and time.monotonic() - heard_s > self._limit_s
            if is_silent and self.status.state == "streaming":
                self._stalled()

    def _stalled(self) -> None:
        if self.status.state == "streaming":
            self.counts.stalls += 1
            self._say("stalled", f"no frame for {self._limit_s:g} s")

    def _say(
        self, state: str, detail: str = "", width: int = 0, height: int = 0, codec: str = "", rate: float = 0.0
    ) -> None:
        if state == self.status.state == "streaming" and not width:  # a remark: the picture is as it was
            was = self.status
            width, height, codec, rate = was.width, was.height, was.codec, was.frame_rate
        self.status = LiveStatus(state, time.time_ns(), detail, width, height, codec, rate)
        if self._on_status is not None:
            self._on_status(self.status)


def stamp_of(picture: av.VideoFrame) -> int | None:
    """A picture's presentation stamp in nanoseconds, None if it has none."""
    if picture.pts is None or picture.time_base is None:
        return None
    return round(picture.pts * picture.time_base * NS)


def open_live(
    uri: str,
    *,
    stream_id: str,
    transport: str = "tcp",
    timeout_s: float = 5.0,
    first_wait_s: float = 0.5,
    longest_wait_s: float = 30.0,
    device: str = "cpu",
    on_status: OnStatus | None = None,
) -> Source:
    """The source for an address: a `LiveSource`, or for a folder a `FolderSource`.

    Raises:
        SourceError: it is a file (recorded video is not live), or neither an address, a folder nor a camera device.
        ConfigError, DecodeError: see `LiveSource`.
    """
    path = Path(uri)
    if "://" not in uri and path.is_dir():
        return FolderSource(path, stream_id=stream_id, device=device, on_status=on_status)
    if "://" not in uri and path.is_file():
        raise SourceError(f"{uri}: expected a live source, got a file: use `vision run`, or loop:{uri} to play it")
    scheme = urlsplit(redact(uri)).scheme.lower()
    if not uri.startswith("/dev/video") and scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in sorted(SCHEMES))
        raise SourceError(f"{redact(uri)}: expected a folder, /dev/videoN or one of {known}")
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
