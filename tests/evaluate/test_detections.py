"""Detection scores against values worked out by hand."""

import numpy as np
import pytest

from vision.evaluate.detections import DetectionScores, covered, match
from vision.types import F32

NONE = np.zeros((0, 4), np.float32)


def boxes(*rows: tuple[float, float, float, float]) -> F32:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_a_better_box_takes_the_object_and_the_second_is_left_over() -> None:
    truth = boxes((0, 0, 10, 10))
    assert match(truth, boxes((0, 0, 10, 9), (0, 0, 10, 10))) == [(0, 0)]


def test_average_precision_recall_and_alarms() -> None:
    scores = DetectionScores()
    truth = boxes((0, 0, 10, 10), (100, 0, 140, 40))
    found = boxes((0, 0, 10, 10), (200, 200, 210, 210), (100, 0, 140, 38))
    pairs = scores.add(truth, NONE, found, np.array([0.9, 0.8, 0.3], np.float32), threshold=0.5)
    assert pairs == [(0, 0)]
    assert scores.recall == 0.5
    assert scores.alarms == 1
    # right, wrong, right: precision 1 up to recall 1/2, then 2/3
    assert scores.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert scores.by_size == {(0, True): 1, (2, False): 1}


def test_what_lies_in_an_ignored_area_counts_neither_way() -> None:
    scores = DetectionScores()
    found = boxes((50, 50, 60, 60))
    scores.add(boxes((0, 0, 10, 10)), boxes((40, 40, 70, 70)), found, np.array([0.9], np.float32), threshold=0.5)
    assert (scores.alarms, scores.hits) == (0, [])
    assert covered(found, boxes((40, 40, 55, 70)))[0] == pytest.approx(0.5)


def test_a_picture_without_objects_can_only_give_alarms() -> None:
    scores = DetectionScores()
    scores.add(NONE, NONE, boxes((0, 0, 5, 5)), np.array([0.9], np.float32), threshold=0.5)
    assert scores.alarms == 1
    assert np.isnan(scores.recall)
    assert np.isnan(scores.average_precision)


def test_types_may_be_one_of_several() -> None:
    scores = DetectionScores()
    for label, said in (("truck|bus", "bus"), ("car", "van"), ("vehicle", "car")):
        scores.add_type(label, said)
    assert (scores.n_type_right, scores.n_type_known) == (1, 2)


def test_corner_error_is_in_percent_of_the_plate_width() -> None:
    scores = DetectionScores()
    truth = np.array([[0, 0], [50, 0], [50, 16], [0, 16]], np.float32)
    scores.add_corners(truth, truth + np.array([1, 0], np.float32))
    assert scores.corner_errors == [pytest.approx(2.0)]
