"""Where plates are searched."""

import numpy as np

from vision.pipeline.looks import LookRules, Looks, Search, region_of
from vision.types import Frame, Planes, PlateText

FRAME_NS = 40_000_000
PLANES = Planes("bgr", (np.zeros((720, 1280, 3), np.uint8),))
NEAR, FAR, LARGE = (400.0, 300.0, 600.0, 450.0), (10.0, 10.0, 60.0, 50.0), (100.0, 0.0, 1200.0, 700.0)
IDS = np.array([7], np.int64)


def rules(**changes: float | bool) -> LookRules:
    settings = {"interval_s": 0.1, "frame_side": 640, "crop_side": 256, "max_crops": 8, "min_width_px": 24.0}
    return LookRules(**{**settings, **changes})  # type: ignore[arg-type]


def frame_at(i: int) -> Frame:
    return Frame("cam", i, i * FRAME_NS, i / 25, PLANES)


def plate(score: float) -> PlateText:
    return PlateText("京A12345", score, (), "normal", "blue", 1)


def searches_in(
    looks: Looks,
    seconds: float,
    box: tuple[float, float, float, float],
    text: PlateText | None = None,
    found: float | None = None,
    alone: int = 0,
) -> list[tuple[int, Search]]:
    """(frame, search) of all searches in so many seconds; ``found``: each look finds a plate of this score."""
    out = []
    boxes = np.array([box], np.float32)
    for i in range(round(seconds * 25)):
        for search in looks.due(frame_at(i), boxes, IDS, lambda _: text, alone):
            out.append((i, search))
            if search.roi is None:
                looks.swept(i * FRAME_NS, alone=alone, found=0)
            elif found is not None:
                looks.saw_plate(search.vehicle_id, i * FRAME_NS, found)
    return out


def crops(found: list[tuple[int, Search]]) -> list[int]:
    return [i for i, search in found if search.roi is not None]


def sweeps(found: list[tuple[int, Search]]) -> list[int]:
    return [i for i, search in found if search.roi is None]


def test_looks_that_bring_nothing_become_rare() -> None:
    found = searches_in(Looks(rules()), 4, NEAR)
    assert len(crops(found)) <= 10
    assert crops(found)[:3] == [0, 3, 6]  # the usual .1 s is every third frame at 25 a second
    assert max(np.diff(crops(found))) == 20  # .8 s


def test_a_plate_that_can_still_be_read_better_is_looked_at_often() -> None:
    assert len(crops(searches_in(Looks(rules()), 4, NEAR, plate(0.6), found=0.6))) == 34


def test_a_hopeless_plate_is_given_up_slowly() -> None:
    assert 12 < len(crops(searches_in(Looks(rules()), 4, NEAR, None, found=0.01))) < 20


def test_a_settled_plate_is_not_looked_at() -> None:
    assert not crops(searches_in(Looks(rules()), 4, NEAR, plate(0.99)))


def test_a_vehicle_too_small_to_read_is_not_looked_at() -> None:
    assert not crops(searches_in(Looks(rules()), 4, FAR))


def test_a_vehicle_that_fills_the_frame_is_searched_no_coarser_than_the_frame_would_be() -> None:
    found = searches_in(Looks(rules()), 2, LARGE)
    (first_sweep, *_), (first_crop, *_) = sweeps(found), crops(found)
    assert first_sweep == 0
    assert first_crop > 0  # the sweep showed it already
    assert {search.side for _, search in found if search.roi is not None} == {608}


def test_sweeps_become_rare_unless_something_is_unexplained() -> None:
    quiet, busy = (len(sweeps(searches_in(Looks(rules()), 10, FAR, alone=n))) for n in (0, 1))
    assert quiet <= 10
    assert 20 <= busy <= 30


def test_without_backing_off_every_interval_is_searched() -> None:
    found = searches_in(Looks(rules(backs_off=False)), 2, NEAR)
    assert len(sweeps(found)) == len(crops(found)) == 17


def test_at_most_so_many_vehicles_largest_first() -> None:
    boxes = np.array([(10.0 * i, 100.0, 10.0 * i + 120 + i, 190.0) for i in range(12)], np.float32)
    found = Looks(rules(max_crops=3)).due(frame_at(0), boxes, np.arange(12, dtype=np.int64), lambda _: None, 0)
    assert [s.vehicle_id for s in found] == [-1, 11, 10, 9]


def test_a_machine_that_is_behind_searches_fewer_vehicles_at_once_and_all_in_turn() -> None:
    looks = Looks(rules())
    boxes = np.array([(20 + 150 * i, 300, 120 + 150 * i + i, 420) for i in range(8)], np.float32)
    ids, searched = np.arange(8), []
    for i in range(100, 104):
        found = looks.due(frame_at(i), boxes, ids, lambda _: None, 0, stretch=4.0)
        assert len([s for s in found if s.roi is not None]) <= 2
        searched += [s.vehicle_id for s in found if s.roi is not None]
    assert set(searched) == set(range(8))
    assert looks.postponed >= 6 + 4 + 2


def test_a_region_holds_the_plate_below_the_box_and_stays_in_the_frame() -> None:
    assert region_of(np.array(NEAR, np.float32), frame_at(0)) == (390, 290, 611, 473)
    assert region_of(np.array([0, 0, 1280, 720], np.float32), frame_at(0)) == (0, 0, 1280, 720)


def test_an_ended_track_is_forgotten() -> None:
    looks = Looks(rules())
    searches_in(looks, 2, NEAR)
    looks.forget(IDS)
    again = looks.due(frame_at(51), np.array([NEAR], np.float32), IDS, lambda _: None, 0)
    assert any(s.vehicle_id == 7 for s in again)
