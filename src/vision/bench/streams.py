"""Paced streams: as many copies of a clip as cameras, each in real time, through one pipeline.

A thread per camera decodes and hands each frame over when it is due; a frame that finds the previous one still waiting
replaces it, and is counted. One thread runs the pipeline, taking the camera whose frame has waited longest.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

from vision.bench.clips import Clip, Progress, quality
from vision.bench.meter import Meter
from vision.bench.stages import percentiles_ms
from vision.errors import VisionError
from vision.pipeline.runner import Pipeline
from vision.pipeline.stats import StageTimes
from vision.types import Frame
from vision.video.file import FileSource

NS = 1_000_000_000
LATE_S = 0.5  # a frame that is decoded so late is dropped: the camera could not be followed
MAX_DROPS = 0.005
MAX_P99_MS = 500.0
MAX_READ_LOSS = 0.01


@dataclass(slots=True)
class CameraCounts:
    """What became of a camera's frames."""

    decoded: int = 0
    processed: int = 0
    dropped_queue: int = 0
    dropped_late: int = 0


@dataclass(slots=True)
class Waiting:
    """A frame that waits for the pipeline, with the moment (``perf_counter``) at which the camera gave it."""

    frame: Frame
    due_s: float


@dataclass(slots=True)
class Camera:
    """A clip that plays in real time, over and over."""

    name: str
    clip: Clip
    start_s: float
    until_s: float
    ready: threading.Condition
    counts: CameraCounts = field(default_factory=CameraCounts)
    waiting: Waiting | None = None
    is_over: bool = False
    error: str | None = None

    def play(self) -> None:
        """Body of the camera's thread: until ``until_s``, in loops."""
        try:
            loop_s = 0.0
            while self.start_s + loop_s < self.until_s - 0.5 / self.clip.fps:
                self.play_once(loop_s)
                loop_s += self.clip.seconds
        except VisionError as err:
            self.error = str(err)
        finally:
            with self.ready:
                self.is_over = True
                self.ready.notify()

    def play_once(self, loop_s: float) -> None:
        """One pass through the clip, ``loop_s`` seconds after the start."""
        with FileSource(self.clip.path, duration_s=self.clip.seconds, stream_id=self.name) as source:
            for frame in source:
                due_s = self.start_s + loop_s + frame.offset_s
                if due_s >= self.until_s:
                    return
                delay = due_s - time.perf_counter()
                if delay > 0:
                    time.sleep(delay)
                self.hand_over(frame, loop_s, due_s, is_late=delay < -LATE_S)

    def hand_over(self, frame: Frame, loop_s: float, due_s: float, *, is_late: bool) -> None:
        """Leave the frame for the pipeline; what cannot be left is counted."""
        at = round(loop_s * NS)
        placed = replace(frame, time_ns=frame.time_ns + at, offset_s=frame.offset_s + loop_s)
        with self.ready:
            self.counts.decoded += 1
            if is_late:
                self.counts.dropped_late += 1
                return
            self.counts.dropped_queue += self.waiting is not None
            self.waiting = Waiting(placed, due_s)
            self.ready.notify()


