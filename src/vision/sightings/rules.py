"""When a fused plate is believed, and why a vehicle stays unread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vision.plates.fuse import PlateFusion, distance
from vision.plates.grammar import UNREADABLE, mark_unreadable, readable_score
from vision.sightings.reasons import reason_of
from vision.sightings.records import PlateRecord, VehicleRecord
from vision.types import PlateText, Reason

SURE = 0.9  # two plates that differ in a character which is so sure in both are two plates
FEW_LOOKS, FEW_LOOKS_SCORE = 4, 0.75  # fewer looks than this have to be so sure


@dataclass(frozen=True, slots=True)
class ReadRules:
    """Thresholds for believing a plate; see `vision.pipeline.config.PlatesConfig`."""

    min_char_score: float = 0.5
    max_unreadable: int = 1
    min_look_score: float = 0.45
    min_score: float = 0.6
    min_score_alone: float = 0.9
    min_looks_alone: int = 3
    min_width_px: float = 24

    def believed(self, fusion: PlateFusion, *, is_alone: bool = False) -> PlateText | None:
        """The fused plate with ``?`` for what could not be read, or None if too little of it could.

        One look must be clear by itself (``min_look_score``): a hundred that show nothing, each leaning the same way,
        would add up to a sure text. The score of the readable characters must reach ``min_score``, after fewer than
        `FEW_LOOKS` looks `FEW_LOOKS_SCORE`. A plate on no vehicle (``is_alone``) must be
        surer and seen more often: signs and lettering are no vehicles either.
        """
        plate = fusion.plate
        if plate is None or fusion.best_look < self.min_look_score:
            return None
        marked = mark_unreadable(plate, self.min_char_score)
        if marked.text.count(UNREADABLE) > self.max_unreadable:
            return None
        least = self.min_score_alone if is_alone else self.min_score
        if fusion.n_looks < FEW_LOOKS:
            least = max(least, FEW_LOOKS_SCORE)
        if readable_score(marked) < least:
            return None
        return None if is_alone and fusion.n_looks < self.min_looks_alone else marked

    def doubtful(self, fusions: Sequence[PlateFusion]) -> PlateText | None:
        """What the plate with the clearest look says although it is not believed; None if no look showed anything."""
        clear = [f for f in fusions if f.plate is not None and f.best_look >= self.min_look_score]
        best = max(clear, key=lambda f: f.best_look, default=None)
        return mark_unreadable(best.plate, self.min_char_score) if best and best.plate else None

    def reason(self, vehicles: Sequence[VehicleRecord], plates: Sequence[PlateRecord]) -> Reason:
        """Why a vehicle has no plate text."""
        return reason_of(vehicles, plates, self.min_width_px)


def same_plate(a: PlateText, b: PlateText) -> bool:
    """Whether two believed texts are the same plate: equal, or one character apart and not sure of it in both."""
    gap = distance(a.text, b.text)
    if gap != 1 or len(a.text) != len(b.text):
        return gap == 0 or (gap == 1 and min(a.score, b.score) < SURE)
    differing = [(x, y) for x, y in zip(a.chars, b.chars, strict=True) if x.text != y.text]
    return any(UNREADABLE not in (x.text, y.text) and min(x.score, y.score) < SURE for x, y in differing)
