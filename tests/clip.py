"""The rendered demo clip, a part of it, made once per test run."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from vision.demo.clip import render

N_FRAMES = 75


@cache
def demo_clip() -> Path:
    """Three seconds of the demo clip: two cars come, their plates are 京A12345 and 粤FD12345."""
    folder = Path(tempfile.mkdtemp(prefix="vision-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "clip.mp4"
    render(path, max_frames=N_FRAMES)
    return path
