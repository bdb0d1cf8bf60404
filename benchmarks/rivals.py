"""Frames/s of the whole pipeline beside the same networks driven by OpenCV and NumPy, on one thread.

    python benchmarks/rivals.py CLIP... [--seconds N]

All sides take turns on the same part of a clip, vehicle detection on every frame, no annotation. The rival
(`plain.py`) runs twice. Once it is told what the library does: it searches plates in the same frames and in as many
vehicle crops, and reads as many plates and classifies as many vehicles (or all it found, if fewer), so that both run
the networks equally often; the counts are printed. Once it has no plan: it searches every frame for plates, whole and
never in crops, and reads all it finds. Only ratios within one run mean something.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import config_of, existing, fail, one_line, shares, table
from benchmarks.plain import PlainPipeline, Plan, open_capture

from vision.cli.say import bars
from vision.errors import VisionError
from vision.infer.session import Session
from vision.pipeline.runner import Pipeline
from vision.pipeline.stats import StageTimes
from vision.video.file import FileSource

SEGMENT = 24  # frames per turn
ALL = 1000  # more plates than a picture has
Progress = Callable[[str, int, int | None], None]


@dataclass(slots=True)
class Side:
    """One side's frames, times and network runs."""

    name: str
    times: StageTimes = field(default_factory=StageTimes)
    frames: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    network_s: float = 0.0
    runs: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)
    samples: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Time the body."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.wall_s += time.perf_counter() - wall
            self.cpu_s += time.process_time() - cpu

    def clear(self) -> None:
        """Forget what was measured: the first turn warms up."""
        self.frames, self.wall_s, self.cpu_s, self.network_s = 0, 0.0, 0.0, 0.0
        for counts in (self.runs, self.items, self.samples, self.times.seconds, self.times.calls):
            counts.clear()


class Counting:
    """Counts and times every network run for the side whose turn it is."""

    def __init__(self) -> None:
        self.side: Side | None = None
        run = Session.run

        def counted(session: Session, batch: NDArray[Any]) -> Sequence[NDArray[np.float32]]:
            start = time.process_time()
            out = run(session, batch)
            if self.side is not None:
                task = session.manifest.task
                self.side.network_s += time.process_time() - start
                self.side.runs[task] += 1
                self.side.items[task] += len(batch)
                self.side.samples[task] += batch.size // 3
            return out

        setattr(Session, "run", counted)  # noqa: B010 - no type fits a replaced method


@dataclass
class Rival:
    """The rival with a plan or without one."""

    side: Side
    pipeline: PlainPipeline
    is_told: bool
    capture: cv2.VideoCapture

    def start(self, clip: Path) -> None:
        """Begin a clip."""
        self.pipeline.start()
        self.capture = open_capture(clip)

    def take(self, clip: Path, plans: Sequence[tuple[float, Plan]]) -> None:
        """As many frames as there are plans."""
        with self.side.turn():
            for offset_s, plan in plans:
                with self.side.times.stage("decode"):
                    ok, image = self.capture.read()
                if not ok:
                    fail(f"{clip}: OpenCV decodes fewer frames than the library")
                if not self.is_told:
                    plan = replace(plan, is_look=True, n_crops=0, n_refined=ALL, n_reads=ALL)
                self.pipeline.update(image, offset_s, plan)
        self.side.frames += len(plans)


class Race:
    """All pipelines, loaded once, with what they took so far."""

    def __init__(self) -> None:
        config = config_of(1)
        config = config.model_copy(update={"pace": config.pace.model_copy(update={"mode": "every_frame"})})
        self.ours, self.told, self.free = Side("vision"), Side("OpenCV + NumPy"), Side("the same without a plan")
        self.counting = Counting()
        self.pipeline = Pipeline(config)
        self.ours.times = self.pipeline.times
        self.rivals = [
            Rival(side, PlainPipeline(config, side.times), side is self.told, cv2.VideoCapture())
            for side in (self.told, self.free)
        ]

    @property
    def sides(self) -> tuple[Side, Side, Side]:
        """Everybody."""
        return self.ours, self.told, self.free

    def run(self, clip: Path, seconds: float, progress: Progress) -> None:
        """One clip, turn by turn."""
        for rival in self.rivals:
            rival.start(clip)
        with FileSource(clip, threads=1) as source:
            stream = self.pipeline.open(source.stream_id, recorded=True)
            results = self.pipeline.frames(source, stream)
            spent, done, is_warm = 0.0, 0, False
            while spent < seconds:
                start = time.perf_counter()
                plans: list[tuple[float, Plan]] = []
                self.counting.side = self.ours
                with self.ours.turn():
                    for _ in range(SEGMENT):
                        before = self.ours.items.copy()
                        result = next(results, None)
                        if result is None:
                            break
                        n = self.ours.items - before
                        n_crops = max(0, n["plate_detector"] - 1)
                        n_others = (n[task] for task in ("plate_refiner", "plate_reader", "vehicle_attributes"))
                        plan = Plan(result.is_look, n_crops, *n_others)
                        plans.append((result.frame.offset_s, plan))
                self.ours.frames += len(plans)
                for rival in self.rivals:
                    self.counting.side = rival.side
                    rival.take(clip, plans)
                spent += time.perf_counter() - start
                done += len(plans)
                progress(clip.name, done, source.n_frames_expected)
                if not is_warm and len(plans) == SEGMENT:
                    is_warm, spent = True, 0.0
                    for side in self.sides:
                        side.clear()
                if len(plans) < SEGMENT:
                    break
            self.counting.side = self.ours
            with self.ours.turn():
                stream.close()
            self.counting.side = None
        for rival in self.rivals:
            rival.capture.release()


