"""What the REST service needs to answer, beside reading through the lines of an `events.jsonl` of the same sightings.

python -m benchmarks.rest --sightings 100000
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from tests.archive.samples import passes
from tests.events.samples import sighting

from vision.archive.sink import archive_sink
from vision.serve.app import make_app
from vision.serve.audit import Audit
from vision.serve.keys import KeyFile
from vision.serve.server import Place, Server

BATCH = 100  # as the outbox hands them over
CAMERAS = 20


def fill(folder: Path, lines: Path, n: int) -> float:
    """Sightings a second that the sink took; the same as lines of a file."""
    sink, took_s = archive_sink("a", {"folder": str(folder)}), 0.0
    with lines.open("wb") as file:
        for first in range(0, n, BATCH):
            numbers = range(first, min(n, first + BATCH))
            deliveries = [
                passes(sighting(i, f"camera{i % CAMERAS}", text=f"京{i * 7919 % 10**6:06d}")) for i in numbers
            ]
            began_s = time.perf_counter()
            sink.send(deliveries)
            took_s += time.perf_counter() - began_s
            file.writelines(d.body + b"\n" for d in deliveries)
    sink.close()
    return n / took_s


def ms(act: Callable[[], object], times: int) -> tuple[float, float]:
    """Median and worst of so many calls, milliseconds; the first does not count."""
    act()
    found = []
    for _ in range(times):
        began_s = time.perf_counter()
        act()
        found.append(1e3 * (time.perf_counter() - began_s))
    return statistics.median(found), max(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sightings", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=30)
    args = parser.parse_args()
    n, plate = args.sightings, f"京{(args.sightings // 2) * 7919 % 10**6:06d}"
    with tempfile.TemporaryDirectory() as place:
        folder, lines = Path(place) / "archive", Path(place) / "events.jsonl"
        rate = fill(folder, lines, n)
        keys = KeyFile(folder / "keys.json")
        secret = keys.add("bench", "plates", time.time_ns())
        low = keys.add("low", "sightings", time.time_ns())
        app = make_app(folder, keys, Audit(folder / "audit"), rate=10**9)
        size_mb = (folder / "archive.db").stat().st_size / 1e6
        lines_mb = lines.stat().st_size / 1e6
        print(f"{n} sightings: the sink took {rate:.0f} a second; {size_mb:.0f} MB, as lines {lines_mb:.0f} MB\n")
        with Server(app, Place("127.0.0.1:0")) as server, httpx.Client(base_url=server.url, timeout=600) as client:

            def ask(path: str, key: str = secret, **query: object) -> list[object]:
                answer = client.get(path, params=query, headers={"Authorization": f"Bearer {key}"})  # type: ignore[arg-type]
                return list(answer.raise_for_status().json()["items"])

            middle = sighting(n // 2)
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(middle.first_time_ns / 1e9))
            questions: dict[str, Callable[[], object]] = {
                "cameras": lambda: ask("/v1/cameras"),
                "newest 50, masked": lambda: ask("/v1/sightings", low),
                "newest 50, with plates (audit line on disk first)": lambda: ask("/v1/sightings"),
                "newest 200, masked": lambda: ask("/v1/sightings", low, limit=200),
                "50 from the middle in time, masked": lambda: ask("/v1/sightings", low, to=when),
                "50 of one camera from the middle, masked": lambda: ask(
                    "/v1/sightings", low, to=when, camera="camera7"
                ),
                "a plate": lambda: ask("/v1/sightings", plate=plate),
                "a plate with ? at its end": lambda: ask("/v1/sightings", plate=plate[:-1] + "?"),
                "a plate with ? at its beginning": lambda: ask("/v1/sightings", plate="?" + plate[1:]),
                "a color that no vehicle has (looks at all)": lambda: ask("/v1/sightings", low, color="pink"),
            }
            print("| question | median ms | worst ms |\n|---|---|---|")
            for name, act in questions.items():
                print("| {} | {:.1f} | {:.1f} |".format(name, *ms(act, args.times)), flush=True)

        def scan() -> list[object]:
            with lines.open("rb") as file:
                return [one for one in map(json.loads, file) if (one["data"]["plate"] or {}).get("text") == plate]

        def scan_text() -> list[object]:
            text = json.dumps(plate, ensure_ascii=False).encode()
            with lines.open("rb") as file:
                return [json.loads(line) for line in file if text in line]

        print("| the same plate, every line of the file parsed | {:.1f} | {:.1f} |".format(*ms(scan, 2)))
        print("| the same plate, lines with its text parsed | {:.1f} | {:.1f} |".format(*ms(scan_text, 2)))


if __name__ == "__main__":
    main()
