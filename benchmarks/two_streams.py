"""What a second stream saves: the main stream alone, the sub stream alone, both (watched in one, read in the other).

    python benchmarks/two_streams.py [--seconds 60] [--rounds 2]

One RTSP server on loopback (GStreamer from Debian packages) shows the demo clip as 1920x1080 and as 640x360. Each way
runs in turn, ``rounds`` times, for as long; the processor time is that of this process alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.live_faults import raw_clip
from tests.servers import RtspServer

from vision.bench.host import require_psutil
from vision.site.settings import parse_site
from vision.site.site import Site
from vision.types import Sighting


@dataclass
class Sum:
    """What the turns of one way come to."""

    seconds: float = 0.0
    processor_s: float = 0.0
    frames: int = 0
    dropped: int = 0
    without_main: int = 0
    texts: list[str] = field(default_factory=list)


def turn(urls: dict[str, str], seconds: float, total: Sum) -> None:
    """Run one camera for a while and add what it took."""
    process = require_psutil().Process()
    site = Site(parse_site({"camera": [{"id": "camera", **urls}]}))
    threading.Timer(seconds, site.stop).start()
    with site:
        time.sleep(3)  # connecting, and the networks' first run
        before, began_s = process.cpu_times(), time.monotonic()
        counts = site.cameras["camera"].counts
        start = counts.processed
        events = [event for event in site if isinstance(event, Sighting)]
        after = process.cpu_times()
        total.seconds += time.monotonic() - began_s
        total.processor_s += after.user + after.system - before.user - before.system
        total.frames += counts.processed - start
        total.dropped += counts.dropped_queue
        total.without_main += counts.without_main
    total.texts += [s.plate.text for s in events if s.plate]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    sums: dict[str, Sum] = defaultdict(Sum)
    with tempfile.TemporaryDirectory() as folder:
        clips = {f"{height}": raw_clip(Path(folder) / f"{height}.h264", height) for height in (1080, 360)}
        with RtspServer([f"{name}={clip}" for name, clip in clips.items()]) as server:
            large, small = server.url("1080"), server.url("360")
            ways = {
                "main stream": {"url": large},
                "sub stream": {"url": small},
                "both": {"url": small, "main_url": large},
            }
            for _ in range(args.rounds):
                for name, urls in ways.items():
                    turn(urls, args.seconds, sums[name])
    print("| way | processor, % of a core | frames/s | dropped | without main | plates read | different |")
    print("|---|---|---|---|---|---|---|")
    for name, s in sums.items():
        share, rate = 100 * s.processor_s / s.seconds, s.frames / s.seconds
        print(f"| {name} | {share:.0f} | {rate:.1f} | {s.dropped} | {s.without_main} ", end="")
        print(f"| {len(s.texts)} | {len(set(s.texts))} |", flush=True)


if __name__ == "__main__":
    main()
