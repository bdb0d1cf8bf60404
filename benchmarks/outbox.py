"""How many durable events a second the outbox takes, against one commit for each; what the giving thread pays.

python -m benchmarks.outbox                 # 20,000 events to one sink, in a temporary folder
python -m benchmarks.outbox --folder DIR    # on another disk
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from vision.errors import SinkError
from vision.events.make import picture_part, sighting_event, site_part
from vision.events.model import Event
from vision.outbox.outbox import Outbox
from vision.outbox.sender import Route
from vision.sinks.protocol import Answer, Delivery
from vision.types import Direction, PlateText, Sighting

NS = 1_000_000_000
MODELS = [{"name": f"m{i}", "version": "1", "precision": "int8", "sha256": f"{i}" * 64} for i in range(4)]
SITE = site_part("bench", "measurement", "0", MODELS, {})
BOX = (0.0, 0.0, 1.0, 1.0)


class Null:
    """A platform that takes everything, or is away."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.n, self._is_away = 0, is_away

    def send(self, deliveries: Sequence[Delivery]) -> list[Answer]:
        if self._is_away:
            raise SinkError("away")
        self.n += len(deliveries)
        return [Answer("delivered")] * len(deliveries)

    def close(self) -> None:
        pass


def sighting(n: int, n_cameras: int) -> Sighting:
    """A plain pass; the cameras have them in turn."""
    plate = PlateText(f"京A{n % 100000:05d}", 0.98, (), "normal", "blue", 1, (("京A12345", 0.98),))
    time_ns = 1_700_000_000 * NS + n * 1_000_000
    return Sighting(
        f"cam-{n % n_cameras}-{n}", f"cam-{n % n_cameras}", time_ns, time_ns + NS, 0.0, 1.0, True, plate, "", None,
        Direction("down", 90.0, 10.0, "nearer"), BOX, BOX, 9, 3, (n,),
    )  # fmt: skip


def event_of(n: int, n_cameras: int = 100) -> Event:
    return sighting_event(sighting(n, n_cameras), SITE, [picture_part("plate", b"%d" % n, 320, 96)], now_ns=0)


def single_commits(folder: Path, bodies: Sequence[bytes], seconds: float) -> float:
    """Events a second with a commit for each, the plainest table that could work, synchronous=FULL."""
    sql = sqlite3.connect(folder / "single.db", isolation_level=None)
    sql.execute("PRAGMA journal_mode=WAL")
    sql.execute("PRAGMA synchronous=FULL")
    sql.execute("CREATE TABLE outbox(seq INTEGER PRIMARY KEY, key TEXT UNIQUE, body BLOB)")
    n, began_s = 0, time.perf_counter()
    while time.perf_counter() - began_s < seconds:
        sql.execute("INSERT INTO outbox(key, body) VALUES (?, ?)", (str(n), bodies[n % len(bodies)]))
        n += 1
    rate = n / (time.perf_counter() - began_s)
    sql.close()
    return rate


def group_commits(folder: Path, events: Sequence[Event], *, is_away: bool) -> tuple[float, float, float, list[float]]:
    """Events a second until the last is on disk, processor time of an event, events a commit, seconds of each `put`."""
    sink, costs = Null(is_away=is_away), []
    route = Route("null", sink, batch=500, first_wait_s=1000.0, longest_wait_s=1000.0)
    used_s = time.process_time()
    with Outbox(folder, [route]) as outbox:
        began_s = time.perf_counter()
        for event in events:
            one_s = time.perf_counter()
            number = outbox.put(event)
            costs.append(time.perf_counter() - one_s)
            while number - outbox.counts["committed"] > 5000:  # as no site does: faster than any disk
                time.sleep(0.001)
        outbox.wait(number)
        rate = len(events) / (time.perf_counter() - began_s)
        while sink.n < len(events) and not is_away:
            time.sleep(0.01)
        counts = outbox.counts
    used_s = time.process_time() - used_s
    return rate, used_s / len(events), counts["committed"] / counts["commits"], costs


def paced(folder: Path, events: Sequence[Event], rate: float) -> list[float]:
    """Seconds of each `put` at a given rate, as a large site has it."""
    costs = []
    with Outbox(folder, [Route("null", Null())]) as outbox:
        due_s = time.perf_counter()
        for event in events:
            due_s += 1 / rate
            time.sleep(max(0.0, due_s - time.perf_counter()))
            one_s = time.perf_counter()
            outbox.put(event)
            costs.append(time.perf_counter() - one_s)
        outbox.drain(20)
    return costs


def us(costs: Sequence[float]) -> str:
    ordered = sorted(costs)
    marks = [ordered[round(share * (len(ordered) - 1))] for share in (0.5, 0.99, 1.0)]
    mean = sum(ordered) / len(ordered)
    return (
        f"mean {1e6 * mean:.1f}, median {1e6 * marks[0]:.1f}, p99 {1e6 * marks[1]:.1f}, worst {1e6 * marks[2]:.0f} us"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the databases are written")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=100.0, help="events a second of the paced part")
    options = parser.parse_args()
    began_s = time.process_time()
    events = [event_of(n) for n in range(options.events)]
    print(f"making an event: {1e6 * (time.process_time() - began_s) / len(events):.0f} us of processor time")
    bodies = [event.body() for event in events[:1000]]
    print(f"an event: {sum(map(len, bodies)) / len(bodies):.0f} bytes; {len(events)} events, synchronous=FULL")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        rates = [single_commits(folder, bodies, 3.0)]
        away = group_commits(folder / "away", events, is_away=True)
        there = group_commits(folder / "there", events, is_away=False)
        rates.append(single_commits(folder / "there", bodies, 3.0))
        slow = paced(folder / "paced", [event_of(n) for n in range(1000)], options.rate)
    single = sum(rates) / 2
    print(f"one commit for each:  {single:8.0f} events/s (before {rates[0]:.0f}, after {rates[1]:.0f})")
    for name, (rate, used_s, size, costs) in (("platform away", away), ("delivering, too", there)):
        said = f"{rate:8.0f} events/s, {rate / single:.1f} times; {size:.0f} a commit"
        print(f"outbox, {name:<15} {said}; {1e6 * used_s:.0f} us of processor time an event, all threads")
        print(f"  put, at full speed: {us(costs)}")
    print(f"put, {options.rate:.0f} events/s:    {us(slow)}")


if __name__ == "__main__":
    main()
