"""``vision eval tracks`` as a user would call it."""

import json
from pathlib import Path

import pytest

from tests.cli.test_run import vision
from tests.evaluate.test_tracking import INFO, put, rows

pytest.importorskip("trackeval")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One parked car, and results that change its id half way."""
    put(tmp_path / "set/a/seqinfo.ini", INFO)
    put(tmp_path / "set/a/gt/gt.txt", rows([7] * 10, tail="1,1,1"))
    put(tmp_path / "set/a/det/det.txt", rows([-1] * 10, tail="0.9,-1,-1,-1"))
    put(tmp_path / "results/a.txt", rows([1] * 5 + [2] * 5))
    return tmp_path


def test_results_on_the_terminal_and_in_a_folder(folder: Path) -> None:
    out = folder / "scores"
    done = vision("eval", "tracks", folder / "set", "--results", folder / "results", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "| all | 70.71 | 100.00 | 50.00 | 90.00 | 50.00 | 1 |" in done.stdout
    assert done.stderr.strip().splitlines()[-1] == "sequences 1  frames 10"
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["form"] == "mot"
    assert summary["all"]["idsw"] == 1
    assert (out / "tables.md").read_text(encoding="utf-8") == done.stdout


def test_the_own_tracker_as_json(folder: Path) -> None:
    done = vision("eval", "tracks", folder / "set", "--detections", "det", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["tracks"] == "vision.Tracker"
    assert summary["all"]["hota"] == pytest.approx(100)


def test_settings_reach_the_tracker(folder: Path) -> None:
    (folder / "high.toml").write_text("[track]\nhigh_score = 0.95\nbirth_score = 0.95\n", encoding="utf-8")
    done = vision("eval", "tracks", folder / "set", "--config", folder / "high.toml", "--json")
    assert json.loads(done.stdout)["all"]["n_tracks"] == 0


def test_bad_calls_are_one_line(folder: Path) -> None:
    for args, code in (
        ((folder,), 2),
        ((folder / "set", "--detections", "other"), 2),
        ((folder / "set", "--results", folder / "results", "--detections", "det"), 2),
        ((folder / "set", "--results", folder), 2),
        ((folder / "set", "--out", folder), 5),
    ):
        done = vision("eval", "tracks", *args)
        assert done.returncode == code, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert done.stdout == ""
