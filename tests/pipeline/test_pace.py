"""When vehicles are looked for."""

import numpy as np
import pytest

from vision.pipeline.config import PaceConfig
from vision.pipeline.pace import Pace, speeds
from vision.track.tracker import Tracker
from vision.track.tracks import Tracks

SIZE = (1280, 720)
FRAME_NS = 40_000_000


def tracks_after(boxes: list[tuple[float, float, float, float]], speed: float, frames: int, lost: int = 0) -> Tracks:
    """What a tracker makes of boxes that move right by ``speed`` px a second, ``lost`` frames after the last sight."""
    tracker = Tracker()
    for i in range(frames):
        moved = np.array(boxes, np.float32).reshape(-1, 4) + np.array([1, 0, 1, 0], np.float32) * speed * i / 25
        tracker.update(moved, np.full(len(moved), 0.9, np.float32), time_ns=i * FRAME_NS)
    for i in range(frames, frames + lost):
        tracker.update([], [], time_ns=i * FRAME_NS)
    return tracker.tracks


def looks_in(
    pace: Pace, tracks: Tracks, seconds: float, *, changed: bool = False, new: bool = False, stretch: float = 1
) -> list[str]:
    """The causes of all looks in so many seconds at 25 frames a second."""
    causes = []
    for i in range(round(seconds * 25)):
        cause = pace.cause(i * FRAME_NS, tracks, lambda: changed, SIZE, stretch)
        if cause is not None:
            causes.append(str(cause))
            pace.looked(i * FRAME_NS, is_new=new)
    return causes


NOTHING = tracks_after([], 0, 1)
BOX = (400.0, 300.0, 500.0, 400.0)


def test_a_scene_at_rest_is_looked_at_rarely() -> None:
    assert looks_in(Pace(PaceConfig()), NOTHING, 10) == ["first", "idle", "idle", "idle", "idle"]


def test_every_frame_mode_looks_at_every_frame() -> None:
    assert len(looks_in(Pace(PaceConfig(mode="every_frame")), NOTHING, 2)) == 50


def test_a_standing_vehicle_costs_no_more_than_an_empty_road() -> None:
    assert looks_in(Pace(PaceConfig()), tracks_after([BOX], 0, 20), 10).count("idle") == 4


def test_a_moving_vehicle_is_looked_for_before_it_has_left_its_box() -> None:
    slow, fast = (looks_in(Pace(PaceConfig()), tracks_after([BOX], v, 20), 4).count("moving") for v in (40, 300))
    assert slow == 12  # every .3 s, which is every 8th frame
    assert fast > 1.8 * slow  # .4 of its 100 px take .13 s


def test_something_new_must_be_confirmed_in_the_next_frame() -> None:
    assert looks_in(Pace(PaceConfig()), NOTHING, 1, new=True) == ["first"] + ["new"] * 24


def test_a_young_track_is_looked_for_often() -> None:
    assert looks_in(Pace(PaceConfig()), tracks_after([BOX], 0, 3), 1).count("young") == 12


def test_a_lost_vehicle_is_looked_for_unless_it_left_the_picture() -> None:
    assert looks_in(Pace(PaceConfig()), tracks_after([BOX], 0, 20, lost=2), 1).count("lost") == 3
    leaving = tracks_after([(1180.0, 300.0, 1280.0, 400.0)], 1000, 10, lost=3)
    assert looks_in(Pace(PaceConfig()), leaving, 1) == ["first"]


def test_change_that_leads_nowhere_is_followed_less_and_less() -> None:
    times = []
    pace = Pace(PaceConfig())
    for i in range(50):
        if pace.cause(i * FRAME_NS, NOTHING, lambda: True, SIZE):
            pace.looked(i * FRAME_NS, is_new=False)
            times.append(i)
    assert times[:2] == [0, 3]  # .12 s
    assert set(np.diff(times[2:]).tolist()) == {5}  # .2 s


def test_change_is_not_asked_for_where_it_does_not_matter() -> None:
    pace = Pace(PaceConfig())
    pace.cause(0, NOTHING, lambda: False, SIZE)
    pace.looked(0, is_new=False)
    assert pace.cause(FRAME_NS, NOTHING, lambda: pytest.fail("asked too early"), SIZE) is None


def test_stretch_makes_every_interval_longer_and_counts_what_was_put_off() -> None:
    pace = Pace(PaceConfig())
    assert looks_in(pace, NOTHING, 10, stretch=2) == ["first", "idle", "idle"]
    assert pace.postponed == 100  # from 2 s after a look to 4 s, twice
    assert len(looks_in(Pace(PaceConfig()), NOTHING, 1, new=True, stretch=3)) == 13  # every second frame


def test_another_scene_is_looked_at_at_once() -> None:
    pace = Pace(PaceConfig())
    looks_in(pace, NOTHING, 0.1)
    pace.reset()
    assert pace.cause(FRAME_NS * 3, NOTHING, lambda: False, SIZE) == "first"


def test_a_scene_is_at_rest_a_second_after_the_last_change() -> None:
    pace = Pace(PaceConfig())
    assert not pace.is_at_rest(0)
    looks_in(pace, NOTHING, 3)
    assert pace.is_at_rest(3 * 10**9)
    pace.cause(4 * 10**9, NOTHING, lambda: True, SIZE)
    assert not pace.is_at_rest(4 * 10**9)


def test_speed_is_in_sizes_a_second() -> None:
    assert speeds(tracks_after([BOX], 200, 30))[0] == pytest.approx(2.0, rel=0.05)
