"""The rendered demo clip, a part of it, made once per test run."""

import atexit
import shutil
import tempfile
import threading
from functools import cache
from pathlib import Path

from vision.demo.clip import render

N_FRAMES = 75


LOCK = threading.Lock()


def demo_clip() -> Path:
    """Three seconds of the demo clip: two cars come, their plates are 京A12345 and 粤FD12345."""
    with LOCK:  # cameras of a test ask for it from their threads, and a cache alone would render it in each
        return rendered()


@cache
def rendered() -> Path:
    """The clip, rendered into a folder that goes when the tests end."""
    folder = Path(tempfile.mkdtemp(prefix="vision-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "clip.mp4"
    render(path, max_frames=N_FRAMES)
    return path
