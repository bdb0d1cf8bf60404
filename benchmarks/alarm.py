"""How soon is an alarm heard? A camera in real time, a list that its plates are on, and a sink that says when.

    python benchmarks/alarm.py CLIP --plate PLATE [--plate PLATE] [--others 100000] [--times 3]

A site plays the clip as a camera would, over and over; outbox, pictures and sink are those of `vision live`. Printed
for each first alarm and each last word of a pass: how long after the last look that it knows the sink had it, and how
long after the vehicle came into view.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import existing, table
from benchmarks.watchlist import others

from vision.cli.live import LastPictures, events_of, handed_on
from vision.events.times import time_ns_of
from vision.outbox.sender import Route
from vision.sinks.callback import CallbackSink
from vision.sinks.protocol import Delivery
from vision.site.output import SiteOutput
from vision.site.settings import parse_site
from vision.site.site import Site
from vision.types import CameraStatus

HEARD: list[tuple[int, Any]] = []  # when, and the event's data


def hear(delivery: Delivery) -> None:
    """The sink."""
    HEARD.append((time.time_ns(), delivery.event["data"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--plate", action="append", required=True, help="a plate in the clip; may be repeated")
    parser.add_argument("--others", type=int, default=100_000, help="other plates on the list")
    parser.add_argument("--times", type=int, default=3, help="end after so many last words")
    options = parser.parse_args()
    existing(options.clip, "a video")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listed = folder / "list.csv"
        lines = [*options.plate, *others(options.others, options.plate)]
        listed.write_text("\n".join(["plate", *lines, ""]), encoding="utf-8")
        values = {
            "name": "bench", "purpose": "bench", "watchlist": [{"name": "list", "file": str(listed)}],
            "camera": [{"id": "a", "url": f"loop:{options.clip}"}],
        }  # fmt: skip
        site = Site(parse_site(values))
        sink = Route("sink", CallbackSink(hear), types=frozenset({"vision.watchlist.match.v1"}))
        sent, pictures = events_of(site, folder, [sink]), LastPictures()
        with SiteOutput(folder / "out") as output, site:
            for event in site:
                if not isinstance(event, CameraStatus):
                    handed_on(event, pictures.of(event), output, sent)
                if sum(data["match"]["state"] != "early" for _, data in HEARD) >= options.times:
                    site.stop()
            sent.close()
    rows = []
    for word in ("first alarm", "last word"):
        part = [
            (heard_ns, data)
            for heard_ns, data in HEARD
            if (data["match"]["revision"] == 1 if word == "first alarm" else data["match"]["state"] != "early")
        ]
        frames = [(ns - time_ns_of(data["sighting"]["times"]["last"])) / 1e9 for ns, data in part]
        views = [(ns - time_ns_of(data["sighting"]["times"]["first"])) / 1e9 for ns, data in part]
        rows.append([word, len(part), *(f"{f(v):.2f}" for v in (frames, views) for f in (np.median, max))])
    head = ["", "n", "s after the last look: median", "most", "s after the vehicle came into view: median", "most"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
