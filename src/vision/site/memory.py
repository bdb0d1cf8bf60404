"""Unused memory back to the system, now and then.

A site asks for millions of blocks of mixed sizes from many threads. What is in use stays the same, but glibc's malloc
keeps the gaps between, a little more every hour, for as long as the process lives.
"""

from __future__ import annotations

import ctypes
import sys
import time

EVERY_S = 60.0


class Trimmer:
    """Calls glibc's ``malloc_trim`` every ``every_s`` seconds; with another C library it does nothing.

    Args:
        every_s: seconds between two calls; a call takes some milliseconds and lets other threads run.
    """

    def __init__(self, every_s: float = EVERY_S) -> None:
        libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._trim = getattr(libc, "malloc_trim", None)
        self._every_s = every_s
        self._next_s = time.monotonic() + every_s

    def tick(self) -> bool:
        """Give memory back if it is time; whether any was given."""
        now = time.monotonic()
        if self._trim is None or now < self._next_s:
            return False
        self._next_s = now + self._every_s
        return bool(self._trim(0))
