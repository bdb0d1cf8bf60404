"""Samples this process's memory and processor time while something runs."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Self

import numpy as np

from vision.bench.host import require_psutil

WARM_UP = 0.25  # share of the samples before memory is expected to be steady


class Meter:
    """``with Meter() as meter:`` samples in a thread until the body ends.

    Args:
        every_s: seconds between samples.

    Raises:
        OutputError: psutil is missing.
    """

    def __init__(self, every_s: float = 0.5) -> None:
        self._process = require_psutil().Process()
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)
        self.seconds: list[float] = []
        self.rss_mb: list[float] = []
        self.cpu_percent: list[float] = []

    def _run(self) -> None:
        start = time.perf_counter()
        self._process.cpu_percent()  # the first answer of psutil is always 0
        while not self._stop.wait(self._every_s):
            self.seconds.append(time.perf_counter() - start)
            self.rss_mb.append(self._process.memory_info().rss / 2**20)
            self.cpu_percent.append(self._process.cpu_percent())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def summary(self) -> dict[str, Any]:
        """Processor use in percent of one core (mean), memory peak in MB, its slope after warm-up in MB an hour.

        The slope is that of a least-squares line, None from fewer than 20 samples.
        """
        first = int(WARM_UP * len(self.seconds))
        t, rss = np.array(self.seconds[first:]), np.array(self.rss_mb[first:])
        return {
            "cpu_percent": round(float(np.mean(self.cpu_percent)), 1) if self.cpu_percent else None,
            "rss_peak_mb": round(max(self.rss_mb), 1) if self.rss_mb else None,
            "rss_slope_mb_per_h": round(float(np.polyfit(t, rss, 1)[0]) * 3600, 2) if len(t) >= 20 else None,
        }
