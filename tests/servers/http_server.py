"""Real HTTP servers on loopback: FLV at the speed of its stamps, and HLS with a playlist that moves on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np

TAG_SOUND, TAG_PICTURE = 8, 9


class HttpServer:
    """Serves ``/cam.flv`` and ``/cam.m3u8`` with its segments, in real time from the moment it was made.

    Args:
        flv: a file by `write_flv`.
        segments: files by `write_segments`, each of ``segment_s`` seconds; the playlist shows the last three.
        pictures_s: seconds after which the FLV goes on with sound alone; default never.
    """

    def __init__(
        self,
        *,
        flv: Path | None = None,
        segments: Sequence[Path] = (),
        segment_s: float = 1.0,
        pictures_s: float = 1e9,
    ) -> None:
        self.flv, self.segments, self.segment_s, self.pictures_s = flv, segments, segment_s, pictures_s
        self.began_s = time.monotonic()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def url(self, name: str) -> str:
        """The address of ``cam.flv`` or ``cam.m3u8``."""
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def playlist(self) -> str:
        """The last three segments that are whole by now; three are there from the start."""
        n = min(len(self.segments), 3 + int((time.monotonic() - self.began_s) / self.segment_s))
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{round(self.segment_s)}"]
        lines.append(f"#EXT-X-MEDIA-SEQUENCE:{n - 3}")
        for segment in self.segments[n - 3 : n]:
            lines += [f"#EXTINF:{self.segment_s:.3f},", segment.name]
        return "\n".join(lines) + "\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def handler_of(server: HttpServer) -> type[BaseHTTPRequestHandler]:
    """What answers one request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.strip("/")
            files = {p.name: p for p in server.segments}
            if name == "cam.m3u8":
                self._send("application/vnd.apple.mpegurl", server.playlist().encode())
            elif name in files:
                self._send("video/mp2t", files[name].read_bytes())
            elif name == "cam.flv" and server.flv is not None:
                self._send("video/x-flv", b"")
                self._play(server.flv)
            else:
                self.send_error(404)

        def _send(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            if body:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _play(self, path: Path) -> None:
            began_s = time.monotonic()
            try:
                for kind, at_s, data in flv_tags(path.read_bytes()):
                    time.sleep(max(0.0, began_s + at_s - time.monotonic()))
                    if kind != TAG_PICTURE or at_s < server.pictures_s:
                        self.wfile.write(data)
            except OSError:
                return  # the reader is gone

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def flv_tags(data: bytes) -> Iterator[tuple[int, float, bytes]]:
    """The header and the tags of an FLV file: kind, seconds, bytes. Source: Adobe FLV 10.1, annex E.4."""
    at = 13
    yield 0, 0.0, data[:at]
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        ms = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
        yield data[at], ms / 1000, data[at : at + 15 + size]
        at += 15 + size


def write_stream(path: Path, seconds: float, *, kind: str, with_sound: bool = False, first_s: float = 0.0) -> Path:
    """A moving test picture, 25 a second, in a container for streaming; optionally silence beside it."""
    with av.open(str(path), "w", format=kind) as out:
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 320, 192, "yuv420p"
        video.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "keyint=25"}
        sound = out.add_stream("aac", rate=16_000, layout="mono") if with_sound else None
        n_sound = 0
        for i in range(round(seconds * 25)):
            picture = np.full((192, 320, 3), 60, np.uint8)
            picture[:, (i * 8) % 320 : (i * 8) % 320 + 16] = (40, 200, 240)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = i + round(first_s * 25)
            out.mux(video.encode(frame))
            while sound is not None and n_sound * 1024 / 16_000 < i / 25:
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                silence.sample_rate, silence.pts = 16_000, n_sound * 1024
                out.mux(sound.encode(silence))
                n_sound += 1
        out.mux(video.encode(None))
    return path


def write_segments(folder: Path, n: int, seconds: float = 1.0) -> list[Path]:
    """Segments of MPEG-TS whose stamps go on from one to the next."""
    return [write_stream(folder / f"s{i:03}.ts", seconds, kind="mpegts", first_s=i * seconds) for i in range(n)]
