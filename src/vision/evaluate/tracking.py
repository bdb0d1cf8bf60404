"""Scores of tracks against tracking truth: TrackEval's HOTA, CLEAR and Identity, and their table."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision import kernels
from vision.errors import ConfigError
from vision.evaluate.sequences import (
    F64,
    SEQMAP,
    Detected,
    TruthSequence,
    TruthSet,
    read_detections,
    read_kitti_frames,
    read_rows,
    to_corners,
)
from vision.track import Tracker
from vision.types import F32

MIN_IOU = 0.5  # from here on two boxes are the same vehicle
COMBINED = "COMBINED_SEQ"
COLUMNS = {
    "hota": "HOTA", "deta": "DetA", "assa": "AssA", "mota": "MOTA", "idf1": "IDF1", "idsw": "switches",
    "frag": "fragments", "fn": "missed", "fp": "false", "n_truth": "vehicles", "n_tracks": "tracks",
}  # fmt: skip

# Tracks of one sequence: rows (n, 6) of frame (from 0), id, x1, y1, x2, y2.
# Follows one sequence: per frame the ids (n,) and the boxes (n, 4) that they have.
Follow = Callable[[Detected], Iterable[tuple[NDArray[np.int64], F32]]]


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures of one sequence or of all; shares are percent.

    ``hota`` and its parts ``deta`` (detection) and ``assa`` (association) are means over the IoU thresholds
    .05 .. .95; the others hold at IoU .5. ``idsw``, ``frag``: identity switches, and tracks resumed after a break;
    ``fn``, ``fp``: boxes missed and boxes of nothing; ``n_truth``, ``n_tracks``: different ids in truth and result.
    """

    hota: float
    deta: float
    assa: float
    mota: float
    idf1: float
    idsw: int
    frag: int
    fn: int
    fp: int
    n_truth: int
    n_tracks: int


def track(sequence: Detected, **settings: Any) -> Iterable[tuple[NDArray[np.int64], F32]]:
    """Follow with `vision.Tracker`: its ids and smoothed boxes, frame by frame."""
    tracker = Tracker(**settings)
    for time_ns, boxes, scores in sequence:
        ids = tracker.update(boxes, scores, time_ns=time_ns)
        known, tracks = ids[ids >= 0], tracker.tracks
        yield known, tracks.box[np.searchsorted(tracks.track_id, known)]


def follow_set(truth: TruthSet, detections: str | None, follow: Follow = track) -> dict[str, F64]:
    """Run a tracker over the public detections of every sequence: name -> rows.

    Raises:
        ConfigError: a sequence has no such detections.
    """
    out = {}
    for sequence in truth.sequences:
        parts = [
            np.column_stack((np.full(len(ids), i), ids, boxes))
            for i, (ids, boxes) in enumerate(follow(read_detections(sequence, detections)))
        ]
        out[sequence.name] = np.concatenate(parts) if parts else np.zeros((0, 6))
    return out


def read_results(truth: TruthSet, folder: Path) -> dict[str, F64]:
    """Finished tracks, one file SEQ.txt a sequence in the form of the truth (MOTChallenge or KITTI): name -> rows.

    Raises:
        ConfigError: a file is missing or damaged, or gives an id twice in a frame.
    """
    out = {}
    for sequence in truth.sequences:
        path = folder / f"{sequence.name}.txt"
        if not path.is_file():
            raise ConfigError(f"{path}: expected the tracks of sequence {sequence.name}, got no such file")
        rows = _read_kitti(path, sequence) if truth.kind == "kitti" else _read_mot(path, sequence)
        keys, counts = np.unique(rows[:, :2], axis=0, return_counts=True)
        if (counts > 1).any():
            frame, track_id = keys[counts > 1][0].astype(int).tolist()
            frame += truth.kind == "mot"
            raise ConfigError(f"{path}: expected each id once a frame, got id {track_id} twice in frame {frame}")
        out[sequence.name] = rows
    return out


def _read_mot(path: Path, sequence: TruthSequence) -> F64:
    rows = read_rows(path, 6, sequence.n_frames)
    return np.column_stack((rows[:, 0] - 1, rows[:, 1], to_corners(rows[:, 2:6])))


