"""Early and final sightings: one id, every one of them concluded exactly once."""

from collections import Counter

import numpy as np
import pytest

from tests.sightings.real_reads import real_read
from tests.sightings.test_book import box_at, frame_at, ns
from tests.sightings.test_identity import drive, new_book
from vision.sightings.book import Book
from vision.types import Sighting

PLATES = ("京A12345", "沪B67890", "京A12346", "粤FD12345")


def check(early: list[Sighting], final: list[Sighting]) -> None:
    """Every id ends once, revisions rise by one, and the final one is the last."""
    assert all(s.state == "early" for s in early)
    assert all(s.state == "final" for s in final)
    ends = Counter([s.id for s in final] + [i for s in final for i in s.merged_ids])
    assert max(ends.values(), default=1) == 1
    assert {s.id for s in early} <= set(ends)
    for sighting in final:
        revisions = [s.revision for s in early if s.id == sighting.id]
        assert revisions == list(range(1, len(revisions) + 1))
        assert sighting.revision == len(revisions) + 1


def test_an_early_sighting_comes_once_and_the_final_one_has_its_id() -> None:
    book = new_book()
    early = []
    for k in range(10):
        drive(book, 1, 1, "京A12345", k / 10, k / 10 + 0.1)
        early += book.early()
    (alarm,) = early
    assert alarm.plate is not None
    assert alarm.plate.text == "京A12345"
    assert alarm.plate.score >= 0.9
    assert alarm.last_s < 0.5
    assert alarm.vehicle is not None
    final = book.close(None)
    check(early, final)
    assert final[0].id == alarm.id
    assert book.counts.sightings == 1
    assert book.counts.early == 1


def test_without_a_sure_plate_there_is_no_early_sighting() -> None:
    book = new_book()
    early = []
    for k in range(10):
        drive(book, 1, 1, "京A12345", k / 10, k / 10 + 0.1, (40, 0.8))
        drive(book, 2, None, "", k / 10, k / 10 + 0.1)
        early += book.early()
    assert not early
    final = book.close(None)
    check(early, final)
    assert [s.revision for s in final] == [1, 1]


def test_a_changed_text_is_a_revision() -> None:
    book = new_book(early_score=0.4)
    early = []
    for k in range(8):  # at this size and blur the network is sure of another province
        drive(book, 1, 1, "京A12345", k / 10, k / 10 + 0.1, (60, 1.2))
        early += book.early()
    wrong = {s.plate.text for s in early if s.plate}
    for k in range(8, 30):
        drive(book, 1, 1, "京A12345", k / 10, k / 10 + 0.1)
        early += book.early()
    texts = [s.plate.text for s in early if s.plate]
    assert texts[-1] == "京A12345"
    assert wrong
    assert wrong != {"京A12345"}
    assert len({s.id for s in early}) == 1
    check(early, book.close(None))


def test_two_alarms_of_one_pass_are_merged_under_the_first_id() -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 1)
    early = book.early()
    book.end([1], [1])
    drive(book, 2, 2, "京A1234A", 1.5, 1.9, (60, 0.6))  # first sure of something else
    early += book.early()
    for k in range(4):
        drive(book, 2, 3, "京A12345", 1.9 + k / 2, 2.4 + k / 2)  # a third plate track shows who it is
        early += book.early()
    final = book.close(None)
    check(early, final)
    (main,) = [s for s in final if s.plate and s.plate.text == "京A12345"]
    assert main.id == early[0].id


def test_an_alarm_that_is_not_confirmed_is_withdrawn() -> None:
    book = new_book(early_score=0.6)
    drive(book, None, 1, "京A12345", 0, 0.9)
    early = book.early()
    assert len(early) == 1
    # It stays where it is, on no vehicle: a sign.
    drive(book, None, 1, "京A12345", 0.9, 8)
    early += book.early()
    book.end([], [1])
    final = book.close(None)
    check(early, final)
    (withdrawn,) = final
    assert withdrawn.plate is None
    assert withdrawn.reason
    assert book.counts.withdrawn == 1


def run_at_random(seed: int) -> tuple[Book, list[Sighting], list[Sighting]]:
    """Vehicles that break, swap, hide and show plates at random, with looks clear and bad."""
    rng = np.random.default_rng(seed)
    book = new_book(early_score=float(rng.choice([0.4, 0.7, 0.9])))
    early, final = [], []
    shown = {v: (int(rng.integers(0, 100)), str(rng.choice(PLATES))) for v in range(3)}
    for k in range(60):
        t = k / 10
        for v in range(3):
            if rng.random() < 0.1:  # another plate track, perhaps another plate
                shown[v] = (int(rng.integers(0, 100)) + 100 * k, str(rng.choice(PLATES)))
            track = v + (k // 20) * 10
            view = [(110, 0.0), (60, 1.2), (40, 0.8), (30, 1.0)][rng.integers(0, 4)]
            owner = track if rng.random() < 0.8 else None
            drive(book, track, None, "", t, t + 0.1)
            if rng.random() < 0.7:
                plate, text = shown[v]
                read = real_read(text, *view, int(rng.integers(0, 8)))
                book.see_plate(frame_at(t), plate, read, None if owner is None else (owner, box_at(t)))
        if k % 20 == 19:
            book.end([v + (k // 20) * 10 for v in range(3)], [p for p, _ in shown.values()])
        final += book.close(ns(t))
        early += book.early()
    return book, early, final + book.close(None)


@pytest.mark.parametrize("seed", range(8))
def test_every_early_id_ends_exactly_once(seed: int) -> None:
    book, early, final = run_at_random(seed)
    check(early, final)
    assert len(early) == book.counts.early > 0
    assert len(final) == book.counts.sightings


@pytest.mark.parametrize("seed", range(2))
def test_asking_for_early_ones_changes_no_final_text(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, with_early = run_at_random(seed)
    monkeypatch.setattr(Book, "early", lambda self: [])
    _, _, without = run_at_random(seed)

    def told(sightings: list[Sighting]) -> list[tuple[str, float, tuple[int, ...]]]:
        return sorted((s.plate.text, s.first_s, s.track_ids) for s in sightings if s.plate)

    assert told(with_early) == told(without)
