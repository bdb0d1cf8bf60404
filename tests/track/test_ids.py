"""Whatever comes in, ids keep their promises."""

from dataclasses import fields
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.track import Tracker, Tracks

coordinate = st.integers(0, 300)
detection = st.tuples(coordinate, coordinate, st.integers(1, 120), st.integers(1, 120), st.integers(0, 100))
step_ns = st.one_of(st.integers(1, 100_000_000), st.integers(1, 5_000_000_000))
frame = st.tuples(step_ns, st.lists(detection, max_size=12), st.integers(-1, 3))


@settings(max_examples=150, deadline=None)
@given(st.lists(frame, max_size=40), st.integers(0, 39))
def test_ids_are_unique_monotonic_and_end_once(frames: list[tuple[int, list[tuple[int, ...]], int]], cut: int) -> None:
    tracker = Tracker(groups={0: 0, 1: 1, 2: 1})
    time_ns, newest = 0, 0
    alive: set[int] = set()
    gone: set[int] = set()
    for i, (step, detections, label) in enumerate(frames):
        if i == cut:
            tracker.reset()
            ended = tracker.ended.tolist()
            assert set(ended) == alive
            gone |= alive
            alive = set()
            time_ns = -(10**9)
        time_ns += step
        boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in detections], np.float32).reshape(-1, 4)
        scores = np.array([s / 100 for *_, s in detections], np.float32)
        ids = tracker.update(boxes, scores, np.full(len(boxes), label), time_ns=time_ns)

        given_ids = ids[ids >= 0].tolist()
        assert len(given_ids) == len(set(given_ids))
        new = sorted(set(given_ids) - alive)
        assert new == list(range(newest + 1, newest + 1 + len(new)))  # no gaps, none used before
        newest += len(new)
        ended = tracker.ended.tolist()
        assert len(ended) == len(set(ended))
        assert set(ended) <= alive
        assert not set(ended) & set(given_ids)
        gone |= set(ended)
        alive = (alive | set(given_ids)) - set(ended)
        assert not alive & gone

        tracks = tracker.tracks
        assert tracks.track_id.tolist() == sorted(alive)
        assert set(tracks.track_id[~tracks.is_lost].tolist()) == set(given_ids)
        assert np.isfinite(tracks.box).all()
        assert np.isfinite(tracks.velocity).all()
        assert (tracks.box[:, 2:] > tracks.box[:, :2]).all()
        assert ((tracks.margin >= 0) & (tracks.margin <= 1)).all()
        row = {int(t): k for k, t in enumerate(tracks.track_id)}
        for track_id, box, score in zip(ids.tolist(), boxes, scores, strict=True):
            if track_id >= 0:
                np.testing.assert_array_equal(tracks.raw_box[row[track_id]], box)
                assert tracks.score[row[track_id]] == score
                assert tracks.last_time_ns[row[track_id]] == time_ns


@settings(max_examples=30, deadline=None)
@given(st.lists(frame, max_size=30))
def test_same_input_gives_same_ids(frames: list[tuple[int, list[tuple[int, ...]], int]]) -> None:
    def run() -> list[list[int]]:
        tracker, time_ns, out = Tracker(), 0, []
        for step, detections, _ in frames:
            time_ns += step
            boxes = [[x, y, x + w, y + h] for x, y, w, h, _ in detections]
            out.append(tracker.update(boxes, [s / 100 for *_, s in detections], time_ns=time_ns).tolist())
        return out

    assert run() == run()


@settings(max_examples=100, deadline=None)
@given(st.lists(frame, max_size=25), st.randoms(use_true_random=False))
def test_the_order_of_the_boxes_changes_only_the_order_of_the_answer(
    frames: list[tuple[int, list[tuple[int, ...]], int]], random: Random
) -> None:
    one, other, time_ns = Tracker(), Tracker(), 0
    for step, detections, _ in frames:
        time_ns += step
        # A box that comes twice with the same score is the same detection twice: which of them is which, nobody knows.
        detections = list(dict.fromkeys(detections))
        boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in detections], np.float32).reshape(-1, 4)
        scores = np.array([s / 100 for *_, s in detections], np.float32)
        order = random.sample(range(len(boxes)), len(boxes))
        ids = one.update(boxes, scores, time_ns=time_ns)
        assert other.update(boxes[order], scores[order], time_ns=time_ns).tolist() == ids[order].tolist()
        assert one.ended.tolist() == other.ended.tolist()
        for field in fields(Tracks):
            np.testing.assert_array_equal(getattr(one.tracks, field.name), getattr(other.tracks, field.name))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(detection, min_size=1, max_size=8),
    st.integers(0, 7),
    st.sampled_from(["nan", "inf", "huge", "no width", "negative height", "score", "score nan", "time", "same time"]),
)
def test_nonsense_is_refused_anywhere_and_changes_nothing(
    detections: list[tuple[int, ...]], row: int, what: str
) -> None:
    row %= len(detections)
    good = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in detections], np.float32)
    sure = np.full(len(good), 0.9, np.float32)
    tracker, twin = Tracker(), Tracker()
    for one in (tracker, twin):
        one.update(good, sure, time_ns=100)
    boxes, scores, time_ns = good.copy(), sure.copy(), 200
    if what in ("nan", "inf", "huge"):
        boxes[row, row % 4] = {"nan": np.nan, "inf": -np.inf, "huge": 1e20}[what]
    elif what == "no width":
        boxes[row, 2] = boxes[row, 0]
    elif what == "negative height":
        boxes[row, 3] = boxes[row, 1] - 5
    elif what == "score":
        scores[row] = -0.1
    elif what == "score nan":
        scores[row] = np.nan
    else:
        time_ns = 100 if what == "same time" else 99
    name = "time_ns" if "time" in what else "scores" if "score" in what else "boxes"
    where = r"got \d+" if name == "time_ns" else rf"in row {row}"
    with pytest.raises(ValueError, match=rf"{name}: expected .*{where}"):
        tracker.update(boxes, scores, time_ns=time_ns)
    assert tracker.update(good, sure, time_ns=200).tolist() == twin.update(good, sure, time_ns=200).tolist()
    assert tracker.tracks.velocity.tolist() == twin.tracks.velocity.tolist()


def test_five_thousand_boxes_that_move_keep_five_thousand_ids() -> None:
    grid = np.stack(np.meshgrid(np.arange(100) * 60.0, np.arange(50) * 60.0), -1).reshape(-1, 2)
    boxes = np.concatenate((grid, grid + 40), 1).astype(np.float32)
    rng, tracker = np.random.default_rng(0), Tracker()
    first = tracker.update(boxes, np.full(5000, 0.9, np.float32), time_ns=0)
    assert sorted(first.tolist()) == list(range(1, 5001))
    for i in range(1, 4):
        order = rng.permutation(5000)
        ids = tracker.update(boxes[order] + 4 * i, np.full(5000, 0.9, np.float32), time_ns=i * 40_000_000)
        np.testing.assert_array_equal(ids, first[order])
