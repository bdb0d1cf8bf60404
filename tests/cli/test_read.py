import json
from pathlib import Path

import cv2
import numpy as np

from tests.cli.test_run import one_line, vision
from tests.clip import demo_clip
from vision import kernels
from vision.types import U8
from vision.video.file import FileSource


def still(index: int = 20) -> U8:
    """A picture of the demo clip in which 京A12345 is near."""
    with FileSource(demo_clip()) as source:
        return next(kernels.to_bgr(f.planes) for f in source if f.index == index)


def test_read_prints_one_json_line_per_photo(tmp_path: Path) -> None:
    good, odd, blank = tmp_path / "a.png", tmp_path / "照片 1.jpg", tmp_path / "blank.bmp"
    image = still()
    assert cv2.imwrite(str(good), image)
    odd.write_bytes(cv2.imencode(".jpg", image[:, :1001])[1].tobytes())
    assert cv2.imwrite(str(blank), np.full((40, 33, 3), 128, np.uint8))
    done = vision("read", good, odd, blank, "--json", "--annotate", tmp_path / "drawn")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [r["file"] for r in rows] == [str(good), str(odd), str(blank)]
    for row in rows[:2]:
        plate = next(p for p in row["plates"] if p["text"] == "京A12345")
        assert set(plate) >= {"text", "score", "chars", "color", "kind", "corners", "box"}
        assert "".join(c for c, _ in plate["chars"]) == plate["text"]
        assert all(0 <= p <= 1 for _, p in plate["chars"])
        assert plate["color"] == "blue"
        assert set(row["vehicles"][0]) >= {"box", "type", "color", "score"}
        assert row["ms"]["total"] > 0
    assert rows[2]["plates"] == []
    assert sorted(p.name for p in (tmp_path / "drawn").iterdir()) == ["a.jpg", "blank.jpg", "照片 1.jpg"]


def test_read_names_bad_photos_and_goes_on(tmp_path: Path) -> None:
    good, text = tmp_path / "a.png", tmp_path / "b.jpg"
    assert cv2.imwrite(str(good), still())
    text.write_text("no picture")
    done = vision("read", tmp_path / "missing.jpg", text, good)
    assert done.returncode == 3
    assert "京A12345" in done.stdout
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 2
    assert "missing.jpg" in errors[0]
    assert "b.jpg" in errors[1]


def test_doctor_and_models(tmp_path: Path) -> None:
    done = vision("doctor", "--json", cwd=tmp_path)
    checks = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    assert {c["name"] for c in checks} >= {"onnxruntime", "native kernels", "plate_reader", "Chinese font"}
    done = vision("models", "--json", cwd=tmp_path)
    rows = json.loads(done.stdout)
    assert done.returncode == 0
    tasks = {"vehicle_detector", "plate_detector", "plate_refiner", "plate_reader", "vehicle_attributes"}
    assert {r["task"] for r in rows} == tasks
    assert all(r["state"] == "ok" and r["licence"] == "Apache-2.0" for r in rows)


def test_help_names_all_commands() -> None:
    done = vision("--help")
    assert done.returncode == 0
    for command in ("run", "read", "demo", "doctor", "models"):
        assert command in done.stdout
    assert "platevision" in vision("--version").stdout
    assert one_line(vision("read", "nothing.jpg", "--config", "nowhere.toml")).startswith("error: nowhere.toml")
