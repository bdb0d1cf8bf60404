"""The book of everything in view: opens records, joins what belongs together, closes each vehicle pass once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from vision.plates.fuse import PlateFusion, distance
from vision.plates.grammar import TextDecoder
from vision.scene.way import passage_of
from vision.sightings.motion import direction_of
from vision.sightings.records import PlateRecord, Span, VehicleRecord
from vision.sightings.rules import ReadRules, same_plate
from vision.types import F32, Box, Frame, PlateRead, PlateText, Sighting, Vehicle

NS = 1_000_000_000
AWAY_NS = 3 * NS // 10  # a plate that was not seen for so long may come back under another track
STRONG = 0.4  # a plate text this sure may split a track

Describe = Callable[[VehicleRecord], Vehicle]


@dataclass(slots=True)
class BookCounts:
    """What became of tracks and reads; every track is a sighting, a part of one, or counted as discarded."""

    sightings: int = 0
    read: int = 0
    looks: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    discarded: Counter[str] = field(default_factory=Counter)
    joined: int = 0
    splits: int = 0


class Book:
    """Vehicle and plate records of one stream.

    Args:
        decoder: decodes fused plates.
        describe: makes a `Vehicle` of a vehicle record's votes.
        rules: when a plate is believed.
        stream_id: goes into sightings.
        linger_s: how long an ended track may still be joined by another part of the same pass.
        min_frames, min_duration_s: a vehicle without plate seen less than this is discarded as noise, and counted.
    """

    def __init__(
        self,
        decoder: TextDecoder,
        describe: Describe,
        rules: ReadRules,
        stream_id: str,
        *,
        linger_s: float,
        min_frames: int,
        min_duration_s: float,
    ) -> None:
        self._decoder, self._describe, self._rules, self._stream_id = decoder, describe, rules, stream_id
        self._linger_ns = round(linger_s * NS)
        self._min_frames, self._min_ns = min_frames, round(min_duration_s * NS)
        self._vehicles: dict[int, VehicleRecord] = {}
        self._plates: list[PlateRecord] = []
        self._plate_of: dict[int, PlateRecord] = {}  # plate track id -> the record it adds to now
        self.counts = BookCounts()

    def see_vehicle(self, frame: Frame, track_id: int, box: Box, score: float, probs: F32) -> VehicleRecord:
        """Note a detection of a tracked vehicle."""
        record = self._vehicles.get(track_id)
        if record is None:
            record = VehicleRecord(track_id, Span.start(frame, box), np.zeros_like(probs))
            self._vehicles[track_id] = record
        record.see(frame, box, score, probs)
        return record

    def vehicle(self, track_id: int) -> VehicleRecord:
        """The record of a vehicle track that was seen."""
        return self._vehicles[track_id]

    def see_plate(self, frame: Frame, track_id: int, read: PlateRead, vehicle: tuple[int, Box] | None) -> PlateRecord:
        """Note a look at a tracked plate; two strong reads of another text in a row begin a new record."""
        self.counts.looks += 1
        record = self._plate_of.get(track_id)
        if record is None and vehicle is not None:
            record = self._again(frame, track_id, read, vehicle[0])
        if record is None:
            record = self._open_plate(frame, track_id, read)
        elif self._contradicts(record, read):
            held, record.held = record.held, read
            if held is None or distance(held.plate.text, read.plate.text) > 1:
                return record
            record.held, record.is_ended = None, True
            self.counts.splits += 1
            record = self._open_plate(frame, track_id, read)
            record.fusion.add(held, frame.time_ns - NS // 10)
        else:
            record.held = None
        record.see(frame, read, vehicle)
        return record

    def _open_plate(self, frame: Frame, track_id: int, read: PlateRead) -> PlateRecord:
        record = PlateRecord(track_id, Span.start(frame, read.box), PlateFusion(self._decoder))
        self._plates.append(record)
        self._plate_of[track_id] = record
        return record

    def _again(self, frame: Frame, track_id: int, read: PlateRead, vehicle_id: int) -> PlateRecord | None:
        """The record of this vehicle's plate if it was seen before under another track and this look does not differ.

        A plate is looked for rarely once it is settled, and its track may have been lost meanwhile.
        """
        for record in self._plates:
            is_away = frame.time_ns - record.span.last_ns > AWAY_NS
            if is_away and vehicle_id in record.vehicles() and not self._contradicts(record, read):
                self._plate_of[track_id] = record
                record.is_ended = False
                return record
        return None

    @staticmethod
    def _contradicts(record: PlateRecord, read: PlateRead) -> bool:
        plate = record.fusion.plate
        if plate is None or min(plate.score, read.plate.score) < STRONG:
            return False
        return distance(plate.text, read.plate.text) >= 3

    def plate_on(self, vehicle_id: int) -> PlateText | None:
        """The best believed text so far on a vehicle track, for labels and for deciding where to look next."""
        plates = [self._believed(p) for p in self._plates if vehicle_id in p.votes]
        return max((p for p in plates if p), key=lambda p: p.score, default=None)

    def plate_text(self, plate_id: int) -> PlateText | None:
        """The believed text so far of a plate track."""
        record = self._plate_of.get(plate_id)
        return self._believed(record) if record else None

    def _believed(self, record: PlateRecord) -> PlateText | None:
        is_alone = not record.votes
        if is_alone and self._is_caption(record):
            return None
        return self._rules.believed(record.fusion, is_alone=is_alone)

    @staticmethod
    def _is_caption(record: PlateRecord) -> bool:
        """A caption, a logo or a sign: a vehicle that shows its plate so long is detected or moves.

        One so near that it fills the picture may be neither, for a while.
        """
        frame_width = record.evidence.frame.width if record.evidence else 0
        is_near = record.fusion.max_width_px >= 0.1 * frame_width
        return record.span.is_fixed(6.0 if is_near else 3.0)

    def end(self, vehicle_ids: Iterable[int], plate_ids: Iterable[int]) -> None:
        """Note that tracks have ended."""
        for vehicle_id in vehicle_ids:
            if vehicle_id in self._vehicles:
                self._vehicles[vehicle_id].is_ended = True
        for plate_id in plate_ids:
            record = self._plate_of.pop(plate_id, None)
            if record is not None:
                record.is_ended = all(other is not record for other in self._plate_of.values())

    def close(self, now_ns: int | None) -> list[Sighting]:
        """Sightings of all passes that are over at ``now_ns``; None closes everything."""
        if now_ns is None:
            self.end(list(self._vehicles), list(self._plate_of))
        elif not self._is_anything_due(now_ns):
            return []
        sightings = []
        for vehicles, plates in self._groups():
            members: list[VehicleRecord | PlateRecord] = [*vehicles, *plates]
            last_ns = max(m.span.last_ns for m in members)
            if all(m.is_ended for m in members) and (now_ns is None or now_ns - last_ns > self._linger_ns):
                sightings += self._conclude(vehicles, plates)
                for vehicle in vehicles:
                    del self._vehicles[vehicle.track_id]
                for plate in plates:
                    self._plates.remove(plate)
        return sorted(sightings, key=lambda s: (s.first_time_ns, s.id))

    def _is_anything_due(self, now_ns: int) -> bool:
        records: list[VehicleRecord | PlateRecord] = [*self._vehicles.values(), *self._plates]
        ended = [r.span.last_ns for r in records if r.is_ended]
        return bool(ended) and now_ns - min(ended) > self._linger_ns

    def _groups(self) -> list[tuple[list[VehicleRecord], list[PlateRecord]]]:
        """Connected records: plates with their vehicles and equal plates, leaving vehicles with their last parts."""
        texts = [self._believed(p) for p in self._plates]
        group_of_vehicle: dict[int, int] = {v: i for i, v in enumerate(self._vehicles)}
        parent = list(range(len(self._vehicles) + len(self._plates)))

        def find(i: int) -> int:
            while parent[i] != i:
                parent[i] = parent[parent[i]]
                i = parent[i]
            return i

        base = len(self._vehicles)
        for i, plate in enumerate(self._plates):
            for vehicle in plate.vehicles():
                if vehicle in group_of_vehicle:
                    parent[find(base + i)] = find(group_of_vehicle[vehicle])
            for j in range(i):
                a, b = texts[i], texts[j]
                if a and b and same_plate(a, b):
                    parent[find(base + i)] = find(base + j)
        vehicles = list(self._vehicles.values())
        for i, part in enumerate(vehicles):
            for j, whole in enumerate(vehicles):
                if whole.leaves_as(part):
                    parent[find(i)] = find(j)
        groups: dict[int, tuple[list[VehicleRecord], list[PlateRecord]]] = {}
        for i, vehicle_record in enumerate(self._vehicles.values()):
            groups.setdefault(find(i), ([], []))[0].append(vehicle_record)
        for i, plate in enumerate(self._plates):
            groups.setdefault(find(base + i), ([], []))[1].append(plate)
        return list(groups.values())

    def _conclude(self, vehicles: list[VehicleRecord], plates: list[PlateRecord]) -> list[Sighting]:
        """One sighting per different plate of the group, or one without plate, or none (noise, counted)."""
        clusters: list[list[PlateRecord]] = []
        unread: list[PlateRecord] = []
        for plate in sorted(plates, key=lambda p: -(p.fusion.plate.score if p.fusion.plate else 0.0)):
            text = self._believed(plate)
            if text is None:
                unread.append(plate)
                continue
            for cluster in clusters:
                other = self._believed(cluster[0])
                if other and same_plate(text, other):
                    cluster.append(plate)
                    break
            else:
                clusters.append([plate])
        if not clusters:
            return self._conclude_unread(vehicles, unread)
        self.counts.joined += len(vehicles) + len(plates) - len(clusters)
        owners: list[list[VehicleRecord]] = [[] for _ in clusters]
        for vehicle in vehicles:
            votes = [sum(p.votes.get(vehicle.track_id, 0) for p in cluster) for cluster in clusters]
            owners[int(np.argmax(votes))].append(vehicle)
        sightings = []
        for owned, cluster in zip(owners, clusters, strict=True):
            surest, clearest = cluster[0], max(cluster, key=lambda p: p.best_quality)
            for part in cluster[1:]:
                surest.fusion.absorb(part.fusion)
            sightings.append(self._sighting(owned, cluster, self._believed(surest), clearest))
        return sightings

    def _conclude_unread(self, vehicles: list[VehicleRecord], plates: list[PlateRecord]) -> list[Sighting]:
        if not vehicles:
            self.counts.discarded["plate_without_vehicle_unread"] += 1
            return []
        frames = sum(v.span.n_frames for v in vehicles)
        lasted = max(v.span.last_ns for v in vehicles) - min(v.span.first_ns for v in vehicles)
        if frames < self._min_frames or lasted < self._min_ns:
            self.counts.discarded["vehicle_too_short"] += 1
            return []
        best = max(plates, key=lambda p: p.best_quality, default=None)
        return [self._sighting(vehicles, plates, None, best)]

    def _sighting(
        self,
        vehicles: list[VehicleRecord],
        plates: list[PlateRecord],
        text: PlateText | None,
        best: PlateRecord | None,
    ) -> Sighting:
        own, others = [v.span for v in vehicles], [p.span for p in plates]
        spans, every = own or others, own + others
        first, last = min(every, key=lambda s: s.first_ns), max(every, key=lambda s: s.last_ns)
        start, stop = min(spans, key=lambda s: s.first_ns), max(spans, key=lambda s: s.last_ns)
        main = max(vehicles, key=lambda v: v.score_sum, default=None)
        reason = "" if text else self._rules.reason(vehicles, plates)
        evidence = best.evidence if best and text else main.evidence if main else best.evidence if best else None
        self.counts.sightings += 1
        self.counts.read += text is not None
        if reason:
            self.counts.reasons[reason] += 1
        lead = main.track_id if main else plates[0].track_id
        return Sighting(
            id=f"{self._stream_id}-{first.first_ns // 1_000_000}-{'v' if main else 'p'}{lead}",
            stream_id=self._stream_id,
            first_time_ns=first.first_ns,
            last_time_ns=last.last_ns,
            first_s=first.first_s,
            last_s=last.last_s,
            is_utc=False if evidence is None else evidence.frame.is_utc,
            plate=text,
            reason=reason,
            vehicle=self._describe(main) if main else None,
            direction=direction_of(start.first_box, stop.last_box),
            first_box=start.first_box,
            last_box=stop.last_box,
            n_frames=sum(s.n_frames for s in spans),
            n_reads=sum(p.fusion.n_looks for p in plates),
            track_ids=tuple(sorted(v.track_id for v in vehicles)),
            evidence=evidence,
            passage=passage_of([v.way for v in vehicles if v.way]),
        )
