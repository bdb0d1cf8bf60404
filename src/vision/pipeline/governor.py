"""Keeps live streams on time: when the machine falls behind, every stream looks less often."""

from __future__ import annotations

import threading

TARGET_S = 0.08  # frames that wait longer than this show that the machine falls behind
UP, DOWN = 1.03, 0.995  # per frame: half as often after 24 late frames, back to normal after some hundred in time
MOST = 8.0


class Governor:
    """One for all streams of a process; any thread may tell it and ask it.

    ``stretch`` is by how much intervals between looks are longer than they should be: 1 while the machine keeps up.
    What is put off that way is counted by each stream (`StreamCounts.postponed`).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.stretch = 1.0
        self.most = 1.0  # the largest stretch so far

    def note(self, late_s: float) -> float:
        """Tell how long a frame waited for its turn, in seconds; returns the stretch from now on."""
        with self._lock:
            factor = UP if late_s > TARGET_S else DOWN
            self.stretch = min(MOST, max(1.0, self.stretch * factor))
            self.most = max(self.most, self.stretch)
            return self.stretch
