"""What was measured, as one JSON-able summary, as markdown tables and as plots."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vision.evaluate import texts
from vision.evaluate.detections import SIZES, DetectionScores
from vision.evaluate.measure import Measured
from vision.evaluate.texts import GROUPS, OUTCOMES, Reading

SCHEMA = "vision.eval/1"
TITLES = {"crops": "Plates cut out, at their corners where these are labelled", "photos": "Whole pictures, best plate"}


def summarize(measured: Measured, facts: dict[str, Any]) -> dict[str, Any]:
    """All figures; shares are 0..1, NaN becomes null."""
    out: dict[str, Any] = {"schema": SCHEMA, **facts, "models": measured.models, "skipped": measured.skipped}
    for name in TITLES:
        readings: list[Reading] = getattr(measured, name)
        if readings:
            out[name] = reading_summary(readings)
    for name in ("plates", "vehicles"):
        scores: dict[str, DetectionScores] = getattr(measured, name)
        if scores:
            out[name] = {source: detection_summary(s) for source, s in scores.items()}
    clean: dict[str, Any] = without_nan(out)
    return clean


def reading_summary(readings: Sequence[Reading]) -> dict[str, Any]:
    """Figures of readings, and every one that was not exact."""
    bins, error = texts.reliability(readings)
    return {
        "by": {group: texts.outcome_rows(readings, group) for group in GROUPS},
        "among_best": texts.among_best(readings),
        "character_accuracy": texts.character_accuracy(readings),
        "confused": texts.confused(readings)[:40],
        "reliability": [dict(zip(("from", "to", "plates", "mean_score", "right"), b, strict=True)) for b in bins],
        "expected_calibration_error": error,
        f"answered_at_{texts.SURE}": texts.answered_at(readings),
        "false_provinces_above_0.9": texts.false_provinces(readings),
        "not_exact": [
            {"file": r.truth.path.name, "source": r.truth.source, "true": r.truth.text, "read": r.text,
             "score": r.score, "outcome": r.outcome, "others": list(r.others)}
            for r in readings if r.outcome != "exact"
        ],
    }  # fmt: skip


def detection_summary(s: DetectionScores) -> dict[str, Any]:
    """Figures of one source."""
    out: dict[str, Any] = {
        "pictures": s.pictures,
        "objects": s.objects,
        "ap50": s.average_precision,
        "recall": s.recall,
        "false_alarms_per_picture": s.alarms / s.pictures,
        "recall_by_side_px": {
            f"{low} to {high}" if high < SIZES[-1][1] else f"{low} and more": [s.by_size[k, True], n]
            for k, (low, high) in enumerate(SIZES)
            if (n := s.by_size[k, True] + s.by_size[k, False])
        },
    }
    if s.n_type_known:
        out["type_right"] = s.n_type_right / s.n_type_known
        out["types"] = [[label, said, n] for (label, said), n in s.types.most_common()]
    if s.corner_errors:
        errors = np.array(s.corner_errors)
        out["corner_error_percent"] = {"mean": float(errors.mean()), "p90": float(np.percentile(errors, 90))}
    return out


def without_nan(value: Any) -> Any:
    """The same with null for NaN, which JSON lacks."""
    if isinstance(value, dict):
        return {k: without_nan(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def tables(summary: dict[str, Any]) -> str:
    """The summary for people: markdown."""
    parts = []
    for name, title in TITLES.items():
        if name not in summary:
            continue
        figures = summary[name]
        parts.append(f"## {title}")
        for group, rows in figures["by"].items():
            head = [group, "plates", "exact", "without first character", *OUTCOMES[1:]]
            parts.append(table(head, [[row[h] for h in head] for row in rows]))
        parts.append(
            f"Expected calibration error {figures['expected_calibration_error']:.3f}; "
            f"{100 * figures[f'answered_at_{texts.SURE}']:.1f} % of plates can be answered with "
            f"{100 * texts.SURE:.1f} % of the answers right; wrong first characters surer than 0.9: "
            f"{figures['false_provinces_above_0.9']}."
        )
        head = ["from", "to", "plates", "mean_score", "right"]
        parts.append(table(head, [[f"{row[h]:.3g}" for h in head] for row in figures["reliability"]]))
        best = ", ".join(f"{n}: {100 * share:.1f} %" for n, share in figures["among_best"].items())
        parts.append(f"Right text among the first candidates: {best}.")
        if figures["confused"]:
            pairs = ", ".join(f"{a} as {b} {n}" for a, b, n in figures["confused"][:15])
            parts.append(f"Most confused characters: {pairs}.")
    for name, title in (("plates", "Plate detector, whole picture"), ("vehicles", "Vehicle detector")):
        if name in summary:
            parts += [f"## {title}", detection_table(summary[name])]
    if summary["skipped"]:
        parts.append(f"Not opened: {len(summary['skipped'])} pictures (see summary.json).")
    return "\n\n".join(parts) + "\n"


def detection_table(sources: dict[str, Any]) -> str:
    """One row per source."""
    rows = []
    for source, s in sources.items():
        corner = s.get("corner_error_percent")
        sizes = ", ".join(f"{name}: {found}/{n}" for name, (found, n) in s["recall_by_side_px"].items())
        rows.append(
            [source, s["pictures"], s["objects"], f"{s['ap50']:.3f}" if s["ap50"] is not None else "-",
             s["recall"], f"{s['false_alarms_per_picture']:.2f}", s.get("type_right"),
             f"{corner['mean']:.2f} (p90 {corner['p90']:.2f})" if corner else "-", sizes]
        )  # fmt: skip
    head = ["source", "pictures", "objects", "AP50", "recall", "false alarms a picture", "type right",
            "corner error, % of width", "found by side, px"]  # fmt: skip
    return table(head, rows)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A markdown table; floats are shares and shown in percent."""
    lines = [list(head), ["---"] * len(head), *([cell(v) for v in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cell(value: Any) -> str:
    """A table cell."""
    if value is None:
        return "-"
    return f"{100 * value:.1f} %" if isinstance(value, float) else str(value)


def write(summary: dict[str, Any], folder: Path) -> list[Path]:
    """summary.json, tables.md and the plots in an existing folder; returns what was written."""
    from vision.evaluate.plots import plot_all

    files = {"summary.json": json.dumps(summary, ensure_ascii=False, indent=1) + "\n", "tables.md": tables(summary)}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files] + plot_all(summary, folder)
