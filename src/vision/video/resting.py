"""Decoding while nothing moves: key frames alone, until a packet is too large for a still picture."""

from __future__ import annotations

from collections import deque
from typing import Any

import av
import av.error

from vision.video.status import Resting

MEMORY = 50  # packets by which a still picture is known
LEAST = 25  # fewer say too little
FACTOR, EXTRA = 1.5, 100  # a packet larger than this times the largest of a still picture, and so many bytes: it moves
AWAKE_S = 0.5  # every frame for at least so long, then whoever looks at them may let it rest again
LONGEST_S = 3.0  # without a picture


class RestingDecoder:
    """Decodes the packets of one stream; while it may rest, only its key frames.

    What comes between key frames is kept undecoded until the next one. A packet much larger than those of the still
    picture were (the encoder had something to tell), three seconds without a key frame, or `is_resting` set to False,
    ends the sleep: what is kept is decoded, since later pictures build on it, its pictures are left out, and decoding
    goes on. A codec of key frames alone (Motion JPEG) saves nothing. One thread decodes; any may set `is_resting`.

    Attributes:
        is_resting: whether frames may be left out. What looks at the frames sets it.
        is_asleep: whether they are.
        undecoded: frames left out so far.
    """

    def __init__(self) -> None:
        self.is_resting = self.is_asleep = False
        self.undecoded = 0
        self._kept: list[av.Packet[Any]] = []  # begins with the key frame that was decoded last, if any was since
        self._sizes: deque[int] = deque(maxlen=MEMORY)
        self._limit = 0.0  # bytes
        self._shown_s = 0.0  # of the last picture asleep
        self._awake_until_s: float | None = None
        self._from_pts: int | None = None

    def begin(self) -> None:
        """Another stream comes."""
        self.is_asleep, self._awake_until_s, self._from_pts = False, None, None
        self._kept.clear()
        self._sizes.clear()

    def decode(self, packet: av.Packet[Any]) -> list[av.VideoFrame]:
        """The pictures that a packet gives; the empty one at the end gives what the decoder still holds.

        Raises:
            av.error.FFmpegError: it cannot be decoded.
        """
        if not packet.size:
            self._kept.clear()
        elif self._sleeps(packet):
            if not packet.is_keyframe:
                self._kept.append(packet)
                self.undecoded += 1
                return []
            # The decoder begins anew, so that this picture comes now, whatever it holds back otherwise.
            self._kept = [packet]
            return [*emptied(packet), *packet.decode(), *emptied(packet)]
        if self._kept:
            self._catch_up(packet)
        return [picture for picture in packet.decode() if self._is_wanted(picture)]

    def _sleeps(self, packet: av.Packet[Any]) -> bool:
        """Whether this packet is of a sleep; begins and ends it."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or packet.time_base is None:
            self.is_asleep = False  # no times, no sleep
            return False
        at_s, is_key = float(stamp * packet.time_base), packet.is_keyframe
        if self._awake_until_s is None or at_s < self._awake_until_s - AWAKE_S:  # the first, or stamps ran back
            self._awake_until_s = at_s
        if not self.is_asleep and self.is_resting and at_s >= self._awake_until_s and len(self._sizes) >= LEAST:
            self.is_asleep, self._shown_s = True, at_s
            self._limit = FACTOR * max(self._sizes) + EXTRA
        if self.is_asleep:
            is_moved = not is_key and packet.size > self._limit
            if not self.is_resting or is_moved or at_s - self._shown_s > LONGEST_S or at_s < self._shown_s:
                self.is_asleep, self._awake_until_s = False, at_s + AWAKE_S
            elif is_key:
                self._shown_s = at_s
        if not self.is_asleep and not is_key:
            self._sizes.append(packet.size)
        return self.is_asleep

    def _is_wanted(self, picture: av.VideoFrame) -> bool:
        """Whether a picture is none of those that were left out and had to be decoded for later ones."""
        if self._from_pts is not None and picture.pts is not None and picture.pts < self._from_pts:
            return False
        self._from_pts = None
        return True

    def _catch_up(self, packet: av.Packet[Any]) -> None:
        """Decode what is kept, if this packet needs it, and leave its pictures out."""
        self._from_pts = packet.pts
        if not packet.is_keyframe:
            for old in self._kept:
                try:
                    old.decode()
                except av.error.FFmpegError:
                    continue  # counted as left out already; what it spoils is marked by the decoder
        self._kept.clear()


def emptied(packet: av.Packet[Any]) -> list[av.VideoFrame]:
    """What the decoder of a packet's stream holds back; it begins anew."""
    context = packet.stream.codec_context
    pictures: list[av.VideoFrame] = context.decode(None)
    context.flush_buffers()
    for picture in pictures:
        picture.time_base = packet.time_base  # which they do not have when they come this way
    return pictures


class Rests:
    """A source that leaves out frames as its decoder does, or the source that it takes its frames from."""

    _rests: Resting

    @property
    def is_resting(self) -> bool:
        """Whether frames may be left out undecoded, and counted, since nothing moves; any thread may set it."""
        return self._rests.is_resting

    @is_resting.setter
    def is_resting(self, value: bool) -> None:
        self._rests.is_resting = value

    @property
    def undecoded(self) -> int:
        """Frames left out so far."""
        return self._rests.undecoded
