"""Looking in every frame against looking when something asks for it: what is saved, and what is lost.

    python benchmarks/adaptive.py CLIP... [--json FILE]

Each clip is decoded alone, run with `pace.mode = "every_frame"` and run with `"adaptive"`, all on one thread. Printed
are processor times (other programs on the machine disturb them less than the clock), the share of decoding in them, and
the sightings of both runs: how many, how many of them are the same vehicle, and whether the plates are the same.
Every-frame sightings are no truth: a vehicle whose track breaks is counted twice there as well. So it is also printed
how many of them have no sighting at their place in the adaptive run, not even one that is counted as another's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import config_of, existing, one_line, table

from vision.errors import VisionError
from vision.pipeline.runner import Pipeline
from vision.pipeline.stream import StreamCounts
from vision.types import F32, Sighting
from vision.video.file import FileSource

MIN_OVERLAP = 0.2  # IoU at the first, middle or last common moment from which two sightings are the same vehicle
MODES = ("every_frame", "adaptive")


@dataclass(frozen=True, slots=True)
class Run:
    """One clip in one mode."""

    sightings: list[Sighting]
    counts: StreamCounts
    cpu_s: float

    @property
    def texts(self) -> list[str]:
        """Plates, sorted."""
        return sorted(s.plate.text for s in self.sightings if s.plate)

    @property
    def detections(self) -> int:
        """Frames in which vehicles were looked for."""
        return sum(self.counts.detections.values())


def decode(clip: Path) -> tuple[int, float]:
    """Frames, and processor seconds to decode them."""
    start = time.process_time()
    with FileSource(clip, threads=1) as source:
        n = sum(1 for _ in source)
    return n, time.process_time() - start


def run(pipeline: Pipeline, clip: Path) -> Run:
    """One clip through the pipeline."""
    start = time.process_time()
    with FileSource(clip, threads=1) as source:
        stream = pipeline.open(source.stream_id, recorded=True)
        found = [s for result in pipeline.frames(source, stream) for s in result.sightings]
        found += stream.close()
    return Run(found, stream.counts, time.process_time() - start)


def box_at(sighting: Sighting, seconds: float) -> F32:
    """Where a vehicle was, on the straight way from its first box to its last."""
    whole = max(1e-6, sighting.last_s - sighting.first_s)
    share = min(1.0, max(0.0, (seconds - sighting.first_s) / whole))
    first, last = np.array(sighting.first_box, np.float32), np.array(sighting.last_box, np.float32)
    return np.asarray(first + (last - first) * np.float32(share), np.float32)


def overlap(a: Sighting, b: Sighting) -> float:
    """Largest IoU at the beginning, middle and end of the time that both were seen."""
    start, stop = max(a.first_s, b.first_s), min(a.last_s, b.last_s)
    if stop < start:
        return 0.0
    best = 0.0
    for seconds in (start, (start + stop) / 2, stop):
        p, q = box_at(a, seconds), box_at(b, seconds)
        inter = float(np.clip(np.minimum(p[2:], q[2:]) - np.maximum(p[:2], q[:2]), 0, None).prod())
        union = float((p[2:] - p[:2]).prod() + (q[2:] - q[:2]).prod()) - inter
        best = max(best, inter / max(union, 1e-6))
    return best


def same_vehicles(a: Sequence[Sighting], b: Sequence[Sighting]) -> tuple[int, int]:
    """How many sightings of both runs are of the same vehicle, each used once, best overlap first.

    And how many of ``a`` have nothing in ``b``, also nothing that is used for another: one in two parts is there.
    """
    pairs = sorted(((overlap(p, q), i, j) for i, p in enumerate(a) for j, q in enumerate(b)), reverse=True)
    left, right = set[int](), set[int]()
    for value, i, j in pairs:
        if value >= MIN_OVERLAP and i not in left and j not in right:
            left.add(i)
            right.add(j)
    seen = {i for value, i, _ in pairs if value >= MIN_OVERLAP}
    return len(left), len(a) - len(seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--json", type=Path, help="write the sightings of both runs")
    options = parser.parse_args()
    for clip in options.clips:
        existing(clip, "a video file")
    rows, dump = [], dict[str, dict[str, object]]()
    totals = np.zeros(8)
    try:
        config = config_of(1)
        paces = [config.pace.model_copy(update={"mode": mode}) for mode in MODES]
        pipelines = [Pipeline(config.model_copy(update={"pace": pace})) for pace in paces]
        for clip in options.clips:
            n, alone_s = decode(clip)
            every, adaptive = (run(pipeline, clip) for pipeline in pipelines)
            same, missing = same_vehicles(every.sightings, adaptive.sightings)
            plates = f"{len(adaptive.texts)}, the same" if every.texts == adaptive.texts else "differ"
            rows.append(
                [
                    clip.name,
                    f"{100 * adaptive.detections / n:.0f} %",
                    f"{every.cpu_s / adaptive.cpu_s:.2f}",
                    *(f"{100 * alone_s / r.cpu_s:.0f} %" for r in (every, adaptive)),
                    *(len(r.sightings) for r in (every, adaptive)),
                    same,
                    missing,
                    plates,
                ]
            )
            numbers = (
                n,
                alone_s,
                every.cpu_s,
                adaptive.cpu_s,
                len(every.sightings),
                len(adaptive.sightings),
                same,
                missing,
            )
            totals += numbers
            dump[clip.name] = {
                mode: [
                    (s.first_s, s.last_s, s.first_box, s.last_box, s.plate.text if s.plate else None, s.n_frames)
                    for s in r.sightings
                ]
                for mode, r in zip(MODES, (every, adaptive), strict=True)
            }
            print(clip.name, every.texts, adaptive.texts, adaptive.counts.detections, file=sys.stderr)
    except VisionError as err:
        one_line(err)
    ratio, counts = totals[2] / totals[3], [round(v) for v in totals[4:]]
    shares = [f"{100 * totals[1] / cpu:.0f} %" for cpu in totals[2:4]]
    rows.append(["all", "", f"{ratio:.2f}", *shares, *counts, ""])
    head = ["clip", "frames with detection", "times faster", "decoding, every frame", "decoding, adaptive"]
    print(table([*head, "vehicles, every frame", "adaptive", "the same", "not there at all", "plates"], rows))
    if options.json:
        options.json.write_text(json.dumps(dump), encoding="utf-8")


if __name__ == "__main__":
    main()
