"""A site file: what is inherited, what is refused, and how it is said."""

from pathlib import Path

import pytest

from vision.errors import ConfigError
from vision.site.settings import load_site, parse_site

TWO = """
workers = 3
[models]
precision = "float32"
[defaults]
timeout_s = 3
[defaults.detect]
vehicle_side = 416
plate_side = 512
[[camera]]
id = "gate"
url = "rtsp://a/1"
[[camera]]
id = "yard"
url = "rtsp://a/2"
priority = 2
timeout_s = 9
[camera.detect]
vehicle_side = 640
"""


def test_cameras_inherit_table_by_table(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(TWO, encoding="utf-8")
    site = load_site(path)
    gate, yard = site.cameras
    assert (site.workers, site.models.precision, site.models.threads) == (3, "float32", 1)
    assert (gate.timeout_s, gate.detect.vehicle_side, gate.detect.plate_side, gate.priority) == (3, 416, 512, 0)
    assert (yard.timeout_s, yard.detect.vehicle_side, yard.detect.plate_side, yard.priority) == (9, 640, 512, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "camera: expected one [[camera]] table or more, got []"),
        ("camera = 3", "camera: expected one [[camera]] table or more, got 3"),
        ("[[camera]]\nid='a'", "camera 'a': url: expected a value, got none"),
        ("[[camera]]\nurl='x'", "camera 1: id: expected a value, got none"),
        ("[[camera]]\nid='a b'\nurl='x'", "camera 'a b': id: expected to match pattern"),
        ("[[camera]]\nid='a'\nurl='x'\n[[camera]]\nid='a'\nurl='y'", "camera 'a': id: expected one that no other"),
        ("[[camera]]\nid='a'\nurl='x'\nfsp=3", "camera 'a': fsp: unknown key, expected one of"),
        (
            "[[camera]]\nid='a'\nurl='x'\n[camera.detect]\nside=3",
            "camera 'a': detect.side: unknown key, expected one of",
        ),
        ("[defaults.pace]\nmode='x'\n[[camera]]\nid='a'\nurl='x'", "camera 'a': pace.mode: expected 'adaptive' or"),
        (
            "[[camera]]\nid='a'\nurl='rtsp://u:pw@x'\nquiet_s=2\n[camera.decode]\nrest=true",
            "camera 'a': quiet_s: expected at least 4 with decode.rest, got 2",
        ),
        ("wokers=3\n[[camera]]\nid='a'\nurl='x'", "wokers: unknown key, expected one of workers, models"),
        (
            "[[watchlist]]\nname='a b'\nfile='x.csv'\n[[camera]]\nid='a'\nurl='x'",
            "watchlist.0.name: expected to match pattern",
        ),
        (
            "[[watchlist]]\nname='a'\nfile='x.csv'\nscore=1\n[[camera]]\nid='a'\nurl='x'",
            "watchlist.0.score: unknown key, expected one of name, file, min_probability, notify, key_variable",
        ),
        ("defaults=3\n[[camera]]\nid='a'\nurl='x'", "defaults: expected a table, got 3"),
        ("[[camera]]\nid='a'\nurl='rtsp://u:${NO_SUCH_VARIABLE}@h/1'", "NO_SUCH_VARIABLE to be set, it is not"),
        ("x = ", "expected TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "site.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_passwords_come_from_the_environment_and_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_PASSWORD", "s3cret")
    site = parse_site({"camera": [{"id": "a", "url": "rtsp://u:${GATE_PASSWORD}@h/1"}]})
    assert site.cameras[0].url == "rtsp://u:s3cret@h/1"
    assert "s3cret" not in repr(site)
