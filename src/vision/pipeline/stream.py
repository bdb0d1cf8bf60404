"""One stream through the pipeline: frame in, what was seen and which passes ended out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vision.detect.heads import Roi
from vision.pipeline.config import Config
from vision.pipeline.cuts import CutDetector
from vision.pipeline.stages import Stages, vehicle_of
from vision.pipeline.stats import StageTimes
from vision.sightings.book import Book
from vision.sightings.records import VehicleRecord
from vision.sightings.rules import ReadRules
from vision.track.tracker import Tracker
from vision.types import F32, I64, Box, Detections, Frame, PlateRead, PlateText, Sighting, Vehicle

PLATE_GROW = np.array([-1.0, -2.0, 1.0, 2.0], np.float32)  # plates are tracked by a box 3 x 5 times their own
BELOW = 0.15  # how far under a vehicle's box its plate may lie, in heights of the box
ATTRIBUTE_LOOKS = 6  # looks at a vehicle's type and color; each must be larger than the last


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What one frame gave.

    ``vehicle_ids`` (n,) and ``plate_ids`` (m,) are track ids, -1 where a track is not confirmed; ``texts`` are the
    believed texts so far of the plates; ``sightings`` are the passes that ended with this frame.
    """

    frame: Frame
    vehicles: Detections
    vehicle_ids: I64
    reads: Sequence[PlateRead]
    plate_ids: I64
    texts: Sequence[PlateText | None]
    sightings: Sequence[Sighting]
    is_cut: bool = False
    is_look: bool = False


@dataclass(slots=True)
class StreamCounts:
    """Counters of one stream beside those of its source and book."""

    frames: int = 0
    vehicle_detections: int = 0
    plate_detections: int = 0
    looks: int = 0
    crops: int = 0
    cuts: int = 0
    reads_untracked: int = 0


