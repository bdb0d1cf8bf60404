"""Frames that are kept as evidence do not hold the decoder's memory."""

import gc
import weakref
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from tests.clip import demo_clip
from tests.plates.test_fuse import read_of
from tests.plates.test_grammar import looks_like
from tests.sightings.test_book import PROBS, frame_at, new_book
from vision.report.evidence import pictures_of
from vision.sightings import lasting
from vision.sightings.book import Book
from vision.sightings.lasting import Keeper, KeptPlanes
from vision.sightings.records import VehicleRecord
from vision.sightings.span import Span
from vision.types import Evidence, Frame, Layout, Planes
from vision.video.file import FileSource
from vision.video.late import LatePlanes


def first_frame() -> Frame:
    with FileSource(demo_clip()) as source:
        return next(islice(source, 1))


@pytest.fixture
def frame() -> Frame:
    return first_frame()


def test_evidence_has_the_same_pixels_in_memory_of_its_own(frame: Frame) -> None:
    box = (10.0, 10.0, 90.0, 80.0)
    keeper = Keeper()
    records = [VehicleRecord(i, Span.start(frame, box), np.zeros(3, np.float32)) for i in range(2)]
    for record in records:
        record.see(frame, box, 0.9, np.ones(3, np.float32), keeper)
    first, second = (record.evidence for record in records)
    assert first is not None
    assert second is not None
    assert first.frame is second.frame  # one copy for both
    assert (first.frame.index, first.frame.time_ns) == (frame.index, frame.time_ns)
    for kept, plane in zip(first.frame.planes.data, frame.planes.data, strict=True):
        np.testing.assert_array_equal(kept, plane)
        assert not np.shares_memory(kept, plane)


@pytest.mark.parametrize(
    ("width", "other_keeps_it", "is_new"), [(112, False, False), (112, True, True), (140, False, True)]
)
def test_a_little_larger_is_worth_a_frame_that_is_kept_anyway(
    frame: Frame, width: int, *, other_keeps_it: bool, is_new: bool
) -> None:
    keeper, probs = Keeper(), np.ones(3, np.float32)
    box, larger = (10.0, 10.0, 110.0, 90.0), (10.0, 10.0, 10.0 + width, 90.0)
    record, other = (VehicleRecord(i, Span.start(frame, box), np.zeros(3, np.float32)) for i in range(2))
    record.see(frame, box, 0.9, probs, keeper)
    later = replace(frame, index=frame.index + 1, time_ns=frame.time_ns + 40_000_000)
    if other_keeps_it:
        other.see(later, box, 0.9, probs, keeper)
    record.see(later, larger, 0.9, probs, keeper)
    assert record.evidence is not None
    assert record.evidence.frame.index == later.index - (not is_new)
    assert record.evidence.vehicle_box == (larger if is_new else box)


def test_the_decoders_frame_is_let_go() -> None:
    frame = first_frame()
    plane = weakref.ref(frame.planes.data[0])
    kept = Keeper().keep(frame)
    del frame
    gc.collect()
    assert plane() is None
    assert kept.planes.data[0].any()


def test_another_frame_gets_another_copy(frame: Frame) -> None:
    keeper, other = Keeper(), replace(frame, planes=Planes("i420", tuple(255 - d for d in frame.planes.data)))
    for one in (frame, other, frame):
        np.testing.assert_array_equal(keeper.keep(one).planes.data[0], one.planes.data[0])


def test_pixels_that_are_made_late_stay_so_until_somebody_asks_and_are_copied_then(frame: Frame) -> None:
    asked: list[int] = []

    def load() -> Planes:
        asked.append(1)
        return frame.planes

    late, keeper = LatePlanes(load, (frame.width, frame.height)), Keeper()
    paired = replace(frame, planes=late, overview=frame.planes)
    kept = keeper.keep(paired)
    planes = kept.planes
    assert isinstance(planes, KeptPlanes)
    assert (kept.width, kept.height, kept.overview) == (frame.width, frame.height, None)
    keeper.keep(frame)
    assert not asked
    assert np.shares_memory(late.data[0], frame.planes.data[0])  # the plates of the frame are looked for
    assert not planes.is_plain
    assert keeper.keep(paired) is not kept  # it is not the last one any more
    assert planes.is_plain
    assert not np.shares_memory(planes.data[0], frame.planes.data[0])
    np.testing.assert_array_equal(planes.data[0], frame.planes.data[0])
    assert (planes.layout, planes.matrix, planes.full_range) == ("i420", frame.planes.matrix, frame.planes.full_range)
    assert len(asked) == 1


