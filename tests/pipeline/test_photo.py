"""Photos: a plate found by several searches counts once, with the surest of its reads."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.clip import demo_clip
from vision.detect.heads import Blank, Roi
from vision.detect.plates import PlateDetector, distinct, same_plate
from vision.pipeline.config import Config
from vision.pipeline.photo import CLOSE_UP_SIDE, MARGIN_SIDE, SURE, heard, read_photo, together
from vision.pipeline.stages import load_stages
from vision.plates.grammar import TextDecoder, load_grammar
from vision.types import Frame, PlateDetections, PlateRead
from vision.video.file import FileSource
from vision.video.images import frame_of


def plate(x: float, y: float, w: float = 100, h: float = 30) -> np.ndarray:
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float32)


def test_plates_are_grouped_by_what_they_overlap() -> None:
    corners = np.stack([plate(0, 0), plate(200, 0), plate(10, 5), plate(210, -5, 80, 40), plate(400, 0)])
    found = PlateDetections(corners, np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32))
    assert same_plate(found) == [[0, 2], [1, 3], [4]]
    assert distinct(found).scores.tolist() == found.scores[[0, 1, 4]].tolist()
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


CHARSET = "_京豫蒙A12345"
DECODER = TextDecoder(CHARSET, ("blue",), load_grammar())


def look(first: dict[str, float], detection_score: float = 0.8) -> PlateRead:
    """A look at ?A12345 whose first character has these probabilities."""
    probs = np.full((8, len(CHARSET)), 1e-6, np.float32)
    for slot, char in enumerate("A12345_", 1):
        probs[slot, CHARSET.index(char)] = 1 - 1e-5
    probs[0, 0] = 1 - sum(first.values())
    for char, p in first.items():
        probs[0, CHARSET.index(char)] = p
    log_probs, color, rows = np.log(probs), np.array([1], np.float32), np.array([1, 0], np.float32)
    corners = np.array([[0, 0], [100, 0], [100, 30], [0, 30]], np.float32)
    return PlateRead(corners, detection_score, log_probs, color, rows, 100, 0.5, DECODER.decode(log_probs, color, rows))


def test_looks_about_as_sure_are_heard_together() -> None:
    """Corners that are a little off each time: no single look is the truth, and what they agree on is."""
    looks = [look({"蒙": 0.75, "豫": 0.2}), look({"豫": 0.7, "京": 0.2}), look({"豫": 0.6, "蒙": 0.3})]
    together = heard(looks, DECODER)
    assert together.plate.text == "豫A12345"
    assert 0.4 < together.plate.chars[0].score < 0.6
    np.testing.assert_allclose(np.exp(together.log_probs).sum(1), 1, atol=1e-3)


def test_a_look_that_saw_less_is_not_heard() -> None:
    sure, cut = look({"京": 0.95}), look({"豫": 0.4, "蒙": 0.35})
    assert heard([cut, sure], DECODER) is sure
    assert heard([cut], DECODER) is cut
    doubted = heard([sure, look({"豫": 0.95}, detection_score=0.1)], DECODER)
    assert doubted.plate.text[0] == "京"  # a doubtful detection weighs less
    assert doubted.plate.chars[0].score < 0.95
