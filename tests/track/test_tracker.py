"""What a track id promises: it stays through motion, misses and gaps, and is never given twice."""

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.track import Tracker

FRAME_NS = 40_000_000  # 25 frames/s


def boxes_at(*centers: Sequence[float], width: float = 80, height: float = 60) -> NDArray[np.float32]:
    c = np.asarray(centers, np.float32).reshape(-1, 2)
    half = np.array([width / 2, height / 2], np.float32)
    return np.concatenate((c - half, c + half), 1)


def scores(n: int, value: float = 0.9) -> NDArray[np.float32]:
    return np.full(n, value, np.float32)


def drive(tracker: Tracker, frames: Iterable[int], speed_px_s: float = 250, start_x: float = 100) -> list[int]:
    """One car from left to right, seen in the given frames only (the others do not exist); its id per frame."""
    ids = []
    for frame in frames:
        x = start_x + speed_px_s * frame * FRAME_NS * 1e-9
        ids.append(int(tracker.update(boxes_at((x, 300)), scores(1), time_ns=frame * FRAME_NS)[0]))
    return ids


def test_straight_motion_keeps_one_id() -> None:
    assert set(drive(Tracker(), range(100))) == {1}


def test_velocity_and_boxes_are_in_pixels_and_seconds() -> None:
    tracker = Tracker()
    drive(tracker, range(50), speed_px_s=250)
    tracks = tracker.tracks
    np.testing.assert_allclose(tracks.velocity, [[250, 0]], atol=1)
    np.testing.assert_array_equal(tracks.raw_box, boxes_at((100 + 250 * 49 * 0.04, 300)))
    np.testing.assert_allclose(tracks.box, tracks.raw_box, atol=2)
    assert tracks.hits.tolist() == [50]
    assert tracks.first_time_ns.tolist() == [0]
    assert tracks.last_time_ns.tolist() == [49 * FRAME_NS]
    assert tracks.score.tolist() == [pytest.approx(0.9)]
    assert tracks.is_lost.tolist() == [False]


def test_crossing_cars_keep_their_ids() -> None:
    tracker = Tracker()
    for frame in range(60):
        left, right = (100 + 10 * frame, 300), (690 - 10 * frame, 340)
        ids = tracker.update(boxes_at(left, right), scores(2), time_ns=frame * FRAME_NS)
        assert ids.tolist() == [1, 2]


def test_order_of_boxes_does_not_matter() -> None:
    tracker = Tracker()
    rng = np.random.default_rng(3)
    for frame in range(40):
        order = rng.permutation(5) if frame else np.arange(5)
        boxes = boxes_at(*[(100 + 8 * frame + 150 * k, 100 + 90 * k) for k in range(5)])
        ids = tracker.update(boxes[order], scores(5), time_ns=frame * FRAME_NS)
        np.testing.assert_array_equal(ids, order + 1)


def test_occlusion_of_800_ms_is_bridged() -> None:
    tracker = Tracker()
    drive(tracker, range(25))
    for frame in range(25, 45):
        tracker.update([], [], time_ns=frame * FRAME_NS)
    assert tracker.tracks.is_lost.tolist() == [True]
    np.testing.assert_allclose(tracker.tracks.box, boxes_at((100 + 10 * 44, 300)), atol=12)  # predicted
    np.testing.assert_array_equal(tracker.tracks.raw_box, boxes_at((100 + 10 * 24, 300)))  # last seen
    assert drive(tracker, range(45, 60)) == [1] * 15


def test_car_that_stopped_unseen_is_found_at_its_last_box() -> None:
    tracker = Tracker()
    drive(tracker, range(25))
    for frame in range(25, 40):
        tracker.update([], [], time_ns=frame * FRAME_NS)
    assert tracker.update(boxes_at((100 + 10 * 24, 300)), scores(1), time_ns=40 * FRAME_NS).tolist() == [1]


def test_occlusion_beyond_the_limit_ends_the_track_once() -> None:
    tracker = Tracker()
    drive(tracker, range(25))
    ended = []
    for frame in range(25, 100):
        tracker.update([], [], time_ns=frame * FRAME_NS)
        ended += [(frame, int(i)) for i in tracker.ended]
    assert ended == [(51, 1)]  # missed first in frame 25; 1.0 s later is frame 50
    assert len(tracker.tracks) == 0
    assert drive(tracker, range(100, 103)) == [-1, 2, 2]


def test_low_score_continues_but_does_not_start() -> None:
    tracker = Tracker()
    drive(tracker, range(10))
    for frame in range(10, 20):
        car, noise = (100 + 10 * frame, 300), (900, 600)
        ids = tracker.update(boxes_at(car, noise), scores(2, 0.2), time_ns=frame * FRAME_NS)
        assert ids.tolist() == [1, -1]


