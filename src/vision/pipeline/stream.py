"""One stream through the pipeline: frame in, what was seen and which passes ended out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from vision.detect.vehicles import inside
from vision.pipeline.config import StreamConfig
from vision.pipeline.cuts import CutDetector
from vision.pipeline.looks import BELOW, LookRules, Looks, Search, is_worth_another_look
from vision.pipeline.motion import MotionGrid
from vision.pipeline.pace import STANDING, Pace, speeds
from vision.pipeline.stages import Stages, vehicle_of
from vision.pipeline.stats import StageTimes
from vision.scene.scene import Scene
from vision.sightings.book import Book
from vision.sightings.records import VehicleRecord
from vision.sightings.rules import ReadRules
from vision.track.tracker import Tracker
from vision.types import F32, I64, Box, Detections, Frame, PlateRead, PlateText, Sighting, Vehicle

PLATE_GROW = np.array([-1.0, -2.0, 1.0, 2.0], np.float32)  # plates are tracked by a box 3 x 5 times their own
CONFIRM_CHANCES = 3  # frames in which a vehicle seen once may be seen again, where frames are left out
BEHIND = 2.0  # a machine so far behind looks for vehicles in one frame and for plates in another, or queues overflow
ATTRIBUTES_BEHIND = 3  # and at the type and color of so many at once
ATTRIBUTE_LOOKS = 6  # looks at a vehicle's type and color; each must be larger than the last


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What one frame gave.

    ``vehicle_ids`` (n,) and ``plate_ids`` (m,) are track ids, -1 where a track is not confirmed; ``texts`` are the
    believed texts so far of the plates; ``sightings`` are the passes that ended with this frame, ``early`` what is
    newly known of others, where asked for. Where not ``is_detected``, the vehicles are those of the last detection,
    carried along by their tracks.
    """

    frame: Frame
    vehicles: Detections
    vehicle_ids: I64
    reads: Sequence[PlateRead]
    plate_ids: I64
    texts: Sequence[PlateText | None]
    sightings: Sequence[Sighting]
    early: Sequence[Sighting] = ()
    is_cut: bool = False
    is_look: bool = False
    is_detected: bool = True


@dataclass(slots=True)
class StreamCounts:
    """Counters of one stream beside those of its source and book."""

    frames: int = 0
    detections: dict[str, int] = field(default_factory=dict)  # frames with vehicle detection, by what asked for it
    postponed: int = 0  # frames in which detection was due and put off: the machine did not keep up
    postponed_searches: int = 0  # vehicles whose plates were to be searched, put off likewise
    vehicle_detections: int = 0
    plate_detections: int = 0
    looks: int = 0
    sweeps: int = 0
    crops: int = 0
    cuts: int = 0
    reads_untracked: int = 0


