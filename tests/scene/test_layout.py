"""Settings of a scene: every wrong key is named."""

from typing import Any

import pytest

from vision.errors import ConfigError
from vision.pipeline.config import parse_config

TRIANGLE = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]
NAN = float("nan")
LINE = [[0.1, 0.5], [0.9, 0.5]]
ROAD = [[0.2, 0.2], [0.8, 0.2], [0.9, 0.9], [0.1, 0.9]]
METERS = [[0, 40], [7, 40], [7, 0], [0, 0]]


def message(scene: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config({"scene": scene}, "camera.toml")
    return str(caught.value)


def test_a_whole_scene_in_pixels() -> None:
    scene = parse_config(
        {
            "scene": {
                "size": [1000, 1000],
                "include": [[[0, 0], [1000, 0], [1000, 1000], [0, 1000]]],
                "lanes": [{"name": "1", "points": [[0, 0], [9, 0], [9, 9]], "direction": [[0, 0], [9, 9]]}],
                "lines": [{"name": "gate", "points": [[0, 500], [1000, 500]], "forward": "in", "backward": "out"}],
                "zones": [{"name": "stop", "points": [[0, 0], [9, 0], [9, 9]], "limit_s": 60}],
                "calibration": {"points": [[200, 200], [800, 200], [900, 900], [100, 900]], "meters": METERS},
            }
        }
    ).scene
    assert scene.lines[0].forward == "in"
    assert scene.calibration is not None
    assert scene.calibration.polygon == ((200, 200), (800, 200), (900, 900), (100, 900))


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        ({"include": [TRIANGLE[:2]]}, "scene.include.0: expected at least 3 points, got 2"),
        ({"exclude": [[*ROAD[:2], ROAD[3], ROAD[2]]]}, "scene.exclude.0: expected edges that do not cross"),
        ({"lines": [{"name": "a", "points": [[0, 0], [0, 0]]}]}, "scene.lines.0.points: expected two different"),
        ({"lines": [{"name": "", "points": LINE}]}, "scene.lines.0.name: expected to have at least 1 character"),
        ({"lines": [{"name": "a", "points": LINE, "forward": "x", "backward": "x"}]}, "scene.lines.0: backward:"),
        ({"lines": [{"name": "a", "points": LINE}] * 2}, "scene: lines: expected different names, got 'a' twice"),
        (
            {"lines": [{"name": "a", "points": [[0, 0], [2, 0.5]]}], "include": [[[0, 0], [1, 0], [1, 3]]]},
            "include.0: expected points within size, 0..1 x 0..1, got (1.0, 3.0); lines.0.points: expected points",
        ),
        (
            {"lanes": [{"nam": "1", "points": TRIANGLE}]},
            "scene.lanes.0.nam: unknown key, expected one of name, points, direction",
        ),
        ({"lane": []}, "scene.lane: unknown key, expected one of size, include"),
        ({"zones": [{"name": "a", "points": TRIANGLE, "limit_s": 0}]}, "scene.zones.0.limit_s: expected greater"),
        ({"size": [0, 1]}, "scene.size.0: expected greater"),
        (
            {"lines": [{"name": "a", "points": [[0, 0], [float("nan"), 1]]}]},
            "scene.lines.0.points.1.0: expected a finite",
        ),
        ({"calibration": {"points": ROAD}}, "scene.calibration: expected points and meters, or a homography"),
        ({"calibration": {"points": ROAD, "meters": METERS[:3]}}, "got 4 points and 3 meters"),
        ({"calibration": {"points": ROAD, "meters": [[0, 0], [1, 1], [2, 2], [0, 3]]}}, "expected no three"),
        (
            {"calibration": {"homography": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}},
            "scene.calibration: area: expected the polygon in which the homography holds",
        ),
    ],
)
def test_a_wrong_scene_names_its_key(scene: dict[str, Any], expected: str) -> None:
    text = message(scene)
    assert text.startswith("camera.toml: ")
    assert expected in text


def test_every_wrong_key_is_named_at_once() -> None:
    text = message({"size": [-1, 1], "lane": [], "include": [TRIANGLE[:2]]})
    assert all(key in text for key in ("scene.size.0", "scene.lane:", "scene.include.0"))