def test_score_below_low_is_ignored() -> None:
    tracker = Tracker()
    drive(tracker, range(10))
    ids = tracker.update(boxes_at((200, 300)), scores(1, 0.05), time_ns=10 * FRAME_NS)
    assert ids.tolist() == [-1]
    assert tracker.tracks.is_lost.tolist() == [True]


@pytest.mark.parametrize(("score", "is_born"), [(0.64, False), (0.66, True)])
def test_birth_needs_its_score(score: float, is_born: bool) -> None:
    tracker = Tracker()
    for frame in range(5):
        ids = tracker.update(boxes_at((300, 300)), scores(1, score), time_ns=frame * FRAME_NS)
    assert (ids[0] >= 0) == is_born


def test_confirmed_at_the_second_box_but_at_once_in_the_first_frame() -> None:
    tracker = Tracker()
    assert tracker.update(boxes_at((100, 100)), scores(1), time_ns=0).tolist() == [1]
    both = boxes_at((100, 100), (500, 400))
    assert tracker.update(both, scores(2), time_ns=FRAME_NS).tolist() == [1, -1]
    assert tracker.tracks.track_id.tolist() == [1]
    assert tracker.update(both, scores(2), time_ns=2 * FRAME_NS).tolist() == [1, 2]


def test_one_false_box_never_gets_an_id() -> None:
    tracker = Tracker()
    tracker.update([], [], time_ns=0)
    assert tracker.update(boxes_at((300, 300)), scores(1), time_ns=FRAME_NS).tolist() == [-1]
    for frame in range(2, 60):
        tracker.update([], [], time_ns=frame * FRAME_NS)
        assert tracker.ended.size == 0
    assert tracker.update(boxes_at((300, 300)), scores(1), time_ns=60 * FRAME_NS).tolist() == [-1]


def test_duplicate_box_starts_no_track() -> None:
    tracker = Tracker()
    drive(tracker, range(5), speed_px_s=0, start_x=300)
    for frame in range(5, 15):
        tracker.update(boxes_at((300, 300), (304, 302)), scores(2), time_ns=frame * FRAME_NS)
        assert tracker.tracks.track_id.tolist() == [1]


@pytest.mark.parametrize("frame_rate", [None, 25.0])
def test_drop_bursts_keep_the_id(frame_rate: float | None) -> None:
    rng = np.random.default_rng(0)
    frames = np.cumsum(rng.choice([1, 1, 1, 1, 4, 9], 120)).tolist()
    assert set(drive(Tracker(frame_rate=frame_rate), frames)) == {1}


def test_frame_rate_that_changes_is_followed() -> None:
    frames = [*range(50), *range(50, 300, 5), *range(300, 350)]  # 25, 5, 25 frames/s
    assert set(drive(Tracker(), frames)) == {1}


def test_gap_longer_than_the_limit_ends_nothing_without_a_chance() -> None:
    tracker = Tracker(still_factor=1)
    parked = boxes_at((300, 300))
    for frame in range(10):
        tracker.update(parked, scores(1), time_ns=frame * FRAME_NS)
    assert tracker.update(parked, scores(1), time_ns=60 * 10**9).tolist() == [1]  # a minute of nothing
    assert tracker.ended.size == 0
    tracker.update([], [], time_ns=120 * 10**9)  # its chance
    assert tracker.ended.size == 0
    tracker.update([], [], time_ns=121 * 10**9)
    assert tracker.ended.size == 0  # looked for in vain for one second
    tracker.update([], [], time_ns=121 * 10**9 + 1)
    assert tracker.ended.size == 0
    tracker.update([], [], time_ns=122 * 10**9)
    assert tracker.ended.tolist() == [1]


@pytest.mark.parametrize(("speed_px_s", "n_missed", "is_kept"), [(0, 70, True), (0, 90, False), (250, 70, False)])
def test_a_vehicle_that_stood_still_is_waited_for_longer(speed_px_s: float, n_missed: int, is_kept: bool) -> None:
    tracker = Tracker()
    drive(tracker, range(25), speed_px_s)
    for frame in range(25, 25 + n_missed):
        tracker.update([], [], time_ns=frame * FRAME_NS)
    assert (len(tracker.tracks) == 1) == is_kept


