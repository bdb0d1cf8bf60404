"""The second look: windows of any quadrangle, corners that come nearer to the truth, and what is no plate."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.demo.plates import draw_plate
from vision.detect.plates import PlateDetector, are_plates
from vision.detect.refiner import UNIT, PlateRefiner, Window
from vision.errors import ModelMismatchError
from vision.infer.session import Session
from vision.infer.store import choose
from vision.types import F32, U8, Frame
from vision.video.images import frame_of


def picture(seed: int) -> U8:
    """Something with edges and shades, 480 x 640, but no plate."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (12, 16, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.add(image, rng.integers(0, 16, image.shape, np.uint8)), np.uint8)


def with_plate(image: U8, quad: F32, text: str, kind: str) -> Frame:
    """The picture with a plate at these corners."""
    art = draw_plate(text, kind)
    h, w = art.shape[:2]
    turn = cv2.getPerspectiveTransform(np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32), quad)
    inside = cv2.warpPerspective(np.full((h, w), 255, np.uint8), turn, (640, 480), flags=cv2.INTER_AREA)
    drawn = cv2.GaussianBlur(cv2.warpPerspective(art, turn, (640, 480), flags=cv2.INTER_AREA), (0, 0), 0.7)
    return frame_of(np.where(inside[..., None] > 127, drawn, image).astype(np.uint8))


def turned(center: tuple[float, float], width: float, height: float, degrees: float, lean: float) -> F32:
    """Corners of a plate turned and sheared."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.asarray(
        (UNIT * (width, height)) @ np.array([[1, 0], [lean, 1]]) @ np.array([[c, s], [-s, c]]) + center, np.float32
    )


@pytest.fixture(scope="module")
def refiner() -> PlateRefiner:
    return PlateRefiner(Session(choose("plate_refiner")))


@given(
    st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=4, max_size=4),
    st.floats(20, 300),
    st.floats(-60, 60),
)
def test_a_point_comes_back_from_its_window(astray: list[tuple[float, float]], width: float, degrees: float) -> None:
    quad = turned((320, 240), width, width / 3, degrees, 0.2) + np.array(astray, np.float32) * np.float32(width / 100)
    window = Window.around(quad[None])
    units = window.units(quad[None])
    np.testing.assert_allclose(window.at(units)[0], quad, atol=1e-2)
    np.testing.assert_allclose(units.mean(1), 0, atol=1e-4)


def test_a_parallelogram_is_its_own_window() -> None:
    quad = turned((100, 80), 90, 30, 25, 0.4)
    np.testing.assert_allclose(Window.around(quad[None]).at(UNIT)[0], quad, atol=1e-4)


@pytest.mark.parametrize(("text", "kind"), [("京A12345", "blue"), ("粤FD12345", "green"), ("沪B23456", "yellow")])
@pytest.mark.parametrize(("degrees", "lean"), [(0, 0), (12, 0.15), (-15, -0.25)])
def test_corners_come_nearer(refiner: PlateRefiner, text: str, kind: str, degrees: float, lean: float) -> None:
    rng = np.random.default_rng(3)
    quad = turned((320, 240), 120, 38, degrees, lean)
    frame = with_plate(picture(5), quad, text, kind)
    wrong = np.stack([turned((320 + rng.normal(0, 4), 240 + rng.normal(0, 3)), 120, 38, 0.4 * degrees, 0)] * 2)
    found, scores = refiner.look(frame, wrong)
    before, after = (np.linalg.norm(q - quad, axis=-1).mean() / 120 for q in (wrong[0], found[0]))
    assert after < max(0.03, 0.5 * before)
    assert after < 0.05
    assert scores.min() > 0.5
    np.testing.assert_allclose(found[0], found[1], atol=0.1)


def test_what_is_no_plate_loses_its_score(refiner: PlateRefiner) -> None:
    places = [turned((150 + 40 * i, 120 + 25 * i), 90, 30, 5 * i, 0) for i in range(8)]
    _, scores = refiner.look(frame_of(picture(7)), np.stack(places))
    assert np.median(scores) < 0.1


def test_a_detector_with_it_finds_the_same_plate_better(refiner: PlateRefiner) -> None:
    session = Session(choose("plate_detector"))
    quad = turned((300, 200), 110, 36, 14, 0.2)
    frame = with_plate(picture(2), quad, "京A12345", "blue")
    alone, both = (PlateDetector(session, r).find(frame, [(None, 640)]) for r in (None, refiner))
    assert len(both) == 1
    assert are_plates(both.corners).all()
    error = [np.linalg.norm(found.corners[0] - quad, axis=1).mean() / 110 for found in (alone, both)]
    assert error[1] < 0.03


def test_another_model_is_refused() -> None:
    with pytest.raises(ModelMismatchError, match="expected task plate_refiner, got plate_reader"):
        PlateRefiner(Session(choose("plate_reader")))
