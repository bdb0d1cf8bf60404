"""One clip as fast as it goes: frames per second beside decoding alone, and percentiles of every stage."""

from __future__ import annotations

import time
from typing import Any

from vision.bench.clips import Clip, Progress, quality
from vision.bench.meter import Meter
from vision.pipeline.runner import Pipeline
from vision.pipeline.stats import Durations, StageTimes
from vision.video.file import FileSource

PERCENTILES = (50, 90, 99)


def percentiles_ms(durations: Durations) -> dict[str, float]:
    """``p50``, ``p90``, ``p99``, ``max`` and ``mean`` in milliseconds."""
    found = {f"p{p}": round(1e3 * durations.percentile(p), 3) for p in PERCENTILES}
    mean = durations.total_s / max(1, durations.n)
    return {**found, "max": round(1e3 * durations.max_s, 3), "mean": round(1e3 * mean, 3)}


def decode_rate(clip: Clip, device: str) -> float:
    """Frames per second of decoding alone, with the decoder's threads as the pipeline uses them."""
    start, n = time.perf_counter(), 0
    with FileSource(clip.path, duration_s=clip.seconds, device=device) as source:
        for _ in source:
            n += 1
    return n / (time.perf_counter() - start)


def run_stages(pipeline: Pipeline, clip: Clip, progress: Progress) -> dict[str, Any]:
    """Decoding alone, then the whole pipeline."""
    device = pipeline.config.decode.device
    alone = decode_rate(clip, device)
    pipeline.times = StageTimes(keep=True)
    frame_s = Durations()
    total = round(clip.seconds * clip.fps)
    with Meter() as meter, FileSource(clip.path, duration_s=clip.seconds, device=device) as source:
        stream, texts = pipeline.open("bench", recorded=True), list[str]()
        start = before = time.perf_counter()
        for n, result in enumerate(pipeline.frames(source, stream), 1):
            texts += [s.plate.text for s in result.sightings if s.plate]
            now = time.perf_counter()
            frame_s.add(now - before)
            before = now
            progress("stages", n, total)
        texts += [s.plate.text for s in stream.close() if s.plate]
        took = time.perf_counter() - start
    counts = stream.counts
    table = pipeline.times.table()
    return {
        "fps": round(frame_s.n / took, 2),
        "decode_fps": round(alone, 2),
        "share_of_decode_fps": round(frame_s.n / took / alone, 4),
        "frame_ms": percentiles_ms(frame_s),
        "stage_ms": {
            name: {**percentiles_ms(pipeline.times.samples[name]), "share": row["share"], "calls": row["calls"]}
            for name, row in table.items()
        },
        "per_second": {
            "vehicles_detected": round(counts.vehicle_detections / took, 1),
            "plates_detected": round(counts.plate_detections / took, 1),
        },
        "util": meter.summary(),
        "quality": quality(clip.expected, texts),
    }
