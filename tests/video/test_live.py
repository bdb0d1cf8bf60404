"""Live cameras against real servers: they are killed, stalled, changed, and say nothing or nonsense."""

import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import RtspServer, has_gstreamer, raw_h264
from vision.errors import ConfigError, SourceError
from vision.types import Frame
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
