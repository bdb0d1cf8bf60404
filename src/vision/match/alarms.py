"""From sightings to matches: one alarm per sighting and entry, raised early, confirmed or withdrawn at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vision.match.entries import Entry
from vision.match.likely import probability_of
from vision.match.watchlist import Hit, Watchlist
from vision.types import Match, PlateText, Sighting

SURE = 0.9  # a match so probable, of a text that was read whole, is called certain
SURE_LOOK = 0.8  # a vehicle's color or type so sure is compared with the list's

Kind = Literal["certain", "possible"]
State = Literal["early", "confirmed", "withdrawn"]
Key = tuple[str, str]  # watch-list and entry


@dataclass(slots=True)
class Alarm:
    """What was said last about one sighting and one entry."""

    id: str
    watchlist: Watchlist
    text: str  # of the entry's plate; never leaves
    entry: Entry
    revision: int = 0
    kind: Kind = "possible"
    state: State = "early"


class Alarms:
    """The alarms of one stream's passes that go on."""

    def __init__(self, watchlists: Sequence[Watchlist] = ()) -> None:
        self._watchlists = watchlists
        self._open: dict[str, dict[Key, Alarm]] = {}  # by sighting

    def abandon(self) -> None:
        """Forget alarms whose final sightings got lost with an error of the stream."""
        self._open.clear()

    def see(self, sighting: Sighting, now_ns: int) -> list[Match]:
        """What to say about a sighting; call it for every one, early and final, in order.

        Args:
            now_ns: UTC, for the entries' validity where the source does not know its time.
        """
        is_final = sighting.state == "final"
        plate = sighting.plate or (sighting.doubtful if is_final else None)
        time_ns = sighting.last_time_ns if sighting.is_utc else now_ns
        hits = self._hits(plate, time_ns, is_final=is_final)
        alarms = self._open.pop(sighting.id, {})
        out: list[Match] = []
        for merged_id in sighting.merged_ids:  # the same vehicle, said twice: one alarm goes on, others end
            for key, alarm in self._open.pop(merged_id, {}).items():
                if alarms.setdefault(key, alarm) is not alarm:
                    score = hits[key][1].score if key in hits else score_of(plate, alarm)
                    out.append(said(alarm, "withdrawn", "possible", score, plate, sighting))
        for key, (watchlist, hit) in hits.items():
            if key not in alarms:
                alarms[key] = Alarm(id_of(sighting.id, key), watchlist, hit.text, hit.entry)
        for key, alarm in alarms.items():
            # An entry that was taken from its list meanwhile does not end an alarm: what was read does.
            score = hits[key][1].score if key in hits else score_of(plate, alarm)
            stands = key in hits or score >= alarm.watchlist.settings.min_probability
            is_read = plate is not None and plate is sighting.plate and plate.text == alarm.text
            kind: Kind = "certain" if is_read and score >= SURE else "possible"
            state: State = ("confirmed" if is_final else "early") if stands else "withdrawn"
            if is_final or not alarm.revision or (state, kind) != (alarm.state, alarm.kind):
                out.append(said(alarm, state, kind, score, plate, sighting))
        if alarms and not is_final:
            self._open[sighting.id] = alarms
        return out

    def _hits(self, plate: PlateText | None, time_ns: int, *, is_final: bool) -> dict[Key, tuple[Watchlist, Hit]]:
        if plate is None:
            return {}
        return {
            (w.name, hit.entry.id): (w, hit)
            for w in self._watchlists
            if is_final or w.settings.notify == "early"
            for hit in w.find(plate, time_ns)
        }


def score_of(plate: PlateText | None, alarm: Alarm) -> float:
    """How probably the plate is that of the alarm, by what was read now."""
    if plate is None:
        return 0.0
    if plate.log_probs is None:
        return next((score for text, score in plate.candidates if text == alarm.text), 0.0)
    return probability_of(alarm.text, plate.log_probs, alarm.watchlist.words.charset)


def id_of(sighting_id: str, key: Key) -> str:
    """Id of an alarm: the sighting's, and a hash that is another for every list and entry."""
    return f"{sighting_id}-{hashlib.sha256(chr(0).join(key).encode()).hexdigest()[:16]}"


def said(alarm: Alarm, state: State, kind: Kind, score: float, plate: PlateText | None, sighting: Sighting) -> Match:
    """The next match about an alarm, which takes note of it."""
    alarm.revision, alarm.state, alarm.kind = alarm.revision + 1, state, kind
    return Match(
        id=alarm.id,
        revision=alarm.revision,
        state=state,
        watchlist=alarm.watchlist.name,
        entry=alarm.entry.id,
        kind=kind,
        score=score,
        text=plate.text if plate else "",
        differs=differing(alarm.entry, sighting),
        expires_ns=alarm.entry.until_ns,
        sighting=sighting,
    )


def differing(entry: Entry, sighting: Sighting) -> tuple[str, ...]:
    """What the list says of the vehicle and the camera saw otherwise: a plate on another car."""
    vehicle, out = sighting.vehicle, []
    if vehicle is None:
        return ()
    for name in ("color", "type"):
        listed, seen, score = getattr(entry, name), getattr(vehicle, name), getattr(vehicle, f"{name}_score")
        if listed and seen not in (listed, "unknown") and score >= SURE_LOOK:
            out.append(name)
    return tuple(out)
