"""Which vehicle a plate belongs to."""

import numpy as np

from vision.pipeline.stream import owner_of

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
