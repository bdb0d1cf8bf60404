"""Color labels without a person: certain answers of a teacher that the pixels confirm, and crops without color."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from dataset import STORE_MARGIN, Crop
from labels import COLORS, UNKNOWN_COLOR

TEACHER = "vehicle-attributes-recognition-barrier-0039"
TEACHER_COLORS = ("white", "gray", "yellow", "red", "green", "blue", "black")
TRUSTED = ("red", "yellow", "white", "blue")
MIN_TEACHER_SCORE = 0.9
MIN_SIDE_PX = 40.0
NOT_LABELED = -1


def ask_teacher(images: np.ndarray, folder: Path) -> np.ndarray:
    """Teacher's color probabilities, float32 (n, 7), for stored crops, uint8 (n, s, s, 3), BGR."""
    import openvino

    core = openvino.Core()
    network = core.compile_model(core.read_model(folder / f"{TEACHER}.xml"), "CPU", {"INFERENCE_NUM_THREADS": 1})
    side = images.shape[1]
    low = round(side * STORE_MARGIN / (1 + 2 * STORE_MARGIN))
    rows = []
    for image in images:
        small = cv2.resize(image[low : side - low, low : side - low], (72, 72), interpolation=cv2.INTER_AREA)
        rows.append(network(small.transpose(2, 0, 1)[None].astype(np.float32))["color"].ravel())
    return np.array(rows, np.float32).reshape(-1, len(TEACHER_COLORS))


def _body(image: np.ndarray) -> np.ndarray:
    """The lower middle of a stored crop, where paint is: uint8 (h, w, 3), BGR."""
    side = image.shape[0]
    return image[side * 40 // 128 : side * 104 // 128, side * 26 // 128 : side * 102 // 128]


def hue_shares(image: np.ndarray) -> np.ndarray:
    """Share of clearly colored body pixels per hue bin of ten degrees: float64 (36,)."""
    hsv = cv2.cvtColor(_body(image), cv2.COLOR_BGR2HSV)
    is_colored = (hsv[..., 1] > 90) & (hsv[..., 2] > 45)
    return np.bincount(hsv[..., 0][is_colored] // 5, minlength=36)[:36] / is_colored.size


def confirm(color: str, image: np.ndarray) -> bool:
    """Whether the pixels of a stored crop (uint8, BGR) agree with a color the teacher named."""
    hue = hue_shares(image)
    orange = hue[1:3].sum()
    if color == "red":
        return bool(hue[0] + hue[1] / 2 + hue[34:].sum() > 0.25 and hue[28:34].sum() < 0.08 and orange < 0.25)
    if color == "blue":
        return bool(hue[19:25].sum() > 0.3 and image.mean() > 45)
    if color == "yellow":
        yellow = hue[3:7].sum()
        return bool(yellow > 0.3 and yellow > 1.5 * orange and hue[6:9].sum() < yellow / 2)
    if color == "white":
        lab = cv2.cvtColor(_body(image), cv2.COLOR_BGR2LAB).astype(np.float32)
        chroma = np.hypot(lab[..., 1] - 128, lab[..., 2] - 128)
        return bool(np.percentile(lab[..., 0], 80) >= 190 and np.median(chroma) < 9)
    return False


def hides_paint(crop: Crop, image: np.ndarray) -> bool:
    """Whether light hides the paint: a night crop, or the green cast of some parking-lot photos."""
    lightness = cv2.cvtColor(image, cv2.COLOR_BGR2LAB)[..., 0]
    if lightness.mean() < 30 or np.median(lightness) < 18:
        return True
    if crop.source == "atl-v12" and np.median(_body(image).max(axis=2)) < 45:
        return True
    return crop.source == "ccpd" and bool(hue_shares(image)[7:17].sum() > 0.25)


def label_colors(crops: list[Crop], images: np.ndarray, teachers: Path) -> np.ndarray:
    """Color index per crop, int64 (n,), or -1 where nothing certain can be said.

    Args:
        crops: as from `dataset`.
        images: their stored crops, uint8 (n, s, s, 3), BGR.
        teachers: folder of the teacher networks.
    """
    scores = ask_teacher(images, teachers)
    labels = np.full(len(crops), NOT_LABELED, np.int64)
    for i, crop in enumerate(crops):
        if hides_paint(crop, images[i]):
            labels[i] = UNKNOWN_COLOR
            continue
        color = TEACHER_COLORS[int(scores[i].argmax())]
        is_small = min(crop.box[2] - crop.box[0], crop.box[3] - crop.box[1]) < MIN_SIDE_PX
        # The teacher knows no motorcycles; noisy night copies of atl-v12 look blue to it.
        if is_small or "motorcycle" in crop.allowed or (color == "blue" and crop.source == "atl-v12"):
            continue
        if color in TRUSTED and scores[i].max() >= MIN_TEACHER_SCORE and confirm(color, images[i]):
            labels[i] = COLORS.index(color)
    return labels
