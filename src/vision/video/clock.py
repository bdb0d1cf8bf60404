"""Frame times out of a container's stamps: increasing, in nanoseconds from the start of the stream."""

from __future__ import annotations

from fractions import Fraction

NS = 1_000_000_000


class FrameClock:
    """Chooses a time for each decoded frame.

    Frames leave a decoder in the order in which they are shown. Presentation stamps (pts) are taken while they
    increase. Where they run back more often than the decoding stamps (dts), those are the better ones, as in FFmpeg's
    best-effort timestamp. AVI carries no pts at all: what a decoder reports there is in decoding order. A frame
    without a usable stamp follows the last one by the nominal period.

    Args:
        start: stamp of the stream's beginning, None to take the first frame's.
        period_ns: nominal frame period.
        has_pts: whether the container carries presentation stamps.
    """

    def __init__(self, start: int | None, period_ns: int, *, has_pts: bool = True) -> None:
        self._has_pts = has_pts
        self._start, self._period_ns = start, period_ns
        self._last: dict[str, int] = {}
        self._faults = {"pts": 0, "dts": 0}
        self._last_ns: int | None = None
        self.repaired = 0

    def time_of(self, pts: int | None, dts: int | None, time_base: Fraction | None) -> int:
        """Nanoseconds from the start, larger than for the frame before."""
        for name, stamp in (("pts", pts), ("dts", dts)):
            if stamp is not None:
                self._faults[name] += name in self._last and stamp <= self._last[name]
                self._last[name] = stamp
        is_pts_better = (self._has_pts and self._faults["pts"] <= self._faults["dts"]) or dts is None
        stamp = pts if pts is not None and is_pts_better else dts
        at = -1
        if stamp is not None and time_base is not None:
            self._start = stamp if self._start is None else self._start
            at = round((stamp - self._start) * time_base * NS)
        if self._last_ns is None:
            at = max(at, 0)
        elif at <= self._last_ns:
            at = self._last_ns + self._period_ns
            self.repaired += 1
        self._last_ns = at
        return at