def test_what_comes_nearer_moves_and_grows_faster_and_faster() -> None:
    """A car 2 m wide, 3 m to the side, comes from 60 m at 20 m/s (1000 px focal length); unseen for 0.6 s."""
    tracker = Tracker()

    def seen(time_s: float) -> NDArray[np.float32]:
        z = 60 - 20 * time_s
        return boxes_at((400 + 3000 / z, 300), width=2000 / z, height=1500 / z)

    for frame in range(50):
        tracker.update(seen(frame * 0.04), scores(1), time_ns=frame * FRAME_NS)
    assert tracker.update(seen(2.56), scores(1), time_ns=2_560_000_000).tolist() == [1]
    (box,) = tracker.tracks.box
    np.testing.assert_allclose(box, seen(2.56)[0], atol=60)


def test_a_camera_that_is_pushed_keeps_the_ids() -> None:
    tracker = Tracker()
    places = np.array([(200, 300), (420, 250), (700, 400), (950, 320), (1150, 500)], float)
    for frame in range(10):
        tracker.update(boxes_at(*places), scores(5), time_ns=frame * FRAME_NS)
    for frame in range(10, 14):
        ids = tracker.update(boxes_at(*(places + np.array([150, 20]))), scores(5), time_ns=frame * FRAME_NS)
        assert ids.tolist() == [1, 2, 3, 4, 5]


def test_a_box_cut_off_by_the_border_of_the_picture_does_not_brake() -> None:
    tracker = Tracker()

    def cut(x: float) -> NDArray[np.float32]:
        return np.minimum(boxes_at((x, 300)), np.float32(1000))

    frame = 0
    for _ in range(3):  # three cars drive out: the right border becomes known
        for x in range(700, 1030, 10):
            tracker.update(cut(x), scores(1), time_ns=(frame := frame + 1) * FRAME_NS)
        for _ in range(60):
            tracker.update([], [], time_ns=(frame := frame + 1) * FRAME_NS)
    for x in range(700, 1020, 10):
        tracker.update(cut(x), scores(1), time_ns=(frame := frame + 1) * FRAME_NS)
    np.testing.assert_allclose(tracker.tracks.velocity, [[250, 0]], atol=25)
    assert tracker.tracks.box[0, 2] <= 1000


def test_a_car_cut_off_for_long_stays_where_it_is() -> None:
    tracker = Tracker()
    for frame in range(2000):
        box = np.array([[0, 200, 290 + frame % 3, 369]], np.float32)
        assert tracker.update(box, scores(1), time_ns=frame * 10**8).tolist() == [1]
    assert np.abs(tracker.tracks.box - box).max() < 20
    assert np.abs(tracker.tracks.velocity).max() < 20


def test_a_very_sure_box_gets_its_id_at_once_while_such_boxes_prove_right() -> None:
    tracker = Tracker()
    tracker.update([], [], time_ns=0)
    assert tracker.update(boxes_at((300, 300)), scores(1, 0.97), time_ns=FRAME_NS).tolist() == [1]
    at_once = []
    for frame in range(2, 42, 2):  # ghosts: seen once, never again
        ids = tracker.update(boxes_at((300 + 300 * (frame % 5), 600)), scores(1, 0.97), time_ns=frame * FRAME_NS)
        at_once.append(bool(ids[0] >= 0))
        for later in range(3):
            tracker.update([], [], time_ns=frame * FRAME_NS + later + 1)
    assert at_once[0]
    assert not at_once[-1]
    assert tracker.update(boxes_at((1500, 900)), scores(1, 0.97), time_ns=10**10).tolist() == [-1]
    plain = Tracker(sure_score=1)
    plain.update([], [], time_ns=0)
    assert plain.update(boxes_at((300, 300)), scores(1, 1.0), time_ns=FRAME_NS).tolist() == [-1]


def test_a_detector_whose_tracks_die_young_needs_a_box_more() -> None:
    tracker = Tracker()
    tracker.update([], [], time_ns=0)

    def boxes_until_id(frame: int, n: int) -> int | None:
        found = None
        for i in range(n):
            ids = tracker.update(boxes_at((300, 300)), scores(1), time_ns=(frame + i) * FRAME_NS)
            if ids[0] >= 0 and found is None:
                found = i + 1
        for i in range(n, n + 40):
            tracker.update([], [], time_ns=(frame + i) * FRAME_NS)
        return found

    assert [boxes_until_id(1 + 50 * k, 2) for k in range(5)] == [2, 2, 2, None, None]
    assert boxes_until_id(1000, 5) == 3
    at_once = Tracker(confirm_hits=1)
    for frame in range(0, 2000, 50):
        assert at_once.update(boxes_at((300, 300)), scores(1), time_ns=frame * FRAME_NS)[0] >= 0
        at_once.update([], [], time_ns=frame * FRAME_NS + 1)