class Stream:
    """State of one stream: its trackers and its book of passes.

    Args:
        stages: the loaded networks.
        config: settings.
        stream_id: name of the camera.
        times: where stage times are added.
    """

    def __init__(self, stages: Stages, config: Config, stream_id: str, times: StageTimes) -> None:
        self._stages, self._config, self._times = stages, config, times
        track = config.track
        self._vehicle_tracker = Tracker(
            high_score=track.high_score,
            low_score=track.low_score,
            birth_score=track.birth_score,
            max_lost_s=track.max_lost_s,
        )
        self._plate_tracker = Tracker(
            high_score=0.2, low_score=0.1, birth_score=0.2, max_lost_s=max(0.5, 3 * config.detect.plate_interval_s)
        )
        plates, closing = config.plates, config.sightings
        rules = ReadRules(**plates.model_dump(exclude={"grammar"}))
        self._book = Book(
            stages.reader.decoder,
            self._describe,
            rules,
            stream_id,
            linger_s=closing.linger_s,
            min_frames=closing.min_frames,
            min_duration_s=closing.min_duration_s,
        )
        self._cuts = CutDetector(closing.cut_threshold)
        self._next_look_ns: int | None = None
        self._attribute_area: dict[int, tuple[float, int]] = {}
        self.counts = StreamCounts()

    @property
    def book(self) -> Book:
        """The book, for its counters."""
        return self._book

    def update(self, frame: Frame) -> FrameResult:
        """Process the next frame; times must increase."""
        sightings: list[Sighting] = []
        with self._times.stage("cut"):
            is_cut = self._cuts.is_cut(frame)
        if is_cut:
            self.counts.cuts += 1
            sightings += self.close()
        self.counts.frames += 1
        with self._times.stage("detect vehicles"):
            vehicles = self._stages.vehicles.find(frame)
        with self._times.stage("track"):
            ids = self._vehicle_tracker.update(vehicles.boxes, vehicles.scores, vehicles.labels, time_ns=frame.time_ns)
        self.counts.vehicle_detections += len(vehicles)
        for i in np.flatnonzero(ids >= 0):
            box = tuple(vehicles.boxes[i].tolist())
            self._book.see_vehicle(frame, int(ids[i]), box, float(vehicles.scores[i]), vehicles.probs[i])
        self._book.end(self._vehicle_tracker.ended.tolist(), ())
        reads: list[PlateRead] = []
        plate_ids = np.zeros(0, np.int64)
        is_look = is_cut or self._next_look_ns is None or frame.time_ns >= self._next_look_ns
        if is_look:
            interval = round(self._config.detect.plate_interval_s * 1e9)
            self._next_look_ns = frame.time_ns + interval - interval // 10
            reads, plate_ids = self._look(frame, vehicles, ids)
        with self._times.stage("sightings"):
            sightings += self._book.close(frame.time_ns)
            texts = [self._book.plate_text(int(i)) if i >= 0 else None for i in plate_ids]
        return FrameResult(frame, vehicles, ids, reads, plate_ids, texts, sightings, is_cut, is_look)

    def close(self) -> list[Sighting]:
        """End every track and return the sightings that were still open; the stream may go on afterwards."""
        self._vehicle_tracker.reset()
        self._plate_tracker.reset()
        self._attribute_area.clear()
        return self._book.close(None)

    def label_of(self, vehicle_id: int) -> PlateText | None:
        """The believed plate so far of a vehicle track."""
        return self._book.plate_on(vehicle_id)

    def _look(self, frame: Frame, vehicles: Detections, ids: I64) -> tuple[list[PlateRead], I64]:
        """Find, track and read the plates of this frame, and look at vehicles that show more of themselves."""
        self.counts.looks += 1
        detect = self._config.detect
        crops = self._crops(frame, vehicles, ids)
        self.counts.crops += len(crops)
        with self._times.stage("detect plates"):
            plates = self._stages.plates.find(
                frame, [(None, detect.plate_side), *((roi, detect.plate_crop_side) for roi in crops)]
            )
        self.counts.plate_detections += len(plates)
        with self._times.stage("track"):
            boxes = plates.boxes
            size = np.concatenate((boxes[:, 2:] - boxes[:, :2],) * 2, 1)
            plate_ids = self._plate_tracker.update(boxes + PLATE_GROW * size, plates.scores, time_ns=frame.time_ns)
        with self._times.stage("read"):
            reads = self._stages.reader.read(frame, plates)
        for read, plate_id in zip(reads, plate_ids.tolist(), strict=True):
            if plate_id < 0:
                self.counts.reads_untracked += 1
                continue
            self._book.see_plate(frame, plate_id, read, owner_of(read.box, vehicles.boxes, ids))
        self._book.end((), self._plate_tracker.ended.tolist())
        with self._times.stage("attributes"):
            self._attributes(frame, vehicles, ids)
        return reads, plate_ids

    def _crops(self, frame: Frame, vehicles: Detections, ids: I64) -> list[Roi]:
        """Vehicles whose plate is not settled yet and shows larger in a crop than in the whole frame, largest first."""
        detect = self._config.detect
        whole = detect.plate_side / max(frame.width, frame.height)
        wanted: list[tuple[float, Roi]] = []
        for i in np.flatnonzero(ids >= 0):
            x1, y1, x2, y2 = vehicles.boxes[i].tolist()
            grow = 0.05 * max(x2 - x1, y2 - y1)
            roi = (
                max(0, int(x1 - grow)),
                max(0, int(y1 - grow)),
                min(frame.width, int(x2 + grow) + 1),
                min(frame.height, int(y2 + grow) + 1),
            )
            side = max(roi[2] - roi[0], roi[3] - roi[1])
            if side < 2 * self._config.plates.min_width_px or detect.plate_crop_side / side < 1.3 * whole:
                continue
            plate = self._book.plate_on(int(ids[i]))
            if plate is None or plate.score < 0.98:
                wanted.append((side, roi))
        wanted.sort(key=lambda item: -item[0])
        return [roi for _, roi in wanted[: detect.max_crops]]

    def _attributes(self, frame: Frame, vehicles: Detections, ids: I64) -> None:
        chosen = []
        for i in np.flatnonzero(ids >= 0):
            x1, y1, x2, y2 = vehicles.boxes[i].tolist()
            area, looks = self._attribute_area.get(int(ids[i]), (0.0, 0))
            if (x2 - x1) * (y2 - y1) > 1.15 * area and looks < ATTRIBUTE_LOOKS and min(x2 - x1, y2 - y1) >= 16:
                self._attribute_area[int(ids[i])] = ((x2 - x1) * (y2 - y1), looks + 1)
                chosen.append(int(i))
        if not chosen:
            return
        found = self._stages.attributes.classify(frame, vehicles.boxes[chosen])
        for row, k in enumerate(chosen):
            box: Box = tuple(vehicles.boxes[k].tolist())
            record = self._book.vehicle(int(ids[k]))
            weight = float(np.sqrt((box[2] - box[0]) * (box[3] - box[1]))) * float(vehicles.scores[k])
            record.add_attributes(found.types[row], found.colors[row], weight)

    def _describe(self, record: VehicleRecord) -> Vehicle:
        """The fused opinion about a vehicle over its pass."""
        n = max(1, record.span.n_frames)
        classes: F32 = record.class_votes / max(1e-6, float(record.class_votes.sum()))
        types = colors = None
        if record.type_votes is not None and record.color_votes is not None:
            types = record.type_votes / record.attribute_weight
            colors = record.color_votes / record.attribute_weight
        box = record.evidence.vehicle_box if record.evidence and record.evidence.vehicle_box else record.span.last_box
        return vehicle_of(self._stages, box, round(record.score_sum / n, 4), classes, types, colors)


def owner_of(plate: Box, boxes: F32, ids: I64) -> tuple[int, Box] | None:
    """The vehicle that carries a plate: the smallest confirmed box around the plate's center that fits it in width.

    A box that ends a little above the plate, as where the bumper was missed, counts if no other holds the plate.
    """
    cx, cy, width = (plate[0] + plate[2]) / 2, (plate[1] + plate[3]) / 2, plate[2] - plate[0]
    best: tuple[bool, float, int] | None = None
    for i in np.flatnonzero(ids >= 0):
        x1, y1, x2, y2 = boxes[i].tolist()
        if not (x1 <= cx <= x2 and y1 <= cy <= y2 + BELOW * (y2 - y1)) or width > 0.8 * (x2 - x1):
            continue
        rank = (cy > y2, (x2 - x1) * (y2 - y1), int(i))
        best = rank if best is None else min(best, rank)
    return None if best is None else (int(ids[best[2]]), tuple(boxes[best[2]].tolist()))
