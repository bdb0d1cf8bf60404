"""Plane geometry: against OpenCV, and by hand where a picture makes it plain."""

import cv2
import numpy as np
import pytest

from vision.scene.geometry import apply, contains, homography, problem_of, side_of

SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))


@pytest.mark.parametrize("seed", range(20))
def test_points_in_polygons_as_opencv_says(seed: int) -> None:
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 12)))
    radius = random.uniform(20, 100, len(angles))
    polygon = np.round(np.column_stack((np.cos(angles), np.sin(angles))) * radius[:, None] + 120)
    points = random.uniform(0, 240, (300, 2))
    expected = [cv2.pointPolygonTest(polygon.astype(np.float32), (float(x), float(y)), False) > 0 for x, y in points]
    assert contains(polygon, points).tolist() == expected


def test_neighboring_polygons_share_no_point_and_miss_none() -> None:
    left = np.array([[0.0, 0], [5, 0], [5, 10], [0, 10]])
    right = np.array([[5.0, 0], [10, 0], [10, 10], [5, 10]])
    points = np.column_stack((np.arange(0, 10, 0.5), np.full(20, 5.0)))
    assert (contains(left, points) ^ contains(right, points)).all()


@pytest.mark.parametrize(
    ("points", "problem"),
    [
        (SQUARE, None),
        (SQUARE[::-1], None),
        (SQUARE[:2], "at least 3"),
        ((SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]), "do not cross"),
        ((*SQUARE, SQUARE[0]), "differ from their neighbors"),
        (((0.0, 0.0), (5.0, 5.0), (9.0, 9.0)), "in line"),
        (((0.0, 0.0), (10.0, 0.0), (5.0, 0.0), (5.0, 5.0)), "do not cross"),
    ],
)
def test_what_is_no_polygon(points: tuple[tuple[float, float], ...], problem: str | None) -> None:
    found = problem_of(points)
    assert (found is None) == (problem is None)
    assert problem is None or problem in str(found)


def test_right_of_a_line_that_runs_to_the_right_is_below() -> None:
    distance, along = side_of(np.array([0.0, 10]), np.array([20.0, 10]), np.array([[5.0, 13], [20, 6]]))
    assert distance.tolist() == [3, -4]
    assert along.tolist() == [0.25, 1]


def test_homography_is_opencvs_and_takes_more_points() -> None:
    picture = np.array([[100.0, 50], [300, 60], [500, 400], [20, 380]])
    road = np.array([[0.0, 0], [7, 0], [7, 30], [0, 30]])
    expected = cv2.getPerspectiveTransform(picture.astype(np.float32), road.astype(np.float32))
    found = homography(picture, road)
    np.testing.assert_allclose(apply(found, picture), road, atol=1e-9)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    more = np.vstack((picture, [[230.0, 200], [150, 300]]))
    np.testing.assert_allclose(homography(more, apply(found, more)), found, rtol=1e-6)


def test_three_points_in_line_make_no_homography() -> None:
    with pytest.raises(ValueError, match="in line"):
        homography(np.array([[0.0, 0], [1, 1], [2, 2], [0, 1]]), np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]))
