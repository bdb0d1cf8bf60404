"""Paced streams: as many cameras as asked for, each playing a clip in real time, through one pipeline.

A thread per camera decodes and puts each frame into the camera's short queue when it is due; a full queue loses its
oldest frame, which is counted. One worker thread per core runs the pipeline on the frame that has waited longest, each
network run on one core: that beats one run after the other on all cores. When frames wait too long, the governor makes
every stream look for vehicles and plates less often, which is counted, too.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vision.bench.clips import Clip, Progress, quality
from vision.bench.host import n_cores
from vision.bench.meter import Meter
from vision.bench.stages import percentiles_ms
from vision.errors import VisionError
from vision.pipeline.governor import Governor
from vision.pipeline.runner import Pipeline
from vision.pipeline.stats import Durations, StageTimes
from vision.pipeline.stream import Stream
from vision.types import Frame
from vision.video.file import FileSource

NS = 1_000_000_000
QUEUE = 8  # frames that may wait per camera: a third of a second
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
    undecodable: int = 0


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
    device: str = "cpu"  # where it is decoded
    stream: Stream | None = None
    texts: list[str] = field(default_factory=list)
    waiting: deque[Waiting] = field(default_factory=deque)
    is_busy: bool = False  # a worker has a frame of it: its stream takes one at a time
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
                self.ready.notify_all()

    def stop(self) -> None:
        """Play no further frame."""
        self.until_s = 0.0

    def play_once(self, loop_s: float) -> None:
        """One pass through the clip, ``loop_s`` seconds after the start."""
        with FileSource(
            self.clip.path, duration_s=self.clip.seconds, stream_id=self.name, threads=1, device=self.device
        ) as source:
            for frame in source:
                due_s = self.start_s + loop_s + frame.offset_s
                if due_s >= self.until_s:
                    return
                delay = due_s - time.perf_counter()
                if delay > 0:
                    time.sleep(delay)
                self.hand_over(frame, loop_s, due_s, is_late=delay < -LATE_S)
            self.counts.undecodable += source.counts.undecodable

    def hand_over(self, frame: Frame, loop_s: float, due_s: float, *, is_late: bool) -> None:
        """Leave the frame for the pipeline; what cannot be left is counted."""
        at = round(loop_s * NS)
        placed = replace(frame, time_ns=frame.time_ns + at, offset_s=frame.offset_s + loop_s)
        with self.ready:
            self.counts.decoded += 1
            if is_late:
                self.counts.dropped_late += 1
                return
            if len(self.waiting) == QUEUE:
                self.waiting.popleft()
                self.counts.dropped_queue += 1
            self.waiting.append(Waiting(placed, due_s))
            self.ready.notify()


class Site:
    """Cameras, and workers that share one pipeline.

    Args:
        pipeline: loaded with one thread per network run.
        clips: what the cameras show; camera i plays clip i modulo their number.
        n: cameras.
        seconds: how long.
        progress: told (name, done, total).
    """

    def __init__(self, pipeline: Pipeline, clips: Sequence[Clip], n: int, seconds: float, progress: Progress) -> None:
        self.pipeline, self.seconds, self._progress, self._n = pipeline, seconds, progress, n
        self.governor = Governor()
        self.latency_s, self.wait_s = Durations(), Durations()
        self.errors: list[BaseException] = []
        self._ready = threading.Condition()
        self.start_s = start_s = time.perf_counter() + 0.2
        self.cameras = []
        for i in range(n):
            clip = clips[i % len(clips)]
            phase = i / clip.fps / n  # cameras of a site do not expose at the same moment
            self.cameras.append(
                Camera(f"camera-{i + 1}", clip, start_s + phase, start_s + phase + seconds, self._ready)
            )
            self.cameras[-1].stream = pipeline.open(f"camera-{i + 1}")
            self.cameras[-1].device = pipeline.config.decode.device

    def run(self) -> None:
        """All cameras until their end.

        Raises:
            VisionError: a camera's clip broke off, or a worker failed.
        """
        threads = [threading.Thread(target=c.play, name=c.name, daemon=True) for c in self.cameras]
        threads += [threading.Thread(target=self._work, name=f"worker-{i + 1}", daemon=True) for i in range(n_cores())]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for camera in self.cameras:
            if camera.error is not None:
                raise VisionError(camera.error)
            assert camera.stream is not None
            camera.texts += [s.plate.text for s in camera.stream.close() if s.plate]
        if self.errors:
            raise self.errors[0]

    def _work(self) -> None:
        """Body of a worker's thread."""
        while (taken := next_frame(self.cameras, self._ready)) is not None:
            camera, waiting = taken
            assert camera.stream is not None
            try:
                wait_s = time.perf_counter() - waiting.due_s
                self.wait_s.add(max(0.0, wait_s))
                # A camera behind its own time hurries at once: a frame without a look takes half a millisecond.
                stretch = self.governor.note(wait_s) * (1 + len(camera.waiting))
                result = camera.stream.update(waiting.frame, stretch)
            except BaseException as err:  # given to the caller by run()
                self.errors.append(err)
                for other in self.cameras:
                    other.stop()
                return
            finally:
                with self._ready:
                    camera.is_busy = False
                    self._ready.notify_all()
            self.latency_s.add(time.perf_counter() - waiting.due_s)
            camera.texts += [s.plate.text for s in result.sightings if s.plate]
            camera.counts.processed += 1
            done = min(round(waiting.due_s - self.start_s), round(self.seconds))
            self._progress(f"{self._n} streams", done, round(self.seconds))


