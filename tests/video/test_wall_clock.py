"""Times of live frames: tied to the quickest arrival, increasing, and honest when a clock is wrong."""

import itertools

import numpy as np

from vision.video.wall_clock import LEAST_ERROR_NS, NS, WallClock

UTC = 1_800_000_000 * NS
PERIOD = NS // 25


def play(clock: WallClock, n: int, delays: list[int], stamp0: int = 0, now0: int = 0, utc0: int = UTC) -> list[int]:
    """Times of frames taken every 40 ms from now0 on, each arriving late by its delay."""
    return [
        clock.time_of(
            stamp0 + i * PERIOD, now_ns=now0 + i * PERIOD + delays[i], utc_ns=utc0 + now0 + i * PERIOD + delays[i]
        )
        for i in range(n)
    ]


def clock_at(utc_minus_steady: int = UTC) -> WallClock:
    clock = WallClock()
    clock._base_ns = utc_minus_steady
    return clock


def test_jitter_of_the_network_does_not_reach_the_times() -> None:
    delays = np.random.default_rng(1).integers(0, 60_000_000, 500).tolist()
    clock = clock_at()
    times = play(clock, 500, delays, stamp0=7 * NS)
    errors = np.array(times) - UTC - np.arange(500) * PERIOD
    assert np.abs(np.diff(times[100:]) - PERIOD).max() < 3_000_000
    assert 0 <= errors[100:].max() < 5_000_000
    assert LEAST_ERROR_NS < clock.error_ns < LEAST_ERROR_NS + 120_000_000
    assert clock.repaired < 10


def test_a_burst_at_the_beginning_gives_no_times_of_the_future() -> None:
    n = 100
    delays = [max(0, NS - i * PERIOD) for i in range(n)]  # the first second arrives at once
    clock = clock_at()
    times = play(clock, n, delays)
    arrivals = [UTC + i * PERIOD + d for i, d in enumerate(delays)]
    assert all(t <= a + 30_000_000 for t, a in zip(times, arrivals, strict=True))
    assert all(b > a for a, b in itertools.pairwise(times))
    assert abs(times[-1] - arrivals[-1]) < 5_000_000


def test_stamps_that_jump_or_are_missing_do_not_move_the_time() -> None:
    clock = clock_at()
    first = play(clock, 50, [0] * 50)
    jumped = play(clock, 50, [0] * 50, stamp0=3600 * NS, now0=2 * NS)
    back = play(clock, 50, [0] * 50, stamp0=-3600 * NS, now0=4 * NS)
    missing = clock.time_of(None, now_ns=6 * NS, utc_ns=UTC + 6 * NS)
    times = [*first, *jumped, *back, missing]
    assert np.abs(np.diff(times) - PERIOD).max() < 5_000_000
    assert clock.repaired == 3
    assert clock.steps == 0


def test_a_system_clock_set_back_an_hour_is_followed_and_counted() -> None:
    clock = clock_at()
    before = play(clock, 50, [0] * 50)
    after = play(clock, 50, [0] * 50, stamp0=2 * NS, now0=2 * NS, utc0=UTC - 3600 * NS)
    assert clock.steps == 1
    assert after[0] - before[-1] == PERIOD - 3600 * NS
    assert np.abs(np.diff(after) - PERIOD).max() < 5_000_000


def test_a_camera_clock_that_drifts_is_followed() -> None:
    clock = clock_at()
    times = [
        clock.time_of(round(i * PERIOD * 0.998), now_ns=i * PERIOD, utc_ns=UTC + i * PERIOD) for i in range(25 * 120)
    ]
    late = np.array(times) - UTC - np.arange(len(times)) * PERIOD
    assert np.abs(late).max() < 80_000_000  # 2 ms a second over the window of 30 s
    assert all(b > a for a, b in itertools.pairwise(times))
