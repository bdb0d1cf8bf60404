"""Photos: a plate found by several searches counts once, with the surest of its reads."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.clip import demo_clip
from vision.detect.heads import Blank, Roi
from vision.detect.plates import PlateDetector, distinct, same_plate
from vision.pipeline.config import Config
from vision.pipeline.photo import CLOSE_UP_SIDE, MARGIN_SIDE, SURE, read_photo, together
from vision.pipeline.stages import load_stages
from vision.types import Frame, PlateDetections
from vision.video.file import FileSource
from vision.video.images import frame_of


def plate(x: float, y: float, w: float = 100, h: float = 30) -> np.ndarray:
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float32)


def test_plates_are_grouped_by_what_they_overlap() -> None:
    corners = np.stack([plate(0, 0), plate(200, 0), plate(10, 5), plate(210, -5, 80, 40), plate(400, 0)])
    found = PlateDetections(corners, np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32))
    assert same_plate(found) == [[0, 2], [1, 3], [4]]
    assert distinct(found) == [0, 1, 4]
    assert same_plate(together([PlateDetections(corners[:0], np.zeros(0, np.float32))])) == []


def test_parts_are_put_together_in_order() -> None:
    a = PlateDetections(plate(0, 0)[None], np.array([0.3], np.float32))
    b = PlateDetections(plate(9, 9)[None], np.array([0.6], np.float32))
    both = together([a, b])
    assert both.scores.tolist() == [np.float32(0.3), np.float32(0.6)]
    assert both.corners[1, 0].tolist() == [9, 9]


def test_a_sure_plate_spares_the_searches_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = load_stages(Config())
    with FileSource(demo_clip(), start_s=2.88) as source:
        frame = next(iter(source))
    find, sides = PlateDetector.find, list[int]()

    def counted(
        self: PlateDetector, where: Frame, searches: Sequence[tuple[Roi | None, int]], blank: Blank | None = None
    ) -> PlateDetections:
        sides.extend(side for _, side in searches)
        return find(self, where, searches, blank)

    monkeypatch.setattr(PlateDetector, "find", counted)
    assert max(r.plate.score for r in read_photo(stages, Config(), frame).plates) >= SURE
    assert sides[0] == 640
    assert MARGIN_SIDE not in sides
    sides.clear()
    read_photo(stages, Config(), frame_of(np.full((480, 640, 3), 90, np.uint8)))  # nothing there: all are tried
    assert sides == [640, CLOSE_UP_SIDE, MARGIN_SIDE]


def test_every_plate_of_a_photo_comes_once() -> None:
    stages = load_stages(Config())
    with FileSource(demo_clip(), start_s=1.2) as source:
        frame = next(iter(source))
    photo = read_photo(stages, Config(), frame)
    texts = [r.plate.text for r in photo.plates]
    assert "京A12345" in texts
    assert len(texts) == len(set(texts))


def test_what_is_masked_is_in_no_photo() -> None:
    stages = load_stages(Config())
    with FileSource(demo_clip(), start_s=1.2) as source:
        frame = next(iter(source))
    plain = read_photo(stages, Config(), frame)
    (read,) = (r for r in plain.plates if r.plate.text == "京A12345")
    (x1, y1), (x2, y2) = read.corners.min(0) - 5, read.corners.max(0) + 5
    hidden = [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]
    scene = {"size": [frame.width, frame.height], "exclude": [np.array(hidden).tolist()]}
    config = Config.model_validate({"scene": scene})
    assert "京A12345" not in [r.plate.text for r in read_photo(stages, config, frame).plates]
    whole = [[0, 0], [1, 0], [1, 1], [0, 1]]
    dark = read_photo(stages, Config.model_validate({"scene": {"exclude": [whole]}}), frame)
    assert not dark.plates
    assert not dark.vehicles