def test_a_vehicle_keeps_its_shape() -> None:
    tracker = Tracker()
    tracker.update(boxes_at((300, 300)), scores(1), time_ns=0)
    same, other = boxes_at((312, 300)), boxes_at((300, 300), width=110, height=60)  # IoU .74 and .73
    ids = tracker.update(np.concatenate((other, same)), scores(2), time_ns=FRAME_NS)
    assert ids.tolist() == [-1, 1]


def test_thousand_boxes_have_thousand_ids() -> None:
    tracker = Tracker()
    grid = np.stack(np.meshgrid(np.arange(40) * 100.0, np.arange(25) * 100.0), -1).reshape(-1, 2)
    first = tracker.update(boxes_at(*grid.tolist()), scores(1000), time_ns=0)
    again = tracker.update(boxes_at(*(grid + np.array([8, 3])).tolist()), scores(1000), time_ns=FRAME_NS)
    assert len(set(first.tolist())) == 1000
    np.testing.assert_array_equal(first, again)


def test_reset_ends_all_and_ids_go_on() -> None:
    tracker = Tracker()
    two = boxes_at((100, 100), (500, 400))
    tracker.update(two, scores(2), time_ns=10**18)
    tracker.reset()
    assert tracker.ended.tolist() == [1, 2]
    assert len(tracker.tracks) == 0
    assert tracker.update(two, scores(2), time_ns=-5).tolist() == [3, 4]  # any time
    assert tracker.ended.size == 0


def test_label_is_the_one_with_the_largest_sum_of_scores() -> None:
    tracker = Tracker()
    for frame, (label, score) in enumerate([(7, 0.95), (2, 0.7), (2, 0.7), (-1, 0.99)]):
        tracker.update(boxes_at((300, 300)), scores(1, score), [label], time_ns=frame * FRAME_NS)
        assert tracker.tracks.label.tolist() == [7 if frame < 2 else 2]
    plain = Tracker()
    plain.update(boxes_at((300, 300)), scores(1), time_ns=0)
    assert plain.tracks.label.tolist() == [-1]


def test_label_never_forbids_a_match() -> None:
    tracker = Tracker(groups={0: 0, 1: 1})
    for frame in range(20):
        ids = tracker.update(boxes_at((300 + 5 * frame, 300)), scores(1), [frame % 2], time_ns=frame * FRAME_NS)
        assert ids.tolist() == [1]


@pytest.mark.parametrize(("groups", "expected"), [(None, [2, 1]), ({0: 0, 1: 1}, [1, 2])])
def test_groups_decide_between_boxes_that_fit_alike(groups: dict[int, int] | None, expected: list[int]) -> None:
    tracker = Tracker(groups=groups)
    car, bike = 0, 1
    tracker.update(boxes_at((300, 300), (340, 300)), scores(2), [car, bike], time_ns=0)
    swapped = boxes_at((320.5, 300), (319.5, 300))
    assert tracker.update(swapped, scores(2), [car, bike], time_ns=FRAME_NS).tolist() == expected


def test_margin_is_one_alone_and_small_where_two_boxes_fit() -> None:
    tracker = Tracker()
    tracker.update(boxes_at((300, 300), (800, 300)), scores(2), time_ns=0)
    tracker.update(boxes_at((300, 300), (304, 300), (800, 300)), scores(3), time_ns=FRAME_NS)
    unsure, sure = tracker.tracks.margin
    assert 0 < unsure < 0.2
    assert sure == 1


def test_transform_follows_a_camera_that_pans_and_zooms() -> None:
    tracker = Tracker()
    drive(tracker, range(20))
    before = tracker.tracks
    pan_and_zoom = np.array([[1.5, 0, -400], [0, 1.5, 50]])
    tracker.transform(pan_and_zoom)
    after = tracker.tracks
    corners = before.box.reshape(-1, 2) @ pan_and_zoom[:, :2].T + pan_and_zoom[:, 2]
    np.testing.assert_allclose(after.box.reshape(-1, 2), corners, rtol=1e-5)
    np.testing.assert_allclose(after.velocity, before.velocity * 1.5, rtol=1e-5)
    x, y = 1.5 * (100 + 10 * 20) - 400, 1.5 * 300 + 50
    ids = tracker.update(boxes_at((x, y), width=120, height=90), scores(1), time_ns=20 * FRAME_NS)
    assert ids.tolist() == [1]


def test_empty_frames_at_the_start() -> None:
    tracker = Tracker()
    assert len(tracker.tracks) == 0
    assert tracker.ended.size == 0
    for frame in range(3):
        ids = tracker.update(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), time_ns=frame)
        assert ids.dtype == np.int64
        assert ids.shape == (0,)
