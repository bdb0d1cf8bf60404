"""Edits of real plates: another character in a cell, another paint, in the light and texture of the real picture.

Nearly all labelled plates are blue or green and from one province; these edits keep the real camera, dirt and light
and remove that bias. Only one-row plates rectified by their corners can be edited.
"""

from __future__ import annotations

import cv2
import numpy as np
from dataset import MARGIN_X, MARGIN_Y, PATCH_H, PATCH_W, PLATE_H, PLATE_W, Image
from generator import PlateDrawer
from labels import COLOR_INDEX, SLOTS
from numpy.typing import NDArray
from plate_kinds import PAINTS, X_GREEN, X_NORMAL

# What a real blue plate can be turned into, with its share.
REPAINTS = {
    "yellow": 0.22,
    "yellow_school": 0.05,
    "yellow_trailer": 0.07,
    "army": 0.26,
    "police": 0.16,
    "black": 0.06,
    "black_hk_macau": 0.12,
    "black_consulate": 0.06,
}


def real_centers(text: str) -> NDArray[np.float32]:
    """Character centers (8, 2) of a one-row plate in shares of the plate; NaN where there is no character."""
    centers = np.full((SLOTS, 2), np.nan, np.float32)
    xs, width = (X_GREEN, 480) if len(text) == 8 else (X_NORMAL, 440)
    for i in range(len(text)):
        centers[i] = (xs[i] + 22.5) / width, 0.5
    return centers


def _columns(i: int, green: bool, left_mm: float, right_mm: float) -> tuple[int, int]:
    """Patch columns of cell i, reaching left_mm and right_mm beyond the character."""
    scale = PLATE_W / (480 if green else 440)
    x = (X_GREEN if green else X_NORMAL)[i]
    return MARGIN_X + int((x - left_mm) * scale), MARGIN_X + int((x + 45 + right_mm) * scale)


