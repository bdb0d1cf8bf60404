"""One still picture through the networks: its vehicles and plates."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from vision.detect.heads import Roi
from vision.detect.plates import same_plate
from vision.kernels import to_bgr
from vision.pipeline.config import Config
from vision.pipeline.stages import Stages, vehicle_of
from vision.pipeline.stats import StageTimes
from vision.plates.grammar import UNREADABLE, mark_unreadable
from vision.sightings.rules import readable_score
from vision.types import Frame, Photo, Planes, PlateDetections, PlateRead, Vehicle

CLOSE_UP_SIDE = 256  # a second search at this side finds plates that fill most of a picture
MARGIN, MARGIN_SIDE, MARGIN_GRAY = 0.25, 192, 114  # and a third with gray around it those that fill all of it


def read_photo(stages: Stages, config: Config, frame: Frame) -> Photo:
    """All plates and vehicles of one picture, plates by score times size, best first.

    A photo is searched harder than a video frame, which has neighbors: whole at two scales and once more inside
    every vehicle. A plate found several times is read with the corners of each search, and the surest read counts.
    Reads of which too little could be read are dropped and counted in ``rejected``.
    """
    times = StageTimes()
    detect, rules = config.detect, config.plates
    with times.stage("detect_vehicles"):
        found = stages.vehicles.find(frame, side_for(frame, detect.vehicle_side))
    with times.stage("detect_plates"):
        longest = max(frame.width, frame.height)
        sides = {side_for(frame, detect.plate_side), min(CLOSE_UP_SIDE, detect.plate_side)}
        searches: list[tuple[Roi | None, int]] = [(None, side) for side in sorted(sides, reverse=True)]
        for x1, y1, x2, y2 in found.boxes[: detect.max_crops].astype(int).tolist():
            is_finer = max(x2 - x1, y2 - y1) * detect.plate_side < longest * detect.plate_crop_side
            if is_finer and min(x2 - x1, y2 - y1) > 32:
                searches.append(((x1, y1, min(x2 + 1, frame.width), min(y2 + 1, frame.height)), detect.plate_crop_side))
        plates = joined([*(stages.plates.find(frame, [s]) for s in searches), find_with_margin(stages, frame)])
    with times.stage("read"):
        looks = stages.reader.read(frame, plates)
        reads = [max((looks[i] for i in group), key=lambda r: r.plate.score) for group in same_plate(plates)]
    with times.stage("attributes"):
        attributes = stages.attributes.classify(frame, found.boxes)
    vehicles = [
        vehicle_of(
            stages,
            tuple(found.boxes[i].tolist()),
            float(found.scores[i]),
            found.probs[i],
            attributes.types[i],
            attributes.colors[i],
        )
        for i in range(len(found))
    ]
    marked_reads = [marked(read, rules.min_char_score, rules.max_unreadable) for read in reads]
    good = [r for r in marked_reads if r is not None and readable_score(r.plate) >= rules.min_score]
    good.sort(key=lambda r: -r.plate.score * math.sqrt(max(1.0, r.width_px)))
    ms = {name: round(1000 * s, 3) for name, s in times.seconds.items()}
    ms["total"] = round(sum(ms.values()), 3)
    return Photo(tuple(good), tuple(order(vehicles)), ms, rejected=len(reads) - len(good))


def side_for(frame: Frame, side: int) -> int:
    """The longest input side for a photo: at most ``side``, and a small photo is not enlarged.

    Enlarged, what fills it would be larger than anything the detectors were trained on.
    """
    return min(side, math.ceil(max(frame.width, frame.height) / 32) * 32)


def find_with_margin(stages: Stages, frame: Frame) -> PlateDetections:
    """Plates of the picture with a gray margin around it: the detector knows plates in surroundings only."""
    margin = round(MARGIN * max(frame.width, frame.height))
    sides = ((margin, margin), (margin, margin), (0, 0))
    image = np.pad(to_bgr(frame.planes), sides, constant_values=MARGIN_GRAY)
    padded = dataclasses.replace(frame, planes=Planes("bgr", (image,)))
    found = stages.plates.find(padded, [(None, MARGIN_SIDE)])
    return PlateDetections(found.corners - np.float32(margin), found.scores)


def joined(parts: Sequence[PlateDetections]) -> PlateDetections:
    """All detections, best first."""
    scores = np.concatenate([p.scores for p in parts])
    order = np.argsort(-scores, kind="stable")
    return PlateDetections(np.concatenate([p.corners for p in parts])[order], scores[order])


def marked(read: PlateRead, min_char_score: float, max_unreadable: int) -> PlateRead | None:
    """The read with ``?`` for unreadable characters, or None if there are too many."""
    plate = mark_unreadable(read.plate, min_char_score)
    if plate.text.count(UNREADABLE) > max_unreadable:
        return None
    return dataclasses.replace(read, plate=plate)


def order(vehicles: list[Vehicle]) -> list[Vehicle]:
    """Largest vehicle first."""
    areas = [np.prod([v.box[2] - v.box[0], v.box[3] - v.box[1]]) for v in vehicles]
    return [vehicles[i] for i in np.argsort([-a for a in areas], kind="stable")]
