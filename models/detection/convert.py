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

from detection.decode import Runner, onnx_runner
from detection.records import VEHICLE_NAMES
from detection.sets import PLATE_SETS, VEHICLE_SETS
from detection.teacher import Teacher, complete_boxes, doubtful_boxes, is_vehicle_there

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


def yolo_boxes(
    text: str, width: int, height: int, original: tuple[int, int] | None = None
) -> Iterator[tuple[int, list[float]]]:
    """Class id and box x1 y1 x2 y2 in pixels of every line; polygons become their bounds.

    Args:
        text: a label file.
        width: of the picture as it is kept.
        height: the same.
        original: width and height of the picture as published if its boxes are x1 y1 x2 y2 in its pixels; None if they
            are center and size in shares of the picture.
    """
    for line in text.splitlines():
        values = [float(v) for v in line.split()]
        if len(values) == 5 and original:
            box = [v / side for v, side in zip(values[1:], original * 2, strict=True)]
        elif len(values) == 5:
            _, x, y, w, h = values
            box = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        elif len(values) > 6:
            p = np.array(values[1:]).reshape(-1, 2)
            box = [*p.min(0), *p.max(0)]
        else:
            continue
        if min(box) < -0.5 or max(box) > 1.5:
            raise ValueError(f"expected a box in shares of the picture, got {line!r}")
        yield int(values[0]), [float(v * s) for v, s in zip(box, (width, height, width, height), strict=True)]


