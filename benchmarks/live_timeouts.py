"""When FFmpeg and a live source notice that a camera is silent, and how long a first frame takes.

    python benchmarks/live_timeouts.py [--timeout 2]

Real RTSP servers on loopback (GStreamer from Debian packages), stopped with SIGSTOP; ports that accept and say nothing.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

import av
import av.error

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.servers import RtspServer, raw_h264

from vision.video.live import LiveSource, LiveStatus

TCP = {"rtsp_transport": "tcp"}


def read_of_a_stopped_server(clip: Path, limit_s: float) -> tuple[float, float]:
    """Seconds until FFmpeg's first answer after the stop (a held picture or the error), and until the error."""
    with RtspServer([f"cam={clip}"]) as server, av.open(server.url("cam"), options=TCP, timeout=limit_s) as container:
        stopped_s = last_s = 0.0
        try:
            for n, _ in enumerate(container.demux(video=0)):
                last_s = time.monotonic()
                if n == 60:
                    server.stall()
                    stopped_s = time.monotonic()
        except av.error.FFmpegError:
            return last_s - stopped_s, time.monotonic() - stopped_s
    raise RuntimeError("the stream ended before the server was stopped")


def opening_of_a_silent_port(scheme: str, limit_s: float) -> tuple[float, str]:
    """Seconds until FFmpeg gives up a server that accepts and says nothing, and what it calls that."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        began_s = time.monotonic()
        try:
            av.open(f"{scheme}://127.0.0.1:{server.getsockname()[1]}/x", timeout=limit_s).close()
        except av.error.FFmpegError as err:
            return time.monotonic() - began_s, str(err.strerror)
    raise RuntimeError("a silent port was opened")


def first_frame(clip: Path, options: dict[str, str]) -> float:
    """Seconds from the connection to the first decoded picture."""
    with RtspServer([f"cam={clip}"]) as server:
        began_s = time.monotonic()
        with av.open(server.url("cam"), options=options, timeout=10) as container:
            next(container.decode(video=0))
            return time.monotonic() - began_s


def source_of_a_stopped_server(clip: Path, timeout_s: float) -> dict[str, float]:
    """Seconds from the stop until a live source says stalled, until it waits for the next try, and to close it then."""
    said: list[tuple[float, LiveStatus]] = []
    with RtspServer([f"cam={clip}"]) as server:
        source = LiveSource(
            server.url("cam"), timeout_s=timeout_s, on_status=lambda s: said.append((time.monotonic(), s))
        )
        count = [0]

        def read() -> None:
            for _ in source:
                count[0] += 1

        thread = threading.Thread(target=read)
        thread.start()
        while count[0] < 60:
            time.sleep(0.01)
        server.stall()
        stopped_s = time.monotonic()
        while not any(s.state == "waiting" for _, s in said):
            time.sleep(0.01)
        while said[-1][1].state != "connecting":
            time.sleep(0.01)
        closing_s = time.monotonic()
        source.close()
        thread.join()
        out = {state: next(t for t, s in said if s.state == state) - stopped_s for state in ("stalled", "waiting")}
        return out | {"closed": time.monotonic() - closing_s}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timeout", type=float, default=2.0)
    limit_s = parser.parse_args().timeout
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        clip = raw_h264(Path(folder) / "clip.h264", 640, 360)
        held_s, error_s = read_of_a_stopped_server(clip, limit_s)
        rows.append((f"FFmpeg told {limit_s:g} s, server stopped: one held picture after", f"{held_s:.2f} s"))
        rows.append(("... and the error after", f"{error_s:.2f} s"))
        for scheme in ("rtsp", "http"):
            seconds, words = opening_of_a_silent_port(scheme, limit_s)
            rows.append(
                (f"FFmpeg told {limit_s:g} s, silent {scheme} port: given up after", f"{seconds:.2f} s ({words})")
            )
        rows.append(("first picture by FFmpeg's defaults", f"{first_frame(clip, TCP):.2f} s"))
        rows.append(("first picture with fpsprobesize 0", f"{first_frame(clip, TCP | {'fpsprobesize': '0'}):.2f} s"))
        found = source_of_a_stopped_server(clip, limit_s)
        rows.append(
            (f"live source, timeout_s {limit_s:g}, server stopped: says stalled after", f"{found['stalled']:.2f} s")
        )
        rows.append(("... connection given up after", f"{found['waiting']:.2f} s"))
        rows.append(("... closed while it connects to the stopped server, within", f"{found['closed']:.2f} s"))
    print("| what | measured |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
