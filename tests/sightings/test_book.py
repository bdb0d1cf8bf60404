"""The book: one sighting per pass, whatever tracks do."""

from dataclasses import replace

import numpy as np
import pytest

from tests.plates.test_fuse import read_of
from tests.plates.test_grammar import decoder, looks_like
from vision.sightings.book import Book
from vision.sightings.records import VehicleRecord
from vision.sightings.rules import ReadRules
from vision.types import Box, Frame, Planes, PlateRead, Vehicle

PROBS = np.array([1.0, 0.0], np.float32)
STROKES = (np.indices((1080, 1920)).sum(0) // 8 % 2 * 100 + 50).astype(np.uint8)  # neither dark nor blurred
PLANES = Planes("bgr", (np.repeat(STROKES[..., None], 3, 2),))


def frame_at(t: float) -> Frame:
    return Frame("cam", round(t * 25), round(t * 1e9), t, PLANES)


def describe(record: VehicleRecord) -> Vehicle:
    return Vehicle(record.span.last_box, "car", 0.9, "white", 0.8, 0.9)


def new_book(**changes: float) -> Book:
    settings = {"linger_s": 2.0, "min_frames": 5, "min_duration_s": 0.3, **changes}
    return Book(
        decoder(),
        describe,
        ReadRules(),
        "cam",
        linger_s=settings["linger_s"],
        min_frames=int(settings["min_frames"]),
        min_duration_s=settings["min_duration_s"],
    )


def box_at(t: float, width: float = 400) -> Box:
    return 100 + 50 * t, 100 + 100 * t, 100 + 50 * t + width, 400 + 100 * t


def drive(
    book: Book,
    vehicle: int | None,
    plate: int | None,
    text: str,
    start: float,
    stop: float,
    p: float = 0.99,
    width: float = 400,
    is_moving: bool = False,
) -> None:
    """A vehicle track and a plate track seen 10 times a second."""
    for t in np.arange(start, stop, 0.1):
        frame = frame_at(float(t))
        if vehicle is not None:
            book.see_vehicle(frame, vehicle, box_at(t, width), 0.8, PROBS)
        if plate is not None:
            read: PlateRead = read_of(looks_like(text, p))
            if is_moving:
                read = replace(read, corners=read.corners + np.array([50 * t, 100 * t], np.float32))
            book.see_plate(frame, plate, read, (vehicle, box_at(t)) if vehicle is not None else None)


def ns(t: float) -> int:
    return round(t * 1e9)


def test_a_pass_is_one_sighting_after_lingering() -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 2)
    book.end([1], [1])
    assert book.close(ns(3.0)) == []
    (sighting,) = book.close(ns(4.1))
    assert sighting.plate is not None
    assert sighting.plate.text == "京A12345"
    assert sighting.reason == ""
    assert sighting.first_s == 0
    assert sighting.last_s == pytest.approx(1.9)
    assert sighting.direction.word == "down-right"
    assert sighting.direction.depth == "same"
    assert sighting.track_ids == (1,)
    assert book.close(ns(100)) == []
    assert (book.counts.sightings, book.counts.read) == (1, 1)


def test_broken_vehicle_track_is_joined_by_its_plate() -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 1)
    drive(book, 2, 1, "京A12345", 1, 2)  # the tracker lost the vehicle, the plate track went on
    book.end([1, 2], [1])
    (sighting,) = book.close(None)
    assert sighting.track_ids == (1, 2)
    assert sighting.last_s == pytest.approx(1.9)


def test_same_text_on_both_sides_of_an_occlusion_is_one_sighting() -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 1)
    book.end([1], [1])
    drive(book, 2, 2, "京A12345", 2, 3)
    assert book.close(ns(3.5)) == []  # the first half waits for the second, which is still in view
    book.end([2], [2])
    (sighting,) = book.close(None)
    assert sighting.track_ids == (1, 2)


def test_nearly_the_same_text_is_joined_only_when_unsure() -> None:
    unsure, sure = new_book(), new_book()
    for book, p in ((unsure, 0.99), (sure, 0.9999)):
        drive(book, 1, 1, "京A12345", 0, 1, 0.9999)
        drive(book, 2, 2, "京A12346", 0.1, 0.2, p)
    assert len(unsure.close(None)) == 1
    assert {s.plate.text for s in sure.close(None) if s.plate} == {"京A12345", "京A12346"}


def test_another_plate_on_the_same_track_splits_it() -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 1)
    drive(book, 1, 1, "沪B67890", 1, 2)
    sightings = book.close(None)
    assert {s.plate.text for s in sightings if s.plate} == {"京A12345", "沪B67890"}
    assert book.counts.splits == 1


def test_one_stray_read_splits_nothing() -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 1)
    drive(book, 1, 1, "沪B67890", 1, 1.05)
    drive(book, 1, 1, "京A12345", 1.1, 2)
    (sighting,) = book.close(None)
    assert sighting.plate is not None
    assert sighting.plate.text == "京A12345"
    assert book.counts.splits == 0


