"""Events to test with: one of each type, and as many different ones as hypothesis can think of."""

import numpy as np
from hypothesis import strategies as st

from vision.events.make import (
    Stretch,
    match_event,
    picture_part,
    sighting_event,
    site_part,
    statistics_event,
    status_event,
)
from vision.events.model import Event, SitePart
from vision.types import (
    CameraStatus,
    Char,
    Crossing,
    Direction,
    Dwell,
    Evidence,
    Frame,
    Match,
    Passage,
    Planes,
    PlateText,
    Sighting,
    Speed,
    Vehicle,
)

NS = 1_000_000_000
T0 = 1_700_000_000 * NS
MODELS = [{"name": "plate_reader", "version": "0.4.0", "precision": "int8", "sha256": "0a" * 32}]
JPEG = b"\xff\xd8 not a whole picture \xff\xd9"


def site() -> SitePart:
    return site_part("north gate", "traffic statistics", "0.1.0", MODELS, {"plates": {"min_score": 0.6}})


def frame(camera: str = "gate", time_ns: int = T0) -> Frame:
    planes = Planes("bgr", (np.zeros((8, 8, 3), np.uint8),))
    return Frame(camera, 7, time_ns, 1.5, planes, is_utc=True, time_source="stamp", time_error_ns=500_000_000)


def sighting(
    n: int = 1, camera: str = "gate", *, text: str = "京A12345", revision: int = 1, is_early: bool = False
) -> Sighting:
    box = (10.0, 20.0, 110.04, 120.0)
    first_ns = T0 + n * NS + 123_456_789
    return Sighting(
        id=f"{camera}-{first_ns // 1_000_000}-v{n}",
        stream_id=camera,
        first_time_ns=first_ns,
        last_time_ns=first_ns + NS,
        first_s=float(n),
        last_s=n + 1.0,
        is_utc=True,
        plate=PlateText(text, 0.98765, (Char(text[0], 0.99),), "normal", "blue", 1, ((text, 0.98765),)),
        reason="",
        vehicle=Vehicle(box, "car", 0.9, "white", 0.8, 0.95),
        direction=Direction("down", 90.0, 100.0, "nearer"),
        first_box=box,
        last_box=box,
        n_frames=9,
        n_reads=3,
        track_ids=(n,),
        evidence=Evidence(frame(camera, first_ns + NS // 2), box, np.zeros((4, 2), np.float32)),
        passage=Passage("lane 1", (Crossing("stop", "in", first_ns, n + 0.5),), (Dwell("yard", 3.0, 1.0, False),),
                        speed=Speed(48.0, 3.0)),
        revision=revision,
        state="early" if is_early else "final",
    )  # fmt: skip


def final_event(n: int = 1, camera: str = "gate") -> Event:
    return sighting_event(sighting(n, camera), site(), [picture_part("vehicle", JPEG, 8, 8)], now_ns=T0)


def match(seen: Sighting | None = None) -> Match:
    seen = seen or sighting(2)
    return Match(
        id=f"{seen.id}-0123456789abcdef", revision=1, state="confirmed", watchlist="stolen", entry="case 4711",
        kind="certain", score=0.98, text="京A12345", differs=("color",), expires_ns=T0 + 86400 * NS, sighting=seen,
    )  # fmt: skip


def one_of_each() -> list[Event]:
    return [
        sighting_event(sighting(1, is_early=True), site(), now_ns=T0),
        sighting_event(sighting(1, revision=2), site(), [picture_part("plate", JPEG, 320, 96)], now_ns=T0),
        match_event(match(), site(), now_ns=T0),
        status_event(CameraStatus("gate", T0, "waiting", "timeout; next try in 4 s"), site()),
        statistics_event(Stretch("gate", T0, T0 + 60 * NS, 3, 2, {"too_small": 1}, {"processed": 1500}), site()),
    ]


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
scores = st.floats(0, 1)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
boxes = st.tuples(numbers, numbers, numbers, numbers)
times = st.integers(0, 4_000_000_000 * NS)
plates = st.builds(
    PlateText,
    text=words,
    score=scores,
    chars=st.lists(st.builds(Char, words, scores), max_size=8).map(tuple),
    kind=words,
    color=words,
    rows=st.integers(1, 2),
    candidates=st.lists(st.tuples(words, scores), max_size=4).map(tuple),
)
sightings = st.builds(
    Sighting,
    id=words,
    stream_id=words,
    first_time_ns=times,
    last_time_ns=times,
    first_s=numbers,
    last_s=numbers,
    is_utc=st.booleans(),
    plate=st.none() | plates,
    reason=st.sampled_from(["", "too_small", "dark", "format"]),
    vehicle=st.none() | st.builds(Vehicle, boxes, words, scores, words, scores, scores),
    direction=st.builds(Direction, words, numbers, numbers, words),
    first_box=boxes,
    last_box=boxes,
    n_frames=st.integers(0, 10**6),
    n_reads=st.integers(0, 10**6),
    track_ids=st.lists(st.integers(0, 2**31), max_size=3).map(tuple),
    evidence=st.none() | st.builds(lambda t: Evidence(frame("x", t), None, None), times),
    passage=st.builds(Passage, lane=st.none() | words, is_wrong_way=st.booleans()),
    revision=st.integers(1, 1000),
    state=st.sampled_from(["early", "final"]),
    merged_ids=st.lists(words, max_size=3).map(tuple),
)
matches = st.builds(
    Match,
    id=words,
    revision=st.integers(1, 1000),
    state=st.sampled_from(["early", "confirmed", "withdrawn"]),
    watchlist=words,
    entry=words,
    kind=st.sampled_from(["certain", "possible"]),
    score=scores,
    text=st.just("") | words,
    differs=st.sampled_from([(), ("color",), ("color", "type")]),
    expires_ns=st.none() | times,
    sighting=sightings,
)
sites = st.builds(lambda name, purpose: site_part(name, purpose, "0.1.0", MODELS, {}), words, words)
pictures = st.builds(
    picture_part,
    st.sampled_from(["scene", "vehicle", "plate"]), st.binary(min_size=1, max_size=64), st.integers(1, 9999),
    st.integers(1, 9999),
)  # fmt: skip
counts = st.integers(0, 2**40)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        lambda s, where, seen, now: sighting_event(s, where, seen, now_ns=now),
        sightings, sites, st.lists(pictures, max_size=3), times,
    ),
    st.builds(lambda m, where, now: match_event(m, where, now_ns=now), matches, sites, times),
    st.builds(status_event, st.builds(CameraStatus, words, times, words, words), sites),
    st.builds(
        statistics_event,
        st.builds(
            Stretch, words, times, times, counts, counts,
            st.dictionaries(words, counts, max_size=3), st.dictionaries(words, counts, max_size=3),
        ),
        sites,
    ),
)  # fmt: skip
