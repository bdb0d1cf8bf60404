"""Whatever comes in, ids keep their promises."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.track import Tracker

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
