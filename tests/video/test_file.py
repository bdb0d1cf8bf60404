import traceback
from pathlib import Path

import numpy as np
import pytest

from tests.media import picture, write_audio, write_video
from vision import kernels
from vision.errors import DecodeError, SourceError
from vision.types import U8, Frame
from vision.video.clock import FrameClock
from vision.video.file import FileSource, creation_time_ns
from vision.video.uri import login_of, redact, stream_id_of


def clip(n: int, width: int = 64, height: int = 48) -> list[U8]:
    return [picture(width, height, seed=i // 4) for i in range(n)]


def test_every_frame_comes_in_order_with_its_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", clip(50))
    with FileSource(path) as source:
        frames = list(source)
    assert [f.index for f in frames] == list(range(50))
    np.testing.assert_allclose([f.offset_s for f in frames], np.arange(50) / 25, atol=1e-4)
    assert source.counts.decoded == source.counts.yielded == 50
    assert frames[0].stream_id == "a"
    assert not frames[0].is_utc


def test_variable_frame_rate_is_kept(tmp_path: Path) -> None:
    times = np.cumsum([0.0, 0.04, 0.04, 0.3, 0.01, 0.02, 1.5, 0.04])
    path = write_video(tmp_path / "vfr.mp4", clip(8), times_s=times.tolist())
    with FileSource(path) as source:
        np.testing.assert_allclose([f.offset_s for f in source], times, atol=2e-4)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_metadata_turns_the_picture_upright(tmp_path: Path, rotation: int) -> None:
    image = picture(96, 64, seed=3)
    path = write_video(tmp_path / "r.mp4", [image] * 3, rotation=rotation)
    with FileSource(path) as source:
        shown = kernels.to_bgr(next(iter(source)).planes)
    expected = np.rot90(image, rotation // 90)
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected.astype(int)).mean() < 6


@pytest.mark.parametrize(("codec", "pix_fmt", "name"), [
    ("libx264", "yuv420p", "a.mp4"), ("libx264", "yuv444p", "b.mp4"), ("mjpeg", "yuvj422p", "c.avi"),
    ("mpeg4", "yuv420p", "d.avi"), ("libvpx-vp9", "yuv420p", "e.webm"), ("libx265", "yuv420p10le", "f.mp4"),
    ("rawvideo", "bgr24", "g.avi"), ("libx264", "gray", "h.mkv"),
])  # fmt: skip
def test_codecs_and_pixel_formats_show_the_same_picture(tmp_path: Path, codec: str, pix_fmt: str, name: str) -> None:
    image = picture(96, 64, seed=5)
    with FileSource(write_video(tmp_path / name, [image] * 4, codec=codec, pix_fmt=pix_fmt)) as source:
        frames = [kernels.to_bgr(f.planes) for f in source]
    assert len(frames) == 4
    expected = image.astype(int)
    if pix_fmt == "gray":
        expected = np.repeat((expected @ [0.114, 0.587, 0.299])[..., None], 3, 2).astype(int)
    assert np.abs(frames[-1].astype(int) - expected).mean() < 9


@pytest.mark.parametrize(("width", "height"), [(2, 2), (98, 50), (1918, 1078)])
def test_odd_chroma_sizes(tmp_path: Path, width: int, height: int) -> None:
    image = picture(width, height)
    with FileSource(write_video(tmp_path / "odd.mp4", [image] * 2)) as source:
        frame = next(iter(source))
    assert (frame.width, frame.height) == (width, height)
    assert kernels.to_bgr(frame.planes).shape == (height, width, 3)


def test_start_duration_and_fps(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", clip(100))
    with FileSource(path, start_s=1.0, duration_s=2.0) as source:
        times = [f.offset_s for f in source]
        assert times[0] == pytest.approx(1.0)
        assert times[-1] == pytest.approx(2.96)
        assert source.n_frames_expected == len(times) == 50
    with FileSource(path, fps=5) as source:
        times = [f.offset_s for f in source]
        assert len(times) == source.n_frames_expected == 20
        assert source.counts.skipped == 80
    with FileSource(path, fps=1000) as source:
        assert len(list(source)) == 100


def test_creation_time_makes_utc_times(tmp_path: Path) -> None:
    path = write_video(tmp_path / "t.mp4", clip(3), metadata={"creation_time": "2026-01-02T03:04:05.000000Z"})
    with FileSource(path) as source:
        frame = next(iter(source))
    assert frame.is_utc
    assert frame.time_ns == 1_767_323_045_000_000_000


def test_zero_creation_time_is_no_time() -> None:
    assert creation_time_ns({"creation_time": "1970-01-01T00:00:00.000000Z"}) is None
    assert creation_time_ns({"creation_time": "yesterday"}) is None
    assert creation_time_ns({}) is None


def test_bad_files_are_named(tmp_path: Path) -> None:
    text, empty, audio = tmp_path / "text.mp4", tmp_path / "empty.mp4", write_audio(tmp_path / "sound.m4a")
    text.write_text("hello\n" * 100)
    empty.touch()
    for path, words in (
        (tmp_path / "missing.mp4", "No such file"),
        (text, "expected a video file"),
        (empty, "expected a video file"),
        (audio, "expected a video stream, got streams: audio"),
        (tmp_path, "Is a directory"),
    ):
        with pytest.raises(SourceError, match=words) as caught:
            FileSource(path)
        assert str(path) in str(caught.value)


def test_truncated_file_gives_its_frames_and_then_an_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noisy = [rng.integers(0, 256, (96, 128, 3), dtype=np.uint8) for _ in range(60)]
    path = write_video(tmp_path / "whole.mp4", noisy, options={"movflags": "+faststart"})
    data = path.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) // 2])
    got: list[Frame] = []
    with FileSource(cut) as source, pytest.raises(DecodeError, match=r"expected 60 frames, got|broke off"):
        got.extend(source)
    assert 10 < len(got) < 55


def test_mp4_without_index_is_refused(tmp_path: Path) -> None:
    data = write_video(tmp_path / "whole.mp4", clip(50)).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match=r"cut\.mp4"):
        FileSource(cut)


def test_clock_follows_pts_then_dts_and_never_runs_back() -> None:
    from fractions import Fraction

    base, period = Fraction(1, 25), 40_000_000
    clock = FrameClock(0, period)
    assert [clock.time_of(p, p, base) for p in (0, 1, 3, 2, None, 7)] == [n * period for n in (0, 1, 3, 4, 5, 7)]
    assert clock.repaired == 2
    clock = FrameClock(0, period, has_pts=False)
    times = [clock.time_of(p, d, base) for p, d in ((1, 2), (4, 3), (3, 4), (2, 5), (6, None))]
    assert times == [n * period for n in (2, 3, 4, 5, 6)]


def test_an_error_and_its_traceback_hold_no_password() -> None:
    password = "s3cret"
    uri = f"rtsp://admin:{password}@127.0.0.1:9/x"
    with pytest.raises(SourceError) as caught:
        FileSource(uri)
    assert password not in "".join(traceback.format_exception(caught.value))


def test_uri_is_shown_without_secrets() -> None:
    assert redact("rtsp://admin:pass@10.0.0.1:554/ch1?token=abc&x=1") == "rtsp://***@10.0.0.1:554/ch1?token=***&x=1"
    assert redact("/data/a@b.mp4") == "/data/a@b.mp4"
    assert redact("rtsp://[::1]:554/x") == "rtsp://[::1]:554/x"
    for password in ("p#ss", "p/ss", "p?ss", "p@ss", "p[ss", "12/34", "a:b"):
        uri = f"rtsp://admin:{password}@cam.local:554/ch1"
        assert redact(uri) == "rtsp://***@cam.local:554/ch1"
        assert login_of(uri) == ("admin", password)
        assert stream_id_of(uri) == "cam.local_ch1"
    old = "rtsp://10.0.0.1/user=admin_password=tlJw6_channel=1"  # cameras that take the login in the path
    assert "tlJw6" not in redact(old) + stream_id_of(old)
    assert stream_id_of("rtsp://u:p@cam.local/ch1") == "cam.local_ch1"
    assert stream_id_of("/data/My Clip 1.mp4") == "My_Clip_1"
