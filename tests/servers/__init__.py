"""Real servers that tests start on loopback and stop."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np

PYTHON = "/usr/bin/python3"  # GStreamer's bindings come with the system's Python
SCRIPT = Path(__file__).with_name("rtsp_server.py")


@cache
def has_gstreamer() -> bool:
    """Whether the RTSP server can run here."""
    code = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    try:
        return subprocess.run([PYTHON, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


class RtspServer:
    """A camera on ``rtsp://127.0.0.1:PORT/NAME`` for each mount.

    Args:
        mounts: ``NAME=FILE``; files are raw H.264 (see `raw_h264`).
        port: 0 takes a free one.
        user: ``NAME:PASSWORD`` if a login is wanted.
        tls: a PEM file with certificate and key if clients have to come by rtsps.
    """

    def __init__(
        self, mounts: Sequence[str], *, port: int = 0, user: str | None = None, tls: Path | None = None
    ) -> None:
        self._command = [PYTHON, str(SCRIPT), "--port", str(port)]
        self._command += [part for mount in mounts for part in ("--mount", mount)]
        self._command += ["--user", user] if user else []
        self._command += ["--tls", str(tls)] if tls else []
        self._scheme = "rtsps" if tls else "rtsp"
        self.port = port
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        line = process.stdout.readline().split()
        assert line[:1] == ["port"], f"the RTSP server did not start: {line}"
        self.port = int(line[1])
        self._command[3] = str(self.port)
        return process

    def url(self, name: str, user: str = "") -> str:
        """The address of a mount."""
        return f"{self._scheme}://{user + '@' if user else ''}127.0.0.1:{self.port}/{name}"

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def restart(self) -> None:
        """Start again on the same port."""
        self._process = self._start()

    def stall(self) -> None:
        """Let connections stand and say nothing more."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # its threads go on for a moment

    def go_on(self) -> None:
        """End a stall."""
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.go_on()
            self.kill()


def raw_h264(path: Path, width: int, height: int, n: int = 50, rate: int = 25) -> Path:
    """Writes a moving test picture as raw H.264, or H.265 if the file's name says so, one slice a picture."""
    kind, encoder = ("hevc", "x265") if path.suffix == ".h265" else ("h264", "x264")
    params = "log-level=none:keyint=25" if encoder == "x265" else "sliced-threads=0:keyint=25"
    with av.open(str(path), "w", format=kind) as out:
        stream = out.add_stream("libx265" if encoder == "x265" else "libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", f"{encoder}-params": params}
        for i in range(n):
            picture = np.full((height, width, 3), 60, np.uint8)
            picture[:, (i * 8) % width : (i * 8) % width + 16] = (40, 200, 240)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode(None))
    return path


def garbage_h264(path: Path, whole: Path, n: int = 500) -> Path:
    """The pictures of a raw stream, then noise in units that refer to parameters which were never sent."""
    noise = np.random.default_rng(1).integers(1, 256, (n, 400), dtype=np.uint8)
    units = (b"\0\0\0\1" + bytes([0x41 if i % 25 else 0x65, 0xC0, 0x7F]) + noise[i].tobytes() for i in range(n))
    path.write_bytes(whole.read_bytes() + b"".join(units))
    return path
