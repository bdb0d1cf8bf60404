"""Memory that does not creep: what a site asks of glibc's malloc."""

from __future__ import annotations

import ctypes
import sys
import time
from typing import Any

LARGE_BYTES = 256 * 1024
N_ARENAS = 2
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # Source: malloc.h of glibc
EVERY_S = 60.0


class SteadyMalloc:
    """Large blocks are the system's again as soon as they are free, threads share two heaps, and gaps are given back.

    Unasked, glibc takes blocks of up to 32 MB from its heaps once one such was freed, and gives most threads a heap of
    their own: between frames, tensors and small things of many sizes gaps grow for as long as a site runs
    (docs/decisions/0013-steady-memory.md). It counts for the whole process. Other C libraries are left alone.

    Args:
        every_s: seconds between two calls of ``malloc_trim``, which take some milliseconds and let other threads run.
    """

    def __init__(self, every_s: float = EVERY_S) -> None:
        libc: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._trim = getattr(libc, "malloc_trim", None)
        self._every_s = every_s
        self._next_s = time.monotonic() + every_s
        if self._trim is not None:
            libc.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
            libc.mallopt(M_ARENA_MAX, N_ARENAS)

    def tick(self) -> bool:
        """Give gaps back if it is time; whether any were."""
        now = time.monotonic()
        if self._trim is None or now < self._next_s:
            return False
        self._next_s = now + self._every_s
        return bool(self._trim(0))