def decode_both(clip: Path, seconds: float) -> tuple[Side, Side]:
    """Decoding alone, in turns: ours as the decoder's planes, OpenCV's as BGR."""
    ours, plain = Side("vision"), Side("OpenCV")
    capture = open_capture(clip)
    with FileSource(clip, threads=1) as source:
        frames = iter(source)
        while ours.wall_s + plain.wall_s < seconds:
            with ours.turn():
                n = sum(1 for _ in islice(frames, SEGMENT))
            ours.frames += n
            with plain.turn():
                plain.frames += sum(capture.read()[0] for _ in range(n))
            if n < SEGMENT:
                break
    capture.release()
    return ours, plain


def speed_row(clip: str, ours: Side, *others: Side) -> list[object]:
    """Frames/s of everybody, and the others' time and processor time in ours."""
    sides = (ours, *others)
    rates = [side.frames / side.wall_s if side.wall_s else 0.0 for side in sides]
    cpu = [side.cpu_s / max(1, side.frames) for side in sides]
    return [
        clip,
        ours.frames,
        *(f"{r:.1f}" for r in rates),
        *(f"{rates[0] / r:.2f}" if r else "-" for r in rates[1:]),
        *(f"{c / cpu[0]:.2f}" if cpu[0] else "-" for c in cpu[1:]),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--seconds", type=float, default=60, help="time for all sides together on one clip")
    options = parser.parse_args()
    if not options.seconds > 0:
        fail(f"--seconds: expected more than 0, got {options.seconds:g}")
    for clip in options.clips:
        existing(clip, "a video file")
    cv2.setNumThreads(1)
    speed, stages, runs, decoding = [], [], [], []
    try:
        race = Race()
        with bars() as progress:
            for clip in options.clips:
                for side in race.sides:
                    side.clear()
                race.run(clip, options.seconds, progress)
                decoding.append(speed_row(clip.name, *decode_both(clip, options.seconds / 4)))
                speed.append(speed_row(clip.name, *race.sides))
                for side in race.sides:
                    n = max(1, side.frames)
                    rest = 1000 * (side.cpu_s - side.network_s) / n
                    network = 1000 * side.network_s / n
                    stages.append([clip.name, side.name, f"{network:.2f}", f"{rest:.2f}", shares(side.times)])
                for task in sorted(race.ours.runs | race.told.runs):
                    counts = [(s.runs[task], s.items[task], f"{s.samples[task] / 1e6:.1f}") for s in race.sides]
                    cells = [" / ".join(map(str, row)) for row in zip(*counts, strict=True)]
                    runs.append([clip.name, task, *cells])
    except VisionError as err:
        one_line(err)
    names = [side.name for side in race.sides]
    head = ["clip", "frames", *(f"{name}, frames/s" for name in names)]
    head += [f"{what}, {name}" for what in ("ratio", "ratio of CPU time") for name in names[1:]]
    print("\nWhole pipeline, one thread\n\n" + table(head, speed))
    print("\nCPU time per frame, and shares of the time per stage\n")
    print(table(["clip", "side", "networks, ms", "all else, ms", "stages"], stages))
    print(f"\nNetwork runs, {' / '.join(names)}\n")
    print(table(["clip", "network", "runs", "pictures", "input, megapixels"], runs))
    head = ["clip", "frames", "vision, frames/s", "OpenCV, frames/s", "ratio", "ratio of CPU time"]
    print("\nDecoding alone, one thread (vision: planes; OpenCV: BGR)\n\n" + table(head, decoding))


if __name__ == "__main__":
    main()
