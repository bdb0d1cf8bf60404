"""One alarm per sighting and entry: raised, made surer, confirmed or withdrawn, and always ended."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.events.samples import T0, sighting
from tests.match.lists import read_plate, unsure, watchlist, write
from vision.match.alarms import Alarms
from vision.types import Match, PlateText, Sighting

NS = 10**9
OURS, OTHER = "京A1B345", "沪B67890"


def seen(
    plate: PlateText | None, revision: int = 1, *, early: bool = False, merged: Sequence[str] = (), n: int = 1
) -> Sighting:
    return replace(
        sighting(n, revision=revision, is_early=early),
        plate=plate, reason="" if plate else "low_score", merged_ids=tuple(merged),
    )  # fmt: skip


def alarms_of(tmp_path: Path, lines: Sequence[str] = (f"{OURS},7",), head: str = "plate,id", **keys: object) -> Alarms:
    write(tmp_path / "a.csv", lines, head)
    return Alarms([watchlist(tmp_path / "a.csv", **keys)])


def said(matches: Sequence[Match]) -> list[tuple[int, str, str, str]]:
    return [(m.revision, m.state, m.kind, m.entry) for m in matches]


def test_possible_then_certain_then_confirmed(tmp_path: Path) -> None:
    alarms = alarms_of(tmp_path)
    first = alarms.see(seen(unsure(OURS, 3, "8"), 1, early=True), T0)
    assert said(first) == [(1, "early", "possible", "7")]
    assert first[0].text == "京A1?345"
    assert 0.3 < first[0].score < 0.5
    assert not alarms.see(seen(unsure(OURS, 3, "8", 0.46), 2, early=True), T0)  # nothing new
    second = alarms.see(seen(read_plate(OURS), 3, early=True), T0)
    assert said(second) == [(2, "early", "certain", "7")]
    final = alarms.see(seen(read_plate(OURS), 4), T0)
    assert said(final) == [(3, "confirmed", "certain", "7")]
    assert {m.id for m in (*first, *second, *final)} == {final[0].id}
    assert not alarms._open


def test_a_final_reading_that_contradicts_withdraws(tmp_path: Path) -> None:
    alarms = alarms_of(tmp_path)
    (first,) = alarms.see(seen(read_plate(OURS), early=True), T0)
    (last,) = alarms.see(seen(read_plate(OTHER), 2), T0)
    assert (last.id, last.revision, last.state) == (first.id, 2, "withdrawn")
    assert last.text == OTHER
    assert last.score < 0.001


def test_an_early_reading_that_contradicts_withdraws_at_once_and_the_end_has_the_last_word(tmp_path: Path) -> None:
    alarms = alarms_of(tmp_path)
    texts = [OURS, OTHER, OTHER, OURS]
    got = [alarms.see(seen(read_plate(t), i + 1, early=i < 3), T0) for i, t in enumerate(texts)]
    assert [said(m) for m in got] == [
        [(1, "early", "certain", "7")],
        [(2, "withdrawn", "possible", "7")],
        [],
        [(3, "confirmed", "certain", "7")],
    ]


def test_a_vehicle_that_is_unread_in_the_end_withdraws_or_not_by_what_its_looks_say(tmp_path: Path) -> None:
    alarms = alarms_of(tmp_path)
    alarms.see(seen(read_plate(OURS), early=True), T0)
    (gone,) = alarms.see(seen(None, 2), T0)
    assert (gone.state, gone.score, gone.text) == ("withdrawn", 0.0, "")
    doubtful = replace(seen(None), doubtful=unsure(OURS, 3, "8"))
    (possible,) = alarms.see(doubtful, T0)
    assert said([possible]) == [(1, "confirmed", "possible", "7")]
    assert possible.text == "京A1?345"


def test_a_doubtful_plate_is_never_certain(tmp_path: Path) -> None:
    (match,) = alarms_of(tmp_path).see(replace(seen(None), doubtful=read_plate(OURS)), T0)
    assert match.score > 0.9
    assert match.kind == "possible"


def test_a_list_for_final_sightings_hears_nothing_early(tmp_path: Path) -> None:
    alarms = alarms_of(tmp_path, notify="final")
    assert not alarms.see(seen(read_plate(OURS), early=True), T0)
    assert said(alarms.see(seen(read_plate(OURS), 2), T0)) == [(1, "confirmed", "certain", "7")]


def test_two_entries_for_a_plate_are_two_alarms(tmp_path: Path) -> None:
    alarms = alarms_of(tmp_path, [f"{OURS},7", f"{OURS},debt 9"])
    early, final = alarms.see(seen(read_plate(OURS), early=True), T0), alarms.see(seen(read_plate(OURS), 2), T0)
    assert [m.entry for m in early] == [m.entry for m in final] == ["7", "debt 9"]
    assert len({m.id for m in (*early, *final)}) == 2


def test_two_lists_are_two_alarms(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", [f"{OURS},7"])
    alarms = Alarms([watchlist(tmp_path / "a.csv", name=name) for name in ("stolen", "taxes")])
    matches = alarms.see(seen(read_plate(OURS)), T0)
    assert [m.watchlist for m in matches] == ["stolen", "taxes"]
    assert len({m.id for m in matches}) == 2


def test_an_entry_that_ends_or_leaves_its_list_meanwhile_ends_no_alarm(tmp_path: Path) -> None:
    alarms = alarms_of(tmp_path, [f"{OURS},7,2023-11-14T22:13:22+00:00"], "plate,id,valid_until")
    first = replace(seen(read_plate(OURS), early=True), last_time_ns=1_700_000_001 * NS)
    (early,) = alarms.see(first, T0)
    assert early.expires_ns == 1_700_000_002 * NS
    assert said(alarms.see(replace(first, state="final", revision=2, last_time_ns=1_700_000_003 * NS), T0)) == [
        (2, "confirmed", "certain", "7")
    ]
    assert not alarms.see(replace(first, id="later", last_time_ns=1_700_000_003 * NS), T0)


def test_without_utc_the_clock_decides_whether_an_entry_holds(tmp_path: Path) -> None:
    alarms = alarms_of(tmp_path, [f"{OURS},7,2023-11-14T22:13:22+00:00"], "plate,id,valid_until")
    recorded = replace(seen(read_plate(OURS)), is_utc=False, last_time_ns=NS)
    assert alarms.see(recorded, 1_700_000_001 * NS)
    assert not alarms.see(recorded, 1_700_000_003 * NS)


def test_alarms_of_sightings_that_turn_out_to_be_one(tmp_path: Path) -> None:
    alarms = alarms_of(tmp_path)
    one, two = seen(read_plate(OURS), early=True, n=1), seen(read_plate(OURS), early=True, n=2)
    (first,), (second,) = alarms.see(one, T0), alarms.see(two, T0)
    ended = alarms.see(replace(one, state="final", revision=2, merged_ids=(two.id,)), T0)
    assert [(m.id, m.state) for m in ended] == [(second.id, "withdrawn"), (first.id, "confirmed")]
    assert not alarms._open


def test_an_alarm_goes_on_under_its_id_when_its_sighting_is_merged_into_another(tmp_path: Path) -> None:
    alarms = alarms_of(tmp_path)
    one = seen(read_plate(OURS), early=True, n=1)
    (first,) = alarms.see(one, T0)
    (last,) = alarms.see(seen(read_plate(OURS), merged=[one.id], n=2), T0)
    assert (last.id, last.revision, last.state) == (first.id, 2, "confirmed")


def test_another_car_under_the_plate_is_said(tmp_path: Path) -> None:
    lines = [f"{OURS},7,black,car", f"{OTHER},8,white,truck"]
    alarms = alarms_of(tmp_path, lines, "plate,id,color,type")
    assert alarms.see(seen(read_plate(OURS)), T0)[0].differs == ("color",)  # it is white, a car
    assert alarms.see(seen(read_plate(OTHER)), T0)[0].differs == ("type",)
    unknown = seen(read_plate(OURS))
    assert unknown.vehicle is not None
    vehicle = replace(unknown.vehicle, color_score=0.7, type="unknown")
    assert alarms.see(replace(unknown, vehicle=vehicle), T0)[0].differs == ()
    assert alarms.see(replace(unknown, vehicle=None), T0)[0].differs == ()


STEPS = st.tuples(st.sampled_from([OURS, OTHER, "京A18345"]), st.integers(0, 2))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=12))
def test_every_alarm_has_rising_revisions_and_one_end(tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    alarms = alarms_of(tmp_path, [f"{OURS},7", f"{OURS},8", "京A18345,9"])
    got: list[Match] = []
    for text, vehicle in steps:  # early sightings of three vehicles
        got += alarms.see(replace(seen(read_plate(text), early=True), id=f"v{vehicle}"), T0)
    names = sorted({f"v{vehicle}" for _, vehicle in steps})
    for i, name in enumerate(names):
        if i == 1:  # this one turned out to be the same vehicle as the first
            continue
        merged = (names[1],) if i == 0 and len(names) > 1 else ()
        last = replace(seen(read_plate(OURS if i else OTHER)), id=name, merged_ids=merged)
        got += alarms.see(last, T0)
    assert not alarms._open
    for id_ in {m.id for m in got}:
        of = [m for m in got if m.id == id_]
        assert [m.revision for m in of] == list(range(1, len(of) + 1))
        assert [m.sighting.state for m in of][-1] == "final"
        assert of[-1].state != "early"
        assert [m.sighting.state for m in of].count("final") == 1