def run_streams(
    pipeline: Pipeline, clips: Sequence[Clip], n: int, seconds: float, progress: Progress
) -> dict[str, Any]:
    """``n`` cameras for so many seconds, see `Site`.

    Raises:
        VisionError: a camera's clip broke off.
    """
    pipeline.times = StageTimes(keep=True)
    cpu_before = time.process_time()
    with Meter() as meter:
        site = Site(pipeline, clips, n, seconds, progress)
        site.run()
        took = time.perf_counter() - site.start_s
    cameras = site.cameras
    counts = {key: sum(getattr(c.counts, key) for c in cameras) for key in CameraCounts.__slots__}
    streams = [c.stream.counts for c in cameras if c.stream]
    is_whole = all(abs(seconds / c.clip.seconds - round(seconds / c.clip.seconds)) < 0.02 for c in cameras)
    loops = [max(1, round(seconds / c.clip.seconds)) for c in cameras]
    expected = [p for c, k in zip(cameras, loops, strict=True) for p in c.clip.expected * k]
    offline = [p for c, k in zip(cameras, loops, strict=True) for p in c.clip.offline * k]
    out: dict[str, Any] = {
        "streams": n,
        "seconds": round(took, 1),
        "scheduled_fps": round(sum(c.clip.fps for c in cameras), 2),
        "fps": round(counts["processed"] / took, 2),
        **counts,
        "detected": sum(sum(c.detections.values()) for c in streams),
        "postponed": sum(c.postponed for c in streams),
        "stretch_max": round(site.governor.most, 2),
        "drop_share": (counts["dropped_queue"] + counts["dropped_late"]) / max(1, counts["decoded"]),
        "e2e_ms": percentiles_ms(site.latency_s) if site.latency_s.n else None,
        "queue_ms": percentiles_ms(site.wait_s) if site.wait_s.n else None,
        "stage_ms": {name: percentiles_ms(taken) for name, taken in sorted(pipeline.times.samples.items())},
        "per_second": {
            "vehicles_detected": round(sum(c.vehicle_detections for c in streams) / took, 1),
            "plates_detected": round(sum(c.plate_detections for c in streams) / took, 1),
        },
        "util": {**meter.summary(), "cpu_cores": round((time.process_time() - cpu_before) / took, 2)},
        "quality": quality(expected, [t for c in cameras for t in c.texts]) if is_whole else None,
        "offline": quality(expected, offline) if is_whole else None,
        "memory": {"seconds": [round(s, 1) for s in meter.seconds], "rss_mb": [round(m, 1) for m in meter.rss_mb]},
    }
    out["failed"] = why_failed(out)
    return out


def decode_capacity(clips: Sequence[Clip], seconds: float = 4.0, device: str = "cpu") -> float:
    """How many such cameras this machine could decode and do nothing else: all cores, as fast as they go.

    Clips count equally, as they do among the cameras of `run_streams`.
    """
    shares = []
    for clip in clips:
        decoded, start = [0] * n_cores(), time.perf_counter()

        def decode(slot: int, clip: Clip = clip, start: float = start, decoded: list[int] = decoded) -> None:
            while time.perf_counter() - start < seconds:
                with FileSource(clip.path, duration_s=clip.seconds, threads=1, device=device) as source:
                    for _ in source:
                        decoded[slot] += 1
                        if time.perf_counter() - start >= seconds:
                            return

        threads = [threading.Thread(target=decode, args=(i,), daemon=True) for i in range(n_cores())]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shares.append(clip.fps * (time.perf_counter() - start) / max(1, sum(decoded)))
    return len(shares) / sum(shares)


def next_frame(cameras: Sequence[Camera], ready: threading.Condition) -> tuple[Camera, Waiting] | None:
    """The frame that has waited longest of a camera no worker is busy with; None when all is over."""
    with ready:
        while True:
            waiting = [c for c in cameras if c.waiting and not c.is_busy]
            if waiting:
                camera = min(waiting, key=lambda c: c.waiting[0].due_s)
                camera.is_busy = True
                return camera, camera.waiting.popleft()
            if all(c.is_over and not c.waiting for c in cameras):
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
    pipeline: Pipeline, clips: Sequence[Clip], seconds: float, first: int, progress: Progress
) -> list[dict[str, Any]]:
    """Runs with more and more cameras until the service level fails, then halves the gap; every run, in order."""
    runs: list[dict[str, Any]] = []
    good, bad, n = 0, None, first
    while True:
        runs.append(run_streams(pipeline, clips, n, seconds, progress))
        if runs[-1]["failed"]:
            bad = n
        else:
            good = n
        if bad is not None and bad - good <= 1:
            return runs
        n = 2 * good if bad is None else (good + bad) // 2
