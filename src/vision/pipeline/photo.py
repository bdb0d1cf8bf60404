"""One still picture through the networks: its vehicles and plates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from vision.detect.heads import Roi
from vision.detect.plates import same_plate
from vision.detect.refiner import UNIT, Window
from vision.kernels import to_bgr
from vision.pipeline.config import Config
from vision.pipeline.stages import Stages, vehicle_of
from vision.pipeline.stats import StageTimes
from vision.plates.grammar import TextDecoder, readable
from vision.scene.scene import Scene
from vision.types import F32, Frame, Photo, Planes, PlateDetections, PlateRead, Vehicle

SURE = 0.98
CLOSE_UP_SIDE = 256  # a second search at this side finds plates that fill most of a picture
COMPARABLE = 0.5  # looks at a plate at least so sure, beside the surest, are heard together
WIDER = np.array([1.04, 1.1], np.float32)  # at a tight edge a reader is less sure, by another character each time
MARGIN, MARGIN_SIDE, MARGIN_GRAY = 0.25, 192, 114  # and a third with gray around it those that fill all of it


def read_photo(stages: Stages, config: Config, frame: Frame) -> Photo:
    """All plates and vehicles of one picture, plates by score times size, best first.

    A photo is searched harder than a video frame, which has neighbors: whole, inside every vehicle that has no sure
    plate yet, and if there is no sure plate at all, whole at another scale and with a margin. A plate is read with the
    corners of each search that found it, and cut a little wider than these, see `heard`. Reads of which too little
    could be read are dropped and counted in ``rejected``. Of the scene only its masks count.
    """
    times = StageTimes()
    detect, rules = config.detect, config.plates
    scene = Scene(config.scene)
    scene.fit(frame.width, frame.height)
    blank = scene.mask.blank if scene.mask else None
    with times.stage("detect_vehicles"):
        found = stages.vehicles.find(frame, side_for(frame, detect.vehicle_side), blank=blank)
        found = found.take(np.flatnonzero(scene.are_visible(found.boxes)))
    parts: list[PlateDetections] = []
    looks: list[PlateRead] = []

    def search(*where: tuple[Roi | None, int], margin: bool = False) -> None:
        """Find plates in each of these ways and read them all."""
        with times.stage("detect_plates"):
            new = [stages.plates.find(frame, [w], blank=blank) for w in where]
            new += [find_with_margin(stages, frame)] if margin else []
            new = [scene.in_sight(plates) for plates in new]
        with times.stage("read"):
            plates = together(new)
            reads = stages.reader.read(frame, together([plates, wider(plates)]))
            tight, wide = reads[: len(plates)], reads[len(plates) :]
            parts.extend((plates, plates))
            looks.extend(tight)
            looks.extend(replace(w, corners=t.corners, width_px=t.width_px) for t, w in zip(tight, wide, strict=True))

    side = side_for(frame, detect.plate_side)
    search((None, side))
    sure = [read for read in looks if is_sure(read)]
    crops: list[tuple[Roi | None, int]] = []
    for x1, y1, x2, y2 in found.boxes[: detect.max_crops].astype(int).tolist():
        is_finer = max(x2 - x1, y2 - y1) * detect.plate_side < max(frame.width, frame.height) * detect.plate_crop_side
        if is_finer and min(x2 - x1, y2 - y1) > 32 and not any(is_in(read, (x1, y1, x2, y2)) for read in sure):
            crops.append(((x1, y1, min(x2 + 1, frame.width), min(y2 + 1, frame.height)), detect.plate_crop_side))
    if crops:
        search(*crops)
    if not any(is_sure(read) for read in looks):
        close_up = min(CLOSE_UP_SIDE, detect.plate_side)
        search(*([(None, close_up)] if close_up != side else []), margin=True)
    plates = together(parts)
    order_of = np.argsort(-plates.scores, kind="stable")
    ordered = PlateDetections(plates.corners[order_of], plates.scores[order_of])
    groups = same_plate(ordered)
    reads = [heard([looks[order_of[i]] for i in group], stages.reader.decoder) for group in groups]
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
    texts = [
        readable(
            read.plate,
            min_char_score=rules.min_char_score,
            max_unreadable=rules.max_unreadable,
            min_score=rules.min_score,
        )
        for read in reads
    ]
    good = [replace(read, plate=text) for read, text in zip(reads, texts, strict=True) if text is not None]
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
    padded = replace(frame, planes=Planes("bgr", (image,)))
    found = stages.plates.find(padded, [(None, MARGIN_SIDE)])
    return PlateDetections(found.corners - np.float32(margin), found.scores)


def together(parts: Sequence[PlateDetections]) -> PlateDetections:
    """All detections, one part after the other."""
    return PlateDetections(np.concatenate([p.corners for p in parts]), np.concatenate([p.scores for p in parts]))


def wider(plates: PlateDetections) -> PlateDetections:
    """The same plates with corners a little farther out, along both sides."""
    window = Window.around(plates.corners)
    return PlateDetections(plates.corners + (window.at(UNIT * WIDER) - window.at(UNIT)), plates.scores)


def heard(looks: Sequence[PlateRead], decoder: TextDecoder) -> PlateRead:
    """What looks at one plate say together: the surest and those about as sure, so that where they differ it shows.

    The probabilities of theirs are averaged, each by (mean probability of its characters)^8 as in `PlateFusion` times
    its detection score; all else is of the surest. Looks that saw less (a plate cut by wrong corners) are not.
    """
    best = max(looks, key=lambda look: look.plate.score)
    chosen = [look for look in looks if look.plate.score >= COMPARABLE * best.plate.score]
    if len(chosen) == 1:
        return best
    means = [np.mean([char.score for char in look.plate.chars]) for look in chosen]
    weights = np.array([m**8 * look.detection_score for m, look in zip(means, chosen, strict=True)])
    weights = weights / weights.sum()

    def average(values: Iterable[F32]) -> F32:
        return np.tensordot(weights, np.stack(list(values)), 1).astype(np.float32)

    log_probs = np.log(average(np.exp(look.log_probs) for look in chosen))
    color_probs, row_probs = average(look.color_probs for look in chosen), average(look.row_probs for look in chosen)
    plate = decoder.decode(log_probs, color_probs, row_probs)
    return replace(best, log_probs=log_probs, color_probs=color_probs, row_probs=row_probs, plate=plate)


def is_sure(read: PlateRead) -> bool:
    """Whether no further search can be expected to read this plate better."""
    return read.plate.score >= SURE


def is_in(read: PlateRead, box: tuple[int, int, int, int]) -> bool:
    """Whether the plate's center lies in the box."""
    x, y = read.corners.mean(0)
    return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])


def order(vehicles: list[Vehicle]) -> list[Vehicle]:
    """Largest vehicle first."""
    areas = [np.prod([v.box[2] - v.box[0], v.box[3] - v.box[1]]) for v in vehicles]
    return [vehicles[i] for i in np.argsort([-a for a in areas], kind="stable")]
