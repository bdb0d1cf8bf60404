"""`vision camera`: findings in words, a picture to place lines on."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.clip import demo_clip
from vision.cli import main
from vision.cli.advice import ADVICE, NAMES, OTHERWISE_FINE, heading
from vision.pipeline.check import LIMITS, CameraCheck, Finding, Limit, Verdict

CAMERA = """
[scene]
exclude = [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.2], [0.0, 0.2]]]
[[scene.lines]]
name = "gate"
points = [[0.1, 0.8], [0.9, 0.8]]
forward = "in"
backward = "out"
"""


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["camera", *words])
    return int(caught.value.code or 0)


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    path = tmp_path / "camera.toml"
    path.write_text(CAMERA, encoding="utf-8")
    return path


def test_check_says_that_the_rendered_camera_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "check.json"
    assert run("check", str(demo_clip()), "--json", str(report)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "clip: this camera can read plates"
    assert any(line.startswith("  [good] size: pixels per plate character") for line in lines)
    found = json.loads(report.read_text("utf-8"))
    assert found["schema"] == "vision.camera_check/1"
    assert found["passes"] == found["read"] + sum(found["unread"].values())
    sizes = [f["value"] for f in found["findings"] if f["name"] == "size"]
    assert 8 < sizes[0] < 40


def test_check_in_chinese_and_without_vehicles(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    hidden = tmp_path / "hidden.toml"
    hidden.write_text("[scene]\nexclude = [[[0, 0], [1, 0], [1, 1], [0, 1]]]\n", encoding="utf-8")
    assert run("check", str(demo_clip()), "--config", str(hidden), "--seconds", "1") == 0
    out = capsys.readouterr().out
    assert out.startswith("clip: 没有车辆经过")
    assert "无法判断" in out


def test_check_refuses_to_overwrite_and_names_a_missing_source(tmp_path: Path) -> None:
    report = tmp_path / "check.json"
    report.touch()
    assert run("check", str(demo_clip()), "--json", str(report)) == 2
    assert run("check", str(tmp_path / "none.mp4")) == 3


def test_show_draws_the_scene(tmp_path: Path, camera: Path) -> None:
    plain, drawn = tmp_path / "plain.png", tmp_path / "drawn.png"
    assert run("show", str(demo_clip()), str(plain)) == 0
    assert run("show", str(demo_clip()), str(drawn), "--config", str(camera), "--at", "0") == 0
    assert run("show", str(demo_clip()), str(drawn), "--config", str(camera)) == 0  # again, while placing lines
    a, b = np.asarray(cv2.imread(str(plain))), np.asarray(cv2.imread(str(drawn)))
    h, w = a.shape[:2]
    hidden = (int(0.05 * h), slice(int(0.05 * w), int(0.45 * w)))
    assert b[hidden].mean() < 0.6 * a[hidden].mean()
    red = np.array([40, 40, 240])
    assert (np.abs(b[round(0.8 * h), int(0.55 * w) : int(0.88 * w)] - red).sum(1) < 60).mean() > 0.9


@pytest.mark.parametrize(("name", "at", "code"), [("out.xyz", "0", 2), ("none/out.png", "0", 5), ("out.png", "900", 2)])
def test_show_names_what_is_wrong(tmp_path: Path, name: str, at: str, code: int) -> None:
    assert run("show", str(demo_clip()), str(tmp_path / name), "--at", at) == code


def test_limits_judge_in_either_direction() -> None:
    assert [Limit(10, 5, "").judge(v) for v in (12, 10, 7, 5, 4, None)] == [
        "good", "good", "marginal", "marginal", "bad", "unknown",
    ]  # fmt: skip
    assert [Limit(5, 10, "").judge(v) for v in (4, 5, 7, 11)] == ["good", "good", "marginal", "bad"]


def test_every_finding_has_words_and_advice() -> None:
    assert set(NAMES) == {*LIMITS, "size_guessed"}
    assert set(ADVICE) == set(NAMES) - {"read"}


@pytest.mark.parametrize(
    ("overall", "size", "is_unexplained"),
    [("bad", "good", True), ("bad", "marginal", True), ("bad", "bad", False), ("marginal", "good", True),
     ("marginal", "marginal", False), ("good", "marginal", False)],
)  # fmt: skip
def test_a_measure_as_bad_as_the_verdict_explains_it(overall: Verdict, size: Verdict, is_unexplained: bool) -> None:
    findings = (Finding("read", overall, 0.5, 0.8, 0.4, "", 4), Finding("size", size, 5.0, 7.8, 4.1, "", 4))
    found = CameraCheck("gate", overall, 1280, 720, 60.0, 10, 0, 10, 5, {}, findings)
    assert (OTHERWISE_FINE[0] in heading(found)) == is_unexplained
