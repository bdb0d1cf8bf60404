"""The main stream of a camera, kept as it comes and decoded only where somebody looks."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import av
import av.error
from av.codec.context import Flags
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext

from vision.errors import DecodeError, SourceError
from vision.types import Frame, Planes
from vision.video.connection import SilentError
from vision.video.live import LiveSource
from vision.video.planes import planes_of
from vision.video.wall_clock import NS

KEEP_NS = 4 * NS  # groups that ended longer ago are let go
NEAR_NS = NS // 10  # a picture farther from the wanted moment is another one


@dataclass(slots=True)
class Group:
    """Packets from one key frame up to the next, in decoding order, with the times of their pictures (UTC ns)."""

    codec: str
    extradata: bytes | None
    packets: list[av.Packet[av.VideoStream]] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)

    def nearest(self, time_ns: int) -> int:
        """Which packet holds the picture nearest to a moment."""
        return min(range(len(self.times_ns)), key=lambda i: abs(self.times_ns[i] - time_ns))


class Decoder:
    """Decodes single pictures of groups; goes on from the last one where that is the shortest way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context: VideoCodecContext | None = None
        self._group: Group | None = None
        self._next = 0  # of the group's packets, the first that was not decoded
        self._pictures: deque[av.VideoFrame] = deque(maxlen=4)
        self.decoded = 0

    def picture(self, group: Group, index: int) -> av.VideoFrame:
        """The picture of a packet.

        Raises:
            DecodeError: it cannot be decoded.
        """
        wanted = group.packets[index].pts
        with self._lock:
            if group is not self._group or (index < self._next and not self._has(wanted)):
                self._start(group)
            while not self._has(wanted):
                packet = group.packets[self._next] if self._next < len(group.packets) else None
                self._next += 1
                self._decode(packet)
                if packet is None:
                    self._group = None  # flushed: the next one starts anew
                    break
            for picture in self._pictures:
                if picture.pts == wanted:
                    return picture
        raise DecodeError("a picture of the main stream cannot be decoded")

    def _has(self, pts: int | None) -> bool:
        return any(p.pts == pts for p in self._pictures)

    def _start(self, group: Group) -> None:
        context = av.CodecContext.create(group.codec, "r")
        assert isinstance(context, VideoCodecContext)
        if group.extradata:
            context.extradata = group.extradata
        context.thread_count = 1
        context.flags |= Flags.low_delay
        self._context, self._group, self._next = context, group, 0
        self._pictures.clear()

    def _decode(self, packet: av.Packet[av.VideoStream] | None) -> None:
        assert self._context is not None
        try:
            pictures = self._context.decode(packet)
        except av.error.FFmpegError:
            return  # a damaged picture; the ones after it may be whole
        self.decoded += len(pictures)
        self._pictures.extend(pictures)


class MainStream(LiveSource):
    """A live source whose packets are kept for a few seconds instead of being decoded.

    Iterating it yields nothing; it keeps the connection. `find` looks up a moment, from any thread.
    """

    def __init__(self, uri: str, **options: Any) -> None:
        super().__init__(uri, **options)
        self.decoder = Decoder()
        self.size: tuple[int, int] | None = None  # width, height; of the last connection where there is none
        self._groups: deque[Group] = deque()
        self._newest_ns = 0
        self._arrival = threading.Condition()

    def find(self, time_ns: int, wait_s: float) -> tuple[Group, int] | None:
        """Where the picture of a moment is (UTC ns), waiting a little for packets that are on their way.

        None if there is none within `NEAR_NS`.
        """
        until_s = time.monotonic() + wait_s
        with self._arrival:
            while self.status.state == "streaming" and self._newest_ns < time_ns:
                left_s = until_s - time.monotonic()
                if left_s <= 0 or not self._arrival.wait(left_s):
                    break
            for group in reversed(self._groups):
                if group.times_ns[0] <= time_ns + NEAR_NS:
                    index = group.nearest(time_ns)
                    return (group, index) if abs(group.times_ns[index] - time_ns) <= NEAR_NS else None
        return None

    def planes(self, group: Group, index: int) -> Planes:
        """The picture of a packet.

        Raises:
            DecodeError: it cannot be decoded.
        """
        return planes_of(self.decoder.picture(group, index))

    def _frames(self, container: InputContainer) -> Iterator[Frame]:
        if not container.streams.video:
            raise SourceError("expected a video stream, got none")
        video = container.streams.video[0]
        context = video.codec_context
        self.counts.connects += 1
        self._clock.renew()
        with self._arrival:
            self._groups.clear()
        self._heard_s = first_s = time.monotonic()
        for packet in container.demux(video):
            if self._closed.is_set():
                return
            now_s = time.monotonic()
            if packet.size:
                if self.status.state != "streaming":
                    first_s, self.size = now_s, (context.width, context.height)
                    rate = float(video.average_rate or video.guessed_rate or 0)
                    detail = f"{context.width}x{context.height} {context.name}" + (
                        f" {rate:.4g} frames/s" if rate else ""
                    )
                    self._say("streaming", detail, context.width, context.height, context.name, rate)
                self._keep(packet, context)
                self._heard_s, self._frames_s = now_s, now_s - first_s
            elif now_s - self._heard_s > self._limit_s:
                raise SilentError("timeout", f"no packet for {now_s - self._heard_s:.1f} s")
        yield from ()

    def _keep(self, packet: av.Packet[av.VideoStream], context: VideoCodecContext) -> None:
        base = packet.time_base
        if base is None or packet.pts is None:
            return
        sent = packet.pts if packet.dts is None else packet.dts
        time_ns = self._clock.time_of(round(sent * base * NS)) + round((packet.pts - sent) * base * NS)
        with self._arrival:
            if packet.is_keyframe:
                self._groups.append(Group(context.name, context.extradata))
                while (
                    len(self._groups) > 1
                    and self._groups[1].times_ns
                    and (self._groups[1].times_ns[0] < time_ns - KEEP_NS)
                ):
                    self._groups.popleft()
            if not self._groups:
                return  # nothing can be decoded before the first key frame
            self._groups[-1].packets.append(packet)
            self._groups[-1].times_ns.append(time_ns)
            self._newest_ns = max(self._newest_ns, time_ns)
            self._arrival.notify_all()
