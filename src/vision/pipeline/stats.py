"""Where the time of a run goes, stage by stage."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


class Durations:
    """A histogram of durations that takes no more memory however long it runs; any thread may add to it.

    Bins grow by 2 % each, so a percentile is right to 2 %; the largest value and the mean are exact.
    """

    LEAST_S, GROWTH, BINS = 1e-6, 1.02, 1000  # up to 400 s

    def __init__(self) -> None:
        self._counts = np.zeros(self.BINS, np.int64)
        self._lock = threading.Lock()
        self.n = 0
        self.total_s = 0.0
        self.max_s = 0.0

    def add(self, seconds: float) -> None:
        """Note one duration."""
        at = math.log(max(seconds, self.LEAST_S) / self.LEAST_S) / math.log(self.GROWTH)
        with self._lock:
            self._counts[min(self.BINS - 1, int(at))] += 1
            self.n += 1
            self.total_s += seconds
            self.max_s = max(self.max_s, seconds)

    def absorb(self, other: Durations) -> None:
        """Add all durations of another histogram."""
        with self._lock:
            self._counts += other._counts
            self.n += other.n
            self.total_s += other.total_s
            self.max_s = max(self.max_s, other.max_s)

    def percentile(self, p: float) -> float:
        """Seconds that ``p`` percent of the durations do not exceed; 0 of none."""
        if not self.n:
            return 0.0
        at = int(np.searchsorted(np.cumsum(self._counts), p / 100 * self.n))
        return min(self.max_s, float(self.LEAST_S * self.GROWTH ** (min(at, self.BINS - 1) + 0.5)))


class StageTimes:
    """Seconds and calls per stage, added up with ``with times.stage("detect"):``; any thread may.

    Args:
        keep: also keep a histogram of each stage's seconds in ``samples``, for percentiles.
    """

    def __init__(self, *, keep: bool = False) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self.samples: dict[str, Durations] = {}
        self._keep = keep
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the body under ``name``; a body that raises is counted too."""
        start = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - start
            with self._lock:
                self.seconds[name] = self.seconds.get(name, 0.0) + took
                self.calls[name] = self.calls.get(name, 0) + 1
                if self._keep:
                    self.samples.setdefault(name, Durations()).add(took)

    def table(self) -> dict[str, dict[str, float]]:
        """Per stage: seconds, share of all staged time, calls."""
        total = sum(self.seconds.values()) or 1.0
        return {
            name: {"s": round(s, 4), "share": round(s / total, 4), "calls": self.calls[name]}
            for name, s in sorted(self.seconds.items(), key=lambda item: -item[1])
        }
