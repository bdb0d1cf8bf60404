"""The tracker against its rivals, on the same boxes: accuracy (TrackEval) and speed through the Python call.

    python benchmarks/tracking.py --data ../shared/data/mot
    python benchmarks/tracking.py --soak 1000000

Rivals run with their own default thresholds, if they are installed: `trackers` (ByteTrack, BoT-SORT, OC-SORT,
C-BIoU, SORT; "+dt" = told the times) and `supervision<0.27` (ByteTrack). No pictures: no appearance, no camera
motion. "vision" gives smoothed boxes, "vision raw" the detector's, as the rivals do. Speeds are ratios within one
run: a rival's time over ours, and below 1 would mean that it is faster.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.evaluate.sequences import Detected, read_truth
from vision.evaluate.tracking import Follow, Scores, follow_set, score
from vision.track import Tracker
from vision.types import F32

I64 = NDArray[np.int64]
RIVALS = {
    "rf-bytetrack": "ByteTrackTracker",
    "rf-botsort": "BoTSORTTracker",
    "rf-ocsort": "OCSORTTracker",
    "rf-cbiou": "CBIoUTracker",
    "rf-sort": "SORTTracker",
}
# name -> folder under the data root, detections
SETS: dict[str, tuple[str, str]] = {
    "kitti rrc": ("kitti_car", "det_rrc"),
    "kitti pointrcnn": ("kitti_car", "det_pointrcnn"),
    "kitti half rrc": ("kitti_car_half", "det_rrc"),
    "kitti drop rrc": ("kitti_car_drop", "det_rrc"),
    "syn": ("syn_fixed", "det"),
    "syn drop": ("syn_fixed_drop", "det"),
    "cityflow": ("cityflow_S01", "det_detr"),
}
PARTIAL = {"cityflow"}  # only vehicles seen by two cameras are labelled: tracks that cover none are left out
N_BOXES = {10: 600, 50: 300, 200: 120, 1000: 40}  # boxes per frame -> frames


@dataclass(frozen=True)
class Face:
    """One tracker behind the same face.

    Attributes:
        call: boxes (n, 4), scores (n,) and time of one frame -> what the tracker itself returns; this is timed.
        known: that and the boxes given -> ids and boxes of the tracks seen in this frame.
    """

    call: Callable[[F32, F32, int], Any]
    known: Callable[[Any, F32], tuple[I64, F32]]


Maker = Callable[[float], Face]  # given the frame rate


def vision_tracker(frame_rate: float, *, is_raw: bool) -> Face:
    del frame_rate  # learned
    tracker = Tracker()

    def call(boxes: F32, scores: F32, time_ns: int) -> I64:
        return tracker.update(boxes, scores, time_ns=time_ns)

    def known(ids: I64, boxes: F32) -> tuple[I64, F32]:
        is_known = ids >= 0
        if is_raw:
            return ids[is_known], boxes[is_known]
        tracks = tracker.tracks
        return ids[is_known], tracks.box[np.searchsorted(tracks.track_id, ids[is_known])]

    return Face(call, known)


def known_detections(got: Any, boxes: F32) -> tuple[I64, F32]:
    """Ids and boxes of what the rivals return."""
    del boxes
    if got.tracker_id is None or not len(got):
        return np.zeros(0, np.int64), np.zeros((0, 4), np.float32)
    is_known = got.tracker_id >= 0
    return got.tracker_id[is_known], got.xyxy[is_known]


def roboflow_tracker(frame_rate: float, class_name: str, *, is_timed: bool) -> Face:
    supervision, trackers = importlib.import_module("supervision"), importlib.import_module("trackers")
    options = {"enable_cmc": False} if class_name == "BoTSORTTracker" else {}
    tracker: Any = getattr(trackers, class_name)(frame_rate=frame_rate, **options)

    def call(boxes: F32, scores: F32, time_ns: int) -> Any:
        given = supervision.Detections(xyxy=boxes, confidence=scores, class_id=np.zeros(len(boxes), int))
        return tracker.update(given, timestamp=time_ns * 1e-9) if is_timed else tracker.update(given)

    return Face(call, known_detections)


def supervision_tracker(frame_rate: float) -> Face:
    supervision = importlib.import_module("supervision")
    tracker: Any = supervision.ByteTrack(frame_rate=frame_rate)

    def call(boxes: F32, scores: F32, time_ns: int) -> Any:
        del time_ns
        given = supervision.Detections(xyxy=boxes, confidence=scores, class_id=np.zeros(len(boxes), int))
        return tracker.update_with_detections(given)

    return Face(call, known_detections)


def find_trackers() -> dict[str, Maker]:
    """Everything installed, ours first, by name."""
    found: dict[str, Maker] = {
        "vision": lambda rate: vision_tracker(rate, is_raw=False),
        "vision raw": lambda rate: vision_tracker(rate, is_raw=True),
    }
    if importlib.util.find_spec("trackers"):
        for name, class_name in RIVALS.items():
            found[name] = lambda rate, c=class_name: roboflow_tracker(rate, c, is_timed=False)  # type: ignore[misc]
            found[f"{name}+dt"] = lambda rate, c=class_name: roboflow_tracker(rate, c, is_timed=True)  # type: ignore[misc]
    if importlib.util.find_spec("supervision") and hasattr(importlib.import_module("supervision"), "ByteTrack"):
        found["sv-bytetrack"] = supervision_tracker
    return found


def follow_with(make: Maker) -> Follow:
    def follow(sequence: Detected) -> Iterator[tuple[I64, F32]]:
        tracker = make(sequence.frame_rate)
        for time_ns, boxes, scores in sequence:
            yield tracker.known(tracker.call(boxes, scores, time_ns), boxes)

    return follow


def crowd(n: int, n_frames: int, seed: int = 0) -> list[tuple[F32, F32]]:
    """Vehicles at constant velocity, 50 per 1920x1080 px: 5 % missed, 3 % false, edges off by 3 % of the size."""
    rng = np.random.default_rng(seed)
    extent = np.array([1920, 1080]) * max(1.0, np.sqrt(n / 50))
    center, velocity = rng.uniform(0, 1, (n, 2)) * extent, rng.normal(0, 4, (n, 2))
    size = rng.uniform(40, 120, (n, 2))
    frames = []
    for _ in range(n_frames):
        center += velocity
        velocity[(center < 0) | (center > extent)] *= -1
        boxes = np.concatenate((center - size / 2, center + size / 2), 1)
        boxes += rng.normal(0, 0.03, boxes.shape) * np.tile(size, 2)
        seen = rng.random(n) > 0.05
        n_false = rng.poisson(0.03 * n)
        corner, side = rng.uniform(0, 1, (n_false, 2)) * extent, rng.uniform(40, 120, (n_false, 2))
        boxes = np.concatenate((boxes[seen], np.concatenate((corner, corner + side), 1)))
        scores = np.concatenate((np.clip(rng.beta(8, 2, n), 0.05, 1)[seen], rng.beta(2, 4, n_false)))
        order = rng.permutation(len(boxes))
        frames.append((boxes[order].astype(np.float32), scores[order].astype(np.float32)))
    return frames


def median_seconds(makers: list[Maker], frames: list[tuple[F32, F32]], limit_s: float = 20) -> list[float]:
    """Median time per frame of each tracker, taking turns frame by frame so that all see the same machine."""
    calls = [make(30.0).call for make in makers]
    spent: list[list[float]] = [[] for _ in makers]
    for i, (boxes, scores) in enumerate(frames):
        for call, times in zip(calls, spent, strict=True):
            start = time.perf_counter()
            call(boxes, scores, i * 33_333_333)
            times.append(time.perf_counter() - start)
        if sum(map(sum, spent)) > limit_s:
            break
    warm = min(5, len(spent[0]) - 1)
    return [float(np.median(times[warm:])) for times in spent]


def evaluate(data: Path, name: str, follow: Follow) -> dict[str, Scores]:
    """Run a tracker over one of SETS and score it."""
    folder, detections = SETS[name]
    truth = read_truth(data / folder)
    return score(truth, follow_set(truth, detections, follow), is_partial=name in PARTIAL)


def print_accuracy(data: Path, makers: dict[str, Maker]) -> None:
    print("HOTA / IDF1 / IDSW on the same boxes\n")
    print("| tracker |" + "".join(f" {name} |" for name in SETS) + "\n" + "|---" * (len(SETS) + 1) + "|")
    for name, make in makers.items():
        cells = []
        for set_name in SETS:
            got = evaluate(data, set_name, follow_with(make))["all"]
            cells.append(f"{got.hota:.2f} / {got.idf1:.2f} / {got.idsw}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def print_speed(makers: dict[str, Maker]) -> None:
    print("\nTime per frame: ours in ms, others as a multiple of ours in the same run\n")
    print("| tracker |" + "".join(f" {n} boxes |" for n in N_BOXES) + "\n" + "|---" * (len(N_BOXES) + 1) + "|")
    data = {n: crowd(n, n_frames) for n, n_frames in N_BOXES.items()}
    ours = makers["vision raw"]  # what `update` alone costs
    cells = [f"{median_seconds([ours], frames)[0] * 1e3:.3f} ms" for frames in data.values()]
    print("| vision | " + " | ".join(cells) + " |", flush=True)
    for name, make in makers.items():
        if name.startswith("vision") or name.endswith("+dt"):
            continue
        pairs = [median_seconds([ours, make], frames) for frames in data.values()]
        print(f"| {name} | " + " | ".join(f"{theirs / own:.0f}x" for own, theirs in pairs) + " |", flush=True)


def print_memory(n_frames: int) -> None:
    """Resident memory while one tracker runs on, with new vehicles all the time."""
    import psutil

    process, tracker = psutil.Process(), Tracker()
    frames = crowd(50, 1000)
    print("| frames | ids given | RSS, MiB |\n|---|---|---|", flush=True)
    newest = 0
    for i in range(n_frames + 1):
        if i % (n_frames // 10) == 0:
            gc.collect()
            print(f"| {i} | {newest} | {process.memory_info().rss / 2**20:.1f} |", flush=True)
        ids = tracker.update(*frames[i % len(frames)], time_ns=i * 33_333_333)
        newest = max(newest, int(ids.max(initial=0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with kitti_car, syn_fixed, ...; without it only speed")
    parser.add_argument("--only", nargs="*", help="names of trackers")
    parser.add_argument("--soak", type=int, metavar="FRAMES", help="only print the memory over so many frames")
    given = parser.parse_args()
    if given.soak:
        print_memory(given.soak)
        return
    warnings.filterwarnings("ignore")  # of the rivals
    makers = {
        name: make for name, make in find_trackers().items() if not given.only or name in {"vision raw", *given.only}
    }
    if given.data:
        print_accuracy(given.data, makers)
    print_speed(makers)


if __name__ == "__main__":
    main()