def _read_kitti(path: Path, sequence: TruthSequence) -> F64:
    """Cars alone: KITTI scores its classes apart."""
    if beyond := {t for t in read_kitti_frames(path) if t >= sequence.n_frames}:
        raise ConfigError(f"{path}: expected frames 0..{sequence.n_frames - 1}, got {min(beyond)}")
    words = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    cars = [w for w in words if w and w[2].lower() == "car"]
    try:
        return np.array([[float(w[0]), float(w[1]), *map(float, w[6:10])] for w in cars]).reshape(-1, 6)
    except ValueError as err:
        raise ConfigError(f"{path}: expected numbers for ID X1 Y1 X2 Y2: {err}") from err


def score(truth: TruthSet, results: Mapping[str, F64], *, is_partial: bool = False) -> dict[str, Scores]:
    """Score every sequence and, under "all", all of them together.

    Args:
        truth: the set.
        results: name -> rows, as `follow_set` and `read_results` give them.
        is_partial: the truth labels only some of the vehicles: leave out every track that never covers a labelled
            one (IoU .5), before anything is counted.

    Raises:
        ConfigError: TrackEval is not installed, or it refuses the truth.

    Source: Luiten et al., HOTA, IJCV 129 (2021); Bernardin and Stiefelhagen, CLEAR MOT (2008); Ristani et al., IDF1
        (2016); all as TrackEval computes them. KITTI is scored by its rules for cars: vans, heavily hidden cars,
        boxes in "DontCare" areas and those of at most 25 px count neither way.
    """
    trackeval = require_trackeval()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        write = _write_kitti if truth.kind == "kitti" else _write_mot
        write(truth, results, root, is_partial)
        quiet = dict.fromkeys(
            ("USE_PARALLEL", "PRINT_RESULTS", "PRINT_CONFIG", "TIME_PROGRESS", "OUTPUT_SUMMARY", "OUTPUT_DETAILED",
             "OUTPUT_EMPTY_CLASSES", "PLOT_CURVES"), False,
        )  # fmt: skip
        metrics = trackeval.metrics
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                dataset = _dataset(trackeval, truth, root)
                evaluator = trackeval.Evaluator({**quiet, "BREAK_ON_ERROR": True, "LOG_ON_ERROR": None})
                chosen = [m({"PRINT_CONFIG": False}) for m in (metrics.HOTA, metrics.CLEAR, metrics.Identity)]
                found, _ = evaluator.evaluate([dataset], chosen)
            except trackeval.utils.TrackEvalException as err:
                raise ConfigError(f"{truth.folder}: {' '.join(str(err).split())}") from err
    by_name = found[dataset.get_name()]["it"]
    kind = "car" if truth.kind == "kitti" else "pedestrian"  # TrackEval's name for anything in MOTChallenge's form
    return {
        "all" if name == COMBINED else name: _scores_of(by_name[name][kind])
        for name in [s.name for s in truth.sequences] + [COMBINED]
    }


