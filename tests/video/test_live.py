"""Live cameras against real servers: they are killed, stalled, changed, and say nothing or nonsense."""

import itertools
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import av.logging
import pytest

from tests.media import picture, write_video
from tests.servers import RtspServer, garbage_h264, has_gstreamer, raw_h264
from tests.servers.http_server import HttpServer, write_segments, write_stream
from tests.sinks.certificates import make_certificates
from vision.errors import ConfigError, SourceError
from vision.site.camera import LENT
from vision.types import Frame
from vision.video import wall_clock
from vision.video.connection import frame_limit_s
from vision.video.live import LiveSource, LiveStatus, open_live

needs_gstreamer = pytest.mark.skipif(not has_gstreamer(), reason="needs GStreamer's RTSP server (Debian packages)")


class Watcher:
    """Iterates a source in a thread and keeps what it gave."""

    def __init__(self, uri: str, **options: object) -> None:
        self.said: list[LiveStatus] = []
        self.frames: list[tuple[int, int, int]] = []  # width, time_ns, arrival
        self.source = LiveSource(uri, on_status=self.said.append, seed=1, **options)  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def _run(self) -> None:
        for frame in self.source:
            self.see(frame)

    def see(self, frame: Frame) -> None:
        assert frame.is_utc
        self.frames.append((frame.width, frame.time_ns, time.time_ns()))

    @property
    def states(self) -> list[str]:
        return [s.state for s in self.said]

    def until(self, condition: Callable[[], bool], timeout_s: float = 25.0) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"waited in vain: {self.said[-3:]}"
            time.sleep(0.02)

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert not [t for t in threading.enumerate() if t.name.startswith("watchdog-")]


