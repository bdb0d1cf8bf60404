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
from vision.bench.meter import Meter
from vision.bench.stages import percentiles_ms, run_stages
from vision.bench.streams import QUEUE, Camera, decode_capacity, next_frame, run_streams, why_failed
from vision.errors import InferenceError, VisionError
from vision.pipeline.runner import Pipeline
from vision.pipeline.stats import Durations
from vision.pipeline.stream import Stream
from vision.types import Frame, Planes


def clip_of(path: Path, seconds: float = 1.0) -> Clip:
    return Clip(path, "test", seconds, 25.0, 1280, 720, "h264", (), (), is_rendered=True)


def frame(seconds: float) -> Frame:
    plane = Planes("bgr", (np.zeros((4, 4, 3), np.uint8),))
    return Frame("c", 0, round(seconds * 1e9), seconds, plane, is_utc=False)


def camera(ready: threading.Condition) -> Camera:
    return Camera("c", clip_of(Path("x.mp4")), 0.0, 1.0, ready)


def silent(name: str, done: int, total: int | None) -> None:
    pass


def test_a_full_queue_loses_its_oldest_frame_and_counts_it() -> None:
    one = camera(threading.Condition())
    for i in range(QUEUE + 1):
        one.hand_over(frame(0.04 * i), 10.0, 10.0 + 0.04 * i, is_late=False)
    one.hand_over(frame(1.0), 10.0, 11.0, is_late=True)
    assert (one.counts.decoded, one.counts.dropped_queue, one.counts.dropped_late) == (QUEUE + 2, 1, 1)
    assert len(one.waiting) == QUEUE
    assert one.waiting[0].frame.time_ns == 10_040_000_000
    assert one.waiting[0].frame.offset_s == pytest.approx(10.04)


def test_the_frame_that_waited_longest_is_served_first() -> None:
    ready = threading.Condition()
    a, b = camera(ready), camera(ready)
    a.hand_over(frame(0.5), 0.0, 0.5, is_late=False)
    b.hand_over(frame(0.4), 0.0, 0.4, is_late=False)
    b.hand_over(frame(0.44), 0.0, 0.44, is_late=False)
    served = [next_frame([a, b], ready) for _ in range(2)]
    assert [taken[0] for taken in served if taken] == [b, a]  # b's second frame waits for its first
    b.is_busy = False
    third = next_frame([a, b], ready)
    assert third is not None
    assert third[1].due_s == 0.44
    a.is_over = b.is_over = True
    assert next_frame([a, b], ready) is None


def test_every_frame_of_a_slow_clip_is_accounted_for() -> None:
    clip = clip_of(demo_clip(), 0.8)
    run = run_streams(Pipeline(), [clip], 2, 0.8, silent)
    assert run["decoded"] == 2 * 20
    assert run["processed"] + run["dropped_queue"] + run["dropped_late"] == run["decoded"]
    assert run["processed"] > 0
    assert run["quality"]["plates"] == 0
    assert not [t for t in threading.enumerate() if t.name.startswith(("camera-", "worker-"))]


def test_a_clip_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    with pytest.raises(VisionError, match=r"bad\.mp4: expected a video file"):
        run_streams(Pipeline(), [clip_of(bad)], 1, 0.5, silent)


def test_a_worker_that_fails_ends_the_run_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Stream, taken: Frame, stretch: float) -> None:
        raise InferenceError("out of memory")

    monkeypatch.setattr(Stream, "update", fail)
    with pytest.raises(InferenceError, match="out of memory"):
        run_streams(Pipeline(), [clip_of(demo_clip())], 2, 1.0, silent)
    assert not [t for t in threading.enumerate() if t.name.startswith(("camera-", "worker-"))]


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
