"""Tracking truth on disk: folders in the form of MOTChallenge or KITTI, their detections, and result files."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vision.errors import ConfigError
from vision.types import F32

KITTI_RATE = 10.0  # frames/s, where nothing else is said
SEQMAP = "evaluate_tracking.seqmap.training"
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TruthSequence:
    """One labelled video; ``folder`` holds seqinfo.ini, det/ and times.txt where there are any."""

    name: str
    folder: Path
    labels: Path
    n_frames: int
    frame_rate: float


@dataclass(frozen=True, slots=True)
class TruthSet:
    """Sequences that are scored together."""

    folder: Path
    kind: Literal["mot", "kitti"]
    sequences: tuple[TruthSequence, ...]


@dataclass(frozen=True, slots=True)
class Detected:
    """One video's detections: per frame time_ns, boxes (n, 4) xyxy float32 and scores (n,) float32."""

    name: str
    frame_rate: float
    frames: tuple[tuple[int, F32, F32], ...]

    def __iter__(self) -> Iterator[tuple[int, F32, F32]]:
        return iter(self.frames)


def read_truth(folder: Path) -> TruthSet:
    """The sequences of a folder: MOTChallenge (SEQ/seqinfo.ini and SEQ/gt/gt.txt) or KITTI (label_02/SEQ.txt).

    Raises:
        ConfigError: it is neither, or a file of it is missing or damaged.
    """
    if (folder / "label_02").is_dir():
        return TruthSet(folder, "kitti", _kitti_sequences(folder))
    infos = [folder / "seqinfo.ini"] if (folder / "seqinfo.ini").is_file() else sorted(folder.glob("*/seqinfo.ini"))
    if not infos:
        what = "a folder without either" if folder.is_dir() else "no folder"
        raise ConfigError(
            f"{folder}: expected tracking truth (MOTChallenge: SEQ/seqinfo.ini and SEQ/gt/gt.txt; "
            f"KITTI: label_02/SEQ.txt), got {what}"
        )
    sequences = []
    for info in infos:
        labels = info.parent / "gt" / "gt.txt"
        if not labels.is_file():
            raise ConfigError(f"{labels}: expected the truth of this sequence, got no such file")
        n_frames, frame_rate = _read_info(info)
        sequences.append(TruthSequence(info.parent.resolve().name, info.parent, labels, n_frames, frame_rate))
    return TruthSet(folder, "mot", tuple(sequences))


def _kitti_sequences(folder: Path) -> tuple[TruthSequence, ...]:
    labels = sorted((folder / "label_02").glob("*.txt"))
    if not labels:
        raise ConfigError(f"{folder / 'label_02'}: expected label files SEQ.txt, got none")
    lengths: dict[str, int] = {}
    if (folder / SEQMAP).is_file():
        for line in (folder / SEQMAP).read_text(encoding="utf-8").splitlines():
            words = line.split()
            if len(words) >= 4 and words[3].isdigit():
                lengths[words[0]] = int(words[3])
        labels = [path for path in labels if path.stem in lengths]
    sequences = []
    for path in labels:
        info = folder / path.stem / "seqinfo.ini"
        n_frames, frame_rate = _read_info(info) if info.is_file() else (0, KITTI_RATE)
        n_frames = lengths.get(path.stem, n_frames) or 1 + max(read_kitti_frames(path), default=-1)
        sequences.append(TruthSequence(path.stem, info.parent, path, n_frames, frame_rate))
    return tuple(sequences)


def read_kitti_frames(path: Path) -> set[int]:
    """The frame numbers in a KITTI label or result file.

    Raises:
        ConfigError: a line is not one of KITTI's.
    """
    frames = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) < 10 or not words[0].isdigit():
            raise ConfigError(
                f"{path}: line {number}: expected KITTI's FRAME ID TYPE ... X1 Y1 X2 Y2 ..., got {line!r}"
            )
        frames.add(int(words[0]))
    return frames


def _read_info(path: Path) -> tuple[int, float]:
    info = configparser.ConfigParser()
    try:
        info.read(path, encoding="utf-8")
        n_frames, rate = info.getint("Sequence", "seqLength"), info.getfloat("Sequence", "frameRate")
    except (configparser.Error, ValueError) as err:
        what = " ".join(str(err).split())
        raise ConfigError(f"{path}: expected [Sequence] with seqLength and frameRate: {what}") from err
    if n_frames < 1 or not rate > 0:
        raise ConfigError(f"{path}: expected seqLength and frameRate above 0, got {n_frames} and {rate:g}")
    return n_frames, rate


