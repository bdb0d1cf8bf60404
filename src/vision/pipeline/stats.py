"""Where the time of a run goes, stage by stage."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class StageTimes:
    """Seconds and calls per stage, added up with ``with times.stage("detect"):``; any thread may.

    Args:
        keep: also keep each call's seconds in ``samples``, for percentiles.
    """

    def __init__(self, *, keep: bool = False) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self.samples: dict[str, list[float]] = {}
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
                    self.samples.setdefault(name, []).append(took)

    def table(self) -> dict[str, dict[str, float]]:
        """Per stage: seconds, share of all staged time, calls."""
        total = sum(self.seconds.values()) or 1.0
        return {
            name: {"s": round(s, 4), "share": round(s / total, 4), "calls": self.calls[name]}
            for name, s in sorted(self.seconds.items(), key=lambda item: -item[1])
        }
