"""Which vehicle a plate belongs to."""

import dataclasses

import numpy as np

from tests.plates.test_fuse import read_of
from tests.plates.test_grammar import looks_like
from vision.pipeline.output import CARRIED_S, carried
from vision.pipeline.stream import FrameResult, owner_of
from vision.types import Detections, Frame, Planes

PLATE = (140.0, 330.0, 260.0, 370.0)  # center 200, 350
NEAR, BEHIND, CUT = (50.0, 100.0, 450.0, 400.0), (100.0, 200.0, 300.0, 340.0), (50.0, 10.0, 450.0, 310.0)


def owner(*boxes: tuple[float, float, float, float]) -> int | None:
    found = owner_of(PLATE, np.array(boxes, np.float32), np.arange(len(boxes), dtype=np.int64))
    return None if found is None else found[0]


def test_the_box_that_holds_the_plate_wins_over_a_smaller_one_above_it() -> None:
    assert owner(BEHIND, NEAR) == 1
    assert owner(NEAR, (100.0, 250.0, 300.0, 390.0)) == 1  # both hold it: the smaller


def test_a_box_without_its_bumper_still_owns_the_plate() -> None:
    assert owner(CUT) == 0
    assert owner((50.0, 10.0, 450.0, 270.0)) is None  # too far below
    assert owner((150.0, 300.0, 280.0, 400.0)) is None  # the plate is nearly as wide as this


def test_between_looks_a_plate_is_drawn_where_its_vehicle_has_moved() -> None:
    corners = np.array([[140, 330], [260, 330], [260, 370], [140, 370]], np.float32)
    read = read_of(looks_like("京A12345", 0.9))
    read = dataclasses.replace(read, corners=corners)
    looked = result_of(NEAR)
    moved = tuple(v + d for v, d in zip(NEAR, (10, 20, 10, 20), strict=True))
    there = carried(read, looked, result_of(moved))
    assert there is not None
    np.testing.assert_allclose(there, corners + np.array([10, 20]), atol=1e-3)
    higher = carried(read, looked, result_of((NEAR[0], NEAR[1] - 60, *NEAR[2:])))
    assert higher is not None
    np.testing.assert_allclose(higher, corners, atol=1e-3)  # that the roof was found elsewhere moves no plate
    nearer = carried(read, looked, result_of((-150.0, 0.0, 650.0, 600.0)))
    assert nearer is not None
    np.testing.assert_allclose(nearer[1] - nearer[0], 2 * (corners[1] - corners[0]), atol=1e-3)
    assert carried(read, looked, result_of()) is None  # its vehicle is gone
    alone = carried(read, result_of(), result_of())
    assert alone is not None
    np.testing.assert_array_equal(alone, corners)
    for boxes in ((moved,), ()):  # long after the look, boxes have breathed
        for later_s, is_drawn in ((CARRIED_S, True), (CARRIED_S + 0.04, False)):
            now = result_of(*boxes)
            now = dataclasses.replace(now, frame=dataclasses.replace(now.frame, offset_s=later_s))
            assert (carried(read, result_of(*([NEAR] if boxes else [])), now) is not None) == is_drawn


def result_of(*boxes: tuple[float, ...]) -> FrameResult:
    n = len(boxes)
    found = Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.ones(n, np.float32), np.ones((n, 1), np.float32), ("car",)
    )
    frame = Frame("cam", 0, 0, 0.0, Planes("bgr", (np.zeros((480, 640, 3), np.uint8),)))
    return FrameResult(frame, found, np.arange(n, dtype=np.int64), [], np.zeros(0, np.int64), [], [])