class Stream:
    """State of one stream: its trackers and its book of passes.

    Args:
        stages, config: the loaded networks, and settings.
        stream_id: name of the camera.
        times: where stage times are added.
        early, wants: whether results say early what is known of passes that go on, and of which plates in any case.
        plain_bytes: memory for frames kept as evidence, beyond which they are compressed, see `lasting.Keeper`.
    """

    def __init__(
        self,
        stages: Stages,
        config: StreamConfig,
        stream_id: str,
        times: StageTimes,
        *,
        early: bool = False,
        wants: Callable[[PlateText], bool] | None = None,
        plain_bytes: int = 0,
    ) -> None:
        self._stages, self._config, self._times = stages, config, times
        track, detect = config.track, config.detect
        self._vehicle_tracker = Tracker(
            high_score=track.high_score,
            low_score=track.low_score,
            birth_score=track.birth_score,
            max_lost_s=track.max_lost_s,
            confirm_chances=CONFIRM_CHANCES if config.pace.mode == "adaptive" else 1,
        )
        # A look may search one vehicle only: it must not end the plates of the others, and its read must not be lost.
        self._plate_tracker = Tracker(
            high_score=0.2,
            low_score=0.1,
            birth_score=0.2,
            confirm_hits=1,
            max_lost_s=max(1.2, 3 * detect.plate_interval_s),
        )
        rules = ReadRules(**config.plates.model_dump(exclude={"grammar"}))
        limits = config.sightings.model_dump(exclude={"cut_threshold"}) | {"plain_bytes": plain_bytes}
        self._book = Book(
            stages.reader.decoder, self._describe, rules, stream_id, gives_early=early, wants=wants, **limits
        )
        self._cuts = CutDetector(config.sightings.cut_threshold)
        self._motion = MotionGrid()
        self.scene = Scene(config.scene)
        self._pace = Pace(config.pace)
        self._looks = Looks(
            LookRules(
                interval_s=detect.plate_interval_s,
                frame_side=detect.plate_side,
                crop_side=detect.plate_crop_side,
                max_crops=detect.max_crops,
                min_width_px=config.plates.min_width_px,
                backs_off=config.pace.mode == "adaptive",
            )
        )
        self._vehicles: Detections | None = None  # confirmed ones of the last detection, with
        self._ids: I64 = np.zeros(0, np.int64)  # their ids
        self._velocities: F32 = np.zeros((0, 2), np.float32)  # and velocities
        self._tracks = self._vehicle_tracker.tracks
        self._detected_ns = 0
        self._last_ns: int | None = None
        self._size: tuple[int, int] | None = None  # of the last frame: another size is another picture
        self._is_put_off = False  # the search for plates in the last frame, for the next one
        self._alone = 0  # plates on no vehicle in the last look
        self.counts = StreamCounts()

    @property
    def book(self) -> Book:
        """The book, for its counters."""
        return self._book

    def update(self, frame: Frame, stretch: float = 1.0) -> FrameResult:
        """Process the next frame; times must increase.

        Args:
            frame: the frame.
            stretch: how much less often than it should this stream looks, since the machine does not keep up; see
                `vision.pipeline.governor.Governor`.

        Raises:
            ValueError: the frame is not later than the one before.
        """
        if self._last_ns is not None and frame.time_ns <= self._last_ns:
            raise ValueError(f"time_ns: expected more than {self._last_ns} (the last frame), got {frame.time_ns}")
        self._last_ns = frame.time_ns
        sightings: list[Sighting] = []
        with self._times.stage("watch"):
            self._motion.see(frame)
            if self.scene.fit(frame.width, frame.height):
                self._motion.hidden = self.scene.hidden_cells(*self._motion.cells.shape)
            is_cut = self._cuts.is_cut(self._motion.cells) or self._size not in (None, (frame.width, frame.height))
        self._size = frame.width, frame.height
        if is_cut:
            self.counts.cuts += 1
            sightings += self.close()
        self.counts.frames += 1
        with self._times.stage("pace"):
            carried, ids = self._carried(frame)
            cause = self._pace.cause(
                frame.time_ns, self._tracks, lambda: self._has_changed(carried), (frame.width, frame.height), stretch
            )
            self.counts.postponed = self._pace.postponed
        vehicles = carried
        if cause is not None:
            self.counts.detections[cause] = self.counts.detections.get(cause, 0) + 1
            vehicles, ids = self._detect(frame)
        with self._times.stage("pace"):
            alone = self._alone + (cause == "motion")
            searches: list[Search] = []
            self._is_put_off = cause is not None and stretch >= BEHIND and not self._is_put_off
            if not self._is_put_off:
                searches = self._looks.due(frame, vehicles.boxes, ids, self._book.plate_on, alone, stretch)
                self.counts.postponed_searches = self._looks.postponed
        reads: list[PlateRead] = []
        plate_ids = np.zeros(0, np.int64)
        if searches:
            reads, plate_ids = self._look(frame, vehicles, ids, searches, alone)
        if cause is not None:
            with self._times.stage("attributes"):
                self._attributes(frame, vehicles, ids, ATTRIBUTES_BEHIND if stretch >= BEHIND else len(ids))
        with self._times.stage("sightings"):
            sightings, early = sightings + self._book.close(frame.time_ns), self._book.early()
            texts = [self._book.plate_text(int(i)) if i >= 0 else None for i in plate_ids]
        return FrameResult(
            frame, vehicles, ids, reads, plate_ids, texts, sightings, early, is_cut, bool(searches), cause is not None
        )

    def close(self) -> list[Sighting]:
        """End every track and return the sightings that were still open; the stream may go on afterwards."""
        self._vehicle_tracker.reset()
        self._plate_tracker.reset()
        self._looks.reset()
        self._pace.reset()
        self._motion.forget()
        self.scene.reset()
        self._vehicles, self._alone, self._tracks = None, 0, self._vehicle_tracker.tracks
        self._last_ns = None
        return self._book.close(None)

    def _detect(self, frame: Frame) -> tuple[Detections, I64]:
        """Find and track the vehicles of this frame."""
        with self._times.stage("detect vehicles"):
            mask = self.scene.mask
            vehicles = self._stages.vehicles.find(frame, blank=mask.blank if mask else None)
            vehicles = vehicles.take(np.flatnonzero(self.scene.are_visible(vehicles.boxes)))
        with self._times.stage("track"):
            tracker = self._vehicle_tracker
            ids = tracker.update(vehicles.boxes, vehicles.scores, vehicles.labels, time_ns=frame.time_ns)
            self._tracks = tracks = tracker.tracks
        self.counts.vehicle_detections += len(vehicles)
        for i in np.flatnonzero(ids >= 0):
            box = tuple(vehicles.boxes[i].tolist())
            self._book.see_vehicle(frame, int(ids[i]), box, float(vehicles.scores[i]), vehicles.probs[i])
        seen = np.flatnonzero(ids >= 0)
        with self._times.stage("scene"):
            ways = self.scene.see(ids[seen], vehicles.boxes[seen], frame.time_ns, frame.offset_s)
        for track_id, way in ways.items():
            self._book.vehicle(track_id).way = way
        self.scene.forget(tracker.ended)
        self._book.end(tracker.ended.tolist(), ())
        self._looks.forget(tracker.ended)
        confirmed = np.flatnonzero(ids >= 0)
        self._vehicles = vehicles.take(confirmed)
        self._ids = ids[confirmed]
        self._velocities = tracks.velocity[np.searchsorted(tracks.track_id, self._ids)]
        self._detected_ns = frame.time_ns
        self._pace.looked(frame.time_ns, is_new=tracker.n_unconfirmed > 0)
        if self._config.pace.mode == "adaptive":  # else nobody asks what has changed since
            self._motion.settle(vehicles.boxes)
        return vehicles, ids

    def _has_changed(self, carried: Detections) -> bool:
        """Whether the picture changed since the last detection where no moving vehicle was or is."""
        moving = self._tracks.raw_box[speeds(self._tracks) > STANDING]
        return self._motion.has_changed(np.concatenate((moving, carried.boxes)))

    def _carried(self, frame: Frame) -> tuple[Detections, I64]:
        """The vehicles of the last detection where their tracks have them by now; those outside are left out."""
        if self._vehicles is None:
            return self._stages.vehicles.none, np.zeros(0, np.int64)
        seconds = (frame.time_ns - self._detected_ns) * 1e-9
        boxes = self._vehicles.boxes + np.tile(self._velocities, 2) * np.float32(seconds)
        moved = Detections(boxes, self._vehicles.scores, self._vehicles.probs, self._vehicles.classes)
        vehicles, keep = inside(moved, frame)
        return vehicles, self._ids[keep]

    def is_at_rest(self, frame: Frame) -> bool:
        """Whether nothing has moved for a while, as of this frame."""
        return self._pace.is_at_rest(frame.time_ns)

    def label_of(self, vehicle_id: int) -> PlateText | None:
        """The believed plate so far of a vehicle track."""
        return self._book.plate_on(vehicle_id)

    def _look(
        self, frame: Frame, vehicles: Detections, ids: I64, searches: Sequence[Search], alone: int
    ) -> tuple[list[PlateRead], I64]:
        """Find, track and read the plates of this frame."""
        is_sweep = searches[0].roi is None
        self.counts.looks += 1
        self.counts.sweeps += is_sweep
        self.counts.crops += len(searches) - is_sweep
        with self._times.stage("detect plates"):
            mask = self.scene.mask
            plates = self._stages.plates.find(
                frame, [(s.roi, s.side) for s in searches], blank=mask.blank if mask else None
            )
            plates = self.scene.in_sight(plates)
        self.counts.plate_detections += len(plates)
        with self._times.stage("track"):
            boxes = plates.boxes
            size = np.concatenate((boxes[:, 2:] - boxes[:, :2],) * 2, 1)
            plate_ids = self._plate_tracker.update(boxes + PLATE_GROW * size, plates.scores, time_ns=frame.time_ns)
        with self._times.stage("read"):
            reads = self._stages.reader.read(frame, plates)
        n_alone = 0
        for read, plate_id in zip(reads, plate_ids.tolist(), strict=True):
            if plate_id < 0:
                self.counts.reads_untracked += 1
                continue
            owner = owner_of(read.box, vehicles.boxes, ids)
            record = self._book.see_plate(frame, plate_id, read, owner)
            self.scene.forget(np.array(self._book.divided_ids, np.int64))
            if owner is not None:
                plate = record.fusion.plate
                self._looks.saw_plate(owner[0], frame.time_ns, plate.score if plate else 0.0)
            else:
                n_alone += is_worth_another_look(record, self._config.plates.min_width_px)
        self._book.end((), self._plate_tracker.ended.tolist())
        if is_sweep:
            self._alone = n_alone
            self._looks.swept(frame.time_ns, alone=alone, found=n_alone)
        return reads, plate_ids

    def _attributes(self, frame: Frame, vehicles: Detections, ids: I64, most: int) -> None:
        """Type and color of vehicles that are seen larger than before, those that gain most first."""
        chosen = []
        for i in np.flatnonzero(ids >= 0):
            x1, y1, x2, y2 = vehicles.boxes[i].tolist()
            record, area = self._book.vehicle(int(ids[i])), (x2 - x1) * (y2 - y1)
            is_larger = area > 1.15 * record.attribute_area
            if is_larger and record.n_attributes < ATTRIBUTE_LOOKS and min(x2 - x1, y2 - y1) >= 16:
                chosen.append((int(i), record, area))
        if not chosen:
            return
        chosen = sorted(chosen, key=lambda one: one[1].attribute_area / one[2])[:most]
        found = self._stages.attributes.classify(frame, vehicles.boxes[[i for i, _, _ in chosen]])
        for row, (k, record, area) in enumerate(chosen):
            record.add_attributes(found.types[row], found.colors[row], area, float(vehicles.scores[k]))

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
