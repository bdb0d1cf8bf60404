"""Copies of planes, in memory that does not go through malloc and is used again."""

from __future__ import annotations

import mmap
import weakref
from collections import deque

import numpy as np

from vision.types import U8, Planes

SPARE = 4  # blocks that wait to be used again, of the whole process


class Blocks:
    """Memory for frames, mapped from the system; what is let go serves the next frame of its size.

    malloc would put a large block into a gap among small ones if there is one, and frames that come and go would widen
    it. And new memory costs many times what copying does: the system gives it page by page, with zeros
    (docs/decisions/0013-steady-memory.md).

    Args:
        spare: how many blocks at most are kept for the next frames; the system gets the others back at once.
    """

    def __init__(self, spare: int = SPARE) -> None:
        self._spare: deque[mmap.mmap] = deque(maxlen=spare)  # without a lock: blocks return whenever Python frees them
        self._lent: dict[int, weakref.ref[U8]] = {}

    def __len__(self) -> int:
        """How many wait to be used again."""
        return len(self._spare)

    def take(self, size: int) -> U8:
        """A block of so many bytes with anything in it; it returns when nobody has it or a part of it any more."""
        memory = self._again(size) or mmap.mmap(-1, size, access=mmap.ACCESS_COPY)  # of this process alone
        block = np.frombuffer(memory, np.uint8)  # what is cut from it refers to it, not to the memory
        key = id(memory)

        def give(_: weakref.ref[U8]) -> None:
            self._lent.pop(key, None)
            self._spare.append(memory)

        self._lent[key] = weakref.ref(block, give)
        return block

    def _again(self, size: int) -> mmap.mmap | None:
        for _ in range(len(self._spare)):
            try:
                memory = self._spare.popleft()
            except IndexError:  # another thread took it
                return None
            if len(memory) == size:
                return memory
            self._spare.append(memory)
        return None


BLOCKS = Blocks()


def copied(planes: Planes, blocks: Blocks = BLOCKS) -> Planes:
    """The same pixels in memory of their own, one block for all planes."""
    block, end = blocks.take(sum(plane.size for plane in planes.data)), 0
    data: list[U8] = []
    for plane in planes.data:
        begin, end = end, end + plane.size
        data.append(block[begin:end].reshape(plane.shape))
        data[-1][...] = plane
    return Planes(planes.layout, tuple(data), planes.matrix, planes.full_range)
