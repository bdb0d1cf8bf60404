"""Folders that grow and frames that are handed over."""

import itertools
import os
import shutil
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.clip import demo_clip
from vision.types import Frame, Planes
from vision.video.folder import FolderSource
from vision.video.live import LiveStatus
from vision.video.push import PushSource


def test_files_come_once_in_order_and_half_written_ones_wait(tmp_path: Path) -> None:
    said: list[LiveStatus] = []
    source = FolderSource(tmp_path, stream_id="yard", on_status=said.append, poll_s=0.05)
    frames: list[Frame] = []
    thread = threading.Thread(target=lambda: frames.extend(source), daemon=True)
    old = time.time() - 60
    shutil.copy(demo_clip(), tmp_path / "1.mp4")
    cv2.imwrite(str(tmp_path / "2.png"), np.full((48, 64, 3), 80, np.uint8))
    (tmp_path / "3.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("x")
    for i, name in enumerate(("1.mp4", "2.png", "3.jpg")):
        os.utime(tmp_path / name, (old + i, old + i))
    whole = demo_clip().read_bytes()
    (tmp_path / "4.mp4").write_bytes(whole[:1000])
    thread.start()
    end = time.monotonic() + 20
    while source.n_unreadable < 1 and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.2)
    assert source.n_files == 2  # the fourth was written just now
    (tmp_path / "4.mp4").write_bytes(whole)
    while source.n_files < 3 and time.monotonic() < end:
        time.sleep(0.02)
    source.close()
    thread.join(10)
    assert [f.width for f in frames[:1]] == [1280]
    assert [f.index for f in frames] == list(range(75 + 1 + 75))
    times = [f.time_ns for f in frames]
    assert all(b > a for a, b in itertools.pairwise(times))
    assert frames[75].time_ns == pytest.approx((old + 1) * 1e9, abs=2e9)
    assert all(f.stream_id == "yard" and f.is_utc for f in frames)
    assert any("3.jpg: expected a picture" in s.detail for s in said)


def test_pushed_pictures_come_out_and_old_ones_are_dropped_and_counted() -> None:
    source = PushSource("sdk", most=3)
    for i in range(5):
        source.push(np.full((8, 8, 3), i, np.uint8), time_ns=1000 + i)
    source.push(Planes("nv12", (np.zeros((4, 4), np.uint8), np.zeros((2, 2, 2), np.uint8))))
    source.close()
    frames = list(source)
    assert [f.index for f in frames] == [4, 5]  # the end takes a place as well
    assert frames[0].time_ns == 1004
    assert frames[0].time_source == "given"
    assert frames[1].time_source == "arrival"
    assert frames[1].planes.layout == "nv12"
    assert source.n_dropped == 4
    with pytest.raises(RuntimeError, match="it is closed"):
        source.push(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(TypeError, match="expected a uint8 array"):
        PushSource("sdk").push(np.zeros((8, 8, 3), np.float32))