def frames(n: int, first: Frame) -> list[Frame]:
    return [
        replace(
            first,
            index=i,
            planes=replace(first.planes, data=(np.roll(first.planes.data[0], i), *first.planes.data[1:])),
        )
        for i in range(n)
    ]


def test_beyond_the_limit_the_oldest_that_are_still_kept_are_packed(
    frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lasting, "PLAIN", 3)
    keeper, originals = Keeper(), frames(8, frame)
    kept = [keeper.keep(one) for one in originals[:4]]
    del kept[1:3]  # what was let go leaves room
    kept += [keeper.keep(one) for one in originals[4:6]]
    planes = [one.planes for one in kept]
    assert [isinstance(p, KeptPlanes) and p.is_plain for p in planes] == [False, True, True, True]
    assert [one.index for one in kept] == [0, 3, 4, 5]


@pytest.mark.parametrize(("room", "n_plain"), [(0, 4), (5.5, 5), (8, 8)])
def test_what_there_is_room_for_is_not_packed(frame: Frame, room: float, n_plain: int) -> None:
    keeper = Keeper(round(room * sum(plane.nbytes for plane in frame.planes.data)))
    kept = [keeper.keep(one).planes for one in frames(8, frame)]
    assert [isinstance(p, KeptPlanes) and p.is_plain for p in kept] == [False] * (8 - n_plain) + [True] * n_plain


@pytest.mark.parametrize("layout", ["i420", "nv12", "bgr"])
def test_packed_pixels_are_nearly_the_same_and_take_a_fraction(frame: Frame, layout: Layout) -> None:
    y, u, v = (np.ascontiguousarray(d) for d in frame.planes.data)
    data = {"i420": (y, u, v), "nv12": (y, np.dstack([u, v])), "bgr": (np.dstack([y, y, 255 - y]),)}[layout]
    kept = KeptPlanes(Planes(layout, data, "bt601", True))
    kept.settle()
    first = kept.data
    kept.pack()
    kept.pack()
    assert (kept.layout, kept.matrix, kept.full_range) == (layout, "bt601", True)
    assert (kept.width, kept.height) == (frame.width, frame.height)
    for before, exact, after in zip(first, data, kept.data, strict=True):
        np.testing.assert_array_equal(before, exact)
        assert (after.shape, after.dtype) == (exact.shape, exact.dtype)
        error = np.mean((after.astype(np.float64) - exact) ** 2)
        assert 10 * np.log10(255**2 / error) > 40
    assert sum(len(jpeg) for plane in kept._jpegs for jpeg in plane) < sum(d.nbytes for d in data) / 3


def test_pictures_of_packed_evidence_show_the_same(frame: Frame) -> None:
    box, corners = (40.0, 30.0, 200.0, 150.0), np.array([[60, 80], [140, 80], [140, 104], [60, 104]], np.float32)
    kept = Keeper().keep(frame)
    exact = pictures_of(Evidence(frame, box, corners))
    assert isinstance(kept.planes, KeptPlanes)
    kept.planes.pack()
    packed = pictures_of(Evidence(kept, box, corners))
    assert set(packed) == {"scene", "vehicle", "plate"}
    for role, picture in exact.items():
        assert np.abs(packed[role].astype(np.int16) - picture).mean() < 2, role


def approach(book: Book, text: str, p: float) -> None:
    """A vehicle that comes nearer, its plate seen in every frame and wider each time."""
    for i in range(30):
        frame, size = frame_at(i / 10), 200 + 30.0 * i
        book.see_vehicle(frame, 1, (100, 100, 100 + size, 100 + size), 0.8, PROBS)
        read = read_of(looks_like(text, p), width=40.0 + 4 * i)
        book.see_plate(frame, 1, read, (1, (100, 100, 100 + size, 100 + size)))


@pytest.mark.parametrize(("p", "is_read"), [(0.99, True), (0.3, False)])
def test_a_read_vehicle_keeps_its_plates_best_frame_and_an_unread_one_its_own(p: float, *, is_read: bool) -> None:
    book = new_book()
    approach(book, "京A12345", p)
    vehicle, (plate,) = book.vehicle(1), book._plates
    assert vehicle.evidence is not None
    assert (plate.evidence is not None) is is_read
    assert (vehicle.evidence.frame.index < 10) is is_read  # none was kept after it was read
    book.end([1], [1])
    (sighting,) = book.close(None)
    assert (sighting.plate is not None) is is_read
    assert sighting.evidence is not None
    assert sighting.evidence.frame.offset_s > 1.5
    assert (sighting.evidence.plate_corners is not None) is is_read
