"""Finds vehicle crops in the public sets and cuts them: one `Crop` per box, then one square picture per crop."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from labels import ALLOWED, CONVERTED

STORE_SIDE = 128
"""Side of a stored crop, in pixels."""
STORE_MARGIN = 0.15
"""Each side of the box moves outward by this share of the box before a crop is stored."""
GROW = 0.05
"""The box becomes this share wider and taller for the network, half of it on each side."""
MIN_SIDE_PX = 24.0
MAX_ATL_CARS = 1500
NEPAL_DEV_PERCENT = 8
# Open Images class numbers as its public YOLO export writes them (the export has no names file of its own).
OPENIMAGES_NAMES = ("ambulance", "bus", "car", "motorcycle", "truck")

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Crop:
    """One vehicle: where it is, which split it belongs to, and what its set says about its type.

    `file` is relative to the data or extra folder, `box` is xyxy pixels of that file, `name` the set's class name.
    """

    file: str
    box: Box
    source: str
    split: str
    name: str

    @property
    def key(self) -> str:
        """File and rounded box: the name under which color labels are stored."""
        return f"{self.file}#{','.join(str(round(v)) for v in self.box)}"

    @property
    def allowed(self) -> tuple[str, ...]:
        """Types this crop may have; empty if its set says nothing usable."""
        return ALLOWED.get((self.source, self.name), ())


def _read_jsonl(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


def _is_large(box: Box) -> bool:
    return min(box[2] - box[0], box[3] - box[1]) >= MIN_SIDE_PX


def _bucket(text: str) -> int:
    return int(hashlib.sha1(text.encode()).hexdigest(), 16) % 100


def read_data(data: Path) -> list[Crop]:
    """Crops of the DATA folder: the vehicle pictures and the single-vehicle type crops."""
    crops: list[Crop] = []
    for row in _read_jsonl(data / "vehicles/index.jsonl"):
        source = "highway" if row["source"] == "highway-rf40" else row["source"]
        for name, *box in row["boxes"]:
            crop = Crop(f"vehicles/{row['file']}", (box[0], box[1], box[2], box[3]), source, row["split"], name)
            if crop.allowed and _is_large(crop.box):
                crops.append(crop)
    for row in _read_jsonl(data / "vehicles/types.jsonl"):
        box = (0.0, 0.0, float(row["width"]), float(row["height"]))
        crops.append(Crop(f"vehicles/{row['file']}", box, row["source"], row["split"], row["type"]))
    cars = [c for c in crops if c.source == "atl-v12" and c.name == "car" and c.split == "train"]
    cars.sort(key=lambda c: hashlib.sha1(c.key.encode()).hexdigest())
    left_out = {c.key for c in cars[MAX_ATL_CARS:]}
    return [c for c in crops if c.key not in left_out]


def known_stems(data: Path) -> set[str]:
    """Names of the original pictures in DATA, whose further copies in EXTRA are left out."""
    return {row["stem"] for row in _read_jsonl(data / "vehicles/index.jsonl")}


def _yolo_names(folder: Path) -> tuple[str, ...]:
    path = folder / "data.yaml"
    if not path.exists():
        return OPENIMAGES_NAMES
    text = path.read_text(encoding="utf-8")
    rows = text.split("names:")[1].strip()
    if rows.startswith("["):
        return tuple(ast.literal_eval(rows.split("]")[0] + "]"))
    return tuple(line[2:].strip() for line in text.splitlines() if line.startswith("- "))


def _yolo_box(numbers: list[float], width: int, height: int) -> Box:
    """A YOLO row (center and size, or a polygon) as an xyxy box in pixels."""
    scale = np.array([width, height], np.float64)
    if len(numbers) == 4:
        center, size = np.array(numbers[:2]), np.array(numbers[2:])
        low, high = (center - size / 2) * scale, (center + size / 2) * scale
    else:
        points = np.array(numbers).reshape(-1, 2) * scale
        low, high = points.min(axis=0), points.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def read_extra(extra: Path, skip_stems: set[str]) -> list[Crop]:
    """Crops of the YOLO sets under EXTRA (folders `nepal`, `highway`, `openimages`), each original picture once."""
    crops: list[Crop] = []
    for folder in sorted(p for p in extra.iterdir() if p.is_dir()):
        names = _yolo_names(folder)
        seen: set[str] = set(skip_stems)
        for label in sorted(folder.glob("*/labels/*.txt")):
            stem = label.stem.split(".rf.")[0]
            image = label.parent.parent / "images" / f"{label.stem}.jpg"
            if stem in seen or not image.exists():
                continue
            seen.add(stem)
            height, width = _image_size(image)
            is_dev = folder.name == "nepal" and _bucket(stem) < NEPAL_DEV_PERCENT
            for line in label.read_text(encoding="utf-8").splitlines():
                number, *rest = line.split()
                box = _yolo_box([float(v) for v in rest], width, height)
                split = "dev" if is_dev else "train"
                crop = Crop(str(image.relative_to(extra)), box, folder.name, split, names[int(number)])
                if crop.allowed and _is_large(box):
                    crops.append(crop)
    return crops


def read_converted(folder: Path) -> list[Crop]:
    """Crops of sets that only `models/detection/convert.py` reads, from the folder it made."""
    crops = [
        Crop(row["file"], (box[0], box[1], box[2], box[3]), row["source"], row["split"], name)
        for row in _read_jsonl(folder / "index.jsonl")
        for name, *box in row["boxes"]
    ]
    return [crop for crop in crops if crop.source in CONVERTED and crop.allowed and _is_large(crop.box)]


def _image_size(path: Path) -> tuple[int, int]:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError(f"path: expected a picture, got {path}")
    return image.shape[0], image.shape[1]


def cut(image: np.ndarray, box: Box, margin: float, side: int) -> np.ndarray:
    """Cut a box, grown by `margin` of its size on each side, as a square.

    Args:
        image: uint8 (h, w, 3), BGR.
        box: xyxy pixels of `image`.
        margin: share of the box width (height) by which the left and right (top and bottom) sides move outward.
        side: pixels of the result's side.

    Returns:
        uint8 (side, side, 3), BGR. Pixels outside the picture repeat its edge; area filter when shrinking.
    """
    height, width = image.shape[:2]
    grow_x, grow_y = (box[2] - box[0]) * margin, (box[3] - box[1]) * margin
    x1, y1 = round(box[0] - grow_x), round(box[1] - grow_y)
    x2, y2 = max(x1 + 2, round(box[2] + grow_x)), max(y1 + 2, round(box[3] + grow_y))
    part = image[max(0, y1) : max(0, min(height, y2)), max(0, x1) : max(0, min(width, x2))]
    if part.size == 0:
        raise ValueError(f"box: expected a box inside the {width}x{height} picture, got {box}")
    edges = max(0, -y1), max(0, y2 - height), max(0, -x1), max(0, x2 - width)
    if any(edges):
        part = cv2.copyMakeBorder(part, *edges, borderType=cv2.BORDER_REPLICATE)
    is_shrinking = part.shape[0] > side and part.shape[1] > side
    return cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA if is_shrinking else cv2.INTER_LINEAR)


def cut_all(crops: list[Crop], roots: list[Path], margin: float = STORE_MARGIN, side: int = STORE_SIDE) -> np.ndarray:
    """Cut every crop. Returns uint8 (n, side, side, 3), BGR, in the order of `crops`; reads each picture once."""
    out = np.zeros((len(crops), side, side, 3), np.uint8)
    order = sorted(range(len(crops)), key=lambda i: crops[i].file)
    name, image = "", np.zeros((1, 1, 3), np.uint8)
    for i in order:
        if crops[i].file != name:
            name = crops[i].file
            path = next((root / name for root in roots if (root / name).exists()), None)
            loaded = cv2.imread(str(path)) if path else None
            if loaded is None:
                raise ValueError(f"file: expected a picture, got {name}")
            image = loaded
        out[i] = cut(image, crops[i].box, margin, side)
    return out
