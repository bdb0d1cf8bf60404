"""The rendered clip: what it promises and what is in the file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from vision.demo import clip, paint, scene
from vision.demo.clip import FPS, FRAMES, Expected, expected, frames, render

PROVINCE = "[京津沪渝冀晋蒙辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新]"
LETTER, SIGN = "[A-HJ-NP-Z]", "[0-9A-HJ-NP-Z]"
GRAMMAR = {
    "blue": f"{PROVINCE}[A-HJ-Z]{SIGN}{{5}}",
    "yellow": f"{PROVINCE}[A-HJ-Z]{SIGN}{{5}}",
    "yellow_double": f"{PROVINCE}[A-HJ-Z]{SIGN}{{5}}",
    "trailer": f"{PROVINCE}{LETTER}{SIGN}{{4}}挂",
    "learner": f"{PROVINCE}{LETTER}{SIGN}{{4}}学",
    "green": f"{PROVINCE}{LETTER}[DF]{SIGN}[0-9]{{4}}",
    "green_large": f"{PROVINCE}{LETTER}[0-9]{{5}}[DF]",
    "police": f"{PROVINCE}{LETTER}{SIGN}{{4}}警",
    "army": f"[VKHBSLJNGCEDZ]{LETTER}[0-9]{{5}}",
    "armed_police": f"WJ{PROVINCE}{SIGN}{{5}}",
    "hong_kong": f"粤Z{SIGN}{{4}}港",
    "macau": f"粤Z{SIGN}{{4}}澳",
    "embassy": "使[0-9]{6}",
    "consulate": f"{PROVINCE}{LETTER}[0-9]{{4}}领",
    "emergency": f"{PROVINCE}[XS][0-9]{{4}}应急",
}


@pytest.mark.parametrize("item", expected(), ids=lambda e: e.text or "no plate")
def test_texts_follow_the_grammar(item: Expected) -> None:
    if item.kind:
        assert re.fullmatch(GRAMMAR[item.kind], item.text)
        assert item.color in {"blue", "yellow", "green", "green_yellow", "white", "black"}
    else:
        assert item.text == item.color == ""
    assert 0 <= item.first_s < item.last_s < FRAMES / FPS
    assert item.vehicle in {"car", "van", "bus", "truck"}


def test_the_cast() -> None:
    cast = expected()
    assert 12 <= len(cast) <= 16
    assert {e.kind for e in cast} == {*GRAMMAR, ""}
    assert sum(not e.kind for e in cast) == 1
    assert len({e.text for e in cast}) == len(cast)
    assert {e.vehicle for e in cast} == {"car", "van", "bus", "truck"}


def test_plates_grow_large_enough_to_read() -> None:
    for item in clip._fleet():
        if item[2] is None:
            continue
        widths = []
        for i in range(FRAMES):
            placed = clip._placed(item, i / FPS)
            quad = placed.plate_corners() if clip._in_view(placed) else None
            if quad is not None and quad.max(0)[1] < scene.HEIGHT:
                widths.append(float(np.linalg.norm(quad[1] - quad[0])))
        assert max(widths) >= 88
        assert sum(w >= 60 for w in widths) >= 10


def test_frames_depend_on_the_seed_alone() -> None:
    one, two, other = (list(frames(seed, 3)) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0], other[0])
    assert one[0].shape == (720, 1280, 3)
    assert one[0].dtype == np.uint8


def test_a_vehicle_is_painted_where_it_stands() -> None:
    street = scene.background(1)
    frame = street.copy()
    placed = clip._placed(clip._fleet()[1], 1.0)
    paint.draw_vehicle(frame, placed)
    quad = placed.plate_corners()
    assert quad is not None
    (x0, y0), (x1, y1) = quad.min(0).astype(int) + 2, quad.max(0).astype(int) - 2
    blue, _, red = frame[y0:y1, x0:x1].mean((0, 1))  # a blue plate with white characters
    assert blue - red > 30
    changed = np.abs(frame.astype(int) - street).max(-1) > 8
    assert changed[:, 640:].mean() < 0.001  # it comes in the left lane


def test_render(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = tmp_path / "clip.mp4"
    assert render(path, progress=lambda done, total: told.append((done, total)), max_frames=6) == expected()
    assert told == [(i + 1, 6) for i in range(6)]
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == FPS
        pictures = [f.to_ndarray(format="bgr24") for f in file.decode(stream)]
    assert len(pictures) == 6
    assert pictures[0].shape == (720, 1280, 3)
    drawn = next(iter(frames(7, 1)))
    assert np.abs(pictures[0].astype(int) - drawn).mean() < 4
    again = tmp_path / "again.mp4"
    render(again, max_frames=6)
    assert again.read_bytes() == path.read_bytes()


def test_importing_the_library_leaves_the_demo_alone() -> None:
    code = "import sys, vision; sys.exit(any(m.startswith('vision.demo') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
