"""Frames that are kept for seconds, as evidence: without the decoder's memory, and not all of them uncompressed."""

from __future__ import annotations

import weakref
from dataclasses import replace

import cv2
import numpy as np

from vision.types import U8, Frame, Planes

PLAIN_BYTES = 24 << 20  # of kept frames of one stream that are not compressed: 8 frames of 1920 x 1080
QUALITY = 95  # of the others, as JPEG plane by plane: 50 dB and a sixth to a tenth of the bytes in 1080p traffic


class KeptPlanes(Planes):
    """Planes that become JPEGs when `pack` is called, and are decoded whenever their ``data`` is asked for then."""

    __slots__ = ("__weakref__", "_jpegs", "_plain", "_size")
    _plain: tuple[U8, ...] | None
    _jpegs: tuple[tuple[bytes, ...], ...]
    _size: tuple[int, int]

    def __init__(self, planes: Planes) -> None:
        values: dict[str, object] = {"layout": planes.layout, "matrix": planes.matrix, "full_range": planes.full_range}
        values |= {"_plain": planes.data, "_jpegs": (), "_size": (planes.width, planes.height)}
        for name, value in values.items():
            object.__setattr__(self, name, value)  # the base is frozen

    @property
    def data(self) -> tuple[U8, ...]:
        """See `Planes`."""
        plain = self._plain  # another thread may pack meanwhile
        return decoded(self._jpegs) if plain is None else plain

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self._size[0]

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self._size[1]

    @property
    def plain_bytes(self) -> int:
        """What the uncompressed pixels take, 0 once they are packed."""
        return sum(plane.nbytes for plane in self._plain or ())

    def pack(self) -> None:
        """Keep the pixels compressed from now on."""
        if self._plain is not None:
            object.__setattr__(self, "_jpegs", encoded(self._plain))
            object.__setattr__(self, "_plain", None)


class Keeper:
    """Makes frames of one stream last: with pixels of their own, of which the oldest are compressed.

    A decoder takes the memory of its frames from a pool that never becomes smaller: each frame that is held makes it
    larger, and for hours there comes a moment now and then when more are held than ever before. What a copy takes goes
    back when it is let go. In a crowd each vehicle and each plate keep a frame until they have left; beyond
    `PLAIN_BYTES` those that are kept longest are packed.
    Source: FFmpeg, libavutil/buffer.h, AVBufferPool.
    """

    def __init__(self) -> None:
        self._original: weakref.ref[Frame] | None = None
        self._last: weakref.ref[Frame] | None = None
        self._plain: list[weakref.ref[KeptPlanes]] = []

    def keep(self, frame: Frame) -> Frame:
        """The frame with pixels of its own; several vehicles of one frame share a copy.

        Frames with an overview are left as they are: theirs may not be decoded yet.
        """
        if frame.overview is not None:
            return frame
        last = self._last() if self._last else None
        if last is not None and self._original is not None and self._original() is frame:
            return last
        planes = KeptPlanes(copied(frame.planes))
        copy = replace(frame, planes=planes)
        self._original, self._last = weakref.ref(frame), weakref.ref(copy)
        self._plain.append(weakref.ref(planes))
        self._pack_oldest()
        return copy

    def _pack_oldest(self) -> None:
        living = [planes for ref in self._plain if (planes := ref()) is not None]
        excess = sum(planes.plain_bytes for planes in living) - PLAIN_BYTES
        while excess > 0 and len(living) > 1:
            excess -= living[0].plain_bytes
            living.pop(0).pack()
        self._plain = [weakref.ref(planes) for planes in living]


def plain(planes: Planes) -> Planes:
    """The pixels as they are now: what is to be used several times is decoded once."""
    return Planes(planes.layout, planes.data, planes.matrix, planes.full_range)


def copied(planes: Planes) -> Planes:
    """The same pixels in memory of their own, one block for all planes."""
    block, end = np.empty(sum(plane.size for plane in planes.data), np.uint8), 0
    data: list[U8] = []
    for plane in planes.data:
        begin, end = end, end + plane.size
        data.append(block[begin:end].reshape(plane.shape))
        data[-1][...] = plane
    return Planes(planes.layout, tuple(data), planes.matrix, planes.full_range)


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
