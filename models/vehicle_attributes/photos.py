"""Finds the vehicle around the plate of each CCPD photo, with a public detector, so that the photo gives a crop."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from dataset import Box, Crop

DETECTOR = "vehicle-detection-0200"
DETECTOR_SIDE = 256
MIN_SCORE = 0.5
MIN_SIDE_PX = 60.0


def _best_box(rows: np.ndarray, plate: np.ndarray, width: int, height: int) -> Box | None:
    """The most certain large box that holds the plate's center.

    Args:
        rows: float32 (n, 7), image, class, score and xyxy in 0..1, as the detector gives them.
        plate: float (2,), pixels.
        width: of the photo, pixels.
        height: of the photo, pixels.
    """
    best: tuple[float, Box] | None = None
    for _, _, score, *edges in rows.tolist():
        x1, x2 = edges[0] * width, edges[2] * width
        y1, y2 = edges[1] * height, edges[3] * height
        holds_plate = x1 < plate[0] < x2 and y1 < plate[1] < y2
        is_large = min(x2 - x1, y2 - y1) > MIN_SIDE_PX
        if score >= MIN_SCORE and holds_plate and is_large and (best is None or score > best[0]):
            best = score, (round(x1, 1), round(y1, 1), round(x2, 1), round(y2, 1))
    return best[1] if best else None


def find_photo_vehicles(data: Path) -> list[Crop]:
    """Crops of the CCPD photos of the DATA folder whose vehicle the detector finds."""
    import openvino

    core = openvino.Core()
    network = core.read_model(data / f"teachers/{DETECTOR}.xml")
    detector = core.compile_model(network, "CPU", {"INFERENCE_NUM_THREADS": 1})
    crops: list[Crop] = []
    for line in (data / "plates/index.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if not row["file"].startswith("scenes/ccpd") or not row.get("corners"):
            continue
        image = cv2.imread(str(data / "plates" / row["file"]))
        if image is None:
            raise ValueError(f"file: expected a picture, got {row['file']}")
        small = cv2.resize(image, (DETECTOR_SIDE, DETECTOR_SIDE), interpolation=cv2.INTER_AREA)
        rows = detector(small.transpose(2, 0, 1)[None].astype(np.float32))[0].reshape(-1, 7)
        plate = np.array(row["corners"], np.float64).mean(axis=0)
        box = _best_box(rows, plate, image.shape[1], image.shape[0])
        if box:
            crops.append(Crop(f"plates/{row['file']}", box, "ccpd", row["split"], "vehicle"))
    return crops
