"""Scores a shipped vehicle-attributes model on hand-checked crops: `python evaluate.py --data DIR [--extra DIR]`."""

from __future__ import annotations

import argparse
import json
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from dataset import GROW, Crop, cut_all, known_stems, read_data, read_extra
from labels import COARSE, COLORS, TYPES
from network import INPUT_SIDE

HERE = Path(__file__).resolve().parent


@dataclass
class Answers:
    """Probabilities of crops: types float32 (n, T), colors float32 (n, K)."""

    types: np.ndarray
    colors: np.ndarray


def open_model(path: Path) -> onnxruntime.InferenceSession:
    """A single-threaded session of a model file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answer(session: onnxruntime.InferenceSession, images: np.ndarray, batch: int = 32) -> Answers:
    """Run the model on crops, uint8 (n, 96, 96, 3), BGR."""
    parts = [
        session.run(["type", "color"], {"images": images[start : start + batch]})
        for start in range(0, len(images), batch)
    ]
    return Answers(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))


def read_handcheck(path: Path) -> list[dict[str, Any]]:
    """Hand-checked dev crops: file, box, source, type or null, color or null."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def confusion(truth: list[str], said: list[str], names: tuple[str, ...]) -> str:
    """A text table: one row per true label, one column per answer."""
    used = [name for name in names if name in truth or name in said]
    lines = ["| true \\ said | " + " | ".join(used) + " |", "|---" * (len(used) + 1) + "|"]
    for name in used:
        row = [sum(t == name and s == other for t, s in zip(truth, said, strict=True)) for other in used]
        lines.append(f"| {name} | " + " | ".join(str(v) if v else "" for v in row) + " |")
    return "\n".join(lines)


def per_class(truth: list[str], said: list[str], names: tuple[str, ...]) -> str:
    """Right of all, per true label."""
    parts = []
    for name in names:
        rows = [s == t for t, s in zip(truth, said, strict=True) if t == name]
        if rows:
            parts.append(f"{name} {sum(rows)}/{len(rows)}")
    return ", ".join(parts)


def decide(probabilities: np.ndarray, names: tuple[str, ...], threshold: float) -> list[str]:
    """Best label per row, `unknown` below the threshold; probabilities float32 (n, k)."""
    best = probabilities.argmax(axis=1)
    score = probabilities.max(axis=1)
    return [names[b] if s >= threshold else "unknown" for b, s in zip(best, score, strict=True)]


def report_threshold(truth: list[str], probabilities: np.ndarray, names: tuple[str, ...]) -> str:
    """How many known crops are answered, and how many answers are right, over a range of thresholds."""
    lines = []
    for threshold in (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        said = decide(probabilities, names, threshold)
        pairs = [(t, s) for t, s in zip(truth, said, strict=True) if s != "unknown"]
        known = [(t, s) for t, s in zip(truth, said, strict=True) if t != "unknown"]
        right = sum(t == s for t, s in pairs)
        answered = sum(s != "unknown" for _, s in known)
        lines.append(f"  >= {threshold:.1f}: answers {answered}/{len(known)} known, right {right}/{len(pairs)} answers")
    return "\n".join(lines)


def score_handcheck(
    session: onnxruntime.InferenceSession, rows: list[dict[str, Any]], roots: list[Path], names: dict[str, Any]
) -> None:
    """Print accuracy, thresholds and confusion of both heads on the hand-checked crops."""
    crops = [Crop(row["file"], tuple(row["box"]), row["source"], "dev", "") for row in rows]
    answers = answer(session, cut_all(crops, roots, GROW / 2, INPUT_SIDE))
    for head, probabilities, labels in (("type", answers.types, TYPES), ("color", answers.colors, COLORS)):
        is_labeled = np.array([row[head] is not None for row in rows])
        truth = [row[head] for row in rows if row[head] is not None]
        scores = probabilities[is_labeled]
        said = decide(scores, labels, 0.0)
        right = np.mean([t == s for t, s in zip(truth, said, strict=True)])
        print(f"\n## {head}: {right:.3f} of {len(truth)} (best class)\n{per_class(truth, said, labels)}")
        if head == "type":
            coarse = np.mean([COARSE[t] == COARSE[s] for t, s in zip(truth, said, strict=True)])
            print(f"coarse (detector classes): {coarse:.3f}")
        print(report_threshold(truth, scores, labels))
        threshold = names["thresholds"][head]
        cut_off = decide(scores, labels, threshold)
        print(f"\nat the shipped threshold {threshold}:\n")
        print(confusion(truth, cut_off, labels if "unknown" in labels else (*labels, "unknown")))


def score_sets(session: onnxruntime.InferenceSession, data: Path, extra: Path | None) -> None:
    """Print, per set and class of the dev split, how often the type is one the set's own label allows."""
    crops = read_data(data) + (read_extra(extra, known_stems(data)) if extra else [])
    crops = [crop for crop in crops if crop.split == "dev"]
    answers = answer(session, cut_all(crops, [data, extra] if extra else [data], GROW / 2, INPUT_SIDE))
    said = [TYPES[i] for i in answers.types.argmax(axis=1)]
    print("\n## dev split by the sets' own labels")
    for source, name in sorted({(c.source, c.name) for c in crops}):
        hits = [s in c.allowed for c, s in zip(crops, said, strict=True) if (c.source, c.name) == (source, name)]
        print(f"{source} {name}: {sum(hits)}/{len(hits)} = {np.mean(hits):.3f}")


def measure_speed(session: onnxruntime.InferenceSession) -> None:
    """Print the time per crop on one thread."""
    for batch in (1, 8):
        images = np.zeros((batch, INPUT_SIDE, INPUT_SIDE, 3), np.uint8)
        times_ms = []
        for _ in range(60):
            begin = time.perf_counter()
            session.run(None, {"images": images})
            times_ms.append((time.perf_counter() - begin) * 1e3 / batch)
        print(f"batch {batch}: {np.median(times_ms):.2f} ms a crop (median of 60, one thread)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--extra", type=Path)
    parser.add_argument("--model", type=Path, default=HERE / "model.toml")
    args = parser.parse_args()
    names = tomllib.loads(args.model.read_text(encoding="utf-8"))
    session = open_model(args.model.parent / names["file"])
    roots = [args.data, args.extra] if args.extra else [args.data]
    rows = read_handcheck(HERE / "handcheck.jsonl")
    rows = [row for row in rows if any((root / row["file"]).exists() for root in roots)]
    score_handcheck(session, rows, roots, names)
    score_sets(session, args.data, args.extra)
    measure_speed(session)


if __name__ == "__main__":
    main()
