"""Real plates: read `plates/index.jsonl`, cut each plate once into a patch, split by plate.

A patch is a plate seen straight on with a margin of real surroundings: uint8 (104, 264, 3) BGR, the plate itself at
`PLATE_RECT`. Training draws random corners around that rectangle, as a detector's corners would fall.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from labels import CHAR_INDEX, COLOR_INDEX, INPUT_H, INPUT_W, UNKNOWN, bucket
from numpy.typing import NDArray

Image = NDArray[np.uint8]

PLATE_W, PLATE_H = 200, 64
MARGIN_X, MARGIN_Y = 32, 20
PATCH_W, PATCH_H = PLATE_W + 2 * MARGIN_X, PLATE_H + 2 * MARGIN_Y
PLATE_RECT = np.float32(  # type: ignore[call-overload]
    [
        [MARGIN_X, MARGIN_Y],
        [MARGIN_X + PLATE_W, MARGIN_Y],
        [MARGIN_X + PLATE_W, MARGIN_Y + PLATE_H],
        [MARGIN_X, MARGIN_Y + PLATE_H],
    ]
)

TRAINED_ON = ("ccpd_base", "ccpd_green", "cwj_lprnet", "easypr_crops")
# Plates of the train split whose bucket is lower are held out for validation and calibration.
HOLD_OUT = {"ccpd_base": 69, "cwj_lprnet": 125, "easypr_crops": 160, "ccpd_green": 0}


@dataclass
class Plates:
    """Rows of one split."""

    patch: NDArray[np.uint8]  # (n, 104, 264, 3) BGR
    text: list[str]
    color: NDArray[np.int64]  # (n,), UNKNOWN where not labelled
    source: NDArray[np.str_]  # (n,)
    has_margin: NDArray[np.bool_]  # (n,): real surroundings (True) or repeated border (False)
    upright: NDArray[np.float32]  # (n, 4, 2): the upright box round the plate in its photo, in patch coordinates


def read_index(data: Path) -> list[dict[str, Any]]:
    """The rows of `plates/index.jsonl`."""
    return read_rows(data / "plates")


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of a folder's index.jsonl; `path` is where the picture lies."""
    with (folder / "index.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [{**row, "path": folder / row["file"]} for row in rows]


def read_image(path: Path) -> Image:
    """BGR picture uint8 (h, w, 3)."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path}: not a picture")
    return image  # type: ignore[return-value]


def rectify(image: Image, corners: NDArray[np.float32]) -> Image:
    """Photo and four corners (4, 2) clockwise from top-left -> patch with real margin."""
    matrix = cv2.getPerspectiveTransform(np.asarray(corners, np.float32), PLATE_RECT)
    shrink = float(np.linalg.norm(corners[0] - corners[1])) / PLATE_W
    if shrink > 1.5:  # without a filter the patch would be full of aliases
        image = cv2.GaussianBlur(image, (0, 0), 0.4 * shrink)  # type: ignore[assignment]
    return cv2.warpPerspective(image, matrix, (PATCH_W, PATCH_H), borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def upright_box(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """The upright box round a plate's corners (4, 2) in the photo -> its corners (4, 2) in the plate's patch."""
    matrix = cv2.getPerspectiveTransform(np.asarray(corners, np.float32), PLATE_RECT)
    (x1, y1), (x2, y2) = corners.min(0), corners.max(0)
    box = np.array([[[x1, y1], [x2, y1], [x2, y2], [x1, y2]]], np.float32)
    return cv2.perspectiveTransform(box, matrix)[0]  # type: ignore[return-value]


def frame_crop(image: Image) -> Image:
    """Tight crop without surroundings -> patch; the margin repeats the border."""
    how = cv2.INTER_AREA if image.shape[1] > 1.5 * PLATE_W else cv2.INTER_LINEAR
    inner = cv2.resize(image, (PLATE_W, PLATE_H), interpolation=how)
    return cv2.copyMakeBorder(inner, MARGIN_Y, MARGIN_Y, MARGIN_X, MARGIN_X, cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def warp_plate(image: Image, corners: NDArray[np.float32]) -> Image:
    """Photo and four corners -> the network's input uint8 (48, 160, 3); large plates are area-filtered."""
    corners = np.asarray(corners, np.float32)
    shrink = max(
        float(np.linalg.norm(corners[0] - corners[1])) / INPUT_W,
        float(np.linalg.norm(corners[0] - corners[3])) / INPUT_H,
    )
    scale = int(np.ceil(shrink)) if shrink > 1.3 else 1
    w, h = INPUT_W * scale, INPUT_H * scale
    matrix = cv2.getPerspectiveTransform(corners, np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32))
    out = cv2.warpPerspective(image, matrix, (w, h), borderMode=cv2.BORDER_REPLICATE)
    return out if scale == 1 else cv2.resize(out, (INPUT_W, INPUT_H), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def fit_crop(crop: Image) -> Image:
    """Upright plate crop of any size -> the network's input uint8 (48, 160, 3)."""
    how = cv2.INTER_AREA if crop.shape[1] > 1.6 * INPUT_W else cv2.INTER_LINEAR
    return cv2.resize(crop, (INPUT_W, INPUT_H), interpolation=how)  # type: ignore[return-value]


def color_of(name: str, text: str) -> int:
    """Color class of an index row; the two greens differ by the place of the new-energy letter."""
    if name == "green" and len(text) == 8:
        return COLOR_INDEX["green" if text[2].isalpha() else "green_yellow"]
    return COLOR_INDEX.get(name.split(" ")[0], UNKNOWN)


def is_held_out(row: dict[str, Any]) -> bool:
    """Whether a row of the train split serves validation and calibration instead."""
    return bucket(row["text"]) < HOLD_OUT.get(row["source"], 0)


def _usable(row: dict[str, Any]) -> bool:
    in_place = row["file"].startswith("crops/") and row["source"] in TRAINED_ON
    return in_place and bool(row.get("text")) and all(char in CHAR_INDEX for char in row["text"])


def select(index: list[dict[str, Any]], split: str, extra: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """Rows of "train" (no plate of dev or hold-out), "held_out" (no plate of dev) or "dev".

    A source that `extra` holds takes the place of the index's sample of it in "train".
    """
    dev = {row["text"] for row in index if row["split"] == "dev" and row["text"]}
    held = {row["text"] for row in index if row["split"] == "train" and row["text"] and is_held_out(row)}
    if split == "train":
        replaced = {row["source"] for row in extra if _usable(row)}
        index = [row for row in index if row["source"] not in replaced] + list(extra)
    for row in filter(_usable, index):
        if split == "dev":
            keep = row["split"] == "dev"
        elif split == "held_out":
            keep = row["split"] == "train" and is_held_out(row) and row["text"] not in dev
        else:
            keep = row["split"] == "train" and row["text"] not in dev | held
        if keep:
            yield row


def load_plates(data: Path, split: str, extra: Sequence[Path] = ()) -> Plates:
    """Cut all plates of a split into patches (about 20 s for train on one core)."""
    patches, text, color, source, margin, upright = [], [], [], [], [], []
    for row in select(read_index(data), split, [row for folder in extra for row in read_rows(folder)]):
        image = read_image(row["path"])
        corners = row["corners"]
        patches.append(rectify(image, np.array(corners, np.float32)) if corners else frame_crop(image))
        text.append(row["text"])
        color.append(color_of(row["color"], row["text"]))
        source.append(row["source"])
        margin.append(bool(corners))
        upright.append(upright_box(np.array(corners, np.float32)) if corners else PLATE_RECT)
    return Plates(np.stack(patches), text, np.array(color), np.array(source), np.array(margin), np.stack(upright))


def load_backgrounds(data: Path, rng: np.random.Generator, per_photo: int = 2) -> NDArray[np.uint8]:
    """Pieces of photos that don't touch a plate, uint8 (n, 104, 264, 3): surroundings for generated plates."""
    pieces = []
    photos = [(path, None) for path in sorted((data / "plates/backgrounds").glob("*.jpg")) for _ in range(4)]
    train = select_scenes(read_index(data))
    for path, corners in photos + [(data / "plates" / row["file"], row["corners"]) for row in train]:
        image = read_image(path)
        height, width = image.shape[:2]
        for _ in range(per_photo):
            w = int(rng.integers(60, min(width, int(height * PATCH_W / PATCH_H)) - 1))
            h = w * PATCH_H // PATCH_W
            x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
            if corners is not None:
                (x1, y1), (x2, y2) = np.min(corners, 0) - 8, np.max(corners, 0) + 8
                if x < x2 and x + w > x1 and y < y2 and y + h > y1:
                    continue
            pieces.append(cv2.resize(image[y : y + h, x : x + w], (PATCH_W, PATCH_H), interpolation=cv2.INTER_AREA))
    return np.stack(pieces)


def select_scenes(index: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Whole photos of the train split that carry corners."""
    return [
        row
        for row in index
        if row["split"] == "train" and row["file"].startswith("scenes/") and row["corners"] is not None
    ]
