"""Tells a vehicle's type and color from its box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision import kernels
from vision.errors import ModelMismatchError
from vision.infer.session import Session
from vision.types import F32, Frame

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Attributes:
    """Probabilities for n vehicles: types (n, t) and colors (n, c), float32."""

    types: F32
    colors: F32


class AttributeClassifier:
    """The attributes network.

    Args:
        session: a ``vehicle_attributes`` model: uint8 BGR (n, h, w, 3) in; type and color probabilities out.
    """

    def __init__(self, session: Session) -> None:
        manifest = session.manifest
        if manifest.task != "vehicle_attributes":
            raise ModelMismatchError(f"{manifest.name}: expected task vehicle_attributes, got {manifest.task}")
        self._session = session
        self._size = int(manifest.get("input", "height")), int(manifest.get("input", "width"))
        self._grow = float(manifest.get("input", "grow"))
        self.types: tuple[str, ...] = tuple(manifest.get("labels", "types"))
        self.colors: tuple[str, ...] = tuple(manifest.get("labels", "colors"))
        self.min_type_score = float(manifest.get("thresholds", "type"))
        self.min_color_score = float(manifest.get("thresholds", "color"))

    def classify(self, frame: Frame, boxes: F32) -> Attributes:
        """Type and color probabilities of the vehicles in ``boxes`` (n, 4) float32."""
        if not len(boxes):
            return Attributes(np.zeros((0, len(self.types)), np.float32), np.zeros((0, len(self.colors)), np.float32))
        grow = (boxes[:, 2:] - boxes[:, :2]) * (self._grow / 2)
        x1, y1 = (boxes[:, :2] - grow).T
        x2, y2 = (boxes[:, 2:] + grow).T
        corners = np.stack((x1, y1, x2, y1, x2, y2, x1, y2), 1).reshape(-1, 4, 2).astype(np.float32)
        crops = np.empty((len(boxes), *self._size, 3), np.uint8)
        kernels.warp(frame.planes, corners, crops)
        types, colors = self._session.run(crops)
        return Attributes(types, colors)

    def decide(self, types: F32, colors: F32) -> tuple[str, float, str, float]:
        """Type, its score, color, its score from (t,) and (c,) probabilities; ``unknown`` below the thresholds."""
        t, c = int(types.argmax()), int(colors.argmax())
        type_score, color_score = float(types[t]), float(colors[c])
        return (
            self.types[t] if type_score >= self.min_type_score else UNKNOWN,
            type_score,
            self.colors[c] if color_score >= self.min_color_score else UNKNOWN,
            color_score,
        )
