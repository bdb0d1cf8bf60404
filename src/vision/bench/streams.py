"""Paced streams: as many cameras as asked for, each playing a clip in real time, through the engine that sites run."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from vision.bench.clips import Clip, Progress, quality
from vision.bench.meter import Meter
from vision.bench.stages import percentiles_ms
from vision.errors import VisionError
from vision.pipeline.config import StreamConfig
from vision.pipeline.runner import Pipeline
from vision.pipeline.stats import Durations, StageTimes
from vision.site.camera import Say
from vision.site.paced import PacedFile
from vision.site.settings import CameraSettings, SiteSettings
from vision.site.site import Site, n_cores
from vision.types import Match, Sighting
from vision.video.file import FileSource
from vision.video.status import Source

LEAD_S = 0.3  # the cameras begin so long after the site
MAX_DROPS = 0.005
MAX_P99_MS = 500.0
MAX_READ_LOSS = 0.01


class Show:
    """A site whose cameras play clips; camera i plays clip i modulo their number.

    Args:
        pipeline: loaded with one thread per network run.
        clips: what the cameras show.
        n: cameras.
        seconds: how long.
        progress: told (name, done, total).
    """

    def __init__(self, pipeline: Pipeline, clips: Sequence[Clip], n: int, seconds: float, progress: Progress) -> None:
        self._seconds, self._progress, self._n = seconds, progress, n
        self.clips = {f"camera-{i + 1}": clips[i % len(clips)] for i in range(n)}
        self.sources: dict[str, PacedFile] = {}
        self.texts: list[str] = []
        self.latency, self.wait = Durations(), Durations()
        sections = pipeline.config.model_dump(include=set(StreamConfig.model_fields))
        cameras = tuple(
            CameraSettings(id=name, url=f"loop:{clip.path}", **sections) for name, clip in self.clips.items()
        )
        self.start_s = time.time() + LEAD_S
        settings = SiteSettings(models=pipeline.config.models, watchlist=pipeline.config.watchlist, cameras=cameras)
        self.site = Site(settings, open_source=self._open, stages=pipeline.stages, times=pipeline.times)

    def _open(self, settings: CameraSettings, say: Say) -> Source:
        clip, i = self.clips[settings.id], len(self.sources)
        source = self.sources[settings.id] = PacedFile(
            clip.path,
            stream_id=settings.id,
            seconds=clip.seconds,
            start_s=self.start_s + i / clip.fps / self._n,  # cameras of a site do not expose at the same moment
            length_s=self._seconds,
            device=settings.decode.device,
        )
        return source

    def run(self) -> None:
        """All cameras until their end.

        Raises:
            VisionError: a camera's clip broke off, or the pipeline failed.
        """
        n_ended = 0
        ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
        try:
            with self.site:
                ticker.start()
                for event in self.site:
                    if isinstance(event, Sighting):
                        self.texts += [event.plate.text] if event.plate else []
                    elif isinstance(event, Match):
                        continue
                    elif event.state == "failed":
                        raise VisionError(event.detail)
                    elif event.state == "ended":
                        n_ended += 1
                        if n_ended == self._n:
                            self.site.finish()
        finally:
            ticker.join()
        for camera in self.site.cameras.values():
            self.latency.absorb(camera.latency)
            self.wait.absorb(camera.wait)

    def _tick(self) -> None:
        while self.site.is_running:
            done = min(round(time.time() - self.start_s), round(self._seconds))
            self._progress(f"{self._n} streams", max(0, done), round(self._seconds))
            time.sleep(0.2)


def run_streams(
    pipeline: Pipeline, clips: Sequence[Clip], n: int, seconds: float, progress: Progress
) -> dict[str, Any]:
    """``n`` cameras for so many seconds, see `Show`.

    Raises:
        VisionError: a camera's clip broke off, or the pipeline failed.
    """
    pipeline.times = StageTimes(keep=True)
    cpu_before = time.process_time()
    with Meter() as meter:
        show = Show(pipeline, clips, n, seconds, progress)
        show.run()
        took = time.time() - show.start_s
    cameras = list(show.site.cameras.values())
    counts = {
        key: sum(getattr(c.counts, key) for c in cameras) for key in ("processed", "dropped_queue", "dropped_stop")
    }
    counts["dropped_late"] = sum(s.n_late for s in show.sources.values())
    counts["undecodable"] = sum(s.n_undecodable for s in show.sources.values())
    counts["undecoded"] = sum(c.counts.undecoded for c in cameras)
    decoded = sum(c.counts.received for c in cameras) + counts["dropped_late"]
    streams = [c.stream.counts for c in cameras]
    played = list(show.clips.values())
    is_whole = all(abs(seconds / c.seconds - round(seconds / c.seconds)) < 0.02 for c in played)
    loops = [max(1, round(seconds / c.seconds)) for c in played]
    expected = [p for c, k in zip(played, loops, strict=True) for p in c.expected * k]
    offline = [p for c, k in zip(played, loops, strict=True) for p in c.offline * k]
    out: dict[str, Any] = {
        "streams": n,
        "seconds": round(took, 1),
        "scheduled_fps": round(sum(c.fps for c in played), 2),
        "fps": round(counts["processed"] / took, 2),
        "decoded": decoded,
        **counts,
        "detected": sum(sum(c.detections.values()) for c in streams),
        "postponed": sum(c.postponed for c in streams),
        "postponed_searches": sum(c.postponed_searches for c in streams),
        "stretch_max": round(show.site.governor.most, 2),
        "drop_share": sum(v for k, v in counts.items() if k.startswith("dropped")) / max(1, decoded),
        "e2e_ms": percentiles_ms(show.latency) if show.latency.n else None,
        "queue_ms": percentiles_ms(show.wait) if show.wait.n else None,
        "stage_ms": {name: percentiles_ms(taken) for name, taken in sorted(pipeline.times.samples.items())},
        "per_second": {
            "vehicles_detected": round(sum(c.vehicle_detections for c in streams) / took, 1),
            "plates_detected": round(sum(c.plate_detections for c in streams) / took, 1),
        },
        "util": {**meter.summary(), "cpu_cores": round((time.process_time() - cpu_before) / took, 2)},
        "quality": quality(expected, show.texts) if is_whole else None,
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
