"""How long to wait before the next try."""

from __future__ import annotations

import random


def wait_s(n_failures: int, first_s: float, longest_s: float, random_: random.Random) -> float:
    """Seconds before the next try after ``n_failures`` (from 1) in a row: exponential, with full jitter.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015: uniform between 0 and
    min(longest, first * 2^n). Full jitter spreads the tries of many senders after a common outage best.
    """
    return random_.uniform(0.0, min(longest_s, first_s * 2.0 ** min(n_failures - 1, 60)))
