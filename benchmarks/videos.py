"""Every recorded clip through `vision.pipeline.record`, and whether the known plates come out.

    python benchmarks/videos.py --data DATA/videos [--out DIR] [--annotate] [--threads N]

The plates to expect stand in the README.md beside the clips: every plate text in the table row of a clip. A clip with
expected plates passes if each of them is the plate of exactly one sighting and no sighting has another text. Of every
clip, the read-rate ledger must add up to its sightings. Exit status 1 if something does not pass.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import config_of, existing, fail, one_line, shares, table

from vision.cli.say import bars
from vision.errors import VisionError
from vision.pipeline.record import Part, Progress, record
from vision.pipeline.runner import Pipeline
from vision.pipeline.stats import StageTimes
from vision.sightings.ledger import REASONS

MISSED = 1
SUFFIXES = {".avi", ".mkv", ".mov", ".mp4", ".ts"}
PLATE = re.compile(r"[\u4e00-\u9fff][A-Z][A-Z0-9]{5,6}")


@dataclass(frozen=True, slots=True)
class Result:
    """What a clip came to: run.json's report of its source, its events, and its stage times."""

    clip: str
    report: dict[str, Any]
    events: list[dict[str, Any]]
    frames_per_s: float
    times: StageTimes

    @property
    def texts(self) -> list[str]:
        """Plate texts of the sightings that have one, in their order."""
        return [e["plate"]["text"] for e in self.events if e["plate"]]

    def row(self) -> list[object]:
        """Its line of the table."""
        reasons, discarded = (
            ", ".join(f"{name} {n}" for name, n in self.report[part].items()) for part in ("unread", "discarded")
        )
        return [
            self.clip,
            self.report["frames"]["yielded"],
            self.report["sightings"],
            self.report["read"],
            " ".join(self.texts) or "-",
            reasons or "-",
            discarded or "-",
            f"{self.frames_per_s:.1f}",
            shares(self.times, 0.02),
        ]


def clips_in(folder: Path) -> list[Path]:
    """The folder's video files by name; ends the program if there are none."""
    clips = sorted(p for p in existing(folder, "a folder of clips").iterdir() if p.suffix in SUFFIXES)
    return clips or fail(f"{folder}: expected video files ({', '.join(sorted(SUFFIXES))}), found none")


def expected_in(folder: Path) -> dict[str, list[str]]:
    """Clip name -> plates to expect, from the folder's README.md; empty without one."""
    readme = folder / "README.md"
    if not readme.is_file():
        return {}
    rows = [line.split("|")[1:] for line in readme.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    found = {cells[0].strip(): PLATE.findall("|".join(cells[1:])) for cells in rows if len(cells) > 1}
    return {name: plates for name, plates in found.items() if plates}


def run(pipeline: Pipeline, clip: Path, out: Path, *, annotate: bool, progress: Progress) -> Result:
    """One clip into ``out``; a clip that breaks off ends the program."""
    pipeline.times = StageTimes()
    summary = record(pipeline, [str(clip)], out, Part(annotate=annotate), progress)
    if summary.interrupted:
        raise KeyboardInterrupt
    if summary.failed:
        fail("; ".join(summary.failed))
    (report,) = json.loads((out / "run.json").read_text(encoding="utf-8"))["sources"]
    events = [json.loads(line) for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    return Result(clip.name, report, events, summary.frames / summary.seconds, pipeline.times)


def misses_of(result: Result, expected: list[str]) -> list[str]:
    """What is wrong with the plates of a clip, one line each."""
    counts = Counter(result.texts)
    lines = [
        f"{result.clip}: expected {text} once, got it {counts[text]} times" for text in expected if counts[text] != 1
    ]
    others = [text for text in result.texts if text not in expected]
    return lines + ([f"{result.clip}: expected no other text, got {' '.join(others)}"] if others else [])


def sum_misses(result: Result, ledger: Path) -> list[str]:
    """What does not add up between a clip's ledger and its events, one line each."""
    with ledger.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    sums = {name: sum(int(row[name]) for row in rows) for name in ("vehicles", "read", *REASONS)}
    counted = Counter(e["reason"] or "read" for e in result.events)
    counted["vehicles"] = len(result.events)
    lines = [f"{result.clip}: {k}: expected {counted[k]}, ledger says {n}" for k, n in sums.items() if counted[k] != n]
    if sums["vehicles"] != sum(sums.values()) - sums["vehicles"]:
        lines.append(f"{result.clip}: read and reasons do not add up to {sums['vehicles']}")
    return lines


def measure(clips: list[Path], out: Path, *, threads: int, annotate: bool) -> list[Result]:
    """All clips, each into its own folder in ``out``."""
    pipeline = Pipeline(config_of(threads))
    with bars() as progress:
        return [run(pipeline, c, out / c.stem, annotate=annotate, progress=progress) for c in clips]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with clips and perhaps a README.md")
    parser.add_argument("--out", type=Path, help="keep the output folders here; must not exist yet")
    parser.add_argument("--annotate", action="store_true", help="write the annotated videos, too")
    parser.add_argument("--threads", type=int, default=1, help="threads per network run (default 1)")
    options = parser.parse_args()
    clips, expected = clips_in(options.data), expected_in(options.data)
    if options.out and options.out.exists():
        fail(f"--out: expected a folder that does not exist yet, {options.out} exists")
    try:
        with tempfile.TemporaryDirectory() as spare:
            out = options.out or Path(spare)
            results = measure(clips, out, threads=options.threads, annotate=options.annotate)
            sums = [line for r in results for line in sum_misses(r, out / Path(r.clip).stem / "ledger.csv")]
    except VisionError as err:
        one_line(err)
    head = ["clip", "frames", "vehicles", "read", "plates", "not read because", "discarded", "frames/s", "stages"]
    print(table(head, [result.row() for result in results]))
    checked = [result for result in results if result.clip in expected]
    misses = [line for result in checked for line in misses_of(result, expected[result.clip])]
    print(f"\n{len(checked)} clips with known plates: {'all as expected' if not misses else 'not as expected'}")
    print(f"{len(results)} ledgers: {'all add up to their sightings' if not sums else 'not all add up'}")
    for line in misses + sums:
        print(line)
    if misses or sums:
        raise SystemExit(MISSED)


if __name__ == "__main__":
    main()
