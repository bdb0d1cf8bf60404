"""Frames that come a segment at a time, handed on when they are due."""

from __future__ import annotations

from vision.video.wall_clock import NS

LATE_NS = NS // 5  # frames later than that were waited for: what follows is due later, too
JUMP_NS = 15 * NS  # stamps further ahead than a segment begin anew


class Pacer:
    """How long each frame must wait so that frames come as their stamps say, neither in bursts nor too late."""

    def __init__(self) -> None:
        self._shift_ns: int | None = None  # what a stamp is due at, less the stamp

    def wait_s(self, stamp_ns: int | None, now_ns: int) -> float:
        """Seconds until a frame is due.

        Args:
            stamp_ns: its presentation stamp; without one it is due at once.
            now_ns: the steady clock.
        """
        if stamp_ns is None:
            return 0.0
        early_ns = 0 if self._shift_ns is None else self._shift_ns + stamp_ns - now_ns
        if self._shift_ns is None or not -LATE_NS <= early_ns <= JUMP_NS:
            self._shift_ns, early_ns = now_ns - stamp_ns, 0
        return max(0, early_ns) / NS