def convert_vehicles(
    raw: Path,
    out: Path,
    exclude: set[tuple[str, str]],
    teacher: Teacher | None,
    names: list[str],
    earlier: Runner | None = None,
) -> None:
    rows = []
    for name, spec in ((name, VEHICLE_SETS[name]) for name in names):
        seen: dict[str, int] = {}
        files = [f for folder in spec.folders for f in sorted((raw / name / folder / "images").glob(spec.pattern))]
        for file in tqdm(files, desc=name, mininterval=5):
            stem = re.sub(r"\.rf\..*$", "", file.stem)
            label = file.parent.parent / "labels" / f"{file.stem}.txt"
            if (spec.group, stem) in exclude or seen.get(stem, 0) >= spec.copies:
                continue
            chosen = int(hashlib.md5(f"keep {stem}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF < spec.share
            if not chosen or (spec.labels and not label.exists()):
                continue
            image = cv2.imread(str(file))
            if image is None:
                continue
            original = (image.shape[1], image.shape[0]) if spec.in_pixels else None
            if spec.aspect:
                h, w = image.shape[:2]
                image = cv2.resize(
                    image, (round(h * spec.aspect), h) if spec.aspect > 1 else (w, round(w / spec.aspect))
                )
            k = min(1.0, spec.side / max(image.shape[:2]))
            if k < 1:
                image = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
            h, w = image.shape[:2]
            boxes: list[list[Any]] = [
                [spec.labels[c], *(round(v, 1) for v in b)]
                for c, b in yolo_boxes(label.read_text() if spec.labels else "", w, h, original)
                if c < len(spec.labels) and spec.labels[c]
            ]
            if spec.doubtful:
                boxes = [["ignore", *b[1:]] if (b[3] - b[1]) * (b[4] - b[2]) > 0.97 * w * h else b for b in boxes]
            if spec.empty and is_vehicle_there(image, teacher, earlier):
                continue
            if not spec.complete and teacher is not None:
                boxes += complete_boxes(image, boxes, teacher)
            if spec.doubtful and earlier is not None:
                boxes += doubtful_boxes(image, boxes, earlier, len(VEHICLE_NAMES))
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


MAY_BE_PLATE = 0.25  # worst of seven character probabilities from which a "plateless" patch is not trusted
PROVINCES = "皖沪津渝冀晋蒙辽吉黑苏浙京闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def ccpd_text(stem: str) -> str:
    """Plate text from a CCPD file name."""
    parts = stem.split("-")
    codes = [int(v) for v in parts[4].split("_")]
    return PROVINCES[codes[0]] + LETTERS[codes[1]] + "".join((LETTERS + "0123456789")[c] for c in codes[2:])


def plate_crop(photo: U8, corners: F32) -> tuple[U8, F32]:
    """A plate with a margin at its own resolution, for the reader, and its corners in there."""
    lo, hi = corners.min(0), corners.max(0)
    margin = (hi - lo) * (0.25, 0.6)
    x0, y0 = np.maximum(np.floor(lo - margin), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(hi + margin) + 1, photo.shape[1::-1]).astype(int)
    return photo[y0:y1, x0:x1], corners - np.float32((x0, y0))


def save(out: Path, target: str, image: U8, source: str, licence: str, **labels: Any) -> dict[str, Any]:
    """Writes a training picture; returns its line of the index."""
    cv2.imwrite(str(out / target), image, [cv2.IMWRITE_JPEG_QUALITY, 94])
    height, width = image.shape[:2]
    about = {"source": source, "split": "train", "licence": licence, "file": target, "width": width, "height": height}
    return {**about, **labels}


def convert_plates(raw: Path, out: Path, exclude: set[str]) -> None:
    """CCPD without any plate number of the development split: photos at half size, and crops of all for the reader.

    Beside it boxes of EU and US plates, and pictures without plates.
    """
    rows: list[dict[str, Any]] = []
    for name, (pattern, limit, licence) in PLATE_SETS.items():
        files = sorted((raw / name).glob(pattern))
        order = np.random.default_rng(3).permutation(len(files))
        kept = 0
        for i in tqdm(order, desc=name, mininterval=5):
            corners = ccpd_corners(files[i].stem)
            if corners is None or ccpd_text(files[i].stem) in exclude:
                continue
            photo = cv2.imread(str(files[i]))
            if photo is None:
                continue
            color = "green" if name == "ccpd_green" else "blue"
            crop, inside = plate_crop(photo, corners)
            labels = {"text": ccpd_text(files[i].stem), "color": color, "corners": inside.round(2).tolist()}
            rows.append(save(out, f"crops/{name}_{len(rows):06d}.jpg", crop, name, licence, **labels))
            if kept < limit:
                h, w = (n // 2 * 2 for n in photo.shape[:2])
                half = cv2.resize(photo[:h, :w], (w // 2, h // 2), interpolation=cv2.INTER_AREA)
                at = ((corners + 0.5) / 2 - 0.5).round(2).tolist()
                rows.append(save(out, f"images/{name}_{len(rows):06d}.jpg", half, name, licence, corners=at))
                kept += 1
    for file in tqdm(sorted((raw / "plates-eu-us" / "train/images").glob("*.jpg")), desc="plates-eu-us", mininterval=5):
        image = cv2.imread(str(file))
        if image is not None:
            text = (file.parent.parent / "labels" / f"{file.stem}.txt").read_text()
            found = yolo_boxes(text, image.shape[1], image.shape[0])
            boxes = [[round(v, 1) for v in b] for c, b in found if c == 0]
            licence = "images CC BY 2.0, labels CC BY 4.0"
            target = f"images/plates-eu-us_{len(rows):06d}.jpg"
            rows.append(save(out, target, image, "plates-eu-us", licence, corners=None, boxes=boxes))
    signs = (
        file
        for part in ("train", "valid", "test")
        for file in sorted((raw / "adodrs" / "dataset/traffic" / part / "images").glob("*.jpg"))
    )
    for file in tqdm(list(signs), desc="signs", mininterval=5):
        image = cv2.imread(str(file))
        if image is not None:
            target = f"images/signs_{len(rows):06d}.jpg"
            rows.append(save(out, target, image, "signs", "CC BY 4.0", corners=None, boxes=[]))
    write_index(out, rows + plateless_patches(raw, out))


def plateless_patches(raw: Path, out: Path) -> list[dict[str, Any]]:
    """Pieces that an older plate finder took for plates and people sorted out, without those that read as a plate."""
    import onnxruntime as ort

    reader = ort.InferenceSession(str(Path(__file__).resolve().parents[1] / "plate_reader/model.onnx"))
    rows: list[dict[str, Any]] = []
    for file in tqdm(sorted((raw / "easypr-no").glob("TrainData/svm/no/*/*.jpg")), desc="patches", mininterval=5):
        patch = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
        if patch is None:
            continue
        text = reader.run(["text"], {"images": cv2.resize(patch, (160, 48))[None]})[0][0]
        if text[:7].max(-1).min() <= MAY_BE_PLATE:
            target, licence = f"patches/easypr-no_{len(rows):06d}.jpg", "Apache-2.0 (EasyPR training data)"
            rows.append(save(out, target, patch, "easypr-no", licence, corners=None, boxes=[]))
    return rows


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
    parser.add_argument("--earlier", type=Path, help="model.onnx of an earlier version: what it sees is not background")
    parser.add_argument("--sets", nargs="*", default=list(VEHICLE_SETS), choices=list(VEHICLE_SETS))
    args = parser.parse_args()
    cv2.setNumThreads(1)
    for folder in ("images", "crops", "patches"):
        (args.out / folder).mkdir(parents=True, exist_ok=True)
    lines = [json.loads(line) for line in args.exclude.read_text(encoding="utf-8").splitlines()]
    dev = [r for r in lines if r["split"] == "dev"]
    if args.kind == "vehicles":
        teacher = Teacher(args.teacher) if args.teacher else None
        earlier = onnx_runner(str(args.earlier)) if args.earlier else None
        convert_vehicles(args.raw, args.out, {(r["source"], r["stem"]) for r in dev}, teacher, args.sets, earlier)
    else:
        convert_plates(args.raw, args.out, {r["text"] for r in dev if r.get("text")})


if __name__ == "__main__":
    main()
