"""``vision eval tracks``."""

from __future__ import annotations

import json
from pathlib import Path

import vision
from vision.cli import OK
from vision.cli.eval import make_folder
from vision.cli.say import note, out
from vision.errors import ConfigError
from vision.evaluate.sequences import read_truth
from vision.evaluate.tracking import follow_set, read_results, require_trackeval, score, summarize, table, track
from vision.pipeline.config import load_config


def eval_tracks_command(
    folder: Path,
    results: Path | None,
    detections: str | None,
    target: Path | None,
    config: Path | None,
    *,
    is_partial: bool,
    as_json: bool,
) -> int:
    """Score finished tracks, or the library's tracker on a folder's detections, against tracking truth."""
    if results is not None and (detections is not None or config is not None):
        raise ConfigError("--results: expected finished tracks alone, got also --detections or --config")
    require_trackeval()
    settings = load_config(config).track.model_dump() if config else {}
    truth = read_truth(folder)
    if target is not None:
        make_folder(target)
    if results is not None:
        tracks, source = read_results(truth, results), str(results)
    else:
        tracks = follow_set(truth, detections, lambda sequence: track(sequence, **settings))
        source = "vision.Tracker"
    scores = score(truth, tracks, is_partial=is_partial)
    facts = {"version": vision.__version__, "truth": str(folder), "form": truth.kind, "tracks": source,
             "detections": detections, "partial": is_partial}  # fmt: skip
    text = json.dumps(summarize(scores, facts), ensure_ascii=False, indent=1 if target else None)
    out(text if as_json else table(scores))
    if target is not None:
        (target / "summary.json").write_text(text + "\n", encoding="utf-8")
        (target / "tables.md").write_text(table(scores) + "\n", encoding="utf-8")
        note(f"wrote {target}: summary.json, tables.md")
    note(f"sequences {len(truth.sequences)}  frames {sum(s.n_frames for s in truth.sequences)}")
    return OK
