"""Every example runs as a reader would run it, on a clip that the package renders."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import vision
from vision.demo.clip import render

FOLDER = Path(__file__).parent.parent / "examples"
SOURCE = Path(vision.__file__).parent.parent
N_FRAMES = 60  # the first car comes nearest at 1.3 s; its plate is this:
PLATE = "京A12345"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short rendered clip and one picture of it."""
    import av
    import cv2

    folder = tmp_path_factory.mktemp("media")
    render(folder / "street.mp4", max_frames=N_FRAMES)
    with av.open(str(folder / "street.mp4")) as clip:
        pictures = [frame.to_ndarray(format="bgr24") for frame in clip.decode(video=0)]
    assert len(pictures) == N_FRAMES
    assert cv2.imwrite(str(folder / "car.jpg"), pictures[26])
    return folder


def run(name: str, *arguments: str | Path) -> str:
    """What the example prints."""
    paths = os.pathsep.join(filter(None, (str(SOURCE), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", str(FOLDER / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_read_photo(media: Path) -> None:
    said = run("read_photo.py", media / "car.jpg")
    assert f"{PLATE}  blue normal" in said
    assert "京=" in said
    assert "plates, " in said


def test_sightings(media: Path) -> None:
    lines = run("sightings.py", media / "street.mp4").splitlines()
    assert sum(PLATE in line for line in lines) == 1


def test_own_frames(media: Path) -> None:
    lines = run("own_frames.py", media / "street.mp4").splitlines()
    assert sum(PLATE in line for line in lines) == 1
    assert all(line.startswith("gate-1-") for line in lines)


def test_tracker_only() -> None:
    lines = run("tracker_only.py").splitlines()
    assert len(lines) == 6
    first, hidden, back = (lines[i].partition("alive")[0] for i in (1, 2, 3))
    assert first.split(":")[1] == back.split(":")[1] != hidden.split(":")[1]
    assert lines[-1].startswith("ended: [")


def test_write_csv(media: Path, tmp_path: Path) -> None:
    run("write_csv.py", media / "street.mp4", tmp_path / "passes.csv")
    data = (tmp_path / "passes.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfseconds,plate,")
    assert PLATE in data.decode("utf-8-sig")


def test_custom_config(media: Path) -> None:
    said = run("custom_config.py", media / "street.mp4")
    assert "plates.min_char_scor: unknown key" in said
    assert "detect vehicles" in said


def test_save_evidence(media: Path, tmp_path: Path) -> None:
    said = run("save_evidence.py", media / "street.mp4", tmp_path / "found")
    assert f'"text": "{PLATE}"' in said
    names = [path.name for path in (tmp_path / "found" / "images").iterdir()]
    assert any(name.endswith("_plate.jpg") for name in names)
    assert not any(name.endswith("_scene.jpg") for name in names)


def test_every_example_is_tested_short_and_explained() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    examples = sorted(FOLDER.glob("*.py"))
    assert 0 < len(examples) <= 10
    for example in examples:
        text = example.read_text(encoding="utf-8")
        assert f'"{example.name}"' in tested, f"{example.name} is run by no test"
        assert len(text.splitlines()) < 60
        assert text.startswith('"""')
