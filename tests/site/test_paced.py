"""A recorded video played in real time, over and over."""

import gc
import weakref

import pytest

from tests.clip import demo_clip
from vision.site import paced
from vision.site.paced import PacedFile
from vision.video.file import FileSource


def test_each_time_through_the_file_lets_its_decoder_go(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[weakref.ref[FileSource]] = []

    class Noted(FileSource):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            opened.append(weakref.ref(self))

    monkeypatch.setattr(paced, "FileSource", Noted)
    gc.disable()  # a circle would keep its frames until the next collection, which may be minutes away
    try:
        n = sum(1 for _ in PacedFile(demo_clip(), stream_id="a", seconds=0.2, length_s=0.9))
        assert len(opened) == 5
        assert n > 10
        assert all(one() is None for one in opened)
    finally:
        gc.enable()
