"""The plate as identity, on real reads: tracks that go over to another vehicle are divided, broken ones joined."""

import numpy as np
import pytest

from tests.sightings.real_reads import reader, real_read
from tests.sightings.test_book import PROBS, box_at, describe, frame_at, ns
from vision.sightings.book import Book
from vision.sightings.rules import ReadRules

CLEAR, FAR = (110, 0.0), (40, 0.8)  # plate width in px and blur: read surely, read half surely


def new_book(early_score: float = 0.9) -> Book:
    return Book(
        reader().decoder,
        describe,
        ReadRules(),
        "cam",
        linger_s=2.0,
        min_frames=5,
        min_duration_s=0.3,
        early_score=early_score,
    )


def drive(
    book: Book,
    vehicle: int | None,
    plate: int | None,
    text: str,
    start: float,
    stop: float,
    view: tuple[int, float] = CLEAR,
    every: float = 0.1,
) -> None:
    """A vehicle track, and looks at its plate ten times a second."""
    for i, t in enumerate(np.arange(start, stop - 1e-9, every)):
        frame = frame_at(float(t))
        if vehicle is not None:
            book.see_vehicle(frame, vehicle, box_at(float(t)), 0.8, PROBS)
        if plate is not None:
            read = real_read(text, *view, i % 8)
            book.see_plate(frame, plate, read, (vehicle, box_at(float(t))) if vehicle is not None else None)


@pytest.mark.parametrize("second_plate", [1, 2], ids=["same plate track", "another plate track"])
def test_a_track_that_goes_over_to_another_vehicle_is_divided(second_plate: int) -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 1)
    drive(book, 1, None, "", 1, 1.3)
    drive(book, 1, second_plate, "沪B67890", 1.3, 2.6)
    book.end([1], [1, 2])
    first, second = book.close(None)
    assert [s.plate.text for s in (first, second) if s.plate] == ["京A12345", "沪B67890"]
    assert first.vehicle is not None
    assert second.vehicle is not None
    # What came after the last look at the first plate is the second's: times, boxes, frames, evidence.
    assert (first.first_s, first.last_s) == pytest.approx((0, 0.9))
    assert (second.first_s, second.last_s) == pytest.approx((1.0, 2.5))
    assert first.last_box == pytest.approx(box_at(0.9))
    assert second.first_box == pytest.approx(box_at(1.0))
    assert (first.n_frames, second.n_frames) == (10, 16)
    assert first.evidence is not None
    assert second.evidence is not None
    assert first.evidence.frame.offset_s <= 0.9
    assert second.evidence.frame.offset_s >= 1.3
    assert first.track_ids == second.track_ids == (1,)
    assert first.id != second.id
    assert book.counts.divided == 1


def test_each_part_closes_by_itself() -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 1)
    drive(book, 1, 2, "沪B67890", 1, 4)
    book.end([], [1])
    (first,) = book.close(ns(3.9))  # the track goes on, the vehicle it followed at first has passed
    assert first.plate is not None
    assert first.plate.text == "京A12345"
    book.end([1], [2])
    (second,) = book.close(None)
    assert second.vehicle is not None


def test_the_first_plate_again_joins_its_parts() -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 1)
    drive(book, 1, 2, "沪B67890", 1, 2)
    drive(book, 1, 3, "京A12345", 2, 3)
    sightings = {s.plate.text: s for s in book.close(None) if s.plate}
    assert set(sightings) == {"京A12345", "沪B67890"}
    assert sightings["京A12345"].n_frames == 20
    assert sightings["沪B67890"].n_frames == 10


def test_two_plates_seen_by_turns_divide_nothing() -> None:
    # A car that is not detected drives in front of a lorry: its plate lies in the lorry's box.
    book = new_book()
    for t in np.arange(0, 2, 0.2):
        drive(book, 1, 1, "京A12345", float(t), float(t) + 0.1)
        drive(book, 1, 2, "沪B67890", float(t) + 0.1, float(t) + 0.2)
    sightings = book.close(None)
    assert sorted(s.plate.text for s in sightings if s.plate) == ["京A12345", "沪B67890"]
    assert [s.vehicle is not None for s in sightings].count(True) == 1
    assert book.counts.divided == 0


def test_misreads_of_a_far_plate_divide_nothing() -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 1, (30, 1.0))  # read as 京AY2345
    drive(book, 1, 2, "京A12345", 1.5, 2.5)
    (sighting,) = book.close(None)
    assert sighting.plate is not None
    assert sighting.plate.text == "京A12345"
    assert book.counts.divided == 0


@pytest.mark.parametrize(
    ("text", "view", "gap", "n"),
    [
        ("京A12345", CLEAR, 1.0, 1),  # the same plate behind a sign
        ("京A12345", FAR, 1.0, 1),
        ("京A12345", CLEAR, 2.5, 2),  # longer than linger_s: the first sighting has gone out
        ("京A12346", CLEAR, 1.0, 2),  # the next vehicle of a fleet: read surely, so another one
    ],
    ids=["occlusion", "occlusion, farther", "longer than linger", "one character apart"],
)
def test_both_sides_of_an_occlusion(text: str, view: tuple[int, float], gap: float, n: int) -> None:
    book = new_book()
    sightings = []
    drive(book, 1, 1, "京A12345", 0, 1)
    book.end([1], [1])
    for t in np.arange(1, 1 + gap, 0.1):
        sightings += book.close(ns(float(t)))
    drive(book, 2, 2, text, 1 + gap, 2 + gap, view)
    sightings += book.close(ns(2 + gap))
    sightings += book.close(None)
    assert len(sightings) == n
    assert len({s.id for s in sightings}) == n
    if n == 1:
        assert sightings[0].track_ids == (1, 2)
        assert sightings[0].n_reads == 20
