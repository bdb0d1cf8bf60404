"""A whole stream: what a look that is left out may change, and what not."""

import itertools
import threading
from functools import cache

import numpy as np
import pytest

from tests.clip import N_FRAMES, demo_clip
from vision.pipeline.config import Config
from vision.pipeline.runner import Pipeline
from vision.pipeline.stream import FrameResult, Stream
from vision.types import F32, Detections, Sighting
from vision.video.file import FileSource


@cache
def run(mode: str) -> tuple[Stream, list[FrameResult], list[Sighting]]:
    """The demo clip's beginning in one mode."""
    pipeline = Pipeline(Config.model_validate({"pace": {"mode": mode}}))
    with FileSource(demo_clip()) as source:
        stream = pipeline.open("street")
        results = list(pipeline.frames(source, stream))
    return stream, results, [s for r in results for s in r.sightings] + stream.close()


def test_adaptive_reads_what_every_frame_reads_with_fewer_looks() -> None:
    (every, _, all_of_them), (adaptive, results, found) = run("every_frame"), run("adaptive")
    assert sum(every.counts.detections.values()) == N_FRAMES
    assert sum(adaptive.counts.detections.values()) < 0.6 * N_FRAMES
    plates = [sorted(s.plate.text for s in sightings if s.plate) for sightings in (all_of_them, found)]
    assert plates[0] == plates[1]
    assert {"京A12345", "粤FD12345"} <= set(plates[0])
    assert [r.is_detected for r in results].count(True) == sum(adaptive.counts.detections.values())


def test_between_looks_vehicles_are_carried_along() -> None:
    (_, every, _), (_, adaptive, _) = run("every_frame"), run("adaptive")
    overlaps = []
    for carried, seen in zip(adaptive, every, strict=True):
        if carried.is_detected or not len(carried.vehicles) or not len(seen.vehicles):
            continue
        for box in carried.vehicles.boxes:
            low, high = np.maximum(box[:2], seen.vehicles.boxes[:, :2]), np.minimum(box[2:], seen.vehicles.boxes[:, 2:])
            inter = np.clip(high - low, 0, None).prod(1)
            areas = (seen.vehicles.boxes[:, 2:] - seen.vehicles.boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
            overlaps.append(float((inter / (areas - inter)).max()))
        assert (carried.vehicle_ids >= 0).all()
    assert len(overlaps) > 20
    assert np.median(overlaps) > 0.8


def test_a_stream_that_is_told_to_hurry_looks_less_often_and_counts_it() -> None:
    pipeline = Pipeline()
    with FileSource(demo_clip()) as source:
        stream = pipeline.open("street")
        results = [stream.update(frame, 4.0) for frame in source]
    assert not (results[0].is_detected and results[0].is_look)
    for before, result in itertools.pairwise(results):  # both only where plates were put off in the frame before
        assert not (result.is_detected and result.is_look) or (before.is_detected and not before.is_look)
    assert stream.counts.postponed > 5
    assert stream.counts.looks > 5
    assert sum(stream.counts.detections.values()) < 0.5 * sum(run("adaptive")[0].counts.detections.values())


def test_a_crowd_is_classified_in_parts_those_first_that_gain_most() -> None:
    stream = Pipeline().open("street")
    with FileSource(demo_clip()) as source:
        frame = next(iter(source))
    corners = np.repeat(np.arange(6, dtype=np.float32)[:, None] * 40, 2, 1)
    boxes = np.concatenate((corners, corners + 60), 1)
    probs = np.full((6, len(stream._stages.vehicles.classes)), 0.1, np.float32)

    def classified(boxes: F32) -> list[int]:
        """How often each vehicle was classified, after three more at most."""
        for i, box in enumerate(boxes):
            stream.book.see_vehicle(frame, i, tuple(box.tolist()), 0.9, probs[i])
        vehicles = Detections(boxes, np.full(6, 0.9, np.float32), probs, stream._stages.vehicles.classes)
        stream._attributes(frame, vehicles, np.arange(6), 3)
        return [stream.book.vehicle(i).n_attributes for i in range(6)]

    assert classified(boxes) == [1, 1, 1, 0, 0, 0]
    assert classified(boxes) == [1, 1, 1, 1, 1, 1]
    assert classified(boxes) == [1, 1, 1, 1, 1, 1]  # none is seen larger than before
    boxes[:, 2:] += np.array([30, 0, 90, 60, 20, 50], np.float32)[:, None]
    assert classified(boxes) == [1, 1, 2, 2, 1, 2]


def test_streams_on_several_threads_share_the_networks() -> None:
    pipeline = Pipeline(Config.model_validate({"models": {"threads": 1}}))
    found: dict[int, list[bytes]] = {}

    def work(k: int) -> None:
        with FileSource(demo_clip(), duration_s=0.8, threads=1) as source:
            stream = pipeline.open(f"street-{k}")
            found[k] = [r.vehicles.boxes.tobytes() for r in pipeline.frames(source, stream)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert found[0] == found[1] == found[2]
    assert any(found[0])


def test_a_stream_closed_in_the_middle_begins_again() -> None:
    pipeline = Pipeline()
    with FileSource(demo_clip(), duration_s=1.0) as source:
        stream = pipeline.open("street")
        frames = list(source)
    for frame in frames[:15]:
        stream.update(frame)
    stream.close()
    assert stream.update(frames[15]).is_detected
    assert stream.counts.detections["first"] == 2


def test_time_that_runs_backwards_is_refused() -> None:
    pipeline = Pipeline()
    with FileSource(demo_clip(), duration_s=0.4) as source:
        frames = list(source)
    stream = pipeline.open("street")
    stream.update(frames[5])
    with pytest.raises(ValueError, match="time_ns: expected more than"):
        stream.update(frames[4])
