"""Outcomes of readings and the honesty of scores against values worked out by hand."""

from pathlib import Path

import pytest

from vision.evaluate.labels import Labelled
from vision.evaluate.texts import (
    Reading,
    among_best,
    answered_at,
    character_accuracy,
    confused,
    false_provinces,
    outcome_rows,
    reliability,
)


def reading(true: str, text: str, score: float = 0.9, *, source: str = "a", rejected: bool = False) -> Reading:
    truth = Labelled(Path("x.png"), source, True, true, "blue", None, None, None)
    return Reading(truth, text, score, (score,) * len(text), is_rejected=rejected)


READINGS = [
    reading("京A12345", "京A12345", 0.95),
    reading("京A12345", "津A12345", 0.92, source="b"),
    reading("京A12345", "京A1234?", 0.6),
    reading("京A12345", "", 0.0, rejected=True),
    reading("京A12345", "", 0.0),
]


def test_every_outcome() -> None:
    assert [r.outcome for r in READINGS] == ["exact", "wrong", "with ?", "rejected", "not found"]
    rows = outcome_rows(READINGS, "source")
    assert [(row["source"], row["plates"]) for row in rows] == [("a", 4), ("b", 1), ("all", 5)]
    assert rows[-1]["exact"] == pytest.approx(0.2)
    assert rows[-1]["without first character"] == pytest.approx(0.4)
    assert rows[1]["wrong"] == 1


def test_characters() -> None:
    assert confused(READINGS) == [("京", "津", 1), ("5", "?", 1)]
    assert character_accuracy(READINGS)[:2] == [pytest.approx(2 / 3), 1.0]


def test_calibration_error_is_the_weighted_gap() -> None:
    bins, error = reliability([reading("京A1", "京A1", 0.8), reading("京A1", "京A2", 0.8), reading("京A1", "", 0.0)])
    ((low, high, n, mean, right),) = bins
    assert (low, high, n, right) == (0.8, 0.9, 2, 0.5)
    assert mean == pytest.approx(0.8)
    assert error == pytest.approx(0.3)


def test_how_many_can_be_answered_surely() -> None:
    readings = [reading("京A1", "京A1", 0.99), reading("京A1", "京A1", 0.9), reading("京A1", "京A2", 0.5)]
    assert answered_at(readings) == pytest.approx(2 / 3)
    assert answered_at(readings, precision=0.6) == 1.0


def test_sure_wrong_provinces_are_counted() -> None:
    assert false_provinces(READINGS) == 1
    assert false_provinces([reading("京A12345", "津A12345", 0.8), reading("京A12345", "?A12345", 0.95)]) == 0


def test_right_text_among_the_candidates() -> None:
    truth = reading("京A12345", "京A12345").truth
    readings = [
        Reading(truth, "", 0.0, candidates=("京A12346", "京A12345"), is_rejected=True),
        Reading(truth, "京A12345", 0.9, candidates=("京A12345", "京A12346")),
        Reading(truth, "", 0.0),
    ]
    assert among_best(readings) == {1: 1 / 3, 2: 2 / 3, 3: 2 / 3, 5: 2 / 3}
    assert among_best([]) == {}
