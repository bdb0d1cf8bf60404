"""A camera's two streams: pictures of the large one are decoded where somebody looks, and belong to the moment."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from tests.clip import demo_clip
from tests.servers import RtspServer, has_gstreamer, raw_h264
from vision.errors import ConfigError, DecodeError, SourceError
from vision.kernels import to_bgr
from vision.pipeline.runner import Pipeline
from vision.site.settings import CameraSettings, parse_site
from vision.site.sources import open_camera
from vision.types import U8, Frame, Planes, Sighting
from vision.video.file import FileSource
from vision.video.late import LatePlanes
from vision.video.live import LiveSource
from vision.video.main_stream import Decoder, Group, MainStream
from vision.video.pair import PairSource, enlarged

needs_gstreamer = pytest.mark.skipif(not has_gstreamer(), reason="needs GStreamer's RTSP server (Debian packages)")


def group_of(path: Path) -> tuple[Group, dict[int, U8]]:
    """All packets of a clip as one group, and its pictures by presentation stamp."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        context = video.codec_context
        group = Group(context.name, context.extradata)
        for packet in container.demux(video):
            if packet.size and packet.pts is not None:
                group.packets.append(packet)
                group.times_ns.append(packet.pts)
    with av.open(str(path)) as container:
        pictures = {
            p.pts: np.asarray(p.to_ndarray(format="gray"), np.uint8)
            for p in container.decode(video=0)
            if p.pts is not None
        }
    return group, pictures


def clip(path: Path, **options: str) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.options = {"preset": "veryfast", **options}
        for i in range(40):
            picture = np.full((180, 320, 3), 40 + 4 * i, np.uint8)
            picture[:, i * 8 : i * 8 + 8] = 255
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("options", [{"tune": "zerolatency"}, {"x264-params": "bframes=3:b-adapt=0"}])
def test_any_picture_of_a_group_in_any_order(tmp_path: Path, options: dict[str, str]) -> None:
    group, pictures = group_of(clip(tmp_path / "clip.mp4", **options))
    assert len(pictures) == len(group.packets) == 40
    decoder = Decoder()
    for index in [0, 1, 2, 7, 20, 19, 3, 39, 39, 38, *range(10, 40)]:
        picture = decoder.picture(group, index)
        assert picture.pts == group.packets[index].pts
        assert picture.pts is not None
        np.testing.assert_array_equal(picture.to_ndarray(format="gray"), pictures[picture.pts])


def test_going_on_decodes_nothing_twice(tmp_path: Path) -> None:
    group, _ = group_of(clip(tmp_path / "clip.mp4", tune="zerolatency"))
    decoder = Decoder()
    for index in range(0, 40, 4):
        decoder.picture(group, index)
    assert decoder.decoded <= 40


def test_a_damaged_picture_is_an_error_and_the_next_group_is_none(tmp_path: Path) -> None:
    group, _ = group_of(clip(tmp_path / "clip.mp4", tune="zerolatency"))
    noise = av.Packet(b"\0\0\0\1\x41" + bytes(range(1, 200)))
    noise.pts, noise.time_base = 10**9, group.packets[0].time_base
    broken = Group(group.codec, group.extradata, [*group.packets[:5], noise], [*group.times_ns[:5], 10**9])  # type: ignore[list-item]
    decoder = Decoder()
    with pytest.raises(DecodeError):
        decoder.picture(broken, 5)
    assert decoder.picture(group, 3).pts == group.packets[3].pts


def test_late_planes_are_made_once_and_know_their_size() -> None:
    made = []

    def load() -> Planes:
        made.append(1)
        return Planes("bgr", (np.zeros((6, 8, 3), np.uint8),), full_range=True)

    planes = LatePlanes(load, (8, 6))
    frame = Frame("a", 0, 0, 0.0, planes)
    assert (frame.width, frame.height, made) == (8, 6, [])
    assert planes.layout == "bgr"
    assert planes.full_range
    assert planes.data is planes.data
    assert made == [1]


