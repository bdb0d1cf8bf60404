"""Memory that does not creep: what a site asks of glibc's malloc before it starts."""

from __future__ import annotations

import ctypes
import sys

LARGE_BYTES = 256 * 1024
N_ARENAS = 2
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # Source: malloc.h of glibc


def steady_malloc() -> bool:
    """Ask that large blocks are the system's again as soon as they are free, and that threads share two heaps.

    Unasked, glibc takes blocks of up to 32 MB from its heaps once one such was freed, and gives most threads a heap of
    their own: between frames, tensors and small things of many sizes gaps grow for as long as a site runs. It counts
    for the whole process and costs no measurable time (docs/benchmark/README.md).

    Returns:
        Whether it was done: other C libraries need no such advice, or take none.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    return all([mallopt(M_MMAP_THRESHOLD, LARGE_BYTES), mallopt(M_ARENA_MAX, N_ARENAS)])
