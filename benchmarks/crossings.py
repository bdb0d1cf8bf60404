"""Vehicles that cross a line: counted by eye beside counted by the pipeline, vehicle by vehicle.

    python benchmarks/crossings.py --data DATA/videos [--threads N]

The counts by eye, with their times and lines, stand in crossings.json. A counted crossing and one of the pipeline are
the same if line and direction agree and their times differ by less than `SAME_S`; each matches one at most. Every clip
runs in both paces. Exit status 1 if the counts differ by more than 2 % in either.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import config_of, existing, one_line, percent, table

from vision.errors import VisionError
from vision.pipeline.config import Config, PaceConfig
from vision.pipeline.runner import Pipeline
from vision.scene.layout import SceneConfig
from vision.types import Crossing

LABELS = Path(__file__).with_suffix(".json")
SAME_S = 1.0
WITHIN = 0.02
MODES: tuple[Literal["every_frame", "adaptive"], ...] = ("every_frame", "adaptive")


@dataclass(frozen=True, slots=True)
class Pair:
    """A crossing counted by eye (label), one of the pipeline, or both."""

    label: dict[str, Any] | None
    found: Crossing | None


def paired(labels: list[dict[str, Any]], found: list[Crossing]) -> list[Pair]:
    """Both lists matched, the nearest in time first."""
    gaps = [
        (abs(label["time_s"] - crossing.offset_s), i, j)
        for i, label in enumerate(labels)
        for j, crossing in enumerate(found)
        if (label["line"], label["direction"]) == (crossing.line, crossing.direction)
    ]
    matches: dict[int, int] = {}
    for gap, i, j in sorted(gaps):
        if gap < SAME_S and i not in matches and j not in matches.values():
            matches[i] = j
    taken = set(matches.values())
    pairs = [Pair(label, found[matches[i]] if i in matches else None) for i, label in enumerate(labels)]
    return pairs + [Pair(None, crossing) for j, crossing in enumerate(found) if j not in taken]


def crossings_in(pipeline: Pipeline, clip: Path) -> list[Crossing]:
    """What the sightings of a clip crossed, in time."""
    found = [c for sighting in pipeline.stream(clip) for c in sighting.passage.crossings]
    return sorted(found, key=lambda c: c.offset_s)


def words(pair: Pair) -> list[object]:
    """One row of the table of vehicles, after the clip and the pace."""
    line = pair.label["line"] if pair.label else pair.found.line if pair.found else ""
    direction = pair.label["direction"] if pair.label else pair.found.direction if pair.found else ""
    by_eye = f"{pair.label['time_s']:.2f} {pair.label['what']}" if pair.label else "-"
    return [line, direction, by_eye, f"{pair.found.offset_s:.2f}" if pair.found else "-"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the clips")
    parser.add_argument("--threads", type=int, default=1, help="threads per network run (default 1)")
    options = parser.parse_args()
    clips = json.loads(LABELS.read_text(encoding="utf-8"))["clips"]
    base = config_of(options.threads)
    rows, sums, is_close = [], [], True
    for mode in MODES:
        totals = np.zeros(3, int)
        for name, clip in clips.items():
            path = existing(options.data / name, "a clip")
            scene = SceneConfig.model_validate({"lines": clip["lines"]})
            config = Config(models=base.models, pace=PaceConfig(mode=mode), scene=scene)
            try:
                pairs = paired(clip["crossings"], crossings_in(Pipeline(config), path))
            except VisionError as err:
                one_line(err)
            rows += [[mode, name, *words(pair)] for pair in pairs]
            both = sum(p.label is not None and p.found is not None for p in pairs)
            totals += [sum(p.label is not None for p in pairs), sum(p.found is not None for p in pairs), both]
        by_eye, counted, both = totals.tolist()
        is_close &= abs(counted - by_eye) <= WITHIN * by_eye
        sums.append([mode, by_eye, counted, both, percent(counted - by_eye, by_eye)])
    print(table(["pace", "clip", "line", "direction", "by eye", "pipeline"], rows))
    print()
    print(table(["pace", "by eye", "pipeline", "the same", "difference"], sums))
    raise SystemExit(not is_close)


if __name__ == "__main__":
    main()
