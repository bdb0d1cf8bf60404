"""Frames that are kept for seconds, as evidence, without the decoder's memory."""

from __future__ import annotations

import threading
import weakref
from dataclasses import replace

import numpy as np

from vision.types import U8, Frame, Planes


class _Last(threading.local):
    """What this thread copied last: several vehicles of one frame share a copy."""

    def __init__(self) -> None:
        self.original: weakref.ref[Frame] | None = None
        self.copy: Frame | None = None


_last = _Last()


def lasting(frame: Frame) -> Frame:
    """The frame with pixels of its own.

    A decoder takes the memory of its frames from a pool that never becomes smaller: each frame that is held makes it
    larger, and for hours there comes a moment now and then when more are held than ever before. What a copy takes goes
    back when it is let go. Frames with an overview are left as they are: theirs may not be decoded yet.
    Source: FFmpeg, libavutil/buffer.h, AVBufferPool.
    """
    if frame.overview is not None:
        return frame
    if _last.copy is None or _last.original is None or _last.original() is not frame:
        _last.original, _last.copy = weakref.ref(frame), replace(frame, planes=copied(frame.planes))
    return _last.copy


def copied(planes: Planes) -> Planes:
    """The same pixels in memory of their own, one block for all planes."""
    block, end = np.empty(sum(plane.size for plane in planes.data), np.uint8), 0
    data: list[U8] = []
    for plane in planes.data:
        begin, end = end, end + plane.size
        data.append(block[begin:end].reshape(plane.shape))
        data[-1][...] = plane
    return Planes(planes.layout, tuple(data), planes.matrix, planes.full_range)
