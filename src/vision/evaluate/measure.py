"""Runs the models over labelled pictures: crops through the reader, whole pictures through everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from vision.errors import DecodeError
from vision.evaluate.detections import DetectionScores
from vision.evaluate.labels import NO_BOXES, Labelled
from vision.evaluate.texts import Reading
from vision.pipeline.config import Config
from vision.pipeline.photo import side_for
from vision.pipeline.runner import Pipeline
from vision.plates.grammar import UNREADABLE, mark_unreadable
from vision.types import F32, Detections, Frame, PlateDetections
from vision.video.images import read_image

LOW_SCORE = 0.05  # detections down to here make the precision-recall curve
Progress = Callable[[str, int, int | None], None]


@dataclass(slots=True)
class Measured:
    """Everything measured, by which models; `skipped` names pictures that could not be opened, with the reason."""

    models: dict[str, str]

    crops: list[Reading] = field(default_factory=list)
    photos: list[Reading] = field(default_factory=list)
    plates: dict[str, DetectionScores] = field(default_factory=dict)
    vehicles: dict[str, DetectionScores] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def measure(pictures: Sequence[Labelled], config: Config, progress: Progress) -> Measured:
    """Read and detect in every picture what its labels say something about.

    Raises:
        ModelError, InferenceError: a model cannot be used.
    """
    pipeline = Pipeline(config)
    low = config.detect.model_copy(update={"vehicle_min_score": LOW_SCORE, "plate_min_score": LOW_SCORE})
    keen = Pipeline(config.model_copy(update={"detect": low}))
    out = Measured({m.name: m.sha256 for m in pipeline.stages.manifests})
    for n, (picture, frame) in enumerate(frames_of(pictures, out.skipped), 1):
        if picture.is_crop:
            if picture.text:
                out.crops.append(read_crop(pipeline, picture, frame))
        else:
            if picture.text:
                out.photos.append(read_photo(pipeline, picture, frame))
            if picture.plates is not None:
                find_plates(keen, pipeline.stages.plates.min_score, picture, frame, out.plates)
            if picture.vehicles is not None:
                scores = out.vehicles.setdefault(picture.source, DetectionScores())
                found = keen.stages.vehicles.find(frame, side_for(frame, config.detect.vehicle_side))
                add_vehicles(scores, picture, found, pipeline.stages.vehicles.min_score)
        progress("pictures", n, len(pictures))
    return out


def frames_of(pictures: Sequence[Labelled], skipped: dict[str, str]) -> Iterator[tuple[Labelled, Frame]]:
    """Every picture that opens; the others are noted."""
    for picture in pictures:
        try:
            yield picture, read_image(picture.path)
        except (OSError, DecodeError) as err:
            skipped[str(picture.path)] = str(err)


def read_crop(pipeline: Pipeline, picture: Labelled, frame: Frame) -> Reading:
    """The reader alone at the labelled corners; where there are none, `vision read`, which looks for them."""
    if picture.corners is None:
        return read_photo(pipeline, picture, frame)
    plate = PlateDetections(picture.corners[None], np.ones(1, np.float32))
    (read,) = pipeline.stages.reader.read(frame, plate)
    rules = pipeline.config.plates
    given = mark_unreadable(read.plate, rules.min_char_score)
    texts = tuple(text for text, _ in given.candidates)
    if given.text.count(UNREADABLE) > rules.max_unreadable:
        return Reading(picture, "", 0.0, candidates=texts, is_rejected=True)
    return Reading(picture, given.text, given.score, tuple(c.score for c in given.chars), candidates=texts)


def read_photo(pipeline: Pipeline, picture: Labelled, frame: Frame) -> Reading:
    """The whole of `vision read`; the plate it puts first is judged."""
    photo = pipeline.read(frame)
    if not photo.plates:
        return Reading(picture, "", 0.0, is_rejected=photo.rejected > 0)
    best, *others = (r.plate for r in photo.plates)
    return Reading(
        picture,
        best.text,
        best.score,
        tuple(c.score for c in best.chars),
        tuple(o.text for o in others),
        tuple(text for text, _ in best.candidates),
    )


def find_plates(
    keen: Pipeline, threshold: float, picture: Labelled, frame: Frame, out: dict[str, DetectionScores]
) -> None:
    """The plate detector on the whole picture."""
    found = keen.stages.plates.find(frame, [(None, side_for(frame, keen.config.detect.plate_side))])
    truth = NO_BOXES if picture.plates is None else picture.plates
    scores = out.setdefault(picture.source, DetectionScores())
    for _, j in scores.add(truth, NO_BOXES, found.boxes, found.scores, threshold):
        if picture.corners is not None:
            scores.add_corners(picture.corners, found.corners[j])


def add_vehicles(scores: DetectionScores, picture: Labelled, found: Detections, threshold: float) -> None:
    """The vehicle detector's boxes and types."""
    boxes: F32 = NO_BOXES if picture.vehicles is None else picture.vehicles
    is_object = np.array([t != "ignore" for t in picture.types], bool)
    types = [t for t in picture.types if t != "ignore"]
    pairs = scores.add(boxes[is_object], boxes[~is_object], found.boxes, found.scores, threshold)
    for i, j in pairs:
        scores.add_type(types[i], found.classes[int(found.labels[j])])
