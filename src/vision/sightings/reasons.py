"""Why a vehicle stays unread: what its best pictures show was in the way."""

from __future__ import annotations

from collections.abc import Sequence

from vision import kernels
from vision.plates.view import PlateView, gray_of
from vision.sightings.records import PlateRecord, VehicleRecord
from vision.types import Evidence, Reason

PLATE_SHARE = 0.25  # a plate is about a quarter as wide as its vehicle seen from the front
# Where about half the plates of development photos are not read any more: benchmarks/readability.py
LEAST_WIDTH_PX = 40.0  # blur and want of pixels look alike below
BLURRED = 0.012  # `vision.kernels.sharpness` below this: the strokes have run together
SMEARED_ACROSS, SMEARED_DOWN = 0.2, 0.8  # share of the changes along a row, outside of this: moved while exposed
TILTED_ROLL_DEG, TILTED_SLANT_DEG, LEAST_ASPECT, MOST_ASPECT = 35.0, 25.0, 1.0, 4.8
DARK_LUMA, FLAT_CONTRAST = 12.0, 10.0
BLOWN_SHARE = 0.5


def reason_of(vehicles: Sequence[VehicleRecord], plates: Sequence[PlateRecord], min_width_px: float) -> Reason:
    """Why a vehicle has no plate text; the first that holds, from what cannot be helped to what the text lacked.

    Args:
        vehicles: its tracks.
        plates: the plates seen on it, none of them believed.
        min_width_px: a narrower plate is too small.
    """
    if not plates:
        if max((v.max_width_px for v in vehicles), default=0.0) * PLATE_SHARE < min_width_px:
            return "too_small"
        best = max(vehicles, key=lambda v: v.best_area)
        if not any(v.was_whole for v in vehicles):
            return "cut_off"
        luma = vehicle_luma(best.evidence)
        return "dark" if luma is not None and luma < DARK_LUMA else "no_plate_seen"
    if max(p.fusion.max_width_px for p in plates) < min_width_px:
        return "too_small"
    best_plate = max(plates, key=lambda p: p.best_quality)
    reason = reason_of_view(best_plate.view) if best_plate.view else "low_score"
    if reason == "low_score" and best_plate.has_clear_read:
        return "format"
    return reason


def reason_of_view(view: PlateView) -> Reason:
    """What makes a plate hard to read in one look; ``low_score`` where nothing stands out."""
    if view.luma < DARK_LUMA:
        return "dark"
    if view.blown > BLOWN_SHARE or view.contrast < FLAT_CONTRAST:
        return "glare"
    is_turned = view.roll_deg > TILTED_ROLL_DEG or view.slant_deg > TILTED_SLANT_DEG
    if is_turned or not LEAST_ASPECT <= view.aspect <= MOST_ASPECT:
        return "tilted"
    if view.sharpness < BLURRED or not SMEARED_ACROSS <= view.strokes <= SMEARED_DOWN:
        return "blurred" if view.width_px >= LEAST_WIDTH_PX else "too_small"
    return "low_score"


def vehicle_luma(evidence: Evidence | None) -> float | None:
    """Mean gray level, 0..255, of a vehicle in its best picture; None without one."""
    if evidence is None or evidence.vehicle_box is None:
        return None
    planes = evidence.frame.planes
    x1, y1, x2, y2 = (round(v) for v in evidence.vehicle_box)
    roi = (max(0, x1), max(0, y1), min(planes.width, x2), min(planes.height, y2))
    return float(gray_of(kernels.to_bgr(planes, roi=roi)).mean()) if roi[2] > roi[0] and roi[3] > roi[1] else None
