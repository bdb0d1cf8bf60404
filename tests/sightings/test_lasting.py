"""Frames that are kept as evidence do not hold the decoder's memory."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from tests.clip import demo_clip
from vision.sightings.lasting import copied, lasting
from vision.sightings.records import Span, VehicleRecord
from vision.types import Frame, Layout, Planes
from vision.video.file import FileSource


def first_frame() -> Frame:
    with FileSource(demo_clip()) as source:
        return next(islice(source, 1))


@pytest.fixture
def frame() -> Frame:
    return first_frame()


def test_evidence_has_the_same_pixels_in_memory_of_its_own(frame: Frame) -> None:
    box = (10.0, 10.0, 90.0, 80.0)
    records = [VehicleRecord(i, Span.start(frame, box), np.zeros(3, np.float32)) for i in range(2)]
    for record in records:
        record.see(frame, box, 0.9, np.ones(3, np.float32))
    first, second = (record.evidence for record in records)
    assert first is not None
    assert second is not None
    assert first.frame is second.frame  # one copy for both
    assert (first.frame.index, first.frame.time_ns) == (frame.index, frame.time_ns)
    for kept, plane in zip(first.frame.planes.data, frame.planes.data, strict=True):
        np.testing.assert_array_equal(kept, plane)
        assert not np.shares_memory(kept, plane)


def test_the_decoders_frame_is_let_go() -> None:
    frame = first_frame()
    plane = weakref.ref(frame.planes.data[0])
    kept = lasting(frame)
    del frame
    gc.collect()
    assert plane() is None
    assert kept.planes.data[0].any()


def test_another_frame_gets_another_copy_in_every_thread(frame: Frame) -> None:
    other = replace(frame, planes=Planes("i420", tuple(255 - d for d in frame.planes.data)))
    with ThreadPoolExecutor(1) as threads:
        for one in (frame, other, frame):
            for kept in (lasting(one), threads.submit(lasting, one).result()):
                np.testing.assert_array_equal(kept.planes.data[0], one.planes.data[0])


@pytest.mark.parametrize(
    ("layout", "shapes"),
    [("i420", [(5, 7), (3, 4), (3, 4)]), ("nv12", [(5, 7), (3, 4, 2)]), ("bgr", [(5, 7, 3)])],
)
def test_padded_planes_of_any_layout_are_copied(layout: Layout, shapes: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(1)
    data = tuple(rng.integers(0, 256, (s[0], s[1] + 9, *s[2:]), np.uint8)[:, : s[1]] for s in shapes)
    copy = copied(Planes(layout, data, "bt709", True))
    assert (copy.layout, copy.matrix, copy.full_range) == (layout, "bt709", True)
    for a, b in zip(copy.data, data, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.flags.c_contiguous


def test_a_frame_with_an_overview_is_left_as_it_is(frame: Frame) -> None:
    paired = replace(frame, overview=frame.planes)
    assert lasting(paired) is paired
