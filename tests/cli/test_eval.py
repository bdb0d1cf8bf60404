"""``vision eval`` on rendered plates, as a user would call it."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.cli.test_run import vision
from vision.demo.plates import draw_plate

TEXTS = {"京A12345": ("blue", "blue"), "苏H2345警": ("police", "white"), "粤B12345": ("blue", "blue")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three plates as crops, one of them in a picture too, one line whose picture is missing."""
    out = tmp_path_factory.mktemp("labelled")
    rows: list[dict[str, Any]] = []
    for name in ("crops", "photos"):
        (out / name).mkdir()
    for i, (text, (kind, color)) in enumerate(TEXTS.items()):
        plate = cv2.resize(draw_plate(text, kind), (176, 56), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(out / f"crops/{i}.png"), plate)
        rows.append({"file": f"crops/{i}.png", "source": "drawn", "split": "dev", "text": text, "color": color})
    street = np.full((360, 640, 3), 90, np.uint8)
    street[200:256, 200:376] = plate
    cv2.imwrite(str(out / "photos/0.png"), street)
    corners = [[200, 200], [376, 200], [376, 256], [200, 256]]
    rows.append({"file": "photos/0.png", "source": "street", "split": "dev", "text": text, "color": color,
                 "corners": corners})  # fmt: skip
    rows.append({**rows[-1], "file": "photos/missing.png"})
    (out / "index.jsonl").write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8")
    return out


def test_tables_json_and_plots(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores"
    done = vision("eval", folder, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "| drawn | 3 | 100.0 % |" in done.stdout
    assert "missing.png" in done.stderr
    assert done.stderr.strip().splitlines()[-1] == "pictures 4  skipped 1"
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["schema"] == "vision.eval/1"
    assert summary["crops"]["by"]["kind"][-1]["exact"] == 1.0
    assert summary["photos"]["by"]["source"] == [
        {"source": "street", "plates": 1, "exact": 1.0, "without first character": 1.0, "with ?": 0.0, "wrong": 0.0,
         "rejected": 0.0, "not found": 0.0}
    ]  # fmt: skip
    assert summary["plates"]["street"]["recall"] == 1.0
    assert summary["plates"]["street"]["corner_error_percent"]["mean"] < 6
    assert len(summary["models"]) == 5
    for name in ("crops_reliability", "crops_groups", "photos_groups", "plates_recall"):
        assert cv2.imread(str(out / f"{name}.png")) is not None


@pytest.mark.parametrize(
    ("corners", "outcome"), [(None, "not found"), ([[0, 0], [176, 0], [176, 56], [0, 56]], "rejected")]
)
def test_a_crop_without_corners_is_searched_for_its_plate(tmp_path: Path, corners: Any, outcome: str) -> None:
    (tmp_path / "crops").mkdir()
    cv2.imwrite(str(tmp_path / "crops/0.png"), np.full((56, 176, 3), 90, np.uint8))
    row = {"file": "crops/0.png", "source": "empty", "split": "dev", "text": "京A12345", "corners": corners}
    (tmp_path / "index.jsonl").write_text(json.dumps(row), encoding="utf-8")
    done = vision("eval", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["crops"]["by"]["source"][0][outcome] == 1.0


def test_json_on_stdout(folder: Path) -> None:
    done = vision("eval", folder, "--source", "drawn", "--limit", "1", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["pictures"] == 1
    assert "photos" not in summary


def test_bad_calls_are_one_line(folder: Path, tmp_path: Path) -> None:
    for args, code in (((tmp_path,), 2), ((folder, "--source", "nobody"), 2), ((folder, "--out", folder), 5)):
        done = vision("eval", *args)
        assert done.returncode == code, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert done.stdout == ""