@pytest.mark.parametrize(
    ("part", "gap", "n"),
    [
        ((1500.0, 900.0, 1600.0, 1080.0), 0.3, 1),  # a wheel of the car that has nearly left
        ((1500.0, 900.0, 1600.0, 1080.0), 1.0, 2),  # too late
        ((1500.0, 800.0, 1600.0, 980.0), 0.3, 2),  # not at the edge: another vehicle that was hidden
        ((1000.0, 900.0, 1100.0, 1080.0), 0.3, 2),  # beside it
    ],
)
def test_the_last_part_of_a_leaving_vehicle_is_no_second_one(part: Box, gap: float, n: int) -> None:
    book = new_book()
    for t in np.arange(0, 1, 0.1):
        book.see_vehicle(frame_at(float(t)), 1, (1200, 300, 1920, 1080), 0.8, PROBS)
        book.see_vehicle(frame_at(float(t) + 0.9 + gap), 2, part, 0.6, PROBS)
    assert len(book.close(None)) == n


@pytest.mark.parametrize(
    ("plate", "p", "width", "reason"),
    [(None, 0.9, 400, "no_plate_seen"), (None, 0.9, 60, "too_small"), (1, 0.15, 400, "low_score")],
)
def test_unread_vehicles_have_a_reason(plate: int | None, p: float, width: float, reason: str) -> None:
    book = new_book()
    drive(book, 1, plate, "京A12345", 0, 1, p, width)
    (sighting,) = book.close(None)
    assert sighting.plate is None
    assert sighting.reason == reason
    assert book.counts.reasons == {reason: 1}


def test_noise_is_discarded_and_counted() -> None:
    book = new_book()
    drive(book, 1, None, "", 0, 0.2)
    drive(book, None, 1, "京A12345", 0, 1, 0.15)
    assert book.close(None) == []
    assert book.counts.discarded == {"vehicle_too_short": 1, "plate_without_vehicle_unread": 1}


def test_plate_without_vehicle_is_a_sighting() -> None:
    book = new_book()
    drive(book, None, 1, "京A12345", 0, 1)
    (sighting,) = book.close(None)
    assert sighting.vehicle is None
    assert sighting.plate is not None
    assert sighting.evidence is not None
    assert sighting.evidence.plate_corners is not None


@pytest.mark.parametrize(
    ("width", "seconds", "is_sighting"),
    [(100, 2, True), (100, 4, False), (400, 4, True), (400, 8, False)],
    ids=["small, short", "caption", "near vehicle", "logo"],
)
def test_what_stays_in_place_without_a_vehicle_is_no_plate(width: float, seconds: float, is_sighting: bool) -> None:
    book = new_book()
    for t in np.arange(0, seconds, 0.1):
        book.see_plate(frame_at(float(t)), 1, read_of(looks_like("京A12345", 0.99), width=width), None)
    assert len(book.close(None)) == int(is_sighting)


def test_evidence_is_of_the_frame_that_was_read() -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 0.5, 0.5)
    drive(book, 1, 1, "京A12345", 0.5, 0.6, 0.99)  # the clearest look
    drive(book, 1, 1, "京A12345", 0.6, 2, 0.5)
    (sighting,) = book.close(None)
    assert sighting.evidence is not None
    assert sighting.evidence.frame.offset_s == pytest.approx(0.5)


def test_unreadable_character_is_marked_not_guessed() -> None:
    book = new_book()
    log_probs = looks_like("京A12345", 0.995)
    log_probs[0] = np.log(1e-3)
    for char in "京津沪":
        log_probs[0, decoder().charset.index(char)] = np.log(0.31)
    rules = ReadRules(min_look_score=0.3)
    book = Book(decoder(), describe, rules, "cam", linger_s=2, min_frames=5, min_duration_s=0.3)
    for t in np.arange(0, 1, 0.1):
        book.see_plate(frame_at(float(t)), 1, read_of(log_probs), None)
    (sighting,) = book.close(None)
    assert sighting.plate is not None
    assert sighting.plate.text == "?A12345"


def test_a_plate_whose_track_was_lost_comes_back_on_its_vehicle() -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 1, 0.99)
    drive(book, 1, None, "", 1, 2)
    drive(book, 1, 2, "京A12346", 2, 2.25, 0.8)  # smaller by now, and another track
    book.end((), [1])
    drive(book, 1, 2, "京A12346", 2.3, 2.45, 0.8)
    (sighting,) = book.close(None)
    assert sighting.plate is not None
    assert sighting.plate.text == "京A12345"
    assert sighting.n_reads == 15


def test_another_plate_on_the_vehicle_does_not_come_back_as_the_first() -> None:
    book = new_book()
    drive(book, 1, 1, "京A12345", 0, 1, 0.99)
    drive(book, 1, None, "", 1, 2)
    drive(book, 1, 2, "沪B67890", 2, 3, 0.99)
    assert sorted(s.plate.text for s in book.close(None) if s.plate) == ["京A12345", "沪B67890"]


def test_a_vehicle_found_late_still_owns_the_plate_that_moved_with_it() -> None:
    book = new_book()
    drive(book, None, 1, "京A12345", 0, 2, 0.99, is_moving=True)
    drive(book, 7, 1, "京A12345", 2, 2.2, 0.99, is_moving=True)
    drive(book, 7, None, "", 2.2, 3)
    (sighting,) = book.close(None)
    assert sighting.track_ids == (7,)