def run_streams(pipeline: Pipeline, clip: Clip, n: int, seconds: float, progress: Progress) -> dict[str, Any]:
    """``n`` cameras for so many seconds.

    Raises:
        VisionError: a camera's clip broke off.
    """
    pipeline.times = StageTimes(keep=True)
    ready = threading.Condition()
    start_s = time.perf_counter() + 0.2
    phase = 1 / clip.fps / n  # cameras of a site do not expose at the same moment
    cameras = [
        Camera(f"camera-{i + 1}", clip, start_s + i * phase, start_s + i * phase + seconds, ready) for i in range(n)
    ]
    threads = [threading.Thread(target=c.play, name=c.name, daemon=True) for c in cameras]
    streams = {c.name: pipeline.open(c.name) for c in cameras}
    texts: list[str] = []
    latency_s: list[float] = []
    cpu_before = time.process_time()
    with Meter() as meter:
        for thread in threads:
            thread.start()
        while (taken := next_frame(cameras, ready)) is not None:
            camera, waiting = taken
            result = streams[camera.name].update(waiting.frame)
            latency_s.append(time.perf_counter() - waiting.due_s)
            texts += [s.plate.text for s in result.sightings if s.plate]
            camera.counts.processed += 1
            progress(f"{n} streams", min(round(waiting.due_s - start_s), round(seconds)), round(seconds))
        texts += [s.plate.text for stream in streams.values() for s in stream.close() if s.plate]
        took = time.perf_counter() - start_s
        for thread in threads:
            thread.join()
    broken = next((c.error for c in cameras if c.error), None)
    if broken is not None:
        raise VisionError(broken)
    counts = {key: sum(getattr(c.counts, key) for c in cameras) for key in CameraCounts.__slots__}
    loops = seconds / clip.seconds
    expected, offline = (p * (n * max(1, round(loops))) for p in (clip.expected, clip.offline))
    whole = abs(loops - round(loops)) < 0.02
    out: dict[str, Any] = {
        "streams": n,
        "seconds": round(took, 1),
        "scheduled_fps": round(n * clip.fps, 2),
        "fps": round(counts["processed"] / took, 2),
        **counts,
        "drop_share": (counts["dropped_queue"] + counts["dropped_late"]) / max(1, counts["decoded"]),
        "e2e_ms": percentiles_ms(latency_s) if latency_s else None,
        "util": {**meter.summary(), "cpu_cores": round((time.process_time() - cpu_before) / took, 2)},
        "quality": quality(expected, texts) if whole else None,
        "offline": quality(expected, offline) if whole else None,
        "memory": {"seconds": [round(s, 1) for s in meter.seconds], "rss_mb": [round(m, 1) for m in meter.rss_mb]},
    }
    out["failed"] = why_failed(out)
    return out


def next_frame(cameras: list[Camera], ready: threading.Condition) -> tuple[Camera, Waiting] | None:
    """The frame that has waited longest, None when all cameras are over and nothing waits."""
    with ready:
        while True:
            waiting = [c for c in cameras if c.waiting is not None]
            if waiting:
                camera = min(waiting, key=lambda c: c.waiting.due_s if c.waiting else 0.0)
                taken, camera.waiting = camera.waiting, None
                assert taken is not None
                return camera, taken
            if all(c.is_over for c in cameras):
                return None
            ready.wait()


def why_failed(run: dict[str, Any]) -> list[str]:
    """What of the service level a run did not hold; empty if it held."""
    reasons = []
    if run["drop_share"] > MAX_DROPS:
        reasons.append(f"dropped {100 * run['drop_share']:.1f} % of the frames (at most {100 * MAX_DROPS} %)")
    if run["e2e_ms"] is None or run["e2e_ms"]["p99"] > MAX_P99_MS:
        p99 = "no frame" if run["e2e_ms"] is None else f"{run['e2e_ms']['p99']:.0f} ms"
        reasons.append(f"p99 from capture to result {p99} (at most {MAX_P99_MS:.0f} ms)")
    if run["quality"] and run["quality"]["read_rate"] < run["offline"]["read_rate"] - MAX_READ_LOSS:
        rates = run["quality"]["read_rate"], run["offline"]["read_rate"]
        reasons.append(f"read {100 * rates[0]:.1f} % of the plates, offline {100 * rates[1]:.1f} %")
    return reasons


def most_streams(
    pipeline: Pipeline, clip: Clip, seconds: float, first: int, progress: Progress
) -> list[dict[str, Any]]:
    """Runs with more and more cameras until the service level fails, then halves the gap; every run, in order."""
    runs: list[dict[str, Any]] = []
    good, bad, n = 0, None, first
    while True:
        runs.append(run_streams(pipeline, clip, n, seconds, progress))
        if runs[-1]["failed"]:
            bad = n
        else:
            good = n
        if bad is not None and bad - good <= 1:
            return runs
        n = 2 * good if bad is None else (good + bad) // 2