def test_plates_are_read_in_the_large_picture_and_vehicles_found_in_the_small_one() -> None:
    """Half the pixels for finding: the same plates; and where nothing is read, nothing large is decoded."""
    pipeline = Pipeline()
    asked: list[int] = []

    def pair(frame: Frame) -> Frame:
        def load() -> Planes:
            asked.append(frame.index)
            return frame.planes

        small = enlarged(frame.planes, (frame.width // 2, frame.height // 2))
        return replace(frame, planes=LatePlanes(load, (frame.width, frame.height)), overview=small)

    def texts(change: Callable[[Frame], Frame]) -> tuple[set[str], list[Sighting], int]:
        stream, found, n = pipeline.open("a"), list[Sighting](), 0
        with FileSource(demo_clip()) as source:
            for frame in source:
                found += stream.update(change(frame)).sightings
                n += 1
        found += stream.close()
        return {s.plate.text for s in found if s.plate}, found, n

    plain, _, n = texts(lambda f: f)
    paired, sightings, _ = texts(pair)
    known = {"京A12345", "粤FD12345", "川A4567领", "粤Z4567港"}  # the last two are half gone at the end
    assert {"京A12345", "粤FD12345"} <= paired <= known
    assert {"京A12345", "粤FD12345"} <= plain <= known
    assert 0 < len(asked) < n
    for sighting in sightings:
        assert sighting.evidence is not None
        assert sighting.evidence.frame.width == 1280


def bar_of(planes: Planes) -> float:
    """Where the bright bar of `raw_h264` is, as a share of the width."""
    column = to_bgr(planes)[:, :, 2].astype(float).mean(0)
    return float((column > 150).nonzero()[0].mean() / planes.width) if (column > 150).any() else float("nan")


@needs_gstreamer
def test_over_rtsp_pictures_belong_together_and_a_lost_main_stream_is_replaced(tmp_path: Path) -> None:
    small = raw_h264(tmp_path / "small.h264", 320, 180, n=250)
    large = raw_h264(tmp_path / "large.h264", 640, 360, n=250)
    with RtspServer([f"sub={small}"]) as sub_server, RtspServer([f"main={large}"]) as main_server:
        sub = LiveSource(sub_server.url("sub"), timeout_s=3, first_wait_s=0.2, seed=1)
        main = MainStream(main_server.url("main"), timeout_s=3, first_wait_s=0.2, seed=2)
        pair = PairSource(sub, main)
        frames: list[Frame] = []
        thread = threading.Thread(target=lambda: frames.extend(pair), daemon=True)
        thread.start()
        try:
            until(lambda: sum(is_paired(f) for f in frames) > 60)
            # Both bars move 8 pixels a picture, the small one's twice as fast over its picture: with the beginnings
            # unknown, their difference modulo the way is what a shift in time would change.
            paired = [f for f in frames if is_paired(f)][10:60]
            gaps = []
            for frame in paired:
                assert frame.overview is not None
                assert (frame.width, frame.height) == (640, 360)
                at = bar_of(frame.planes) * 640 / 8, bar_of(frame.overview) * 320 / 8
                gaps.append((at[0] - at[1]) % 40)
            steps = np.abs((np.diff([g for g in gaps if not np.isnan(g)]) + 20) % 40 - 20)
            assert np.median(steps) < 1.5
            assert main.decoder.decoded > 0
            n, missing = len(frames), pair.missing
            main_server.kill()
            until(lambda: pair.missing > missing + 20)
            assert len(frames) > n + 20
            assert frames[-1].width == 640
            assert frames[-1].overview is frames[-1].planes
            main_server.restart()
            until(lambda: is_paired(frames[-1]))
        finally:
            pair.close()
            thread.join(20)
        assert not thread.is_alive()


def is_paired(frame: Frame) -> bool:
    return frame.overview is not None and frame.overview is not frame.planes


def until(condition: Callable[[], bool], timeout_s: float = 25.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_main_url_is_a_setting_whose_password_is_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAM_PASSWORD", "geheim")
    url = "rtsp://u:${CAM_PASSWORD}@10.0.0.1/main"
    (camera,) = parse_site({"camera": [{"id": "a", "url": "rtsp://10.0.0.1/sub", "main_url": url}]}).cameras
    assert camera.main_url == "rtsp://u:geheim@10.0.0.1/main"
    assert "geheim" not in repr(camera)
    assert camera.source() != camera.model_copy(update={"main_url": None}).source()
    monkeypatch.delenv("CAM_PASSWORD")
    with pytest.raises(ConfigError, match="main_url: expected the environment variable CAM_PASSWORD"):
        parse_site({"camera": [{"id": "a", "url": "x", "main_url": url}]})


def test_a_folder_has_no_main_stream(tmp_path: Path) -> None:
    settings = CameraSettings(id="a", url=str(tmp_path), main_url="rtsp://10.0.0.1/main")
    with pytest.raises(SourceError, match="main_url: expected a url that is a stream"):
        open_camera(settings, lambda status: None)
