"""The development sets of labelled plates, and what one of their pictures gave."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import existing, fail

from vision import kernels
from vision.plates.fuse import distance
from vision.plates.grammar import UNREADABLE, load_grammar
from vision.types import F32, Photo

OUTCOMES = ("exact", "with ?", "wrong", "rejected", "not found")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture: plate ``text`` ("" = not stated), ``corners`` (4, 2) and ``boxes`` (n, 4) where they are known."""

    path: Path
    source: str
    folder: str
    text: str
    color: str
    corners: F32 | None
    boxes: F32

    @property
    def kind(self) -> str:
        """Color and kind of the plate, as a row's name."""
        kinds = load_grammar().kinds_of(self.text)
        return f"{self.color.split(' ')[0] or 'color not stated'}, {kinds[0].name if kinds else 'no plate text'}"


def load_dev(data: Path) -> list[Labelled]:
    """All pictures of the ``dev`` split of plates/index.jsonl; ends the program if it is missing or damaged."""
    index = existing(data / "plates" / "index.jsonl", "the index of the plate pictures")
    try:
        rows = [json.loads(line) for line in index.read_text(encoding="utf-8").splitlines()]
        return [labelled(index.parent, row) for row in rows if row["split"] == "dev"]
    except (KeyError, ValueError) as err:
        fail(f"{index}: expected one JSON object per picture: {err!r}")


def labelled(folder: Path, row: dict[str, Any]) -> Labelled:
    """One line of the index."""
    corners = np.array(row["corners"], np.float32) if row["corners"] else None
    if row.get("boxes"):
        boxes = np.array(row["boxes"], np.float32)
    elif corners is not None:
        boxes = np.concatenate((corners.min(0), corners.max(0)))[None]
    else:
        boxes = np.zeros((0, 4), np.float32)
    path = folder / row["file"]
    return Labelled(path, row["source"], path.parent.name, row["text"], row["color"], corners, boxes)


@dataclass(frozen=True, slots=True)
class Given:
    """What the pipeline made of one picture with one stated plate; ``best`` is "" when it gave none."""

    truth: Labelled
    best: str
    score: float
    color: str
    others: tuple[str, ...]
    n_rejected: int

    @staticmethod
    def of(truth: Labelled, photo: Photo) -> Given:
        """From a photo as the library read it."""
        plates = [r.plate for r in photo.plates]
        if not plates:
            return Given(truth, "", 0.0, "", (), photo.rejected)
        best = plates[0]
        return Given(truth, best.text, best.score, best.color, tuple(p.text for p in plates[1:]), photo.rejected)

    @property
    def outcome(self) -> str:
        """One of `OUTCOMES`, by the best plate."""
        if not self.best:
            return "rejected" if self.n_rejected else "not found"
        if self.best == self.truth.text:
            return "exact"
        return "with ?" if UNREADABLE in self.best and distance(self.best, self.truth.text) == 0 else "wrong"

    @property
    def is_any_exact(self) -> bool:
        """Whether one of the given plates is right."""
        return self.truth.text in (self.best, *self.others)

    @property
    def is_exact_without_province(self) -> bool:
        """Whether the best plate is right but perhaps for its first character."""
        return self.best[1:] == self.truth.text[1:]


def n_found(truth: F32, found: F32, min_iou: float = 0.5) -> int:
    """How many true boxes have a found box of their own at that overlap."""
    iou = kernels.iou_matrix(np.ascontiguousarray(truth), np.ascontiguousarray(found))
    n = 0
    while iou.size and iou.max() >= min_iou:
        i, j = np.unravel_index(int(iou.argmax()), iou.shape)
        iou[i], iou[:, j] = 0, 0
        n += 1
    return n


def reliability(scored: list[tuple[float, bool]]) -> tuple[list[tuple[float, float, int, float, float]], float]:
    """Bins (from, to, count, mean score, share right) and the expected calibration error over them.

    Source: Guo et al., On calibration of modern neural networks (2017), equation 3; bins narrow towards 1, where
    most scores lie.
    """
    edges = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
    bins, error = [], 0.0
    for low, high in pairwise(edges):
        inside = [(s, ok) for s, ok in scored if low <= s < high or (high == 1.0 and s >= 1.0)]
        if inside:
            mean, right = float(np.mean([s for s, _ in inside])), float(np.mean([ok for _, ok in inside]))
            bins.append((low, high, len(inside), mean, right))
            error += len(inside) / len(scored) * abs(mean - right)
    return bins, error
