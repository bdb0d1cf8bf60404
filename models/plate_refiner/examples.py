"""What the refiner learns from: plates as the detector finds them, and what it takes for plates."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from detection.decode import F32, U8, Runner, detect, iou_matrix, quad_boxes
from detection.records import plate_record, read

from vision.detect.plates import are_plates

SIDES = (256, 416)  # inputs at which the detector is asked
LOW_SCORE = 0.15  # of its finds
SURE = 0.35  # from here on, what is found beside the labelled plate may be a plate that nobody labelled
MAX_SIDE = 224  # longer pieces are made smaller: windows are


@dataclass
class Example:
    """A piece of a picture.

    Attributes:
        image: uint8 BGR.
        quad: corners of its plate (4, 2) float32, or None: it has none.
        exact: the corners are real ones, otherwise those of an upright box.
        found: what the detector found there, (n, 4, 2) float32.
        source: data set.
        score: the detector's, of what is no plate.
    """

    image: U8
    quad: F32 | None
    exact: bool
    found: F32
    source: str
    score: float = 0.2


def cut(image: U8, quads: F32, quad: F32 | None, exact: bool, source: str) -> Example:
    """The piece around quadrangles (n, 4, 2), with as much around it as a window can need."""
    every = quads if quad is None else np.concatenate((quads, quad[None]))
    low, high = every.reshape(-1, 2).min(0), every.reshape(-1, 2).max(0)
    room = 0.8 * (high - low) + 8
    x0, y0 = np.maximum(np.floor(low - room), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(high + room).astype(int), (image.shape[1], image.shape[0]))
    piece = image[y0:y1, x0:x1]
    k = min(1.0, MAX_SIDE / max(piece.shape[:2]))
    if k < 1:
        piece = cv2.resize(piece, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
    move, scale = np.float32([x0, y0]), np.float32(k)
    true = None if quad is None else (quad - move) * scale
    return Example(piece.copy(), true, exact, (quads - move) * scale, source)


def examples_of(row: dict[str, Any], run: Runner, no_plates: dict[str, F32]) -> list[Example]:
    """Of one picture: its plates with what was found there, and what else was found.

    Args:
        row: of index.jsonl.
        run: the detector's network.
        no_plates: boxes (n, 4) by file name that a person has seen to be none, though the detector is sure.
    """
    record = plate_record(row)
    if record is None:
        return []
    finds = [detect(run, record.image, (side, side), 8, 0, LOW_SCORE, 0.5) for side in SIDES]
    quads, scores = np.concatenate([f.quads for f in finds]), np.concatenate([f.scores for f in finds])
    usable = are_plates(quads)
    quads, scores = quads[usable], scores[usable]
    overlap = iou_matrix(quad_boxes(quads), quad_boxes(record.quads))
    out = []
    for j, quad in enumerate(record.quads):
        mine = quads[overlap[:, j] >= 0.5]
        if np.ptp(quad, 0)[0] >= 12:
            out.append(cut(record.image, mine, quad, bool(record.exact[j]), record.source))
    beside = np.flatnonzero(overlap.max(1, initial=0) < 0.1)
    known = no_plates.get(Path(row["file"]).name, np.zeros((0, 4), np.float32))
    is_known = iou_matrix(quad_boxes(quads), known).max(1, initial=0) >= 0.5
    for i in beside:
        if scores[i] < SURE or is_known[i]:
            other = cut(record.image, quads[i : i + 1], None, False, record.source)
            other.score = float(scores[i])
            out.append(other)
    return out


def pieces_of(rows: Iterable[dict[str, Any]]) -> list[Example]:
    """Pieces without plates that an older finder took for some: each as a whole is what was found."""
    out = []
    for row in rows:
        image = read(row["file"])
        if image is not None and min(image.shape[:2]) >= 8:
            h, w = image.shape[:2]
            quad = np.float32([[[0.1 * w, 0.1 * h], [0.9 * w, 0.1 * h], [0.9 * w, 0.9 * h], [0.1 * w, 0.9 * h]]])
            out.append(Example(image, None, False, quad, row["source"]))
    return out


def read_no_plates(path: Path) -> dict[str, F32]:
    """Lines {"file": name, "boxes": [[x1, y1, x2, y2], ...]}."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines()) if path.is_file() else ()
    return {row["file"]: np.float32(row["boxes"]).reshape(-1, 4) for row in rows}