def replace_char(
    patch: Image,
    i: int,
    char: str,
    drawer: PlateDrawer,
    green: bool,
    dark_ink: bool,
    red: NDArray[np.float32] | None = None,
) -> Image:
    """Real one-row patch with character i drawn anew in the plate's own paint and ink (or the red given)."""
    r = drawer.rng
    scale = PLATE_W / (480 if green else 440)
    y_scale = PLATE_H / 140
    x0, x1 = _columns(i, green, 6.0, 5.0)
    y0, y1 = MARGIN_Y + int(16 * y_scale), MARGIN_Y + int(124 * y_scale)
    cell = patch[y0:y1, x0:x1].astype(np.float32)
    whole = patch[y0:y1, MARGIN_X + 8 : MARGIN_X + PLATE_W - 8].astype(np.float32)
    gray = whole.mean(2)
    order = np.sort(gray, axis=1)
    n = gray.shape[1]
    pick = gray <= order[:, n // 8].mean() if dark_ink else gray >= order[:, -n // 8].mean()
    if pick.sum() < 20:
        return patch
    ink = whole[pick].mean(0) if red is None else red
    # Paint per row: the darkest (dark ink: brightest) quarter of the cell, smoothed along y.
    k = max(2, cell.shape[1] // 4)
    columns = np.argsort(cell.mean(2), axis=1)
    columns = columns[:, -k:] if dark_ink else columns[:, :k]
    row_paint = cv2.blur(np.take_along_axis(cell, columns[..., None], axis=1).mean(1, keepdims=True), (1, 5))
    paint = np.repeat(row_paint.reshape(-1, 1, 3), cell.shape[1], axis=1)
    w, h = round(45 * scale * r.uniform(0.94, 1.05)), round(90 * y_scale * r.uniform(0.94, 1.05))
    x = int(np.clip((cell.shape[1] - w) / 2 + r.normal(0, 1), 0, cell.shape[1] - w))
    y = int(np.clip((cell.shape[0] - h) / 2 + r.normal(0, 1), 0, cell.shape[0] - h))
    mask = np.zeros(cell.shape[:2], np.float32)
    font = "uni" if r.random() < 0.08 else "green" if green else "140"
    mask[y : y + h, x : x + w] = drawer.glyphs.mask(char, font, w, h, int(r.choice([0, 0, 0, 1, -1])))
    soft = cv2.GaussianBlur(mask, (0, 0), r.uniform(0.5, 1.6))[..., None]
    fresh = paint * (1 - soft) + ink * soft + r.normal(0, 3, cell.shape)
    edge = np.ones(cell.shape[:2], np.float32)
    edge[:, -3:], edge[:, :3] = (0.75, 0.5, 0.25), (0.25, 0.5, 0.75)
    edge[:2], edge[-2:] = edge[:2] * 0.5, edge[-2:] * 0.5
    out = patch.copy()
    out[y0:y1, x0:x1] = np.clip(cell * (1 - edge[..., None]) + fresh * edge[..., None], 0, 255)
    return out


def _soft_plate() -> NDArray[np.float32]:
    inside = np.zeros((PATCH_H, PATCH_W), np.float32)
    inside[MARGIN_Y - 1 : MARGIN_Y + PLATE_H + 1, MARGIN_X - 2 : MARGIN_X + PLATE_W + 2] = 1
    return cv2.GaussianBlur(inside, (0, 0), 1.2)[..., None]  # type: ignore[return-value]


_INSIDE = _soft_plate()


def retint(patch: Image, paint: NDArray[np.float32], ink: NDArray[np.float32]) -> Image:
    """Real blue plate in other colors; ink is BGR (264, 3), one color per column of the patch."""
    x = patch.astype(np.float32)
    plate = x[MARGIN_Y + 8 : MARGIN_Y + PLATE_H - 8, MARGIN_X + 6 : MARGIN_X + PLATE_W - 6].reshape(-1, 3)
    gray = plate.mean(1)
    low, high = np.percentile(gray, (35, 90))
    old_paint, old_ink = plate[gray <= low].mean(0), plate[gray >= high].mean(0)
    axis = old_ink - old_paint
    share = ((x - old_paint) @ axis / max(float(axis @ axis), 1.0))[..., None]
    share = np.clip(share, -0.25, 1.25)
    light = float(np.clip(old_ink.mean() / 225, 0.3, 1.1))  # white ink tells how bright white is in this scene
    fresh = light * (paint * (1 - share) + ink[None] * share) + 0.4 * (x - old_paint - share * axis)
    return np.clip(x * (1 - _INSIDE) + fresh * _INSIDE, 0, 255).astype(np.uint8)


def repaint(patch: Image, text: str, drawer: PlateDrawer) -> tuple[Image, str, int]:
    """Real blue seven-character patch -> (patch, text, color class) of another kind."""
    r = drawer.rng
    kind = str(r.choice(list(REPAINTS), p=list(REPAINTS.values())))
    family = kind.split("_")[0] if kind.startswith(("yellow", "black")) else "white"
    paint, ink = drawer.paint(family)
    inks = np.repeat(ink[None], PATCH_W, axis=0)
    red = drawer.red()
    if kind == "army":  # the first letter is drawn anew below, the second keeps its shape
        inks[_columns(1, False, 6, 0)[0] : _columns(2, False, 10, 0)[0]] = red
    light = float(np.clip(np.percentile(patch[MARGIN_Y:-MARGIN_Y, MARGIN_X:-MARGIN_X].mean(2), 92) / 225, 0.3, 1.1))
    out = retint(patch, paint, inks.astype(np.float32))
    dark = PAINTS[family][1][0] < 128
    edits: dict[int, str] = {}
    if kind == "army":
        edits[0] = drawer.texts.letter("VKHBSLJNGCEDZ")
    else:
        edits[0] = drawer.texts.province()
    ends = {"yellow_school": "学", "yellow_trailer": "挂", "police": "警", "black_consulate": "领"}
    if kind == "black_hk_macau":
        edits[6] = drawer.texts.letter("港澳")
        edits |= {0: "粤", 1: "Z"} if r.random() < 0.7 else {}
    elif kind in ends:
        edits[6] = ends[kind]
    if kind == "army":
        for i in range(2, 7):  # army serials are mostly digits
            if not text[i].isdigit() and r.random() < 0.8:
                edits[i] = drawer.texts.digits(1)
    for i, char in edits.items():
        is_red = (kind == "army" and i < 2) or (kind == "police" and i == 6)
        out = replace_char(out, i, char, drawer, False, dark, red * light if is_red else None)
    chars = [edits.get(i, char) for i, char in enumerate(text)]
    return out, "".join(chars), COLOR_INDEX[family]
