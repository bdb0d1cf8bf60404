"""Training windows of the plate refiner: a label lies where the plate is, however wrong it was found."""

import cv2
import numpy as np
import pytest
from examples import Example
from sampler import Sampler, wrong
from windows import INPUT_H, INPUT_W, SPREAD

from vision.detect.plates import are_plates
from vision.detect.refiner import UNIT, Window

QUAD = np.float32([[80, 70], [180, 60], [184, 95], [84, 105]])


def example(quad: np.ndarray | None, source: str = "test") -> Example:
    """A white plate in a dark picture, or nothing that was found there."""
    image = np.full((170, 260, 3), 20, np.uint8)
    if quad is not None:
        cv2.fillConvexPoly(image, np.round(quad).astype(np.int32), (250, 250, 250), cv2.LINE_AA)
    return Example(image, quad, True, QUAD[None] + 2, source)


def sampler(lays=()) -> Sampler:
    return Sampler([example(QUAD)], [example(None)], np.ones(1), lays, seed=4)


def test_labels_follow_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sampler.photometric", lambda image, r, low_light: None)
    monkeypatch.setattr("sampler.recolor", lambda image, quad, rng: None)
    drawn = sampler()
    n_plates = 0
    for _ in range(200):
        made = drawn.sample()
        assert made.is_exact == made.is_plate
        if not made.is_plate:
            continue
        n_plates += 1
        image, units = made.image, Window(*made.frame[:, None]).units(made.quad[None])[0]
        corners = ((units - SPREAD[0]) / (SPREAD[2] - SPREAD[0]) * (INPUT_W, INPUT_H)).astype(np.float32)
        mask = np.zeros((INPUT_H, INPUT_W), np.uint8)
        cv2.fillConvexPoly(mask, np.round(corners - 0.5).astype(np.int32), 1)
        inner, outer = cv2.erode(mask, np.ones((7, 7))), cv2.dilate(mask, np.ones((7, 7)))
        assert (image[inner > 0] > 135).mean() > 0.98
        if (outer == 0).any():
            assert (image[outer == 0] > 135).mean() < 0.02
    assert 90 < n_plates < 170


def test_what_is_drawn_over_a_plate_moves_the_label() -> None:
    asked = []

    def lay(image: np.ndarray, quad: np.ndarray) -> np.ndarray:
        asked.append(quad)
        return quad + np.float32([[0, -8], [0, -8], [0, 8], [0, 8]])  # as a plate of two rows

    for _ in range(40):
        image, _, quad, is_exact = sampler([(1.0, lay)]).plate()
        if asked:
            break
    assert is_exact
    np.testing.assert_allclose(np.ptp(quad, 0)[1], np.ptp(QUAD, 0)[1] + 16)
    assert image is not example(QUAD).image


def test_wrong_corners_are_a_plate_about_there() -> None:
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(300):
        quad = wrong(QUAD, rng)
        assert are_plates(quad[None]).all()
        errors.append(float(np.linalg.norm(quad - QUAD, axis=1).mean() / 100))
    assert 0.02 < np.median(errors) < 0.1
    assert max(errors) < 0.6
    assert np.abs(UNIT).max() == 0.5
