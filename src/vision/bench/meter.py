"""Samples this process's memory and processor time while something runs."""

from __future__ import annotations

import threading
import time
from array import array
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from vision.bench.host import require_psutil

WARM_UP = 0.25  # share of the samples before memory is expected to be steady
PARTS = 20
LOW = 0.1  # quantile of a part


def growth(seconds: ArrayLike, rss_mb: ArrayLike, warm_up_s: float | None = None) -> tuple[float, float] | None:
    """How fast memory grows after warm-up, and how sure that is: MB an hour, standard error.

    What is in use only for a moment says nothing about growth, so a least-squares line goes through the 10 % quantiles
    of twenty parts of the time (the lowest value alone is a matter of chance). Warm-up lasts `warm_up_s`, a quarter of
    the samples where that is None. None from fewer than 20 samples.
    """
    t, rss = np.asarray(seconds), np.asarray(rss_mb)
    first = int(WARM_UP * len(t)) if warm_up_s is None else int(np.searchsorted(t, warm_up_s))
    t, rss = t[first:], rss[first:]
    if len(t) < PARTS:
        return None
    parts = np.array_split(np.arange(len(t)), PARTS)
    x = np.array([t[part].mean() for part in parts])
    y = np.array([np.quantile(rss[part], LOW) for part in parts])
    x, y = x - x.mean(), y - y.mean()
    slope = float(x @ y / (x @ x))
    error = float(np.sqrt(np.sum((y - slope * x) ** 2) / (PARTS - 2) / (x @ x)))
    return slope * 3600, error * 3600


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
        # 4 bytes a sample: lists of floats, 32 bytes each, grew by .7 MB an hour, which counted as the library's growth
        self.seconds, self.rss_mb, self.cpu_percent = array("f"), array("f"), array("f")

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

        The slope is `growth`'s.
        """
        slope, error = growth(self.seconds, self.rss_mb) or (None, None)
        return {
            "cpu_percent": round(float(np.mean(self.cpu_percent)), 1) if self.cpu_percent else None,
            "rss_peak_mb": round(max(self.rss_mb), 1) if self.rss_mb else None,
            "rss_slope_mb_per_h": slope if slope is None else round(slope, 2),
            "rss_slope_error_mb_per_h": error if error is None else round(error, 2),
        }
