"""How cost grows: with the vehicles in a frame, and with the cameras of one process.

    python benchmarks/growth.py [--clip VIDEO] [--plot FILE.png]

Vehicles: pictures of 1280 x 720 with 0, 1, 10 and 50 copies of a rendered car that all move, 100 frames each, vehicle
detection at its own pace; what counts is processor time per frame, without decoding. Cameras: 1 to 16 streams that
decode the clip (default: the rendered street) in turns, as fast as they go; processor time per frame, and how much
memory each further stream takes. Linear is the goal: so much per vehicle, so much per stream.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import config_of, existing, one_line, table

from vision import kernels
from vision.bench.host import require_psutil
from vision.bench.page import require_matplotlib
from vision.demo.clip import frames, render
from vision.errors import VisionError
from vision.pipeline.runner import Pipeline
from vision.types import U8
from vision.video.file import FileSource
from vision.video.images import frame_of

VEHICLES, CAMERAS = (0, 1, 10, 50), (1, 2, 4, 8, 16)
N_FRAMES, WARM_UP = 100, 20
COLUMNS, ROWS = 10, 5


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement."""

    n: int
    ms: float  # processor time per frame
    found: float  # vehicles followed in a frame, or megabytes of the process
    detections: float  # share of the frames with vehicle detection


def car_and_road() -> tuple[U8, U8]:
    """A car cut from the rendered street, and the empty street."""
    pictures = list(islice(frames(), 60))
    found = Pipeline(config_of(1)).read(pictures[45]).vehicles
    x1, y1, x2, y2 = (round(v) for v in max(found, key=lambda v: v.score).box)
    car = cv2.resize(pictures[45][y1:y2, x1:x2], (96, 84), interpolation=cv2.INTER_AREA)
    return np.asarray(car, np.uint8), pictures[0]


def crowd(car: U8, road: U8, n: int, i: int) -> U8:
    """The street, without texture, with n cars in a grid, frame i: all swing to and fro."""
    picture = np.asarray(cv2.GaussianBlur(road, (0, 0), 40), np.uint8)
    order = np.random.default_rng(1).permutation(COLUMNS * ROWS)
    for k in order[:n]:
        x = 16 + (k % COLUMNS) * 126 + round(14 * np.sin(i / 9 + k))
        y = 30 + (k // COLUMNS) * 136 + round(20 * np.sin(i / 13 + 2 * k))
        picture[y : y + car.shape[0], x : x + car.shape[1]] = car
    return picture


def with_vehicles(pipeline: Pipeline, car: U8, road: U8, n: int) -> Point:
    """Processor time per frame with n cars in it."""
    stream = pipeline.open("crowd")
    spent, followed = 0.0, 0
    for i in range(WARM_UP + N_FRAMES):
        frame = replace(frame_of(crowd(car, road, n, i)), index=i, time_ns=i * 40_000_000, offset_s=i / 25)
        start = time.process_time()
        result = stream.update(frame)
        if i >= WARM_UP:
            spent += time.process_time() - start
            followed += len(result.vehicles)
    detected = sum(stream.counts.detections.values()) / (WARM_UP + N_FRAMES)
    return Point(n, 1000 * spent / N_FRAMES, followed / N_FRAMES, detected)


def with_cameras(pipeline: Pipeline, clip: Path, n: int) -> Point:
    """Processor time per frame and memory with n streams."""
    gc.collect()
    sources = [FileSource(clip, stream_id=f"camera-{i}", threads=1) for i in range(n)]
    streams = [pipeline.open(source.stream_id) for source in sources]
    readers = [iter(source) for source in sources]
    start, done = time.process_time(), 0
    for _ in range(N_FRAMES):
        for reader, stream in zip(readers, streams, strict=True):
            stream.update(next(reader))
            done += 1
    spent = time.process_time() - start
    memory = require_psutil().Process().memory_info().rss / 2**20
    detected = sum(sum(s.counts.detections.values()) for s in streams) / done
    for source in sources:
        source.close()
    return Point(n, 1000 * spent / done, memory, detected)


def plot(path: Path, vehicles: list[Point], cameras: list[Point]) -> None:
    """Both curves in one picture."""
    figure = require_matplotlib()(figsize=(10, 3.6), layout="constrained")
    cost, total, memory = figure.subplots(1, 3)
    cost.plot([p.n for p in vehicles], [p.ms for p in vehicles], "o-")
    cost.set(xlabel="vehicles in the picture", ylabel="processor time, ms a frame", ylim=(0, None))
    total.plot([p.n for p in cameras], [p.n * p.ms for p in cameras], "o-")
    total.set(xlabel="cameras", ylabel="processor time, ms for a frame of each", ylim=(0, None))
    memory.plot([p.n for p in cameras], [p.found for p in cameras], "o-")
    memory.set(xlabel="cameras", ylabel="memory, MB", ylim=(0, None))
    for axes in (cost, total, memory):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, help="what the cameras show; default: the rendered street")
    parser.add_argument("--plot", type=Path, help="write both curves as a picture")
    options = parser.parse_args()
    if options.clip:
        existing(options.clip, "a video file")
    try:
        pipeline = Pipeline(config_of(1))
        with tempfile.TemporaryDirectory() as spare:
            clip = options.clip or Path(spare) / "street.mp4"
            if not options.clip:  # elsewhere, and first: what drawing takes is not to be in the memory measured
                with ProcessPoolExecutor(1, get_context("spawn")) as other:
                    other.submit(render, clip, max_frames=N_FRAMES + 10).result()
            with_cameras(pipeline, clip, 1)
            cameras = [with_cameras(pipeline, clip, n) for n in CAMERAS]
        car, road = car_and_road()
        with_vehicles(pipeline, car, road, 1)
        vehicles = [with_vehicles(pipeline, car, road, n) for n in VEHICLES]
    except VisionError as err:
        one_line(err)
    head = ["vehicles", "followed in a frame", "ms a frame", "frames with detection"]
    print(table(head, [[p.n, f"{p.found:.1f}", f"{p.ms:.2f}", f"{100 * p.detections:.0f} %"] for p in vehicles]))
    rows = []
    for before, p in zip([None, *cameras], cameras, strict=False):
        more = (p.found - before.found) / (p.n - before.n) if before else 0.0
        rows.append([p.n, f"{p.ms:.2f}", f"{p.n * p.ms:.1f}", f"{p.found:.0f}", f"{more:.1f}" if before else "-"])
    head = ["cameras", "ms a frame", "ms for a frame of each", "memory, MB", "MB per further camera"]
    print("\n" + table(head, rows) + f"\n\nkernels: {kernels.simd_level()}")
    if options.plot:
        plot(options.plot, vehicles, cameras)


if __name__ == "__main__":
    main()