def read_detections(sequence: TruthSequence, name: str | None = None) -> Detected:
    """The public detections ``det/NAME.txt`` of a sequence, at the times in ``times.txt`` or at its frame rate.

    Args:
        sequence: of a set read by `read_truth`.
        name: which file of ``det``; None takes the only one.

    Raises:
        ConfigError: no such file, no choice made between several, or rows that are not detections.
    """
    folder = sequence.folder / "det"
    files = {path.stem: path for path in sorted(folder.glob("*.txt"))}
    if not files:
        raise ConfigError(f"{folder}: expected detections (NAME.txt), got none; --results scores finished tracks")
    if name is None and len(files) > 1:
        raise ConfigError(f"--detections: expected one of {', '.join(files)}, got none")
    if name is not None and name not in files:
        raise ConfigError(f"--detections: expected one of {', '.join(files)} (in {folder}), got {name}")
    path = files[name] if name is not None else next(iter(files.values()))
    rows = read_rows(path, 7, sequence.n_frames)
    if bad := np.flatnonzero(~((rows[:, 6] >= 0) & (rows[:, 6] <= 1))).tolist():
        raise ConfigError(f"{path}: row {bad[0] + 1}: expected a score 0..1 in column 7, got {rows[bad[0], 6]:g}")
    boxes = to_corners(rows[:, 2:6]).astype(np.float32)
    frames = []
    for i, time_ns in enumerate(_times(sequence)):
        here = rows[:, 0] == i + 1
        frames.append((time_ns, boxes[here], rows[here, 6].astype(np.float32)))
    return Detected(sequence.name, sequence.frame_rate, tuple(frames))


def _times(sequence: TruthSequence) -> list[int]:
    path = sequence.folder / "times.txt"
    if not path.is_file():
        return [round(i / sequence.frame_rate * 1e9) for i in range(sequence.n_frames)]
    seconds = _load(path).reshape(-1)
    if len(seconds) != sequence.n_frames or not (np.diff(seconds) > 0).all():
        raise ConfigError(f"{path}: expected {sequence.n_frames} rising times in seconds, got {len(seconds)}")
    return [round(s * 1e9) for s in seconds.tolist()]


def read_rows(path: Path, n_columns: int, n_frames: int) -> F64:
    """A file of MOTChallenge: rows FRAME, ID, X, Y, WIDTH, HEIGHT, SCORE, ..., at least n_columns of them; (n, k).

    Raises:
        ConfigError: it cannot be read, a row has fewer numbers, a frame is not 1..n_frames, or a box has no area.
    """
    rows = _load(path, ",")
    if not rows.size:
        return np.zeros((0, n_columns))
    if rows.shape[1] < n_columns:
        raise ConfigError(f"{path}: expected at least {n_columns} numbers a row, got {rows.shape[1]}")
    if bad := np.flatnonzero(~((rows[:, 0] >= 1) & (rows[:, 0] <= n_frames))).tolist():
        raise ConfigError(f"{path}: row {bad[0] + 1}: expected a frame 1..{n_frames}, got {rows[bad[0], 0]:g}")
    if bad := np.flatnonzero(~(np.isfinite(rows[:, 2:6]).all(1) & (rows[:, 4:6] > 0).all(1))).tolist():
        raise ConfigError(
            f"{path}: row {bad[0] + 1}: expected X, Y and a width and height above 0, got {rows[bad[0], 2:6].tolist()}"
        )
    return rows


def _load(path: Path, delimiter: str | None = None) -> F64:
    try:
        text = path.read_text(encoding="utf-8")
        options: dict[str, Any] = {"delimiter": delimiter, "ndmin": 2}
        return np.loadtxt(text.splitlines(), **options) if text.strip() else np.zeros((0, 0))
    except OSError as err:
        raise ConfigError(f"{path}: cannot read: {err.strerror}") from err
    except ValueError as err:
        raise ConfigError(f"{path}: expected rows of numbers: {err}") from err


def to_corners(boxes: F64) -> F64:
    """(n, 4) x, y, width, height -> (n, 4) xyxy."""
    return np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:4]), 1)
