"""Frames that are kept for seconds, as evidence: without the decoder's memory, and not all of them uncompressed."""

from __future__ import annotations

import weakref
from dataclasses import replace

import cv2
import numpy as np

from vision.types import U8, Frame, Planes
from vision.video.copies import copied
from vision.video.late import DistantPlanes, LatePlanes

PLAIN = 4  # of the frames that a stream keeps, so many are not compressed at least: those that were kept last
QUALITY = 95  # of the others, as JPEG plane by plane: 50 dB and a sixth to a tenth of the bytes in 1080p traffic


class KeptPlanes(DistantPlanes):
    """Planes that get memory of their own, and become JPEGs when `pack` is called: then ``data`` is decoded each time.

    Pixels that are only made when they are asked for stay so.
    """

    __slots__ = ("__weakref__", "_is_own", "_jpegs", "_kept")
    _kept: Planes  # without data once they are packed
    _is_own: bool
    _jpegs: tuple[tuple[bytes, ...], ...]

    def __init__(self, planes: Planes) -> None:
        self._set(_kept=planes, _is_own=False, _jpegs=(), _size=(planes.width, planes.height))

    def _planes(self) -> Planes:
        return self._kept

    @property
    def data(self) -> tuple[U8, ...]:
        """See `Planes`."""
        return self._kept.data or decoded(self._jpegs)  # another thread may pack meanwhile

    @property
    def is_plain(self) -> bool:
        """Whether it has pixels of its own, uncompressed."""
        return self._is_own and bool(self._kept.data)

    def settle(self) -> None:
        """Copy the pixels once they are there."""
        is_made = not isinstance(self._kept, LatePlanes) or self._kept.is_made
        if is_made and not self._is_own:
            self._set(_kept=copied(self._kept), _is_own=True)

    def pack(self) -> None:
        """Keep pixels of its own compressed from now on."""
        if self.is_plain:
            self._set(_jpegs=encoded(self._kept.data))
            self._set(_kept=replace(self._kept, data=()))


class Keeper:
    """Makes frames of one stream last: with pixels of their own, of which the oldest are compressed.

    A decoder takes the memory of its frames from a pool that never becomes smaller: each frame that is held makes it
    larger, and for hours there comes a moment now and then when more are held than ever before. What a copy takes goes
    back when it is let go. In a crowd each vehicle and each plate keep a frame until they have left; all but the last
    `PLAIN`, or as many as ``plain_bytes`` have room for, are packed.
    Source: FFmpeg, libavutil/buffer.h, AVBufferPool.
    """

    def __init__(self, plain_bytes: int = 0) -> None:
        self._plain_bytes = plain_bytes
        self._original: weakref.ref[Frame] | None = None
        self._last: weakref.ref[Frame] | None = None
        self._kept: list[weakref.ref[KeptPlanes]] = []

    def _copy_of(self, frame: Frame) -> Frame | None:
        last = self._last() if self._last else None
        return last if self._original is not None and self._original() is frame else None

    def has(self, frame: Frame) -> bool:
        """Whether this frame is kept already, so that keeping it costs nothing."""
        return self._copy_of(frame) is not None

    def keep(self, frame: Frame) -> Frame:
        """The frame with pixels of its own and without an overview; several vehicles of one frame share a copy."""
        last = self._copy_of(frame)
        if last is not None:
            return last
        planes = KeptPlanes(frame.planes)
        copy = replace(frame, planes=planes, overview=None)
        self._original, self._last = weakref.ref(frame), weakref.ref(copy)
        self._kept.append(weakref.ref(planes))
        self._settle()
        return copy

    def _settle(self) -> None:
        """Copy what was made since the last time, and pack what is too much."""
        living = [planes for ref in self._kept if (planes := ref()) is not None]
        for planes in living:
            planes.settle()
        self._kept = [weakref.ref(planes) for planes in living]
        unpacked = [planes for planes in living if planes.is_plain]
        if len(unpacked) > PLAIN:
            room = self._plain_bytes // sum(plane.nbytes for plane in unpacked[-1].data)
            for planes in unpacked[: -max(PLAIN, room)]:
                planes.pack()


def plain(planes: Planes) -> Planes:
    """The pixels as they are now: what is to be used several times is decoded once."""
    return Planes(planes.layout, planes.data, planes.matrix, planes.full_range)


def encoded(data: tuple[U8, ...]) -> tuple[tuple[bytes, ...], ...]:
    """Every plane as JPEGs of gray, one per channel."""
    how = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    return tuple(
        tuple(cv2.imencode(".jpg", channel, how)[1].tobytes() for channel in channels_of(plane)) for plane in data
    )


def channels_of(plane: U8) -> list[U8]:
    """The channels of (h, w) or (h, w, c) samples, each contiguous."""
    return [np.ascontiguousarray(c) for c in (np.moveaxis(plane, -1, 0) if plane.ndim == 3 else [plane])]


def decoded(jpegs: tuple[tuple[bytes, ...], ...]) -> tuple[U8, ...]:
    """The planes of `encoded`."""
    out: list[U8] = []
    for channels in jpegs:
        bits = [np.frombuffer(jpeg, np.uint8) for jpeg in channels]
        samples = [np.asarray(cv2.imdecode(b, cv2.IMREAD_GRAYSCALE), np.uint8) for b in bits]
        out.append(samples[0] if len(samples) == 1 else np.stack(samples, -1))
    return tuple(out)
