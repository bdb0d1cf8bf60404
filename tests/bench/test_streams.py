"""Paced streams: what is dropped and counted, who is served first, and when the service level fails."""

import mmap
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clip import demo_clip
from vision.bench.clips import Clip, quality
from vision.bench.meter import Meter, growth
from vision.bench.stages import percentiles_ms, run_stages
from vision.bench.streams import decode_capacity, run_streams, why_failed
from vision.errors import InferenceError, VisionError
from vision.pipeline.runner import Pipeline
from vision.pipeline.stats import Durations
from vision.pipeline.stream import Stream
from vision.types import Frame


def clip_of(path: Path, seconds: float = 1.0) -> Clip:
    return Clip(path, "test", seconds, 25.0, 1280, 720, "h264", (), (), is_rendered=True)


def silent(name: str, done: int, total: int | None) -> None:
    pass


def test_every_frame_of_a_slow_clip_is_accounted_for() -> None:
    clip = clip_of(demo_clip(), 0.8)
    run = run_streams(Pipeline(), [clip], 2, 0.8, silent)
    assert run["decoded"] == 2 * 20
    assert run["processed"] + run["dropped_queue"] + run["dropped_late"] == run["decoded"]
    assert run["dropped_stop"] == 0
    assert run["processed"] > 0
    assert run["quality"]["plates"] == 0
    assert not [t for t in threading.enumerate() if t.name.startswith(("camera-", "site-", "progress"))]


def test_a_clip_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    with pytest.raises(VisionError, match=r"bad\.mp4: expected a video file"):
        run_streams(Pipeline(), [clip_of(bad)], 1, 0.5, silent)


def test_a_worker_that_fails_ends_the_run_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Stream, taken: Frame, stretch: float) -> None:
        raise InferenceError("out of memory")

    monkeypatch.setattr(Stream, "update", fail)
    with pytest.raises(VisionError, match="InferenceError: out of memory"):
        run_streams(Pipeline(), [clip_of(demo_clip())], 2, 1.0, silent)
    assert not [t for t in threading.enumerate() if t.name.startswith(("camera-", "site-", "progress"))]


def test_decoding_alone_carries_some_cameras() -> None:
    assert decode_capacity([clip_of(demo_clip())], 0.3) > 0.1


HELD: dict[str, Any] = {
    "drop_share": 0.005, "e2e_ms": {"p99": 500.0}, "quality": {"read_rate": 0.95}, "offline": {"read_rate": 0.96},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"drop_share": 0.006}, "dropped 0.6 % of the frames"),
        ({"e2e_ms": {"p99": 501.0}}, "p99 from capture to result 501 ms"),
        ({"e2e_ms": None}, "no frame"),
        ({"quality": {"read_rate": 0.94}}, "read 94.0 % of the plates, offline 96.0 %"),
        ({"quality": None, "offline": None}, None),
    ],
)
def test_the_service_level(change: dict[str, Any], reason: str | None) -> None:
    failed = why_failed(HELD | change)
    assert (not failed) if reason is None else (len(failed) == 1 and reason in failed[0])


def test_stages_count_every_frame_and_name_the_rates() -> None:
    result = run_stages(Pipeline(), clip_of(demo_clip(), 0.4), silent)
    assert 1 <= result["stage_ms"]["detect vehicles"]["calls"] <= 10
    assert result["stage_ms"]["watch"]["calls"] == 10
    assert result["stage_ms"]["decode"]["calls"] == 11  # the last call finds the end
    assert 0 < result["share_of_decode_fps"] < 1


def test_percentiles_and_quality() -> None:
    durations = Durations()
    rng = np.random.default_rng(1)
    values = rng.lognormal(-5, 1, 20_000)
    for value in values.tolist():
        durations.add(value)
    found = percentiles_ms(durations)
    for p in (50, 90, 99):
        assert found[f"p{p}"] == pytest.approx(1e3 * np.percentile(values, p), rel=0.025)
    assert found["max"] == pytest.approx(1e3 * values.max(), abs=1e-3)
    assert found["mean"] == pytest.approx(1e3 * values.mean(), abs=1e-3)
    assert Durations().percentile(99) == 0.0
    assert quality(("A", "A", "B"), ["A", "C", "A"]) == {"plates": 3, "right": 2, "read_rate": 2 / 3, "unexpected": 1}
    assert quality((), [])["read_rate"] == 1.0


def test_growth_is_that_of_what_stays_in_use() -> None:
    rng = np.random.default_rng(1)
    seconds = np.arange(0.0, 1800.0)
    warm_up = 50 * np.exp(-seconds / 60)
    saw = seconds % 45 / 5 + rng.uniform(0, 0.5, seconds.size)  # given back every 45 s
    slope, error = growth(seconds, 200 + warm_up + saw + seconds * 2 / 3600) or (0, 0)
    assert 0 < error < 0.5
    assert abs(slope - 2) < 3 * error
    assert growth(seconds[:20], saw[:20]) is None
    stepped = np.where(seconds < 900, 200 + seconds / 60, 220)  # MB: 15 a quarter of an hour, then nothing
    assert (growth(seconds, stepped) or (0, 0))[0] > 5
    assert growth(seconds, stepped, 900) == pytest.approx((0, 0), abs=1e-6)


def test_the_meter_sees_memory_grow() -> None:
    with Meter(every_s=0.01) as meter:
        kept = []
        for _ in range(30):
            kept.append(mmap.mmap(-1, 4 << 20))  # pages of its own: the heap may have freed ones to reuse
            kept[-1].write(b"x" * (4 << 20))
            time.sleep(0.02)
    found = meter.summary()
    assert found["rss_slope_mb_per_h"] > 60 * 60  # at least a megabyte a second; it is 4 every 20 ms
    assert found["rss_peak_mb"] >= max(meter.rss_mb) - 0.1
    assert len(kept) == 30
