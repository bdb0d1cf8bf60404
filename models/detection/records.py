"""Reads index.jsonl folders into records: pictures cached in memory as uint8 with their objects."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from detection.decode import F32, U8, box_quads
from numpy.typing import NDArray
from tqdm import tqdm

VEHICLE_NAMES: tuple[str, ...] = ("car", "bus", "truck", "van", "motorcycle", "tricycle")
SECOND_CHOICE = 0.1  # weight of the other classes in a label such as "car|van": at .5 trucks and buses became vans

# What a label of a set without its own class for vans can mean.
MERGED: dict[str, dict[str, str]] = {
    "manaus": {"truck": "truck|bus", "car": "car|van"},
    "atl-v12": {"truck": "truck|van", "car": "car|van", "bus": "bus|van"},
    "highway-rf40": {"truck": "truck|van", "car": "car|van", "bus": "bus|van"},
}


@dataclass
class Record:
    """One picture, BGR uint8 (h, w, 3), and its objects.

    quads (m, 4, 2) float32 TL, TR, BR, BL in pixels; kinds (m, classes) float32: how well each class fits the label,
    all ones where the type is not known; exact (m,): real corners, otherwise the quadrangle is only the box; ignore
    (m,): no loss there, neither as an object nor as background.
    """

    image: U8
    quads: F32
    kinds: F32
    exact: NDArray[np.bool_]
    ignore: NDArray[np.bool_]
    source: str
    levels: list[U8] = field(default_factory=list)  # the picture, its half and its quarter

    def __post_init__(self) -> None:
        self.levels = [self.image]
        for _ in range(2):
            h, w = (n // 2 * 2 for n in self.levels[-1].shape[:2])
            self.levels.append(cv2.resize(self.levels[-1][:h, :w], (w // 2, h // 2), interpolation=cv2.INTER_AREA))


def kind_weights(label: str) -> F32:
    """Weights of the vehicle classes for a label such as "car", "car|van" or "vehicle"."""
    names = label.split("|")
    if not set(names) <= set(VEHICLE_NAMES):
        return np.ones(len(VEHICLE_NAMES), np.float32)
    out = np.zeros(len(VEHICLE_NAMES), np.float32)
    for i, name in enumerate(names):
        out[VEHICLE_NAMES.index(name)] = 1.0 if i == 0 else SECOND_CHOICE
    return out


def order_corners(quads: F32) -> F32:
    """Corners (m, 4, 2) in any order -> clockwise from the top left."""
    out = []
    for q in quads:
        c = q.mean(0)
        q = q[np.argsort(np.arctan2(q[:, 1] - c[1], q[:, 0] - c[0]))]
        left = np.argsort(q[:, 0])[:2]
        out.append(np.roll(q, -left[np.argmin(q[left, 1])], 0))
    return np.array(out, np.float32).reshape(-1, 4, 2)


def rows_of(folder: Path, split: str) -> list[dict[str, Any]]:
    """Index lines of one split; `file` becomes a full path."""
    rows = []
    for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["split"] == split:
            row["file"] = str(folder / row["file"])
            rows.append(row)
    return rows


def read(path: str) -> U8 | None:
    """A BGR picture, also where the path is not ASCII."""
    return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)


def plate_record(row: dict[str, Any]) -> Record | None:
    image = read(row["file"])
    if image is None:
        return None
    exact = bool(row.get("corners"))
    if exact:
        quads = order_corners(np.array(row["corners"], np.float32).reshape(-1, 4, 2))
    else:
        quads = box_quads(np.array(row.get("boxes") or np.zeros((0, 4)), np.float32))
    n = len(quads)
    return Record(image, quads, np.zeros((n, 0), np.float32), np.full(n, exact), np.zeros(n, bool), row["source"])


def vehicle_record(row: dict[str, Any], side: int = 4096) -> Record | None:
    """`side`: longest side kept in memory, px."""
    image = read(row["file"])
    if image is None:
        return None
    k = min(1.0, side / max(image.shape[:2]))
    if k < 1:
        image = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
    merged = MERGED.get(row["source"], {})
    wanted = [b for b in row["boxes"] if b[0] != "person"]
    quads = box_quads(np.array([b[1:] for b in wanted], np.float32).reshape(-1, 4) * k)
    kinds = np.array([kind_weights(merged.get(b[0], b[0])) for b in wanted], np.float32).reshape(-1, len(VEHICLE_NAMES))
    ignore = np.array([b[0] in ("bicycle", "ignore") for b in wanted], bool)
    return Record(image, quads, kinds, np.zeros(len(wanted), bool), ignore, row["source"])


def load_plates(rows: Iterable[dict[str, Any]]) -> list[Record]:
    """Records of whole photos that have corners or boxes, or are known to hold no plate."""
    usable = [r for r in rows if "/scenes/" in r["file"] or "/images/" in r["file"]]
    made = (plate_record(r) for r in tqdm(usable, desc="plates", mininterval=5))
    return [r for r in made if r is not None]


def load_vehicles(rows: Iterable[dict[str, Any]], sides: dict[str, int] | None = None) -> list[Record]:
    """`sides`: longest side kept in memory by source, px."""
    sides = sides or {}
    made = (vehicle_record(r, sides.get(r["source"], 4096)) for r in tqdm(list(rows), desc="vehicles", mininterval=5))
    return [r for r in made if r is not None]


def merge_rows(base: list[dict[str, Any]], extras: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Base rows and extra rows; an extra folder's picture replaces the base's of the same source and stem.

    Where rows have no stem, a source that an extra folder holds replaces the base's sample of it.
    """
    better = {(r["source"], r.get("stem")) for rows in extras for r in rows}
    return [r for r in base if (r["source"], r.get("stem")) not in better] + [r for rows in extras for r in rows]
