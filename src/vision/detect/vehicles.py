"""Finds vehicles in a frame."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.detect.heads import Blank, HeadNetwork
from vision.infer.session import Session
from vision.types import Detections, Frame


class VehicleDetector:
    """Vehicles of a whole frame.

    Args:
        session: a ``vehicle_detector`` model.
        side: longest side of the network's input in pixels.
        min_score: scores below are not returned; default from the model's manifest.
    """

    def __init__(self, session: Session, *, side: int = 640, min_score: float | None = None) -> None:
        self._net = HeadNetwork(session, "vehicle_detector", 4)
        self.side = side
        self.min_score = self._net.min_score if min_score is None else min_score
        self.classes = self._net.classes

    def adjusted(self, *, side: int, min_score: float | None) -> VehicleDetector:
        """The same network with other settings; None: the manifest's score."""
        other = copy.copy(self)
        other.side, other.min_score = side, self._net.min_score if min_score is None else min_score
        return other

    @property
    def none(self) -> Detections:
        """No vehicles."""
        empty = np.zeros((0, 4), np.float32)
        return Detections(empty, empty[:, 0], np.zeros((0, len(self.classes)), np.float32), self.classes)

    def find(self, frame: Frame, side: int | None = None, blank: Blank | None = None) -> Detections:
        """All vehicles of the frame, boxes clipped to the picture, best first.

        Args:
            side: replaces the usual one.
            blank: hides parts of the frame, see `vision.detect.heads.HeadNetwork.find`.
        """
        return self.find_all([frame], side, blank)[0]

    def find_all(
        self, frames: Sequence[Frame], side: int | None = None, blank: Blank | None = None
    ) -> list[Detections]:
        """`find` for several frames, which may come from several streams; those of one input size run as one batch."""
        looks = [(frame, None, side or self.side) for frame in frames]
        found = self._net.find(looks, min_score=self.min_score, blank=blank)
        return [inside(Detections(*one, self.classes), frame)[0] for frame, one in zip(frames, found, strict=True)]


def inside(found: Detections, frame: Frame) -> tuple[Detections, NDArray[np.bool_]]:
    """What is left of the boxes when they are cut at the picture's edges, and which have at least 2 x 2 pixels left."""
    boxes = np.clip(found.boxes, 0, np.array([frame.width, frame.height] * 2, np.float32))
    keep = np.asarray((boxes[:, 2] - boxes[:, 0] >= 2) & (boxes[:, 3] - boxes[:, 1] >= 2))
    return Detections(boxes[keep], found.scores[keep], found.probs[keep], found.classes), keep
