"""Where the picture changed."""

import numpy as np
import pytest

from vision.pipeline.cuts import CutDetector
from vision.pipeline.motion import CELLS, MotionGrid
from vision.types import U8, Frame, Planes

NONE = np.zeros((0, 4), np.float32)


def frame_of(luma: U8) -> Frame:
    h, w = luma.shape
    chroma = np.full(((h + 1) // 2, (w + 1) // 2), 128, np.uint8)
    return Frame("cam", 0, 0, 0.0, Planes("i420", (luma, chroma, chroma)))


def road(width: int = 640, height: int = 360, noise: float = 0.0, seed: int = 0) -> U8:
    """A gray road with some structure."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    picture = 100 + 20 * np.sin(x / 37) + 10 * np.cos(y / 23)
    return np.asarray(
        np.clip(picture + noise * np.random.default_rng(seed).normal(size=picture.shape), 0, 255), np.uint8
    )


def with_car(luma: U8, x: int, y: int, size: int = 24) -> U8:
    out = luma.copy()
    out[y : y + size, x : x + size] = 220
    return out


def settled(luma: U8, boxes: np.ndarray = NONE) -> MotionGrid:
    grid = MotionGrid()
    grid.see(frame_of(luma))
    grid.settle(boxes)
    return grid


@pytest.mark.parametrize(("width", "height", "shape"), [(640, 360, (45, 80)), (360, 640, (80, 45)), (33, 7, (17, 80))])
def test_the_longer_side_has_the_cells(width: int, height: int, shape: tuple[int, int]) -> None:
    grid = MotionGrid()
    grid.see(frame_of(road(width, height)))
    assert grid.cells.shape == shape
    assert max(shape) == CELLS


def test_nothing_to_compare_with_counts_as_change() -> None:
    grid = MotionGrid()
    grid.see(frame_of(road()))
    assert grid.has_changed(NONE)


def test_noise_and_exposure_are_no_change_but_a_vehicle_is() -> None:
    grid = settled(road(noise=8, seed=1))
    grid.see(frame_of(road(noise=8, seed=2)))
    assert not grid.has_changed(NONE)
    grid.see(frame_of(road(noise=8, seed=3) + np.uint8(25)))  # the whole picture brighter
    assert not grid.has_changed(NONE)
    grid.see(frame_of(with_car(road(noise=8, seed=4), 300, 200)))
    assert grid.has_changed(NONE)


def test_change_inside_a_vehicle_is_explained() -> None:
    grid = settled(road())
    grid.see(frame_of(with_car(road(), 300, 200)))
    assert not grid.has_changed(np.array([[298, 198, 326, 226]], np.float32))
    assert grid.has_changed(np.array([[100, 198, 126, 226]], np.float32))


def test_a_single_cell_is_no_change() -> None:
    grid = settled(road())
    grid.see(frame_of(with_car(road(), 304, 200, 8)))  # exactly one cell of 8 x 8 px
    assert not grid.has_changed(NONE)


def test_what_keeps_changing_without_a_vehicle_is_learned() -> None:
    grid = settled(road())
    asked = []
    for i in range(40):
        grid.see(frame_of(road() if i % 2 else with_car(road(), 300, 200)))  # a flag
        asked.append(grid.has_changed(NONE))
        grid.settle(NONE)
    assert all(asked[:2])
    assert not any(asked[-10:])
    grid.see(frame_of(with_car(road(), 100, 100)))  # elsewhere it is as watchful as before
    assert grid.has_changed(NONE)


def test_a_vehicle_teaches_its_cells_nothing() -> None:
    box = np.array([[300, 200, 324, 224]], np.float32)
    grid = settled(road())
    for i in range(40):
        grid.see(frame_of(with_car(road(), 300, 200) if i % 2 else road()))
        grid.settle(box)
    grid.see(frame_of(road()))
    assert grid.has_changed(NONE)


def test_another_size_or_scene_forgets() -> None:
    grid = settled(road())
    grid.see(frame_of(road(320, 240)))
    assert grid.has_changed(NONE)
    grid = settled(road())
    grid.forget()
    grid.see(frame_of(road()))
    assert grid.has_changed(NONE)


def test_cut_is_another_picture_not_a_brighter_one() -> None:
    cuts, grid = CutDetector(0.3), MotionGrid()
    other = (255 - road()[:, ::-1] * 0.9).astype(np.uint8)
    found = []
    brighter = road() + np.uint8(40)
    for luma in (road(), with_car(road(), 300, 200, 90), road(), brighter, other, other, road(320, 240)):
        grid.see(frame_of(luma))
        found.append(cuts.is_cut(grid.cells))
    assert found == [False, False, False, False, True, False, False]
