"""The book of everything in view: opens records, joins what belongs together, closes each vehicle pass once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from vision.plates.fuse import PlateFusion, distance
from vision.plates.grammar import TextDecoder
from vision.sightings.counts import BookCounts
from vision.sightings.folding import fold
from vision.sightings.groups import clusters_of, groups_of, owners_of
from vision.sightings.lasting import Keeper
from vision.sightings.records import Alarm, Look, PlateRecord, VehicleRecord
from vision.sightings.rules import ReadRules, same_plate
from vision.sightings.span import Span
from vision.sightings.summary import Describe, alarm_of, carry, merged_into, sighting_of
from vision.types import F32, Box, Frame, PlateRead, PlateText, Reason, Sighting

NS = 1_000_000_000
CHECK_NS = NS // 10  # how often it is asked which passes are over
AWAY_NS = 3 * NS // 10  # a plate that was not seen for so long may come back under another track
STRONG = 0.4  # a plate text this sure may split a track
STRANGE_LOOKS = 2  # in a row, at another believed plate than before: the track has gone over to another vehicle


class Book:
    """Vehicle and plate records of one stream.

    Args:
        decoder: decodes fused plates.
        describe: makes a `Vehicle` of a vehicle record's votes.
        rules: when a plate is believed.
        stream_id: goes into sightings.
        linger_s: how long an ended track may still be joined by another part of the same pass.
        min_frames, min_duration_s: a vehicle without plate seen less than this is discarded as noise, and counted.
        early_score: a plate so sure is given out early, if `early` is asked and ``gives_early``.
        wants: says of a plate whether it is given out early however sure it is: somebody is looking for it.
        plain_bytes: see `vision.sightings.lasting.Keeper`.
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
        early_score: float = 0.9,
        gives_early: bool = True,
        wants: Callable[[PlateText], bool] | None = None,
        plain_bytes: int = 0,
    ) -> None:
        self._decoder, self._describe, self._rules, self._stream_id = decoder, describe, rules, stream_id
        self._linger_ns = round(linger_s * NS)
        self._min_frames, self._min_ns = min_frames, round(min_duration_s * NS)
        self._early_score, self._gives_early, self._wants = early_score, gives_early, wants
        self._vehicles: dict[int, VehicleRecord] = {}  # by track id, the part that goes on
        self._parts: list[VehicleRecord] = []  # earlier parts
        self.divided_ids: list[int] = []  # tracks divided by the last `see_plate`
        self._plates: list[PlateRecord] = []
        self._plate_of: dict[int, PlateRecord] = {}  # plate track id -> the record it adds to now
        self._keeper = Keeper(plain_bytes)
        self._checked_ns = 0
        self.counts = BookCounts()

    def see_vehicle(self, frame: Frame, track_id: int, box: Box, score: float, probs: F32) -> VehicleRecord:
        """Note a detection of a tracked vehicle."""
        record = self._vehicles.get(track_id)
        if record is None:
            record = VehicleRecord(track_id, Span.start(frame, box), np.zeros_like(probs))
            self._vehicles[track_id] = record
        record.see(frame, box, score, probs, self._keeper)
        return record

    def vehicle(self, track_id: int) -> VehicleRecord:
        """The record of a vehicle track that was seen."""
        return self._vehicles[track_id]

    def see_plate(self, frame: Frame, track_id: int, read: PlateRead, vehicle: tuple[int, Box] | None) -> PlateRecord:
        """Note a look at a tracked plate on a vehicle (track id, box) that was seen, or on none.

        Two strong reads of another text in a row begin a new plate record; two looks at another believed plate, without
        one that fits in between, divide the vehicle's track where the plate it had was seen last.
        """
        self.counts.looks += 1
        self.divided_ids.clear()
        look = Look(frame, read, (self._vehicles[vehicle[0]], vehicle[1]) if vehicle else None)
        record, looks = self._plate_of.get(track_id), [look]
        if record is None and look.vehicle is not None:
            record = self._again(track_id, look)
        if record is None:
            record = self._open_plate(track_id, look)
        elif self._contradicts(record, read):
            held, record.held = record.held, replace(look, frame=self._keeper.keep(frame))
            if held is None or distance(held.read.plate.text, read.plate.text) > 1:
                return record
            record.held, record.is_ended = None, True
            self.counts.splits += 1
            record, looks = self._open_plate(track_id, held), [held, look]
        else:
            record.held = None
        for one in looks:
            record.see(one, self._keeper, self._rules.min_look_score)
            if one.vehicle is not None:
                self._follow(record, one, one.vehicle[1])
        return record

    def _follow(self, plate: PlateRecord, look: Look, box: Box) -> None:
        """Note on the vehicle whether this is the plate it had; divide the track if it shows another one by now."""
        vehicle = self._vehicles.get(look.vehicle[0].track_id) if look.vehicle else None
        if vehicle is None:
            return
        had, has = self._believed(vehicle.plate) if vehicle.plate else None, self._believed(plate)
        if vehicle.plate is plate or had is None or has is None or same_plate(had, has):
            vehicle.fits(plate, is_read=had is not None or has is not None)
            return
        vehicle.n_strange += 1
        if vehicle.n_strange < STRANGE_LOOKS:
            return
        before, after = vehicle.divided(look.frame, box)
        self._parts.append(before)
        self._vehicles[vehicle.track_id] = after
        moved = min(plate.votes.take(before.key), plate.fusion.n_looks)
        plate.votes.add(after.key, after.span, max(1, moved))
        after.fits(plate, is_read=True)
        self.counts.divided += 1
        self.divided_ids.append(vehicle.track_id)

    def _open_plate(self, track_id: int, look: Look) -> PlateRecord:
        record = PlateRecord(track_id, Span.start(look.frame, look.read.box), PlateFusion(self._decoder))
        self._plates.append(record)
        self._plate_of[track_id] = record
        return record

    def _again(self, track_id: int, look: Look) -> PlateRecord | None:
        """The record of this vehicle's plate if it was seen before under another track and this look does not differ.

        A plate is looked for rarely once it is settled, and its track may have been lost meanwhile.
        """
        for record in self._plates:
            is_away = look.frame.time_ns - record.span.last_ns > AWAY_NS
            is_on_it = look.vehicle is not None and look.vehicle[0].key in record.vehicles()
            if is_away and is_on_it and not self._contradicts(record, look.read):
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
        vehicle = self._vehicles.get(vehicle_id)
        plates = [self._believed(p) for p in self._plates if vehicle and p.votes.of(vehicle.key)]
        return max((p for p in plates if p), key=lambda p: p.score, default=None)

    def plate_text(self, plate_id: int) -> PlateText | None:
        """The believed text so far of a plate track."""
        record = self._plate_of.get(plate_id)
        return self._believed(record) if record else None

    def _believed(self, record: PlateRecord) -> PlateText | None:
        is_alone = not record.votes.shares
        if is_alone and self._is_caption(record):
            return None
        state = record.fusion.n_looks, is_alone
        if record.believed is None or record.believed[0] != state:  # asked many times a frame, changed by looks alone
            record.believed = state, self._rules.believed(record.fusion, is_alone=is_alone)
        return record.believed[1]

    @staticmethod
    def _is_caption(record: PlateRecord) -> bool:
        """A caption, a logo or a sign: a vehicle that shows its plate so long is detected or moves.

        One so near that it fills the picture may be neither, for a while.
        """
        is_near = record.fusion.max_width_px >= 0.1 * record.frame_width
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
        """Sightings of all passes that are over at ``now_ns``, at most `CHECK_NS` late; None closes everything."""
        if now_ns is None:
            self.end(list(self._vehicles), list(self._plate_of))
        elif 0 <= now_ns - self._checked_ns < CHECK_NS or not self._is_anything_due(now_ns):
            return []
        self._checked_ns = now_ns or 0
        sightings = []
        for vehicles, plates in groups_of(self._all_vehicles(), self._plates, self._believed):
            members: list[VehicleRecord | PlateRecord] = [*vehicles, *plates]
            last_ns = max(m.span.last_ns for m in members)
            if all(m.is_ended for m in members) and (now_ns is None or now_ns - last_ns > self._linger_ns):
                sightings += self._conclude(vehicles, plates)
                self._forget(vehicles, plates)
            elif now_ns is not None:
                self._forget(*fold(vehicles, plates, self._believed, now_ns - self._linger_ns))
        return sorted(sightings, key=lambda s: (s.first_time_ns, s.id))

    def _all_vehicles(self) -> list[VehicleRecord]:
        return [*self._parts, *self._vehicles.values()]

    def _forget(self, vehicles: list[VehicleRecord], plates: list[PlateRecord]) -> None:
        for vehicle in vehicles:
            if self._vehicles.get(vehicle.track_id) is vehicle:
                del self._vehicles[vehicle.track_id]
            else:
                self._parts.remove(vehicle)
        for plate in plates:
            self._plates.remove(plate)

    def _is_anything_due(self, now_ns: int) -> bool:
        records: list[VehicleRecord | PlateRecord] = [*self._all_vehicles(), *self._plates]
        ended = [r.span.last_ns for r in records if r.is_ended]
        return bool(ended) and now_ns - min(ended) > self._linger_ns

    def early(self) -> list[Sighting]:
        """Early sightings of passes that go on: one once its plate is sure enough, and one whenever its text changes
        or the vehicle breaks a rule of the scene (stands for too long, drives the wrong way).

        A plate that is wanted is given out at once, and again when it is sure. Nothing if nothing was asked for.
        Every id given out here comes back in `close`, as the id of one final sighting or among its ``merged_ids``.
        """
        if not self._gives_early and self._wants is None:
            return []
        fresh = [p for p in self._plates if p.is_fresh and self._is_news(p)]
        for plate in self._plates:
            plate.is_fresh = False
        offenders = [v for v in self._all_vehicles() if v.new_offences()]
        if not fresh and not offenders:
            return []
        sightings = []
        for vehicles, plates in groups_of(self._all_vehicles(), self._plates, self._believed):
            clusters, _ = clusters_of(plates, self._believed)
            for owned, cluster in zip(owners_of(vehicles, clusters), clusters, strict=True):
                text = self._text_of(cluster)
                is_offence, alarm = any(v in offenders for v in owned), alarm_of(cluster)
                if text is None or not self._is_due(text, alarm):
                    continue
                if not is_offence and not any(p in fresh for p in cluster):
                    continue
                merged, is_sure = merged_into(alarm, cluster), text.score >= self._early_score
                is_same = alarm is not None and (text.text, merged) == (alarm.text, alarm.merged_ids)
                if alarm is not None and is_same and not is_offence and (alarm.is_sure or not is_sure):
                    continue
                sightings.append(self._sighting(owned, cluster, text, cluster, is_final=False))
                carry(sightings[-1], cluster, text.text, is_sure=is_sure)
                self.counts.early += 1
        return sightings

    def _is_news(self, plate: PlateRecord) -> bool:
        text = self._believed(plate)
        if text is None:
            return False
        is_sure, alarm = text.score >= self._early_score, plate.alarm
        return (not alarm or alarm.text != text.text or (is_sure and not alarm.is_sure)) and self._is_due(text, alarm)

    def _is_due(self, text: PlateText, alarm: Alarm | None) -> bool:
        """Whether a plate is to be given out while its pass goes on: also when it corrects what was said of it."""
        if (self._gives_early or alarm is not None) and text.score >= self._early_score:
            return True
        return self._wants is not None and self._wants(text)

    def _text_of(self, cluster: list[PlateRecord]) -> PlateText | None:
        """What the plates of a cluster say together."""
        if len(cluster) == 1:
            return self._believed(cluster[0])
        fusion = PlateFusion(self._decoder)
        for part in cluster:
            fusion.absorb(part.fusion)
        return self._rules.believed(fusion) or self._believed(cluster[0])

    def _conclude(self, vehicles: list[VehicleRecord], plates: list[PlateRecord]) -> list[Sighting]:
        """One sighting per different plate of the group, or one without plate, or none (noise, counted)."""
        clusters, unread = clusters_of(plates, self._believed)
        if not clusters:
            return self._conclude_unread(vehicles, unread)
        self.counts.joined += len(vehicles) + len(plates) - len(clusters)
        sightings = []
        for i, (owned, cluster) in enumerate(zip(owners_of(vehicles, clusters), clusters, strict=True)):
            text, alarmed = self._text_of(cluster), cluster if i else [*cluster, *unread]
            sightings.append(self._sighting(owned, cluster, text, alarmed, is_final=True))
        return sightings

    def _conclude_unread(self, vehicles: list[VehicleRecord], plates: list[PlateRecord]) -> list[Sighting]:
        if alarm_of(plates):  # it was given out early: that must be taken back
            self.counts.withdrawn += 1
            return [self._sighting(vehicles, plates, None, plates, is_final=True)]
        if not vehicles:
            self.counts.discarded["plate_without_vehicle_unread"] += 1
            return []
        frames = sum(v.span.n_frames for v in vehicles)
        lasted = max(v.span.last_ns for v in vehicles) - min(v.span.first_ns for v in vehicles)
        if frames < self._min_frames or lasted < self._min_ns:
            self.counts.discarded["vehicle_too_short"] += 1
            return []
        return [self._sighting(vehicles, plates, None, plates, is_final=True)]

    def _sighting(
        self,
        vehicles: list[VehicleRecord],
        plates: list[PlateRecord],
        text: PlateText | None,
        alarmed: list[PlateRecord],
        *,
        is_final: bool,
    ) -> Sighting:
        """The sighting of these records as they are; ``alarmed``: the plates whose early sightings it goes on with."""
        reason: Reason = "" if text else self._rules.reason(vehicles, plates)
        if is_final:
            self.counts.sightings += 1
            self.counts.read += text is not None
            self.counts.reasons.update([reason] if reason else [])
        doubtful = self._rules.doubtful([p.fusion for p in plates]) if text is None else None
        return sighting_of(
            self._stream_id, vehicles, plates, text, reason, self._describe, alarmed, doubtful, is_final=is_final
        )
