"""A scene through the whole pipeline: what the rendered cars cross is in events, tables, counts and the video."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.clip import demo_clip
from vision.pipeline.config import Config
from vision.pipeline.record import Part, Summary, record
from vision.pipeline.runner import Pipeline

SCENE = {
    "lanes": [
        {"name": "left", "points": [[0, 0], [0.48, 0], [0.48, 1], [0, 1]], "direction": [[0.2, 0.0], [0.2, 1.0]]},
        {"name": "right", "points": [[0.48, 0], [1, 0], [1, 1], [0.48, 1]], "direction": [[0.8, 1.0], [0.8, 0.0]]},
    ],
    "lines": [{"name": "near", "points": [[0.0, 0.7], [1.0, 0.7]], "forward": "in", "backward": "out"}],
    "zones": [{"name": "all", "points": [[0, 0], [1, 0], [1, 1], [0, 1]]}],
}


def run(out: Path, mode: str, *, annotate: bool = False) -> tuple[Summary, list[dict[str, Any]]]:
    pipeline = Pipeline(Config.model_validate({"scene": SCENE, "pace": {"mode": mode}}))
    summary = record(pipeline, [str(demo_clip())], out, Part(annotate=annotate))
    events = [json.loads(line) for line in (out / "events.jsonl").read_text("utf-8").splitlines()]
    return summary, events


def crossings(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted((c for e in events for c in e["passage"]["crossings"]), key=lambda c: c["time_s"])


def test_boxes_carried_between_detections_count_nothing_twice(tmp_path: Path) -> None:
    _, every = run(tmp_path / "every", "every_frame")
    _, adaptive = run(tmp_path / "adaptive", "adaptive")
    a, b = crossings(every), crossings(adaptive)
    assert [(c["line"], c["direction"]) for c in a] == [("near", "in"), ("near", "out"), ("near", "in")]
    assert [(c["line"], c["direction"]) for c in b] == [(c["line"], c["direction"]) for c in a]
    for one, other in zip(a, b, strict=True):
        assert one["time_s"] == pytest.approx(other["time_s"], abs=0.15)


def test_tables_summary_and_video_say_the_same(tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary, events = run(out, "adaptive", annotate=True)
    n = len(crossings(events))
    assert sum(summary.crossings.values()) == n > 0
    with (out / "crossings.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["vehicles"]) for row in rows) == n
    assert {(row["line"], row["direction"]) for row in rows} == {("near", "in"), ("near", "out")}
    with (out / "events.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert sorted(row["crossings"] for row in table if row["crossings"]) == ["near in", "near in", "near out"]
    for row in table:
        if row["crossings"]:
            assert row["lane"] == ("left" if row["crossings"] == "near in" else "right")
    for event in events:
        assert not event["passage"]["is_wrong_way"]
        assert event["passage"]["speed"] is None
        if event["vehicle"] and event["n_frames"] > 1:
            (dwell,) = event["passage"]["dwells"]
            assert 0 < dwell["seconds"] <= event["last_s"] - event["first_s"] + 0.01
    assert (out / "annotated.mp4").stat().st_size > 10_000
