"""Turns checkouts of public data sets into folders with an index.jsonl that `records.py` reads.

    python models/detection/convert.py vehicles --raw CHECKOUTS --out DIR --exclude DATA/vehicles/index.jsonl \\
        --teacher DIR
    python models/detection/convert.py plates --raw CHECKOUTS --out DIR --exclude DATA/plates/index.jsonl

CHECKOUTS holds one folder per set, named as in `VEHICLE_SETS` and `PLATE_SETS`, each a checkout of its repository.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from detection.sets import PLATE_SETS, VEHICLE_SETS
from detection.teacher import Teacher, complete_boxes

F32 = NDArray[np.float32]


def yolo_boxes(text: str, width: int, height: int) -> Iterator[tuple[int, list[float]]]:
    """Class id and box x1 y1 x2 y2 in pixels of every line; polygons become their bounds."""
    for line in text.splitlines():
        values = [float(v) for v in line.split()]
        if len(values) == 5:
            _, x, y, w, h = values
            box = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        elif len(values) > 6:
            p = np.array(values[1:]).reshape(-1, 2)
            box = [*p.min(0), *p.max(0)]
        else:
            continue
        yield int(values[0]), [float(v * s) for v, s in zip(box, (width, height, width, height), strict=True)]


def convert_vehicles(raw: Path, out: Path, exclude: set[tuple[str, str]], teacher: Teacher | None) -> None:
    rows = []
    for name, spec in VEHICLE_SETS.items():
        seen: dict[str, int] = {}
        files = [f for folder in spec.folders for f in sorted((raw / name / folder / "images").glob("*.jpg"))]
        for file in tqdm(files, desc=name, mininterval=5):
            stem = re.sub(r"\.rf\..*$", "", file.stem)
            label = file.parent.parent / "labels" / f"{file.stem}.txt"
            if (spec.group, stem) in exclude or seen.get(stem, 0) >= spec.copies or not label.exists():
                continue
            image = cv2.imread(str(file))
            if image is None:
                continue
            k = min(1.0, spec.side / max(image.shape[:2]))
            if k < 1:
                image = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
            h, w = image.shape[:2]
            boxes: list[list[Any]] = [
                [spec.labels[c], *(round(v, 1) for v in b)]
                for c, b in yolo_boxes(label.read_text(), w, h)
                if c < len(spec.labels) and spec.labels[c]
            ]
            if not spec.complete and teacher is not None:
                boxes += complete_boxes(image, boxes, teacher)
            seen[stem] = seen.get(stem, 0) + 1
            share = int(hashlib.md5(stem.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
            target = f"images/{name}_{len(rows):06d}.jpg"
            cv2.imwrite(str(out / target), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
            rows.append(
                {
                    "source": spec.group,
                    "split": "dev" if share < spec.dev_share else "train",
                    "stem": stem,
                    "licence": spec.licence,
                    "file": target,
                    "width": w,
                    "height": h,
                    "boxes": boxes,
                }
            )
    write_index(out, rows)


def ccpd_corners(stem: str) -> F32 | None:
    """Corners from a CCPD file name (bottom-right first, clockwise) as TL, TR, BR, BL, (4, 2) pixels."""
    parts = stem.split("-")
    if len(parts) < 5:
        return None
    p = np.array([[float(v) for v in q.split("&")] for q in parts[3].split("_")], np.float32)
    return p[[2, 3, 0, 1]] if p.shape == (4, 2) else None


PROVINCES = "皖沪津渝冀晋蒙辽吉黑苏浙京闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def ccpd_text(stem: str) -> str:
    """Plate text from a CCPD file name."""
    parts = stem.split("-")
    codes = [int(v) for v in parts[4].split("_")]
    return PROVINCES[codes[0]] + LETTERS[codes[1]] + "".join((LETTERS + "0123456789")[c] for c in codes[2:])


def convert_plates(raw: Path, out: Path, exclude: set[str]) -> None:
    """CCPD at half size, without any plate number of the development split; and boxes of EU and US plates."""
    rows: list[dict[str, Any]] = []
    for name, (pattern, limit, licence) in PLATE_SETS.items():
        files = sorted((raw / name).glob(pattern))
        order = np.random.default_rng(3).permutation(len(files))
        kept = 0
        for i in tqdm(order, desc=name, mininterval=5):
            corners = ccpd_corners(files[i].stem)
            if corners is None or ccpd_text(files[i].stem) in exclude:
                continue
            image = cv2.imread(str(files[i]), cv2.IMREAD_REDUCED_COLOR_2)
            if image is None:
                continue
            target = f"images/{name}_{len(rows):06d}.jpg"
            cv2.imwrite(str(out / target), image, [cv2.IMWRITE_JPEG_QUALITY, 94])
            rows.append(
                {
                    "source": name,
                    "split": "train",
                    "licence": licence,
                    "file": target,
                    "width": image.shape[1],
                    "height": image.shape[0],
                    "corners": ((corners + 0.5) / 2 - 0.5).round(2).tolist(),
                }
            )
            kept += 1
            if kept >= limit:
                break
    for file in tqdm(sorted((raw / "plates-eu-us" / "train/images").glob("*.jpg")), desc="plates-eu-us", mininterval=5):
        image = cv2.imread(str(file))
        if image is None:
            continue
        h, w = image.shape[:2]
        label = file.parent.parent / "labels" / f"{file.stem}.txt"
        boxes = [[round(v, 1) for v in b] for c, b in yolo_boxes(label.read_text(), w, h) if c == 0]
        target = f"images/plates-eu-us_{len(rows):06d}.jpg"
        cv2.imwrite(str(out / target), image, [cv2.IMWRITE_JPEG_QUALITY, 94])
        rows.append(
            {
                "source": "plates-eu-us",
                "split": "train",
                "licence": "images CC BY 2.0, labels CC BY 4.0",
                "file": target,
                "width": w,
                "height": h,
                "corners": None,
                "boxes": boxes,
            }
        )
    signs = (
        file
        for part in ("train", "valid", "test")
        for file in sorted((raw / "adodrs" / "dataset/traffic" / part / "images").glob("*.jpg"))
    )
    for file in tqdm(list(signs), desc="signs", mininterval=5):
        image = cv2.imread(str(file))
        if image is not None:
            target = f"images/signs_{len(rows):06d}.jpg"
            cv2.imwrite(str(out / target), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
            rows.append(
                {
                    "source": "signs",
                    "split": "train",
                    "licence": "CC BY 4.0",
                    "file": target,
                    "width": image.shape[1],
                    "height": image.shape[0],
                    "corners": None,
                    "boxes": [],
                }
            )
    write_index(out, rows)


def write_index(out: Path, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    (out / "index.jsonl").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("vehicles", "plates"))
    parser.add_argument("--raw", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--exclude", type=Path, required=True, help="index.jsonl whose dev split must not be trained on"
    )
    parser.add_argument("--teacher", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    (args.out / "images").mkdir(parents=True, exist_ok=True)
    lines = [json.loads(line) for line in args.exclude.read_text(encoding="utf-8").splitlines()]
    dev = [r for r in lines if r["split"] == "dev"]
    if args.kind == "vehicles":
        teacher = Teacher(args.teacher) if args.teacher else None
        convert_vehicles(args.raw, args.out, {(r["source"], r["stem"]) for r in dev}, teacher)
    else:
        convert_plates(args.raw, args.out, {r["text"] for r in dev if r.get("text")})


if __name__ == "__main__":
    main()
