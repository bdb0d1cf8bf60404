"""Sources that rest: what is left out, what ends it, and that the pictures after it are whole."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.media import picture, write_video
from vision.types import U8
from vision.video.file import FileSource

STILL, MOVES, END = 40, 155, 200


def pictures() -> list[U8]:
    """A still picture into which something with a pattern drives at frame `MOVES`."""
    out, thing = [picture(320, 240)] * MOVES, np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8)
    for i in range(END - MOVES):
        moved = picture(320, 240).copy()
        moved[40:140, 2 * i : 2 * i + 100] = thing
        out.append(moved)
    return out


def seen(path: Path, is_resting: Callable[[int], bool], threads: int = 1) -> tuple[dict[int, U8], FileSource]:
    """The frames that come, by index, where the source rests after frames for which that is so."""
    out = {}
    with FileSource(path, threads=threads) as source:
        for frame in source:
            out[frame.index] = frame.planes.data[0].copy()
            source.is_resting = is_resting(frame.index)
    return out, source


@pytest.mark.parametrize("b_frames", ["0", "3"])
@pytest.mark.parametrize("threads", [1, 4])
def test_asleep_only_key_frames_come_and_what_moves_ends_it(tmp_path: Path, b_frames: str, threads: int) -> None:
    path = write_video(tmp_path / "a.mp4", pictures(), codec_options={"g": "25", "bf": b_frames, "sc_threshold": "0"})
    every, _ = seen(path, lambda _: False)
    assert list(every) == list(range(END))
    some, source = seen(path, lambda index: STILL <= index < MOVES, threads)
    asleep = [i for i in some if STILL + 16 <= i < MOVES]  # decoders with threads still hold a few
    assert asleep
    assert all(i % 25 == 0 for i in asleep)
    woken = [i for i in some if i >= MOVES]
    assert woken[0] <= MOVES + 3
    assert woken == list(range(woken[0], END))  # and then all
    assert all(np.array_equal(some[i], every[i]) for i in some)  # none is spoiled by those left out
    assert source.counts.undecoded > 80
    assert source.counts.undecoded + source.counts.decoded == END
    assert source.counts.corrupt == source.counts.undecodable == 0


def test_whoever_looks_at_a_key_frame_can_end_it(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [picture(320, 240)] * 150, codec_options={"g": "25", "bf": "0"})
    every, _ = seen(path, lambda _: False)
    some, _ = seen(path, lambda index: STILL <= index < 100)
    assert [i for i in some if i > STILL] == [50, 75, *range(100, 150)]
    assert all(np.array_equal(some[i], every[i]) for i in some)


def test_without_key_frames_a_picture_comes_every_three_seconds(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [picture(320, 240)] * 300, codec_options={"g": "1000", "bf": "0"})
    every, _ = seen(path, lambda _: False)
    some, source = seen(path, lambda index: index >= STILL)
    indices = list(some)
    assert 75 <= max(np.diff(indices)) <= 77
    assert source.counts.undecoded > 140
    assert all(np.array_equal(some[i], every[i]) for i in some)


def test_a_source_rests_only_where_the_picture_is_known_as_still(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [picture(320, 240)] * 60, codec_options={"g": "10", "bf": "0"})
    some, _ = seen(path, lambda _: True)
    assert list(some)[:28] == list(range(28))  # 25 packets between key frames tell how large they are
    assert [i for i in some if i >= 28] == [30, 40, 50]