@contextmanager
def port_that(answers: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP port on loopback that does something with whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                clients.append(client)
                answers(client)

        clients: list[socket.socket] = []
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for client in clients:
            client.close()
        thread.join(5)


@needs_gstreamer
def test_a_camera_that_is_killed_stalled_and_changed_comes_back(tmp_path: Path) -> None:
    clip = raw_h264(tmp_path / "cam.h264", 320, 192)
    with RtspServer([f"cam={clip}"]) as server, Watcher(server.url("cam"), timeout_s=3, first_wait_s=0.2) as camera:
        camera.until(lambda: len(camera.frames) > 40)
        late = [(a - t) / 1e9 for _, t, a in camera.frames[30:]]
        assert -0.01 < min(late) <= max(late) < 1.5

        server.kill()
        camera.until(lambda: camera.states[-1] == "waiting")
        raw_h264(clip, 480, 272)
        server.restart()
        n = len(camera.frames)
        camera.until(lambda: len(camera.frames) > n + 20)
        assert camera.frames[-1][0] == 480
        assert camera.source.status.width == 480
        assert camera.source.status.codec == "h264"

        stalled_s = time.monotonic()
        server.stall()
        camera.until(lambda: "stalled" in camera.states)
        assert 2 < time.monotonic() - stalled_s < 4.5
        camera.until(lambda: camera.states[-1] == "waiting", 5)
        server.go_on()
        n = len(camera.frames)
        camera.until(lambda: len(camera.frames) > n + 20)
        counts = camera.source.counts
        assert counts.stalls == 1
        assert counts.connects == 3
        assert counts.disconnects["timeout"] >= 1
        times = [t for _, t, _ in camera.frames]
        assert all(b > a for a, b in itertools.pairwise(times))
    assert camera.states[-1] == "closed"


@needs_gstreamer
def test_a_password_is_used_and_never_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    clip = raw_h264(tmp_path / "cam.h264", 320, 192)
    with RtspServer([f"cam={clip}"], user="admin:s3cret%21".replace("%21", "!")) as server:
        with Watcher(server.url("cam", "admin:s3cret%21"), timeout_s=3) as camera:
            camera.until(lambda: len(camera.frames) > 5)
        with Watcher(server.url("cam", "admin:wr0ng"), timeout_s=3, longest_wait_s=60) as refused:
            refused.until(lambda: "waiting" in refused.states)
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 1  # closing does not wait for the next try
    assert refused.source.counts.disconnects == {"unauthorized": 1}
    assert float(refused.said[1].detail.split()[-2]) > 40  # the longest wait at once: accounts get locked
    seen = capfd.readouterr()
    text = f"{camera.said} {refused.said} {camera.source.name} {camera.source!r} {seen.out} {seen.err}"
    for secret in ("s3cret", "wr0ng", "admin"):
        assert secret not in text


@needs_gstreamer
def test_rtsp_over_tls(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes((tmp_path / "server.pem").read_bytes() + (tmp_path / "server.key").read_bytes())
    clip = raw_h264(tmp_path / "cam.h264", 320, 192)
    with RtspServer([f"cam={clip}"], tls=both) as server:
        with Watcher(server.url("cam"), timeout_s=5) as camera:
            camera.until(lambda: len(camera.frames) > 5)
        plain = server.url("cam").replace("rtsps", "rtsp")
        with Watcher(plain, timeout_s=1, longest_wait_s=60) as refused:  # the server does speak TLS alone
            refused.until(lambda: "waiting" in refused.states)
    assert not refused.frames


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_camera_that_never_answers(scheme: str) -> None:
    with port_that(lambda client: None) as port, Watcher(f"{scheme}://127.0.0.1:{port}/x", timeout_s=1) as camera:
        camera.until(lambda: camera.states.count("waiting") >= 2)
    assert set(camera.source.counts.disconnects) == {"timeout"}
    assert not camera.frames


def test_a_camera_that_talks_nonsense() -> None:
    def nonsense(client: socket.socket) -> None:
        client.sendall(os.urandom(65536))
        client.close()

    with port_that(nonsense) as port, Watcher(f"rtsp://127.0.0.1:{port}/x", timeout_s=1, first_wait_s=0.05) as camera:
        camera.until(lambda: camera.states.count("waiting") >= 3)
    assert sum(camera.source.counts.disconnects.values()) >= 3
    assert not camera.frames


def test_nobody_there_waits_longer_and_longer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    options = {"timeout_s": 1, "first_wait_s": 0.1, "longest_wait_s": 0.4}
    with Watcher(f"rtsp://127.0.0.1:{port}/x", **options) as camera:
        camera.until(lambda: camera.states.count("waiting") >= 6)
    assert set(camera.source.counts.disconnects) == {"refused"}
    waits = [float(s.detail.split()[-2]) for s in camera.said if s.state == "waiting"]
    for wait, nominal in zip(waits, (0.1, 0.2, 0.4, 0.4, 0.4, 0.4), strict=False):
        assert 0.7 * nominal <= wait <= 1.3 * nominal
    assert len(set(waits[2:])) > 1 or len(waits) < 5


def test_what_can_never_work_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"x")
    with pytest.raises(SourceError, match="expected a live source, got a file"):
        open_live(str(file), stream_id="a")
    with pytest.raises(ConfigError, match=r"decode\.device"):
        open_live("rtsp://127.0.0.1/x", stream_id="a", device="abacus")
    for uri in ("rstp://u:pw@127.0.0.1/x", str(tmp_path / "nothing")):
        with pytest.raises(SourceError, match="expected a folder") as caught:
            open_live(uri, stream_id="a")
        assert "pw" not in str(caught.value)


@needs_gstreamer
def test_size_changes_in_mid_stream_and_the_cameras_clock_is_known(tmp_path: Path) -> None:
    small, large = raw_h264(tmp_path / "s.h264", 320, 192), raw_h264(tmp_path / "l.h264", 480, 272)
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with RtspServer([f"cam={both}"]) as server, Watcher(server.url("cam"), timeout_s=4) as camera:
        camera.until(lambda: camera.source.counts.size_changes >= 2)
        camera.until(lambda: camera.source.camera_clock_s is not None)  # the first RTCP report takes some seconds
    assert {width for width, _, _ in camera.frames} == {320, 480}
    assert {(s.width, s.height) for s in camera.said if s.state == "streaming"} == {(320, 192), (480, 272)}
    assert camera.source.counts.connects == 1
    assert abs(camera.source.camera_clock_s or 9) < 0.5  # this camera has our own clock


@needs_gstreamer
def test_a_camera_that_rests_is_neither_stalled_nor_lost(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "x264-params": "slices=1:sliced-threads=0:keyint=50"}
    clip = write_video(tmp_path / "cam.h264", [picture(320, 192)] * 100, codec_options=options)
    with RtspServer([f"cam={clip}"]) as server, Watcher(server.url("cam"), timeout_s=1.5) as camera:
        camera.until(lambda: len(camera.frames) > 60)
        camera.source.is_resting = True
        camera.until(lambda: camera.source.undecoded > 200)
        n = len(camera.frames)
        asleep = [b - a for a, b in itertools.pairwise(t for _, t, _ in camera.frames[-3:])]
        assert all(1.9e9 < step < 2.1e9 for step in asleep), asleep  # key frames
        camera.source.is_resting = False
        camera.until(lambda: len(camera.frames) > n + 50)
        late = [(a - t) / 1e9 for _, t, a in camera.frames[n + 5 :]]
        assert max(late) < 1.5
    assert camera.states == ["connecting", "streaming", "closed"]
    assert camera.source.counts.connects == 1


@needs_gstreamer
def test_another_codec_after_a_reconnect(tmp_path: Path) -> None:
    before, after = raw_h264(tmp_path / "a.h264", 320, 192), raw_h264(tmp_path / "b.h265", 480, 272)
    server = RtspServer([f"cam={before}"])
    with server, Watcher(server.url("cam"), timeout_s=3, first_wait_s=0.2) as camera:
        camera.until(lambda: len(camera.frames) > 10)
        server.kill()
        with RtspServer([f"cam={after}"], port=server.port):
            camera.until(lambda: sum(width == 480 for width, _, _ in camera.frames) > 20)
    streams = [(s.codec, s.width) for s in camera.said if s.state == "streaming" and s.codec]
    assert streams == [("h264", 320), ("hevc", 480)]
    times = [t for _, t, _ in camera.frames]
    assert all(b > a for a, b in itertools.pairwise(times))


@needs_gstreamer
def test_a_stream_that_becomes_garbage_is_given_up(tmp_path: Path) -> None:
    clip = garbage_h264(tmp_path / "bad.h264", raw_h264(tmp_path / "cam.h264", 320, 192, n=25))
    with RtspServer([f"cam={clip}"]) as server, Watcher(server.url("cam"), timeout_s=1.5) as camera:
        camera.until(lambda: camera.source.counts.disconnects["garbage"] > 0)
    assert "packets that cannot be decoded" in next(s.detail for s in camera.said if s.state == "waiting")
    assert camera.source.counts.stalls == 1
    assert len(camera.frames) >= 20


@needs_gstreamer
def test_rtsp_over_udp_and_a_clock_set_back_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, set_back_ns = raw_h264(tmp_path / "cam.h264", 320, 192), [0]
    clock = SimpleNamespace(time_ns=lambda: time.time_ns() - set_back_ns[0], monotonic_ns=time.monotonic_ns)
    monkeypatch.setattr(wall_clock, "time", clock)
    with RtspServer([f"cam={clip}"]) as server, Watcher(server.url("cam"), timeout_s=3, transport="udp") as camera:
        camera.until(lambda: len(camera.frames) > 20)
        set_back_ns[0] = 3600 * 10**9
        n = len(camera.frames)
        camera.until(lambda: len(camera.frames) > n + 20)
    times = [t for _, t, _ in camera.frames]
    back = [b - a for a, b in itertools.pairwise(times) if b <= a]
    assert len(back) == camera.source.counts.clock_steps == 1
    assert back[0] == pytest.approx(-3600e9, abs=2e9)
    assert any("clock was set" in s.detail for s in camera.said)
    assert next(s.width for s in camera.said if "clock was set" in s.detail) == 320


def test_hls_comes_at_the_pace_of_its_stamps(tmp_path: Path) -> None:
    segments = write_segments(tmp_path, 12)
    with HttpServer(segments=segments) as server, Watcher(server.url("cam.m3u8"), timeout_s=1) as camera:
        camera.until(lambda: len(camera.frames) > 150)
    assert camera.source.counts.connects == 1
    _, times, arrivals = zip(*camera.frames, strict=True)
    gaps = [(b - a) / 1e9 for a, b in itertools.pairwise(times)]
    assert sorted(gaps)[len(gaps) // 2] == pytest.approx(0.04, abs=0.005)
    assert min(gaps[25:]) > 0.02
    assert 5 < (arrivals[-1] - arrivals[0]) / 1e9 < 12


def test_flv_whose_pictures_stop_while_its_sound_goes_on(tmp_path: Path) -> None:
    flv = write_stream(tmp_path / "cam.flv", 12, kind="flv", with_sound=True)
    with HttpServer(flv=flv, pictures_s=2) as server, Watcher(server.url("cam.flv"), timeout_s=1.5) as camera:
        camera.until(lambda: "waiting" in camera.states, 8)
        camera.until(lambda: camera.source.counts.connects == 2, 8)
    assert camera.source.counts.disconnects == {"timeout": 1}
    assert camera.source.counts.stalls >= 1
    assert len(camera.frames) >= 45


def test_a_flv_that_ends_is_asked_for_again(tmp_path: Path) -> None:
    flv = write_stream(tmp_path / "cam.flv", 1, kind="flv")
    with HttpServer(flv=flv) as server:
        with Watcher(server.url("cam.flv"), timeout_s=2, first_wait_s=0.1) as camera:
            camera.until(lambda: len(camera.frames) > 55)
        assert set(camera.source.counts.disconnects) <= {"ended", "network"}  # HTTP without a length just breaks off
        with Watcher(server.url("other.flv"), timeout_s=2) as missing:
            missing.until(lambda: "waiting" in missing.states)
        assert set(missing.source.counts.disconnects) == {"not_found"}
    times = [t for _, t, _ in camera.frames]
    assert all(b > a for a, b in itertools.pairwise(times))


def test_refused_logins_are_tried_ever_more_seldom() -> None:
    def refuse(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        client.close()

    with port_that(refuse) as port, Watcher(f"http://a:b@127.0.0.1:{port}/x", longest_wait_s=0.2) as camera:
        camera.until(lambda: camera.states.count("waiting") >= 4)
    waits = [float(s.detail.split()[-2]) for s in camera.said if s.state == "waiting"]
    assert set(camera.source.counts.disconnects) == {"unauthorized"}
    for wait, nominal in zip(waits, (0.2, 0.4, 0.8, 1.6), strict=False):
        assert 0.7 * nominal - 0.06 <= wait <= 1.3 * nominal + 0.06


@needs_gstreamer
def test_frames_that_wait_one_day_take_no_more_memory_of_the_decoder(tmp_path: Path) -> None:
    clip = raw_h264(tmp_path / "cam.h264", 320, 192)
    early, late = set[int](), set[int]()
    waiting: deque[Frame] = deque(maxlen=LENT + 1)  # one of them is looked at
    n = 0
    with RtspServer([f"cam={clip}"]) as server:
        source = LiveSource(server.url("cam"))
        for frame in source:
            (early if n < 20 else late).add(frame.planes.data[0].ctypes.data)
            if n >= 20:
                waiting.append(frame)
            del frame
            n += 1
            if n == 60:
                source.close()
    assert late <= early


def test_a_slow_reader_is_no_stall(tmp_path: Path) -> None:
    flv = write_stream(tmp_path / "cam.flv", 6, kind="flv")
    with HttpServer(flv=flv) as server:
        source = LiveSource(server.url("cam.flv"), timeout_s=1)
        for n, _ in enumerate(source):
            if n == 10:
                time.sleep(2)
            if n > 30:
                source.close()
    assert not source.counts.disconnects


def test_the_librarys_own_log_shows_no_password(caplog: pytest.LogCaptureFixture) -> None:
    """At the levels that an operator would turn on; FFmpeg's debugging levels print whole requests."""
    before = av.logging.get_level()
    logging.getLogger("libav").setLevel(logging.DEBUG)
    av.logging.set_level(av.logging.VERBOSE)
    try:
        with caplog.at_level(logging.DEBUG, "libav"), port_that(lambda client: client.close()) as port:
            for scheme in ("rtsp", "http"):
                uri = f"{scheme}://admin:s3cret@127.0.0.1:{port}/x"
                with Watcher(uri, timeout_s=1, first_wait_s=0.05) as camera:
                    camera.until(lambda c=camera: c.states.count("waiting") >= 2)  # type: ignore[misc]
                assert "s3cret" not in f"{camera.said}"
    finally:
        av.logging.set_level(before)
        logging.getLogger("libav").setLevel(logging.WARNING)
    assert caplog.records
    assert "s3cret" not in caplog.text


def test_a_password_with_any_letter_opens_a_playlist() -> None:
    source = LiveSource("http://admin:p[x/#?@127.0.0.1:1/cam.m3u8")
    assert source.name == "http://***@127.0.0.1:1/cam.m3u8"
    assert frame_limit_s("http://admin:p[x/#?@127.0.0.1:1/cam.m3u8", 5.0) == 20.0
