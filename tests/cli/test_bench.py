"""``vision bench`` as a user would call it."""

import json
from pathlib import Path

from tests.cli.test_run import vision
from tests.clip import demo_clip


def test_stages_with_report_and_page(tmp_path: Path) -> None:
    done = vision(
        "bench", "stages", "--clip", str(demo_clip()), "--seconds", "0.4",
        "--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("stages: ")
    assert len(done.stdout.splitlines()) == 1
    report = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert report["schema"] == "vision.bench/1"
    assert report["clips"][0]["size"] == "1280x720"
    assert report["host"]["provider"] == "CPUExecutionProvider"
    assert {m["name"] for m in report["host"]["models"]} >= {"plate_reader", "vehicle_detector"}
    assert set(report["result"]["stage_ms"]) >= {"decode", "detect vehicles", "detect plates", "track"}
    page = (tmp_path / "r.html").read_text("utf-8")
    assert page.count("<svg") == 1
    assert done.stdout.strip() in page


def test_kernels_name_every_level(tmp_path: Path) -> None:
    done = vision("bench", "kernels", "--seconds", "0.1", "--json", str(tmp_path / "k.json"))
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "k.json").read_text("utf-8"))["result"]["kernels"]
    assert len(rows) > 10
    assert all("scalar" in row["us"] for row in rows)


def test_errors_come_before_the_work(tmp_path: Path) -> None:
    done = vision("bench", "stages", "--json", str(tmp_path / "no" / "r.json"))
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.strip().endswith("cannot write: no such folder")
    done = vision("bench", "stages", "--clip", "missing.mp4")
    assert done.returncode == 3
    assert "missing.mp4: cannot open" in done.stderr
    assert vision("bench", "nothing").returncode == 2
