"""What the tracker takes, and how it says no: naming the argument, and leaving its tracks as they were."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.track import Tracker

GOOD = np.array([[60, 70, 140, 130], [460, 370, 540, 430]], np.float32)
SURE = np.full(2, 0.9, np.float32)


def test_arrays_that_convert_safely_are_taken() -> None:
    wide = np.zeros((2, 8))
    wide[:, ::2] = GOOD
    tracker = Tracker()
    assert tracker.update(wide[:, ::2], [0.9, 0.8], np.array([1, 2], np.uint8), time_ns=0).tolist() == [1, 2]
    assert tracker.update([[60, 70, 140, 130]], [1], time_ns=np.int64(1)).tolist() == [1]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"boxes": [[1, 2, 3]]}, ValueError, r"boxes: expected float32 \(n, 4\), got float32 \(1, 3\)"),
        ({"boxes": [["a", "b", "c", "d"]]}, TypeError, r"boxes: expected float32 \(n, 4\), got <U1 \(1, 4\)"),
        ({"boxes": GOOD + 1j}, TypeError, "boxes: expected float32"),
        ({"boxes": GOOD * [1, 1, np.nan, 1]}, ValueError, "boxes: expected finite.*nan.*row 0"),
        ({"boxes": GOOD.astype(float) * [1, 1, 1e300, 1]}, ValueError, "boxes: expected finite.*inf"),
        ({"boxes": GOOD[:, [2, 1, 0, 3]]}, ValueError, "boxes: expected x1 < x2 and y1 < y2"),
        ({"boxes": GOOD[:, [0, 1, 2, 1]]}, ValueError, "boxes: expected x1 < x2 and y1 < y2"),
        ({"scores": [0.5]}, ValueError, r"scores: expected float32 \(n,\) with one score per box, got float32 \(1,\)"),
        ({"scores": [0.5, 1.5]}, ValueError, r"scores: expected 0\.\.1, got 1.5 in row 1"),
        ({"scores": [np.nan, 0.5]}, ValueError, r"scores: expected 0\.\.1, got nan in row 0"),
        ({"labels": [1]}, ValueError, r"labels: expected int64 \(n,\) with one label per box, got int64 \(1,\)"),
        ({"labels": [0.5, 1.0]}, TypeError, r"labels: expected int64 \(n,\), got float64"),
        ({"time_ns": 10}, ValueError, r"time_ns: expected more than 10 \(the last update\), got 10"),
        ({"time_ns": -3}, ValueError, r"time_ns: expected more than 10 \(the last update\), got -3"),
        ({"time_ns": 2**62 + 1}, ValueError, "time_ns: expected"),
        ({"time_ns": 0.5}, TypeError, "integer"),
    ],
)
def test_wrong_arguments_are_refused_and_change_nothing(
    arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    tracker = Tracker()
    tracker.update(GOOD, SURE, time_ns=10)
    with pytest.raises(error, match=text):
        tracker.update(**{"boxes": GOOD, "scores": SURE, "labels": None, "time_ns": 20, **arguments})
    assert tracker.update(GOOD, SURE, time_ns=11).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"high_score": 1.5}, r"high_score: expected 0\.\.1, got 1.5"),
        ({"min_iou": float("nan")}, "min_iou: expected"),
        ({"max_lost_s": -1}, "max_lost_s: expected at least 0, finite, got -1"),
        ({"max_lost_s": float("inf")}, "max_lost_s: expected"),
        ({"frame_rate": 0}, "frame_rate: expected more than 0"),
        ({"confirm_hits": 0}, "confirm_hits: expected at least 1"),
        ({"low_score": 0.7}, r"low_score: expected at most high_score \(0.6\), got 0.7"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Tracker(**settings)


@pytest.mark.parametrize("matrix", [np.eye(3), [[1, 0, np.inf], [0, 1, 0]], np.zeros((2, 3))])
def test_wrong_matrix_is_refused(matrix: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="matrix: expected"):
        Tracker().transform(matrix)
