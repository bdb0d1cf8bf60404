"""Recorded video as a sequence of frames: every frame decoded, none dropped, times as the file says them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.error

from vision.errors import DecodeError, SourceError
from vision.types import Frame
from vision.video.clock import NS, FrameClock
from vision.video.hardware import accelerator
from vision.video.planes import planes_of
from vision.video.resting import RestingDecoder, Rests
from vision.video.uri import redact, stream_id_of


@dataclass(slots=True)
class SourceCounts:
    """What happened to the frames of a source so far; nothing is lost without being counted here."""

    decoded: int = 0
    yielded: int = 0
    skipped: int = 0  # by --fps
    undecoded: int = 0  # left out while the source was resting
    before_start: int = 0  # decoded between the key frame and --start
    corrupt: int = 0  # decoded, but the decoder reports damage
    undecodable: int = 0  # packets that gave an error instead of a frame
    repaired_times: int = 0  # times missing or not increasing


class FileSource(Rests):
    """A recorded video, opened; iterate it once for its frames.

    Args:
        uri: path or address that FFmpeg opens.
        stream_id: name of the camera in results; default from the file name.
        start_s, duration_s: the part to read, in seconds from the start of the file.
        fps: at most this many frames a second (others are decoded, counted and skipped); default all.
        threads: decoder threads; 0 lets FFmpeg choose.
        device: where it is decoded, see `vision.video.hardware.accelerator`; the pictures come back as NV12.
        on_packet: told before a packet is decoded at how many seconds it stands; may wait.

    Raises:
        SourceError: missing, unreadable, not a video, or no video stream in it.
        ConfigError, DecodeError: the device is unknown, cannot be opened, or does not know the codec.
        DecodeError: (while iterating) the file broke off or nothing in it could be decoded.
    """

    def __init__(
        self,
        uri: str | Path,
        *,
        stream_id: str | None = None,
        start_s: float = 0.0,
        duration_s: float | None = None,
        fps: float | None = None,
        threads: int = 0,
        device: str = "cpu",
        on_packet: Callable[[float], None] | None = None,
    ) -> None:
        self.uri = str(uri)
        self.name = redact(self.uri)
        self.stream_id = stream_id or stream_id_of(self.uri)
        self.counts = SourceCounts()
        self._start_s, self._duration_s, self._fps = start_s, duration_s, fps
        accel = accelerator(device)
        is_address = "://" in self.uri  # FFmpeg's own errors show it with its password: no cause is kept then
        try:
            self._container = av.open(self.uri, hwaccel=accel)
        except av.error.InvalidDataError as err:
            raise SourceError(f"{self.name}: expected a video file, got something FFmpeg cannot read") from (
                None if is_address else err
            )
        except av.error.FFmpegError as err:
            raise SourceError(f"{self.name}: cannot open: {err.strerror}") from (None if is_address else err)
        except RuntimeError as err:
            if accel is None:
                raise
            raise DecodeError(f"{self.name}: decode.device: {device!r} cannot decode this video: {err}") from err
        if not self._container.streams.video:
            kinds = ", ".join(sorted({s.type for s in self._container.streams})) or "none"
            self._container.close()
            raise SourceError(f"{self.name}: expected a video stream, got streams: {kinds}")
        self._stream = self._container.streams.video[0]
        if accel is not None and not self._stream.codec_context.is_hwaccel:
            self.close()
            raise DecodeError(f"{self.name}: decode.device: asked for {device!r}, but it is not used for this video")
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = threads
        self.frame_rate = float(self._stream.average_rate or self._stream.guessed_rate or 25)
        self.codec = self._stream.codec_context.name
        self.width, self.height = self._stream.codec_context.width, self._stream.codec_context.height
        if not self.width or not self.height:
            self.close()
            raise SourceError(f"{self.name}: expected a video stream with a picture size, got {self.codec} 0x0")
        self.epoch_ns = creation_time_ns(self._container.metadata)
        self._rests = self._decoder = RestingDecoder()
        self._on_packet = on_packet
        self._n_packets = 0

    @property
    def bits_per_pixel(self) -> float | None:
        """Bits the container spends on a pixel of a frame, all its streams together; None if it does not say."""
        bits = self._stream.bit_rate or self._container.bit_rate
        return bits / (self.frame_rate * self.width * self.height) if bits else None

    @property
    def n_frames_expected(self) -> int | None:
        """Frames that an iteration should give, from the container's own count or duration; None if unknown."""
        seconds = self._container.duration / av.time_base if self._container.duration else None
        total = self._stream.frames or (round(seconds * self.frame_rate) if seconds else None)
        if total is None:
            return None
        whole = total / self.frame_rate
        part = max(0.0, min(whole - self._start_s, self._duration_s if self._duration_s is not None else whole))
        rate = min(self.frame_rate, self._fps) if self._fps else self.frame_rate
        return round(part * rate)

    def __iter__(self) -> Iterator[Frame]:
        period_ns = round(NS / self.frame_rate)
        end_ns = None if self._duration_s is None else round((self._start_s + self._duration_s) * NS)
        start_ns = round(self._start_s * NS)
        if self._start_s > 0:
            self._seek()
        clock = FrameClock(self._stream.start_time, period_ns, has_pts="avi" not in self._container.format.name)
        due_ns = float(start_ns)
        index, last_ns = -1, 0
        for picture in self._pictures():
            self.counts.decoded += 1
            self.counts.corrupt += bool(picture.is_corrupt)
            at = clock.time_of(picture.pts, picture.dts, picture.time_base)
            self.counts.repaired_times = clock.repaired
            index += max(1, round((at - last_ns) / period_ns)) if self._decoder.undecoded else 1
            last_ns = at
            if at < start_ns:
                self.counts.before_start += 1
                continue
            if end_ns is not None and at >= end_ns:
                break
            if self._fps is not None:
                if at + period_ns / 2 < due_ns:
                    self.counts.skipped += 1
                    continue
                due_ns = max(due_ns + NS / self._fps, at)
            self.counts.yielded += 1
            yield Frame(
                stream_id=self.stream_id,
                index=index,
                time_ns=at + (self.epoch_ns or 0),
                offset_s=at / NS,
                planes=planes_of(picture, picture.rotation),
                is_utc=self.epoch_ns is not None,
            )

    def _seek(self) -> None:
        base = self._stream.time_base or Fraction(1, av.time_base)
        try:
            stamp = int(self._start_s / base) + (self._stream.start_time or 0)
            self._container.seek(stamp, stream=self._stream, backward=True)
        except av.error.FFmpegError:
            # No index to seek by: decode from the beginning, frames before the start are skipped one by one.
            self._container.seek(0)

    def _pictures(self) -> Iterator[av.VideoFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except av.error.FFmpegError as err:
                raise DecodeError(
                    f"{self.name}: broke off after {self.counts.decoded} frames: {err.strerror}"
                ) from None
            self._n_packets += packet.size > 0
            if self._on_packet is not None and packet.dts is not None and packet.time_base is not None:
                self._on_packet(float((packet.dts - (self._stream.start_time or 0)) * packet.time_base))
            try:
                pictures = self._decoder.decode(packet)
            except av.error.FFmpegError:
                self.counts.undecodable += 1
                continue
            yield from pictures
        if self._decoder.undecoded:
            self.counts.undecoded = max(0, self._n_packets - self.counts.decoded - self.counts.undecodable)
        if self.counts.decoded == 0:
            raise DecodeError(f"{self.name}: expected frames, got none ({self.counts.undecodable} packets refused)")
        # Only MP4 and its kin count their frames reliably; elsewhere the number is an estimate or counts empty chunks.
        expected = self._stream.frames if "mp4" in self._container.format.name else 0
        got = self.counts.decoded + self.counts.undecoded
        if self._start_s == 0 and expected and got < expected - max(2, expected // 100):
            raise DecodeError(f"{self.name}: expected {expected} frames, got {got}: the file is damaged or truncated")

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._container.close()
        self._on_packet = None  # who is told may hold this source: a circle that keeps the decoder's frames for minutes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def creation_time_ns(metadata: dict[str, str]) -> int | None:
    """UTC nanoseconds of the container's ``creation_time``, None if it has none (or the writer's zero date)."""
    text = metadata.get("creation_time")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000) * 1_000_000 if moment.year > 1971 else None
