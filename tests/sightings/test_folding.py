"""A parked vehicle whose tracks begin anew all night is one pass, and takes no more than one that passes by."""

import numpy as np
import pytest

from tests.plates.test_fuse import read_of
from tests.plates.test_grammar import looks_like
from tests.sightings.test_book import PROBS, frame_at, new_book
from vision.sightings.book import Book
from vision.types import F32, Box, Sighting

PARKED: Box = (600, 300, 1000, 700)


def night(book: Book, n_tracks: int, p: float, *, with_plate_tracks: bool) -> list[Sighting]:
    """A vehicle seen every two seconds, by a track that ends and begins anew every minute; its plate likewise."""
    early = []
    for i in range(n_tracks):
        plate = i if with_plate_tracks else 0
        for k in range(30):
            frame = frame_at(60.0 * i + 2 * k)
            book.see_vehicle(frame, i, PARKED, 0.8, PROBS)
            book.see_plate(frame, plate, read_of(looks_like("京A12345", p)), (i, PARKED))
            assert not book.close(frame.time_ns)
            early += book.early()
        book.end([i], [i] if with_plate_tracks else [])
    return early


@pytest.mark.parametrize("with_plate_tracks", [True, False])
def test_a_night_is_one_pass_and_a_handful_of_records(*, with_plate_tracks: bool) -> None:
    book = new_book(linger_s=5.0)
    early = night(book, 40, 0.99, with_plate_tracks=with_plate_tracks)
    assert len(book._all_vehicles()) <= 3
    assert len(book._plates) <= 3
    (told,) = early
    (sighting,) = book.close(None)
    assert sighting.plate is not None
    assert sighting.plate.text == "京A12345"
    assert (sighting.id, sighting.revision, sighting.merged_ids) == (told.id, 2, ())
    assert (sighting.first_s, sighting.last_s) == (0, 60 * 39 + 58)
    assert (sighting.n_frames, sighting.n_reads) == (1200, 1200)
    assert sighting.track_ids == tuple(range(40))
    assert sighting.evidence is not None
    assert sighting.evidence.plate_corners is not None


def test_tracks_joined_by_an_unread_plate_become_one_record() -> None:
    book = new_book(linger_s=5.0)
    night(book, 40, 0.25, with_plate_tracks=False)
    assert len(book._all_vehicles()) <= 3
    (sighting,) = book.close(None)
    assert sighting.plate is None
    assert (sighting.n_frames, sighting.n_reads) == (1200, 1200)


def test_a_vehicle_that_hides_it_for_a_moment_is_no_part_of_the_pass() -> None:
    book = new_book(linger_s=5.0)
    night(book, 3, 0.99, with_plate_tracks=False)
    before: Box = (500, 250, 1300, 900)
    for k in range(10):
        frame = frame_at(180.0 + k / 10)
        book.see_vehicle(frame, 7, before, 0.8, PROBS)
        if k in (0, 9):
            book.see_plate(frame, 0, read_of(looks_like("京A12345", 0.99)), (7, before))
    book.end([7], [0])
    parked, passing = sorted(book.close(None), key=lambda s: s.first_s)
    assert parked.plate is not None
    assert parked.track_ids == (0, 1, 2)
    assert passing.plate is None
    assert passing.track_ids == (7,)


def one_of_three(i: int) -> F32:
    return np.asarray(np.arange(3) == i, np.float32)


def test_votes_of_types_and_the_better_picture_are_taken_over() -> None:
    book = new_book(linger_s=0.5)
    for i, (size, start) in enumerate(((200, 0.0), (400, 3.0), (300, 6.0))):
        for k in range(25):
            frame, box = frame_at(start + k / 10), (100.0, 100.0, 100.0 + size, 100.0 + size)
            record = book.see_vehicle(frame, i, box, 0.8, PROBS)
            book.see_plate(frame, 0, read_of(looks_like("京A12345", 0.2)), (i, box))
            if k == 0:
                record.add_attributes(one_of_three(i), one_of_three(0), size * size, 1.0)
            book.close(frame.time_ns)
        book.end([i], [])
    first = book._all_vehicles()[0]
    assert first.absorbed_ids == (1,)
    assert first.evidence is not None
    assert first.evidence.frame.offset_s == 3.0
    assert first.type_votes is not None
    np.testing.assert_allclose(first.type_votes, [200, 400, 0])
    assert first.attribute_weight == 600
