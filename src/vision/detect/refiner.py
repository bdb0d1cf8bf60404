"""A second look at every plate that was found: where its corners really are, and whether it is a plate at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vision import kernels
from vision.errors import ModelMismatchError
from vision.infer.session import Session
from vision.types import F32, Frame

UNIT = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], np.float32)  # corners of a plate, see `Window`


@dataclass(frozen=True, slots=True)
class Window:
    """Parallelograms through the middle of quadrangles, and a margin around them: what a second look sees.

    A point of one is ``center + u * along + v * down``; the corners of the parallelogram are `UNIT`. So whatever turned
    or sheared the quadrangle, inside its window it stands nearly upright.

    Attributes:
        center, along, down: (n, 2) float32 pixels.
    """

    center: F32
    along: F32
    down: F32

    @staticmethod
    def around(corners: F32) -> Window:
        """Windows of quadrangles (n, 4, 2), clockwise from the top left."""
        tl, tr, br, bl = np.moveaxis(np.asarray(corners, np.float32), 1, 0)
        return Window((tl + tr + br + bl) / 4, (tr - tl + br - bl) / 2, (bl - tl + br - tr) / 2)

    def at(self, units: F32) -> F32:
        """Pixels (n, k, 2) of points (n, k, 2) or (k, 2) given as (u, v)."""
        u, v = units[..., :1], units[..., 1:]
        return np.asarray(self.center[:, None] + u * self.along[:, None] + v * self.down[:, None], np.float32)

    def units(self, points: F32) -> F32:
        """(u, v) of points (n, k, 2) in pixels; the inverse of `at`."""
        d = points - self.center[:, None]
        cross = (self.along[:, 0] * self.down[:, 1] - self.along[:, 1] * self.down[:, 0])[:, None]
        u = (d[..., 0] * self.down[:, None, 1] - d[..., 1] * self.down[:, None, 0]) / cross
        v = (d[..., 1] * self.along[:, None, 0] - d[..., 0] * self.along[:, None, 1]) / cross
        return np.stack((u, v), -1).astype(np.float32)


class PlateRefiner:
    """The network of the second look.

    Args:
        session: a ``plate_refiner`` model: uint8 BGR (n, h, w, 3) of windows in; corners (n, 4, 2) in units of the
            window and score (n,) out.
    """

    def __init__(self, session: Session) -> None:
        manifest = session.manifest
        if manifest.task != "plate_refiner":
            raise ModelMismatchError(f"{manifest.name}: expected task plate_refiner, got {manifest.task}")
        self._session = session
        self._size = int(manifest.get("input", "height")), int(manifest.get("input", "width"))
        self._margin = np.array([manifest.get("input", "margin_x"), manifest.get("input", "margin_y")], np.float32)
        self.candidate_score = float(manifest.get("thresholds", "candidate"))
        self.min_score = float(manifest.get("thresholds", "score"))

    def look(self, frame: Frame, corners: F32) -> tuple[F32, F32]:
        """Better corners (n, 4, 2) float32 and the probability that each is a plate, (n,) float32.

        Args:
            corners: (n, 4, 2) float32 pixels, clockwise from the top left, as they were found; n is at least 1.
        """
        window = Window.around(corners)
        seen = np.empty((len(corners), *self._size, 3), np.uint8)
        kernels.warp(frame.planes, np.ascontiguousarray(window.at(UNIT * (1 + 2 * self._margin))), seen)
        most = self._session.most(math.prod(self._size)) or len(seen)
        runs = [self._session.run(seen[i : i + most]) for i in range(0, len(seen), most)]
        units, scores = (np.concatenate(parts) for parts in zip(*runs, strict=True))
        return window.at(units), scores.astype(np.float32)