def require_trackeval() -> Any:
    """The module of TrackEval.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import trackeval
    except ImportError as err:
        raise ConfigError("trackeval is not installed: pip install 'platevision[eval]'") from err
    return trackeval


def _dataset(trackeval: Any, truth: TruthSet, root: Path) -> Any:
    common = {
        "GT_FOLDER": str(root / "truth"),
        "TRACKERS_FOLDER": str(root),
        "TRACKERS_TO_EVAL": ["it"],
        "PRINT_CONFIG": False,
    }
    if truth.kind == "kitti":
        return trackeval.datasets.Kitti2DBox({**common, "CLASSES_TO_EVAL": ["car"], "SPLIT_TO_EVAL": "training"})
    lengths = {s.name: s.n_frames for s in truth.sequences}
    # Preprocessing there is about pedestrians; what is marked 0 in the truth has been left out already.
    return trackeval.datasets.MotChallenge2DBox(
        {**common, "SKIP_SPLIT_FOL": True, "SEQ_INFO": lengths, "DO_PREPROC": False, "BENCHMARK": "MOT17"}
    )


def _write_mot(truth: TruthSet, results: Mapping[str, F64], root: Path, is_partial: bool) -> None:
    for sequence in truth.sequences:
        rows = read_rows(sequence.labels, 6, sequence.n_frames)
        if rows.shape[1] > 6:
            rows = rows[rows[:, 6] != 0]
        labelled = np.column_stack((rows[:, 0] - 1, rows[:, 1], to_corners(rows[:, 2:6])))
        for kind, tracks in (("truth", labelled), ("it", _chosen(results[sequence.name], labelled, is_partial))):
            file = (
                root / f"truth/{sequence.name}/gt/gt.txt" if kind == "truth" else root / f"it/data/{sequence.name}.txt"
            )
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(
                "".join(
                    f"{int(i) + 1},{int(k)},{x1:.3f},{y1:.3f},{x2 - x1:.3f},{y2 - y1:.3f},1,1,1\n"
                    for i, k, x1, y1, x2, y2 in tracks.tolist()
                )
            )


def _write_kitti(truth: TruthSet, results: Mapping[str, F64], root: Path, is_partial: bool) -> None:
    (root / "truth/label_02").mkdir(parents=True)
    (root / "it/data").mkdir(parents=True)
    lengths = [f"{s.name} empty 000000 {s.n_frames:06d}\n" for s in truth.sequences]
    (root / "truth" / SEQMAP).write_text("".join(lengths))
    for sequence in truth.sequences:
        text = sequence.labels.read_text(encoding="utf-8")
        (root / "truth/label_02" / sequence.labels.name).write_text(text, encoding="utf-8")
        labelled = _read_kitti(sequence.labels, sequence)
        lines = [
            f"{int(i)} {int(k)} Car -1 -1 -10 {x1:.3f} {y1:.3f} {x2:.3f} {y2:.3f} -1 -1 -1 -1000 -1000 -1000 -10 1\n"
            for i, k, x1, y1, x2, y2 in _chosen(results[sequence.name], labelled, is_partial).tolist()
        ]
        (root / "it/data" / f"{sequence.name}.txt").write_text("".join(lines))


def _chosen(tracks: F64, labelled: F64, is_partial: bool) -> F64:
    """The tracks that count: all, or those that cover a labelled vehicle somewhere."""
    if not is_partial:
        return tracks
    near: set[float] = set()
    for i in np.unique(tracks[:, 0]):
        here, there = tracks[tracks[:, 0] == i], labelled[labelled[:, 0] == i]
        if len(there):
            overlap = kernels.iou_matrix(here[:, 2:].astype(np.float32), there[:, 2:].astype(np.float32))
            near.update(here[overlap.max(1) >= MIN_IOU, 1].tolist())
    return tracks[np.isin(tracks[:, 1], list(near))]


def _scores_of(found: Mapping[str, Any]) -> Scores:
    hota, clear, identity, count = found["HOTA"], found["CLEAR"], found["Identity"], found["Count"]
    return Scores(
        hota=100 * float(np.mean(hota["HOTA"])),
        deta=100 * float(np.mean(hota["DetA"])),
        assa=100 * float(np.mean(hota["AssA"])),
        mota=100 * float(clear["MOTA"]),
        idf1=100 * float(identity["IDF1"]),
        idsw=int(clear["IDSW"]),
        frag=int(clear["Frag"]),
        fn=int(clear["CLR_FN"]),
        fp=int(clear["CLR_FP"]),
        n_truth=int(count["GT_IDs"]),
        n_tracks=int(count["IDs"]),
    )


def summarize(scores: Mapping[str, Scores], facts: Mapping[str, Any]) -> dict[str, Any]:
    """All figures, ready for JSON."""
    rows = {name: asdict(s) for name, s in scores.items()}
    everything = rows.pop("all")
    return {"schema": "vision.eval.tracks/1", **facts, "all": everything, "sequences": rows}


def table(scores: Mapping[str, Scores]) -> str:
    """One row per sequence, then all of them: markdown; shares in percent."""
    lines = [["sequence", *COLUMNS.values()], ["---"] * (1 + len(COLUMNS))]
    for name, row in scores.items():
        values = [getattr(row, key) for key in COLUMNS]
        lines.append([name, *(f"{v:.2f}" if isinstance(v, float) else str(v) for v in values)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
