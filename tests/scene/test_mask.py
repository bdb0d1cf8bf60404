"""Masks: what may be seen, and what a network is shown."""

from pathlib import Path

import numpy as np
import pytest

from tests.clip import demo_clip
from vision.pipeline.config import Config
from vision.pipeline.motion import MotionGrid
from vision.pipeline.runner import Pipeline
from vision.scene.layout import SceneConfig
from vision.scene.mask import Mask
from vision.scene.scene import Scene
from vision.types import Frame, Planes, Sighting
from vision.video.file import FileSource

LEFT = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
STAMP = [[0.0, 0.0], [1.0, 0.0], [1.0, 0.25], [0.0, 0.25]]


def scene_of(**parts: object) -> Scene:
    scene = Scene(SceneConfig.model_validate(parts))
    scene.fit(200, 100)
    return scene


def test_the_ground_point_decides() -> None:
    scene = scene_of(include=[LEFT], exclude=[STAMP])
    boxes = np.array([[10, 0, 30, 60], [90, 40, 130, 60], [10, 0, 30, 20], [60, 40, 130, 100]], np.float32)
    assert scene.are_visible(boxes).tolist() == [True, False, False, True]


def test_without_polygons_there_is_no_mask() -> None:
    scene = scene_of()
    assert scene.mask is None
    assert scene.hidden_cells(10, 20) is None
    assert scene.are_visible(np.zeros((3, 4), np.float32)).all()


def test_an_include_polygon_up_to_the_edge_holds_boxes_that_touch_the_edge() -> None:
    scene = scene_of(include=[[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]])
    assert scene.are_visible(np.array([[0, 50, 30, 100], [170, 50, 200, 100]], np.float32)).all()


@pytest.mark.parametrize("roi", [(0, 0, 200, 100), (50, 20, 150, 80)])
def test_what_does_not_count_is_blanked_and_nothing_else(roi: tuple[int, int, int, int]) -> None:
    mask = scene_of(include=[LEFT], exclude=[STAMP]).mask
    assert mask is not None
    scale = 1.5
    height, width = round((roi[3] - roi[1]) * scale), round((roi[2] - roi[0]) * scale)
    for _ in range(2):  # also as remembered
        out = np.ones((3, height, width), np.float32)
        mask.blank(out, roi, (scale, scale), 0.25)
        x, y = np.meshgrid((np.arange(width) + 0.5) / scale + roi[0], (np.arange(height) + 0.5) / scale + roi[1])
        seen = mask.is_visible(np.column_stack((x.ravel(), y.ravel()))).reshape(height, width)
        is_border = (np.abs(x - 100) < 1.5) | (np.abs(y - 25) < 1.5)  # a pixel of rounding
        assert (out[:, seen & ~is_border] == 1).all()
        assert (out[:, ~seen & ~is_border] == 0.25).all()


def test_motion_in_a_hidden_part_is_no_motion() -> None:
    def frame(k: int, y: int) -> Frame:
        image = np.full((90, 160, 3), 100, np.uint8)
        image[y : y + 20, 40:90] = 250 if k else 100
        return Frame("a", k, k * 10**8, k / 10, Planes("bgr", (image,)))

    mask = Mask([], [np.array([[0.0, 0], [160, 0], [160, 30], [0, 30]])], 160, 90)
    for y, moves in ((2, False), (60, True)):
        grid = MotionGrid()
        grid.see(frame(0, y))
        grid.hidden = ~mask.cells(*grid.cells.shape)
        grid.settle(np.zeros((0, 4), np.float32))
        grid.see(frame(1, y))
        assert grid.has_changed(np.zeros((0, 4), np.float32)) == moves


def sightings_of(clip: Path, **scene: object) -> tuple[list[Sighting], int]:
    pipeline = Pipeline(Config.model_validate({"scene": scene}))
    with FileSource(clip) as source:
        stream = pipeline.open("street")
        found = [s for r in pipeline.frames(source, stream) for s in r.sightings] + stream.close()
    return found, stream.counts.plate_detections


def test_a_hidden_street_gives_no_event_and_a_hidden_sky_changes_none() -> None:
    whole, _ = sightings_of(demo_clip())
    assert any(s.plate for s in whole)
    nothing, _ = sightings_of(demo_clip(), exclude=[[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]])
    assert nothing == []
    same, _ = sightings_of(demo_clip(), exclude=[[[0.0, 0.0], [1.0, 0.0], [1.0, 0.1], [0.0, 0.1]]])
    assert [s.plate.text for s in same if s.plate] == [s.plate.text for s in whole if s.plate]
