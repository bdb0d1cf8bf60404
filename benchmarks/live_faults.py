"""Many live cameras while their servers are killed and stalled: who comes back, and who notices.

    python benchmarks/live_faults.py [--cameras 8] [--minutes 30] [--kills 100] [--stalls 20]
        [--warm-up MINUTES] [--json OUT.json]

Every camera is an RTSP server of its own on loopback (GStreamer from Debian packages); it plays the rendered demo clip.
The second half of the cameras is left alone: their frames are compared with what 25 a second give.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.servers import RtspServer

from vision.bench.host import require_psutil
from vision.bench.meter import growth
from vision.demo.clip import render
from vision.site.settings import parse_site
from vision.site.site import Site
from vision.types import CameraStatus

RATE = 25
SETTLE_S = 15  # before faults begin and memory is expected to be steady


def raw_clip(path: Path, height: int) -> Path:
    """The first ten seconds of the demo clip as raw H.264, one slice a picture."""
    source = path.with_suffix(".mp4")
    render(source, max_frames=250)
    with av.open(str(source)) as container, av.open(str(path), "w", format="h264") as out:
        stream = out.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = height * 16 // 9 // 2 * 2, height, "yuv420p"
        stream.options = {"preset": "veryfast", "tune": "zerolatency", "x264-params": "sliced-threads=0:keyint=25"}
        for frame in container.decode(video=0):
            out.mux(stream.encode(frame.reformat(stream.width, stream.height, "yuv420p")))
        out.mux(stream.encode(None))
    return path


class Drill:
    """A site, its servers, and what is done to them."""

    def __init__(self, clip: Path, n: int) -> None:
        self.servers = {f"camera-{i + 1}": RtspServer([f"cam={clip}"]) for i in range(n)}
        self.victims = list(self.servers)[: n // 2]
        cameras = [{"id": name, "url": server.url("cam")} for name, server in self.servers.items()]
        self.site = Site(parse_site({"defaults": {"timeout_s": 3, "longest_wait_s": 8}, "camera": cameras}))
        self.states: Counter[tuple[str, str]] = Counter()
        self.back_s: list[float] = []
        self.samples = np.zeros((0, 4))  # seconds, MB, descriptors, threads
        self.sightings = 0
        self.done = Counter[str]()

    def watch(self) -> None:
        """Body of a thread: takes what the site gives."""
        for event in self.site:
            if isinstance(event, CameraStatus):
                self.states[event.stream_id, event.state] += 1
            else:
                self.sightings += 1

    def sample(self, until_s: float, began_s: float) -> None:
        """Body of a thread: memory, descriptors and threads once a second."""
        process = require_psutil().Process()
        samples, n = np.zeros((math.ceil(until_s - time.monotonic()) + 1, 4)), 0  # all at once: it is in the measure
        while time.monotonic() < until_s:
            rss = process.memory_info().rss / 2**20
            samples[n] = time.monotonic() - began_s, rss, process.num_fds(), process.num_threads()
            n += 1
            time.sleep(1)
        self.samples = samples[:n]

    def hurt(self, name: str, kind: str) -> None:
        """Kill or stall one server, bring it back after a while, and measure how long its camera needs from then."""
        server, camera = self.servers[name], self.site.cameras[name]
        if kind == "kill":
            server.kill()
            time.sleep(0.5)
            server.restart()
        else:
            server.stall()
            time.sleep(6)
            server.go_on()
        began_s, seen = time.monotonic(), camera.counts.received
        while time.monotonic() - began_s < 30:
            if camera.status and camera.status.state == "streaming" and camera.counts.received > seen + 5:
                self.back_s.append(time.monotonic() - began_s)
                self.done[kind] += 1
                return
            time.sleep(0.05)
        self.done["not back in 30 s"] += 1


def run(args: argparse.Namespace, clip: Path) -> dict[str, Any]:
    """The whole drill."""
    drill = Drill(clip, args.cameras)
    watcher = threading.Thread(target=drill.watch)
    began_s = time.monotonic()
    watcher.start()
    time.sleep(SETTLE_S)
    end_s = began_s + args.minutes * 60
    sampler = threading.Thread(target=drill.sample, args=(end_s, began_s))
    sampler.start()
    calm = [c for n, c in drill.site.cameras.items() if n not in drill.victims]
    start = {c.id: (c.counts.received, time.monotonic()) for c in calm}
    chance = random.Random(1)
    faults = ["kill"] * args.kills + ["stall"] * args.stalls
    chance.shuffle(faults)
    lock = threading.Lock()

    def work(name: str) -> None:
        while time.monotonic() < end_s:
            with lock:
                kind = faults.pop() if faults else None
            if kind is None:
                return
            drill.hurt(name, kind)
            time.sleep(chance.uniform(0.5, 2))

    workers = [threading.Thread(target=work, args=(name,)) for name in drill.victims]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    time.sleep(max(0.0, end_s - time.monotonic()))
    sampler.join()
    expected = {c.id: round(RATE * (time.monotonic() - start[c.id][1])) for c in calm}
    got = {c.id: c.counts.received - start[c.id][0] for c in calm}
    counts = {c.id: c.counts for c in drill.site.cameras.values()}
    latency = {c.id: [round(1e3 * c.latency.percentile(p)) for p in (50, 99)] for c in drill.site.cameras.values()}
    stopping_s = time.monotonic()
    drill.site.stop()
    watcher.join()
    stopped_s = time.monotonic() - stopping_s
    left = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    for server in drill.servers.values():
        server.__exit__(None, None, None)
    t, rss, fds, threads = drill.samples.T
    return {
        "minutes": args.minutes,
        "faults": dict(drill.done),
        "not_done": len(faults),
        "back_s": [round(float(v), 2) for v in np.percentile(drill.back_s, (50, 90, 100))] if drill.back_s else None,
        "calm": {name: {"received": got[name], "expected": expected[name]} for name in got},
        "processed": sum(c.processed for c in counts.values()),
        "dropped_queue": sum(c.dropped_queue for c in counts.values()),
        "received": sum(c.received for c in counts.values()),
        "failed": sum(c.failed for c in counts.values()),
        "latency_ms_p50_p99": latency,
        "sightings": drill.sightings,
        "stalls_seen": sum(n for (_, state), n in drill.states.items() if state == "stalled"),
        "rss_mb": [round(float(rss[0])), round(float(rss[-1])), round(float(rss.max()))],
        "warm_up_minutes": args.warm_up,
        "rss_slope_mb_per_h_and_error": [round(v, 2) for v in growth(t, rss, args.warm_up * 60) or ()],
        "rss_mb_each_minute": [round(float(v), 1) for v in rss[59::60]],
        "descriptors": [int(fds[0]), int(fds[-1]), int(fds.max())],
        "threads": [int(threads[0]), int(threads[-1])],
        "stop_s": round(stopped_s, 2),
        "threads_left": left,
        "cores": len(os.sched_getaffinity(0)),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--stalls", type=int, default=20)
    parser.add_argument("--warm-up", type=float, default=15, help="minutes before memory is expected to be steady")
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.h264"
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:  # its memory is not the site's
            other.submit(raw_clip, clip, args.height).result()
        result = run(args, clip)
    for key, value in result.items():
        print(f"| {key} | {value} |")
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
