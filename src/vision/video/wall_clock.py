"""When a live frame was taken, in UTC: from its stamp and the moment it arrived, with an honest error."""

from __future__ import annotations

import time
from collections import deque

NS = 1_000_000_000
WINDOW_S = 30  # the quickest frame of so long shows the offset between the camera's clock and ours
SLEW_NS = 2_000_000  # a frame's time moves at most so far from its neighbors' time line
JUMP_NS = NS  # stamps that leave the time line by more are a new time line
STEP_NS = NS // 5  # our own clock was set, if it leaves the steady one by more
LEAST_ERROR_NS = 50_000_000  # encoder and network, which arrival times cannot show


class WallClock:
    """Maps presentation stamps to UTC.

    Frames arrive late by a varying time, never early: over a window the smallest difference between arrival and stamp
    is the offset; where it grows the time line follows it slowly. Stamps that jump, run back or are missing start a
    new one.

    ``error_ns`` bounds what the arrivals themselves show (their usual delay behind the quickest) plus 50 ms; what a
    camera holds back for every frame alike cannot be seen from here.
    """

    def __init__(self) -> None:
        self._base_ns = time.time_ns() - time.monotonic_ns()
        self._seconds: deque[tuple[int, int]] = deque()  # (second, smallest offset in it)
        self._offset_ns: int | None = None
        self._delay_ns = 0.0
        self._last_ns: int | None = None
        self.repaired = 0  # stamps missing, running back or jumping, and times made to increase
        self.steps = 0  # times that the system's clock was set

    @property
    def error_ns(self) -> int:
        """How far the last time may be off."""
        return LEAST_ERROR_NS + round(2 * self._delay_ns)

    def renew(self) -> None:
        """A new connection: its stamps have nothing to do with those before."""
        self._seconds.clear()
        self._offset_ns, self._delay_ns = None, 0.0

    def time_of(self, stamp_ns: int | None, *, now_ns: int | None = None, utc_ns: int | None = None) -> int:
        """UTC nanoseconds of a frame, later than the last one's unless the system's clock was set back.

        Args:
            stamp_ns: its presentation stamp, None if it has none.
            now_ns, utc_ns: arrival by the steady clock and by the system's; default now.
        """
        now_ns = time.monotonic_ns() if now_ns is None else now_ns
        self._follow((time.time_ns() if utc_ns is None else utc_ns) - now_ns)
        if stamp_ns is None:
            self.repaired += 1
            taken_ns = now_ns
        else:
            taken_ns = stamp_ns + self._offset(stamp_ns, now_ns)
        at = taken_ns + self._base_ns
        if self._last_ns is not None and at <= self._last_ns:
            self.repaired += 1
            at = self._last_ns + 1_000_000
        self._last_ns = at
        return at

    def _follow(self, base_ns: int) -> None:
        """Keep to the system's clock, slowly; notice when it was set."""
        difference = base_ns - self._base_ns
        if abs(difference) > STEP_NS:
            self.steps += 1
            self._base_ns, self._last_ns = base_ns, None
        else:
            self._base_ns += max(-SLEW_NS, min(SLEW_NS, difference))

    def _offset(self, stamp_ns: int, now_ns: int) -> int:
        offset = now_ns - stamp_ns
        if self._offset_ns is not None and abs(offset - self._offset_ns - self._delay_ns) > JUMP_NS:
            self.repaired += 1
            self.renew()
        second = now_ns // NS
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1] = second, min(self._seconds[-1][1], offset)
        else:
            self._seconds.append((second, offset))
        while self._seconds[0][0] < second - WINDOW_S:
            self._seconds.popleft()
        least = min(o for _, o in self._seconds)
        if self._offset_ns is None or least < self._offset_ns:  # no frame is of the future
            self._offset_ns = least
        self._offset_ns += min(SLEW_NS, least - self._offset_ns)
        self._delay_ns += 0.05 * (max(0, offset - least) - self._delay_ns)
        return self._offset_ns
