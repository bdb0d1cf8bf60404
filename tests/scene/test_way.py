"""Ways through a scene: crossings, dwell, lanes, wrong way, speed."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from vision.scene.layout import SceneConfig
from vision.scene.scene import Scene
from vision.scene.way import Way, passage_of
from vision.types import Passage

W, H = 1000, 500
LINE = {"name": "gate", "points": [[0.2, 0.5], [0.8, 0.5]], "forward": "down", "backward": "up"}
LANE = [[0.3, 0.0], [0.6, 0.0], [0.6, 1.0], [0.3, 1.0]]
Place = Callable[[float], tuple[float, float]]  # seconds -> ground point in pixels


def drive(
    scene: Scene, place: Place, times: Sequence[float], *, size: float = 60, track_id: int = 1, jitter: float = 0
) -> Way:
    """A box of one size whose ground point goes where ``place`` says."""
    random = np.random.default_rng(3)
    way = None
    scene.fit(W, H)
    for t in times:
        x, y = np.array(place(t)) + random.normal(0, jitter, 2)
        box = np.array([[x - size / 2, y - size + 0.5, x + size / 2, y + 0.5]], np.float32)
        way = scene.see(np.array([track_id]), box, round(t * 1e9), t)[track_id]
    assert way is not None
    return way


def scene_of(**parts: object) -> Scene:
    return Scene(SceneConfig.model_validate(parts))


def crossed(passage: Passage) -> list[tuple[str, str]]:
    return [(c.line, c.direction) for c in passage.crossings]


@pytest.mark.parametrize("step_s", [0.04, 0.3, 0.7])
@pytest.mark.parametrize("is_down", [True, False])
def test_a_crossing_is_found_once_with_its_direction_and_time(step_s: float, is_down: bool) -> None:
    scene = scene_of(lines=[LINE])
    speed = 100 if is_down else -100
    way = drive(scene, lambda t: (500, 250 + speed * (t - 2)), np.arange(0, 4, step_s).tolist())
    (crossing,) = passage_of([way]).crossings
    assert (crossing.line, crossing.direction) == ("gate", "down" if is_down else "up")
    assert crossing.offset_s == pytest.approx(2, abs=0.01)
    assert crossing.time_ns == pytest.approx(2e9, abs=1e7)
    assert scene.counts == {("gate", crossing.direction): 1}


def test_who_passes_beside_the_line_does_not_cross_it() -> None:
    way = drive(scene_of(lines=[LINE]), lambda t: (900, 100 + 100 * t), np.arange(0, 4, 0.1).tolist())
    assert passage_of([way]).crossings == ()


def test_jitter_on_the_line_is_no_crossing_and_a_stop_on_it_is_one() -> None:
    times = np.arange(0, 20, 0.1).tolist()
    standing = drive(scene_of(lines=[LINE]), lambda t: (500, 250), times, jitter=1.0)
    assert passage_of([standing]).crossings == ()
    # Up to the line, ten seconds on it, and on.
    stop = drive(
        scene_of(lines=[LINE]), lambda t: (500, 250 + 50 * (min(t, 5) - 5 + max(0, t - 15))), times, jitter=1.0
    )
    assert crossed(passage_of([stop])) == [("gate", "down")]


def test_a_box_that_jumps_over_the_line_for_a_moment_has_not_crossed_it() -> None:
    """A box that holds the next vehicle, too, for a frame or two."""
    scene = scene_of(lines=[LINE])
    times = np.arange(0, 4, 0.04).tolist()
    passage = passage_of([drive(scene, lambda t: (500, 290 if 1.0 <= t < 1.15 else 200), times)])
    assert passage.crossings == ()
    assert scene.counts == {}


@pytest.mark.parametrize("how", ["forget", "reset"])
def test_a_track_that_ends_just_behind_the_line_has_crossed_it(how: str) -> None:
    scene = scene_of(lines=[LINE])
    way = drive(scene, lambda t: (500, 200 + 100 * t), np.arange(0, 0.64, 0.04).tolist())
    assert passage_of([way]).crossings == ()
    scene.forget(np.array([1])) if how == "forget" else scene.reset()
    assert crossed(passage_of([way])) == [("gate", "down")]
    assert scene.counts == {("gate", "down"): 1}


def test_who_appears_on_the_line_is_not_counted() -> None:
    way = drive(scene_of(lines=[LINE]), lambda t: (500, 251 + 100 * t), np.arange(0, 2, 0.1).tolist())
    assert passage_of([way]).crossings == ()


def test_back_and_forth_counts_once_per_direction() -> None:
    way = drive(scene_of(lines=[LINE]), lambda t: (500, 250 + 80 * np.sin(t)), np.arange(0.5, 30, 0.1).tolist())
    assert sorted(crossed(passage_of([way]))) == [("gate", "down"), ("gate", "up")]


def test_tracks_of_one_vehicle_count_once() -> None:
    scene = scene_of(lines=[LINE])
    times = np.arange(0, 4, 0.1).tolist()
    ways = [drive(scene, lambda t: (500, 50 + 100 * t), times, track_id=i) for i in (1, 2)]
    assert crossed(passage_of(ways)) == [("gate", "down")]


def test_a_scene_fits_any_resolution() -> None:
    pixels = scene_of(size=[2000, 1000], lines=[{**LINE, "points": [[400, 500], [1600, 500]]}])
    shares = scene_of(lines=[LINE])
    times = np.arange(0, 4, 0.1).tolist()
    found = [passage_of([drive(scene, lambda t: (500, 50 + 100 * t), times)]) for scene in (pixels, shares)]
    assert found[0] == found[1]
    assert found[0].crossings


def test_dwell_and_standing_time() -> None:
    zone = {"name": "stop", "points": [[0.0, 0.4], [1.0, 0.4], [1.0, 0.6], [0.0, 0.6]], "limit_s": 8}

    def place(t: float) -> tuple[float, float]:  # into the zone at 2.5 s, ten seconds in the middle, out
        return 500, 75 + 50 * (min(t, 3.5) + max(0.0, t - 13.5))

    times = np.arange(0, 20, 0.1).tolist()
    (dwell,) = passage_of([drive(scene_of(zones=[zone]), place, times, jitter=0.5)]).dwells
    assert dwell.zone == "stop"
    assert dwell.seconds == pytest.approx(12, abs=0.4)
    assert dwell.still_s == pytest.approx(10, abs=0.6)
    assert dwell.is_over
    through = drive(scene_of(zones=[zone]), lambda t: (500, 50 + 50 * t), times)
    (dwell,) = passage_of([through]).dwells
    assert dwell.seconds == pytest.approx(2, abs=0.2)
    assert not dwell.is_over


def test_the_lane_is_where_the_vehicle_was_longest() -> None:
    lanes = [
        {"name": "left", "points": [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]},
        {"name": "right", "points": [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]},
    ]
    times = np.arange(0, 4, 0.1).tolist()
    way = drive(scene_of(lanes=lanes), lambda t: (400 if t < 1 else 600, 50 + 100 * t), times)
    assert passage_of([way]).lane == "right"


@pytest.mark.parametrize(("speed", "is_wrong"), [(50, False), (-50, True), (0, False)])
def test_wrong_way_needs_a_distance(speed: float, is_wrong: bool) -> None:
    scene = scene_of(lanes=[{"name": "1", "points": LANE, "direction": [[0.45, 0.1], [0.45, 0.9]]}])
    way = drive(scene, lambda t: (450, 250 + speed * (t - 2)), np.arange(0, 4, 0.1).tolist(), jitter=2)
    assert passage_of([way]).is_wrong_way == is_wrong
    assert passage_of([way]).lane == "1"


def test_without_lane_line_zone_or_calibration_nothing_is_said() -> None:
    scene = scene_of(exclude=[LANE])
    scene.fit(W, H)
    assert scene.see(np.array([1]), np.array([[0, 0, 9, 9]], np.float32), 0, 0.0) == {}
    assert passage_of([]) == Passage()


CALIBRATION = {
    "points": [[0.2, 0.1], [0.8, 0.1], [0.8, 0.9], [0.2, 0.9]],
    "meters": [[0, 40], [12, 40], [12, 0], [0, 0]],
    "point_error_px": 2.0,
    "meter_error_m": 0.1,
}  # 50 x 10 pixels a meter


@pytest.mark.parametrize("jitter", [0.0, 1.5])
def test_speed_is_right_within_its_error(jitter: float) -> None:
    scene = scene_of(calibration=CALIBRATION)
    way = drive(scene, lambda t: (500, 440 - 100 * t), np.arange(0, 3.5, 0.1).tolist(), jitter=jitter)
    speed = passage_of([way]).speed
    assert speed is not None
    assert speed.kmh == pytest.approx(36, abs=max(0.3, speed.error_kmh))
    assert 0.1 < speed.error_kmh < 3


def test_errors_hold_the_truth_in_most_cases() -> None:
    """Calibrations that are wrong by what they admit, boxes that jitter: 95 % of the bars should hold the truth."""
    random = np.random.default_rng(11)
    held = 0
    for _ in range(100):
        points = np.array(CALIBRATION["points"]) + random.normal(0, 1, (4, 2)) * 2 / np.array([W, H])
        meters = np.array(CALIBRATION["meters"]) + random.normal(0, 0.1, (4, 2))
        scene = scene_of(calibration={**CALIBRATION, "points": points.tolist(), "meters": meters.tolist()})
        scene.fit(W, H)
        for t in np.arange(0, 3, 0.1):
            x, y = np.array([500, 400 - 100 * t]) + random.normal(0, 2, 2)
            box = np.array([[x - 30, y - 59.5, x + 30, y + 0.5]], np.float32)
            way = scene.see(np.array([1]), box, round(t * 1e9), float(t))[1]
        speed = passage_of([way]).speed
        assert speed is not None
        held += abs(speed.kmh - 36) <= speed.error_kmh
    assert 88 <= held <= 100


def test_a_surer_calibration_gives_a_smaller_error() -> None:
    errors = []
    for meter_error in (0.0, 0.5):
        scene = scene_of(calibration={**CALIBRATION, "point_error_px": 0.5, "meter_error_m": meter_error})
        way = drive(scene, lambda t: (500, 440 - 100 * t), np.arange(0, 3.5, 0.1).tolist())
        speed = passage_of([way]).speed
        assert speed is not None
        errors.append(speed.error_kmh)
    assert errors[1] > 2 * errors[0]


def test_a_homography_gives_the_same_speed_with_the_error_it_admits() -> None:
    matrix = [[20.0, 0, -4], [0, -50, 45], [0, 0, 1]]  # of shares of the picture: the same road
    area = CALIBRATION["points"]
    scene = scene_of(calibration={"homography": matrix, "area": area, "scale_error": 0.1})
    way = drive(scene, lambda t: (500, 440 - 100 * t), np.arange(0, 3.5, 0.1).tolist())
    speed = passage_of([way]).speed
    assert speed is not None
    assert speed.kmh == pytest.approx(36, abs=0.1)
    assert speed.error_kmh == pytest.approx(1.96 * 3.6, abs=0.1)


def test_no_calibration_or_too_few_boxes_no_speed() -> None:
    times = np.arange(0, 3, 0.1).tolist()
    assert passage_of([drive(scene_of(lines=[LINE]), lambda t: (500, 100 + 100 * t), times)]).speed is None
    scene = scene_of(calibration=CALIBRATION)
    assert passage_of([drive(scene, lambda t: (500, 100 + 100 * t), times[:4])]).speed is None
    outside = scene_of(calibration=CALIBRATION)
    assert passage_of([drive(outside, lambda t: (100, 100 + 100 * t), times)]).speed is None


def test_hours_in_one_place_take_no_memory() -> None:
    scene = scene_of(calibration=CALIBRATION)
    way = drive(scene, lambda t: (500, 300), np.arange(0, 400, 0.1).tolist())
    assert len(way.places) == len(way.place_s) <= 400
