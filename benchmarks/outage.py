"""The outage drill: 2,000 events, the receiver killed for a minute in the middle, the library killed twice.

python -m benchmarks.outage                     # every sink of the table
python -m benchmarks.outage webhook --down 60   # one

A process of its own gives events to the outbox at a steady rate and says the number of each as soon as it is on disk.
It is killed with -9 after a quarter and after three quarters and begun again behind the last number it said. The
receiver is killed after half, and started again after ``--down`` seconds. Then every event must have arrived; those
that came twice (their answer was lost) must have come under the same key; and each camera's must be in order.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks._common import table
from benchmarks.outage_peers.brokers import NatsPeer, PostgresPeer, RedisPeer
from benchmarks.outage_peers.files import FolderPeer
from benchmarks.outage_peers.kafka import KafkaPeer, TansuPeer
from benchmarks.outage_peers.mqtt import KilledMqttPeer, MqttPeer
from benchmarks.outage_peers.peer import Peer
from benchmarks.outage_peers.viid import CascadePeer, ViidPeer
from benchmarks.outage_peers.webhook import WebhookPeer

PEERS: dict[str, Callable[[Path], Peer]] = {
    "jsonl": FolderPeer,
    "webhook": WebhookPeer,
    "viid": ViidPeer,
    "viid-cascade": CascadePeer,
    "redis": RedisPeer,
    "nats": NatsPeer,
    "postgresql": PostgresPeer,
    "mqtt": MqttPeer,
    "mqtt-kill-9": KilledMqttPeer,
    "kafka": KafkaPeer,
    "kafka-tansu": TansuPeer,
}
N_CAMERAS = 8
ROOT = Path(__file__).parent.parent
PATIENCE_S = 120.0


@dataclass
class Found:
    """What the receiver has."""

    arrived: int
    lost: int
    doubled: int  # one event under two keys
    repeated: int  # one key more than once: what a receiver drops by its key
    disordered: int
    seconds: float


def give(folder: Path, first: int, n: int, rate: float) -> None:
    """Body of the library's process: events from ``first`` to ``n``; the number of each, once it is on disk."""
    from benchmarks.outbox import event_of

    from vision.outbox.outbox import Outbox
    from vision.site.events import make_routes
    from vision.site.settings import parse_sinks

    tables = json.loads((folder / "sink.json").read_text())
    quick = {"first_wait_s": 0.2, "longest_wait_s": 2.0, "batch": 20}  # a minute's outage, not a day's
    ready = tables.pop("ready_file", "")
    with Outbox(folder / "outbox", make_routes(parse_sinks([{**tables, **quick}], "drill"))) as outbox:
        while ready and not Path(ready).exists():
            time.sleep(0.05)
        due_s = time.monotonic()
        for i in range(first, n):
            due_s += 1 / rate
            time.sleep(max(0.0, due_s - time.monotonic()))
            if not outbox.wait(outbox.put(event_of(i, N_CAMERAS)), PATIENCE_S):
                raise SystemExit("not on disk")
            print(i, flush=True)
        print("all", flush=True)
        while any(f["waiting"] or f["trouble"] for f in outbox.figures().values()):  # what cannot be read counts as 0
            time.sleep(0.1)
        if dead := sum(f["dead"] for f in outbox.figures().values()):
            raise SystemExit(f"{dead} dead letters")
        print("delivered", flush=True)


class Library:
    """The giving process."""

    def __init__(self, folder: Path, first: int, n: int, rate: float) -> None:
        command = [sys.executable, "-m", "benchmarks.outage", "--give", str(folder), str(first), str(n), str(rate)]
        self._log = (folder / "library.log").open("ab")
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True, cwd=ROOT)
        self.last = first - 1

    def read_until(self, wanted: Callable[[str], bool]) -> None:
        """Read what it says until a line is wanted."""
        assert self._child.stdout is not None
        for line in self._child.stdout:
            word = line.strip()
            if word.isdigit():
                self.last = int(word)
            if wanted(word):
                return
        raise SystemExit(f"the library ended with {self._child.wait()}; see {self._log.name}")

    def kill(self) -> int:
        """Kill it with -9; the last number it said."""
        os.kill(self._child.pid, signal.SIGKILL)
        said = self._child.communicate()[0].split()
        self._log.close()
        return int(said[-1]) if said and said[-1].isdigit() else self.last

    def close(self) -> None:
        """Wait for its end."""
        self._child.communicate(timeout=PATIENCE_S)
        self._log.close()


def drill(name: str, folder: Path, n: int, rate: float, down_s: float) -> Found:
    """One sink's drill."""
    peer = PEERS[name](folder)
    (folder / "sink.json").write_text(json.dumps({"name": name, **peer.settings()}))
    peer.start()
    began_s = time.monotonic()
    try:
        library = Library(folder, 0, n, rate)
        library.read_until(lambda word: word == str(n // 4))
        library = Library(folder, library.kill() + 1, n, rate)
        library.read_until(lambda word: word == str(n // 2))
        peer.kill()
        end_s = time.monotonic() + down_s
        library.read_until(lambda word: word == str(3 * n // 4))
        library = Library(folder, library.kill() + 1, n, rate)
        if end_s > time.monotonic():
            library.read_until(lambda word: time.monotonic() > end_s or word == "all")
            time.sleep(max(0.0, end_s - time.monotonic()))
        peer.start()
        library.read_until(lambda word: word == "delivered")
        library.close()
        seconds = time.monotonic() - began_s
        return judged(peer.received(), n, seconds)
    finally:
        peer.close()


def judged(received: Sequence[tuple[str, str]], n: int, seconds: float) -> Found:
    """Count what arrived; of a key that came twice the first counts, as a receiver with a memory does it."""
    first = list(dict.fromkeys(received))
    keys = [key for _, key in first]
    events = {key.rpartition("-r")[0] for key in keys}
    disordered = 0
    for camera in {camera for camera, _ in first}:
        numbers = [int(key.split("-")[2]) for of, key in first if of == camera]
        disordered += sum(b < a for a, b in pairwise(numbers))
    return Found(len(events), n - len(events), len(keys) - len(events), len(received) - len(first), disordered, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sinks", nargs="*", help=f"of {', '.join(PEERS)}; default: all")
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=40.0, help="events a second")
    parser.add_argument("--down", type=float, default=60.0, help="seconds without the receiver")
    parser.add_argument("--give", nargs=4, metavar=("FOLDER", "FIRST", "N", "RATE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.give:
        folder, first, n, rate = options.give
        give(Path(folder), int(first), int(n), float(rate))
        return
    rows = []
    for name in options.sinks or PEERS:
        with tempfile.TemporaryDirectory() as folder_name:
            found = drill(name, Path(folder_name), options.events, options.rate, options.down)
        rows.append(
            (name, options.events, found.arrived, found.lost, found.doubled, found.repeated, found.disordered,
             f"{found.seconds:.0f}")
        )  # fmt: skip
        print(f"{name}: {found}", file=sys.stderr, flush=True)
    print(table(("sink", "events", "arrived", "lost", "doubled", "repeated", "out of order", "seconds"), rows))
    if any(row[3] or row[4] or row[6] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
