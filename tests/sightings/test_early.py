"""Early and final sightings: one id, every one of them concluded exactly once."""

from collections import Counter

import numpy as np
import pytest

from tests.sightings.real_reads import reader, real_read
from tests.sightings.test_book import box_at, describe, frame_at, ns
from tests.sightings.test_identity import drive, new_book
from vision.events.record import record_of
from vision.match.likely import probability_of
from vision.scene.layout import SceneConfig
from vision.scene.scene import Scene
from vision.sightings.book import Book
from vision.sightings.rules import ReadRules
from vision.types import PlateText, Sighting

PLATES = (("京A12345", "京A12346"), ("沪B67890", "沪B67899"), ("京A12347", "京A72347"), ("粤FD12345", "粤FD12349"))
EVERYWHERE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
VIEWS = ((110, 0.0), (60, 1.2), (40, 0.8), (30, 1.0))  # plate width in px and blur: clear, misread, unsure, unreadable


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


def test_who_stands_too_long_is_told_of_while_it_stands() -> None:
    scene = Scene(SceneConfig.model_validate({"zones": [{"name": "stop", "points": EVERYWHERE, "limit_s": 3}]}))
    scene.fit(1280, 720)
    book = new_book()
    early = []
    for k in range(60):
        t = k / 10
        drive(book, 1, 1 if k < 10 else None, "京A12345", t, t + 0.1)  # its plate is hidden later
        drive(book, 2, None, "", t, t + 0.1)
        box = np.array([[100, 100, 500, 400]], np.float32)  # where it stands
        book.vehicle(1).way = scene.see(np.array([1]), box, ns(t), t)[1]
        book.vehicle(2).way = scene.see(np.array([2]), box, ns(t), t)[2]
        early += book.early()
    first, alarm = early
    assert first.passage is not None
    assert not any(d.is_over for d in first.passage.dwells)
    assert alarm.passage is not None
    assert [d.zone for d in alarm.passage.dwells if d.is_over] == ["stop"]
    assert (alarm.id, alarm.revision) == (first.id, 2)
    assert 3 <= alarm.last_s < 3.3
    check(early, book.close(None))


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
    drive(book, 1, 1, "京A12346", 0, 0.3)  # taken for another one at first
    early = book.early()
    drive(book, 2, 2, "京A12345", 0.3, 0.9)
    early += book.early()
    assert len({s.id for s in early}) == 2
    for k in range(20):
        drive(book, 1, 1, "京A12345", 1 + k / 10, 1.1 + k / 10)
        early += book.early()
    first, second = early[0], early[1]
    assert early[-1].id == first.id
    assert early[-1].merged_ids == (second.id,)
    (final,) = book.close(None)
    check(early, [final])
    assert final.id == first.id
    assert final.merged_ids == (second.id,)


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
    """Passes whose tracks break, that hide, change vehicles, and are taken for another plate at first."""
    rng = np.random.default_rng(seed)
    book = new_book(early_score=float(rng.choice([0.7, 0.9])))
    early, final = [], []
    passes = [(float(rng.uniform(0, 9)), PLATES[rng.integers(0, 4)], rng.random() < 0.2) for _ in range(8)]
    tracks = {n: (10 * n, 10 * n) for n in range(len(passes))}
    for k in range(120):
        t = k / 10
        for n, (start, texts, is_alone) in enumerate(passes):
            age = t - start
            if not 0 <= age <= 3:
                continue
            if rng.random() < 0.05:  # the vehicle's track, the plate's or both break
                old, (vehicle, plate) = tracks[n], tracks[n]
                tracks[n] = vehicle + int(rng.integers(0, 2)), plate + int(rng.integers(0, 2))
                book.end([old[0]] if tracks[n][0] != old[0] else [], [old[1]] if tracks[n][1] != old[1] else [])
            vehicle, plate = tracks[n]
            if not is_alone:
                drive(book, vehicle, None, "", t, t + 0.1)
            if rng.random() < 0.7:
                view = VIEWS[0] if rng.random() < 0.6 else VIEWS[rng.integers(0, 4)]
                read = real_read(texts[int(age < 0.5)], *view, int(rng.integers(0, 8)))
                book.see_plate(frame_at(t), plate, read, None if is_alone else (vehicle, box_at(t)))
            if age > 2.9:
                book.end([vehicle], [plate])
        final += book.close(ns(t))
        early += book.early()
    return book, early, final + book.close(None)


@pytest.mark.parametrize("seed", range(12))
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


def wanting(*texts: str, gives_early: bool = False) -> Book:
    """A book in which somebody waits for plates of which one of these may be what is read."""

    def wants(plate: PlateText) -> bool:
        return plate.log_probs is not None and any(
            probability_of(text, plate.log_probs, reader().decoder.charset) > 0.2 for text in texts
        )

    return Book(
        reader().decoder, describe, ReadRules(), "cam", linger_s=2.0, min_frames=5, min_duration_s=0.3,
        gives_early=gives_early, wants=wants,
    )  # fmt: skip


def driven(book: Book, views: list[tuple[int, float]], text: str = "京A12345") -> list[Sighting]:
    early = []
    for k, view in enumerate(views):
        drive(book, 1, 1, text, k / 10, k / 10 + 0.1, view)
        early += book.early()
    return early


def test_a_wanted_plate_comes_early_before_it_is_sure_and_again_when_it_is() -> None:
    book = wanting("京A12345")
    early = driven(book, [(44, 0.8)] * 4 + [(110, 0.0)] * 6)
    scores = [s.plate.score for s in early if s.plate]
    assert len(scores) == len(early) >= 2
    assert scores[0] < 0.9 <= scores[-1]
    assert sum(score >= 0.9 for score in scores) == 1
    check(early, book.close(None))


def test_what_was_said_of_a_wanted_plate_is_corrected_though_the_new_text_is_not_wanted() -> None:
    book = wanting("蒙A12345")  # as which the blurred 京A12345 is read
    early = driven(book, [(60, 1.2)] * 4 + [(110, 0.0)] * 6)
    texts = [s.plate.text for s in early if s.plate]
    assert texts[0] == "蒙A12345"
    assert texts[-1] == "京A12345"
    check(early, book.close(None))


def test_nobody_is_told_early_of_a_plate_that_is_not_wanted() -> None:
    book = wanting("沪B67890")
    assert not driven(book, [(110, 0.0)] * 8)
    (final,) = book.close(None)
    assert final.revision == 1


def test_wanted_plates_come_beside_all_others_where_those_are_asked_for() -> None:
    book = wanting("沪B67890", gives_early=True)
    (early,) = driven(book, [(110, 0.0)] * 8)
    assert early.plate is not None
    assert early.plate.text == "京A12345"


def test_what_an_unread_plate_may_be_is_carried_for_watch_lists() -> None:
    book = new_book()
    driven(book, [(30, 1.0)] * 8)
    (final,) = book.close(None)
    assert final.plate is None
    assert final.doubtful is not None
    assert final.doubtful.log_probs is not None
    assert final.doubtful.score < 0.6
    assert "doubtful" not in record_of(final).plain()


def test_looks_that_show_nothing_carry_nothing() -> None:
    book = new_book()
    driven(book, [(36, 0.9)] * 8)
    (final,) = book.close(None)
    assert final.plate is None
    assert final.doubtful is None


def test_a_read_plate_has_nothing_doubtful() -> None:
    book = new_book()
    driven(book, [(110, 0.0)] * 8)
    assert [s.doubtful for s in book.close(None)] == [None]
