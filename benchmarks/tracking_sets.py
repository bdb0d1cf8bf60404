"""Tracking truth with public detections: reading it, and scoring tracks against it with TrackEval."""

from __future__ import annotations

import configparser
import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
# name -> folder under the data root, detections, sequences ("" = all)
SETS = {
    "kitti rrc": ("kitti_car", "det_rrc"),
    "kitti pointrcnn": ("kitti_car", "det_pointrcnn"),
    "kitti half rrc": ("kitti_car_half", "det_rrc"),
    "kitti drop rrc": ("kitti_car_drop", "det_rrc"),
    "syn": ("syn_fixed", "det"),
    "syn drop": ("syn_fixed_drop", "det"),
    "cityflow": ("cityflow_S01", "det_detr"),  # only vehicles seen by two cameras are labelled: HOTA is low for all
}


@dataclass(frozen=True, slots=True)
class Sequence:
    """One video's detections: per frame time_ns, boxes (n, 4) xyxy float32 and scores (n,) float32."""

    name: str
    frame_rate: float
    frames: tuple[tuple[int, F32, F32], ...]

    def __iter__(self) -> Iterator[tuple[int, F32, F32]]:
        return iter(self.frames)


@dataclass(frozen=True, slots=True)
class Result:
    """Percentages, except the identity switches."""

    hota: float
    deta: float
    assa: float
    mota: float
    idf1: float
    idsw: int


# Follows one sequence: per frame the ids (n,) and the boxes (n, 4) that they have.
Follow = Callable[[Sequence], Iterator[tuple[NDArray[np.int64], F32]]]


def read_set(root: Path, name: str) -> list[Sequence]:
    """The sequences of one of SETS."""
    folder, detections = SETS[name]
    return [_read_sequence(path.parent, detections) for path in sorted((root / folder).glob("*/seqinfo.ini"))]


def _read_sequence(folder: Path, detections: str) -> Sequence:
    info = configparser.ConfigParser()
    info.read(folder / "seqinfo.ini")
    n, rate = info.getint("Sequence", "seqLength"), info.getfloat("Sequence", "frameRate")
    times = folder / "times.txt"
    seconds = np.loadtxt(times, ndmin=1) if times.exists() else np.arange(n) / rate
    rows = np.loadtxt(folder / "det" / f"{detections}.txt", delimiter=",", ndmin=2)
    rows = rows.reshape(-1, max(rows.shape[1], 7))
    frames = []
    for i in range(n):
        of_frame = rows[rows[:, 0] == i + 1]
        boxes = np.concatenate((of_frame[:, 2:4], of_frame[:, 2:4] + of_frame[:, 4:6]), 1).astype(np.float32)
        frames.append((round(float(seconds[i]) * 1e9), boxes, of_frame[:, 6].astype(np.float32)))
    return Sequence(folder.name, rate, tuple(frames))


def evaluate(root: Path, name: str, follow: Follow) -> Result:
    """Run a tracker over a set and score it, all sequences together (TrackEval: HOTA, CLEAR, Identity)."""
    folder = SETS[name][0]
    is_kitti = folder.startswith("kitti")
    sequences = read_set(root, name)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "it" / "data"
        out.mkdir(parents=True)
        for sequence in sequences:
            lines = []
            for i, (ids, boxes) in enumerate(follow(sequence)):
                for track_id, (x1, y1, x2, y2) in zip(ids, boxes, strict=True):
                    if is_kitti:
                        lines.append(
                            f"{i} {track_id} Car -1 -1 -10 {x1:.3f} {y1:.3f} {x2:.3f} {y2:.3f} "
                            "-1 -1 -1 -1000 -1000 -1000 -10 1"
                        )
                    else:
                        lines.append(f"{i + 1},{track_id},{x1:.3f},{y1:.3f},{x2 - x1:.3f},{y2 - y1:.3f},1,-1,-1,-1")
            (out / f"{sequence.name}.txt").write_text("".join(f"{line}\n" for line in lines))
        with contextlib.redirect_stdout(io.StringIO()):
            return _score(root / folder, Path(scratch), [s.name for s in sequences], is_kitti)


def _score(truth: Path, trackers: Path, sequences: list[str], is_kitti: bool) -> Result:
    for alias in ("float", "int", "bool"):  # TrackEval was written for NumPy 1
        if alias not in np.__dict__:
            setattr(np, alias, {"float": float, "int": int, "bool": bool}[alias])
    import trackeval

    common = {
        "GT_FOLDER": str(truth),
        "TRACKERS_FOLDER": str(trackers),
        "TRACKERS_TO_EVAL": ["it"],
        "PRINT_CONFIG": False,
    }
    if is_kitti:
        kitti = {"CLASSES_TO_EVAL": ["car"], "SPLIT_TO_EVAL": "training"}
        dataset, kind = trackeval.datasets.Kitti2DBox({**common, **kitti}), "car"
    else:
        mot = {"SKIP_SPLIT_FOL": True, "SEQ_INFO": dict.fromkeys(sequences), "DO_PREPROC": False, "BENCHMARK": "MOT17"}
        dataset, kind = trackeval.datasets.MotChallenge2DBox({**common, **mot}), "pedestrian"
    quiet = dict.fromkeys(
        ("USE_PARALLEL", "PRINT_RESULTS", "PRINT_CONFIG", "TIME_PROGRESS", "OUTPUT_SUMMARY", "OUTPUT_DETAILED"), False
    )
    evaluator = trackeval.Evaluator(
        {**quiet, "OUTPUT_EMPTY_CLASSES": False, "PLOT_CURVES": False, "BREAK_ON_ERROR": True, "LOG_ON_ERROR": None}
    )
    metrics = [
        trackeval.metrics.HOTA(),
        trackeval.metrics.CLEAR({"PRINT_CONFIG": False}),
        trackeval.metrics.Identity({"PRINT_CONFIG": False}),
    ]
    results, _ = evaluator.evaluate([dataset], metrics)
    got = results[dataset.get_name()]["it"]["COMBINED_SEQ"][kind]
    hota, clear = got["HOTA"], got["CLEAR"]
    hota_mean, deta, assa = (100 * float(np.mean(hota[key])) for key in ("HOTA", "DetA", "AssA"))
    idf1, mota = 100 * float(got["Identity"]["IDF1"]), 100 * float(clear["MOTA"])
    return Result(hota_mean, deta, assa, mota, idf1, int(clear["IDSW"]))
