"""How often the library reads a plate right, on pictures that nothing was trained on.

    python benchmarks/accuracy.py --data DATA [--json OUT] [--errors] [--threads N]

Whole pictures go through `vision.Pipeline().read`, as in `vision read`; crops go to the reader alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import config_of, fail, one_line, percent, table
from benchmarks.accuracy_sets import OUTCOMES, Given, Labelled, load_dev, n_found, reliability

from vision.cli.say import bars
from vision.errors import VisionError
from vision.pipeline.config import Config, PlatesConfig
from vision.pipeline.photo import marked
from vision.pipeline.runner import Pipeline
from vision.types import F32, Photo, PlateDetections, PlateText
from vision.video.images import read_image

READ = {"scenes": ("ccpd_base", "ccpd_green", "duany049"), "photos": ("zyw_mtcnn_roadside", "brightfeather")}
CROPS = ("lprnet_test", "ccpd_base", "ccpd_green", "duany049")
BOXES = "robertlucian"

T = TypeVar("T")


@dataclass(slots=True)
class Measured:
    """Everything measured: whole pictures, detection per source (true, found, given), crops per source."""

    given: list[Given] = field(default_factory=list)
    detected: dict[str, Counter[str]] = field(default_factory=dict)
    reads: list[tuple[Labelled, PlateText, bool]] = field(default_factory=list)
    why: dict[Path, str] = field(default_factory=dict)


def count_detected(out: Measured, picture: Labelled, photo: Photo) -> None:
    boxes = np.array([r.box for r in photo.plates], np.float32).reshape(-1, 4)
    counts = out.detected.setdefault(picture.source, Counter())
    counts["pictures"] += 1
    counts["true"] += len(picture.boxes)
    counts["found"] += n_found(picture.boxes, boxes)
    counts["given"] += len(boxes)


def explain(given: Given, photo: Photo) -> str:
    """Every plate that the detector found in a picture that was not read right, best text first, no gate."""
    boxes = np.array([r.box for r in photo.plates], np.float32).reshape(-1, 4)
    is_found = n_found(given.truth.boxes, boxes) > 0 if len(given.truth.boxes) else None
    overlap = {True: "plate detected", False: "plate not detected", None: "plate box unknown"}[is_found]
    texts = [
        f"{r.plate.text} {r.plate.score:.2f} (detection {r.detection_score:.2f}, {r.width_px:.0f} px, "
        f"worst character {min(c.score for c in r.plate.chars):.2f})"
        for r in photo.plates
    ]
    return f"{overlap}; found: {', '.join(texts) or 'nothing'}"


def measure(pictures: Sequence[Labelled], config: Config, progress: Callable[[str, int, int | None], None]) -> Measured:
    """Run everything."""
    pipeline = Pipeline(config)
    # The same settings with every read let through: what the detector found, whatever the reader made of it.
    everything = PlatesConfig(min_char_score=0, max_unreadable=100, min_score=0)
    ungated = Pipeline(config.model_copy(update={"plates": everything}))
    whole = [p for p in pictures if p.source in READ.get(p.folder, ())]
    boxed = [p for p in pictures if p.folder == "scenes" and (p.source == BOXES or p.source in READ["scenes"])]
    crops = [p for p in pictures if p.folder == "crops" and p.source in CROPS]
    out = Measured()
    for i, picture in enumerate(whole, 1):
        out.given.append(Given.of(picture, pipeline.read(picture.path)))
        progress("whole pictures", i, len(whole))
    wrong = {g.truth.path: g for g in out.given if g.outcome != "exact"}
    seen = {p.path for p in boxed}
    without_box = [g.truth for g in wrong.values() if g.truth.path not in seen]
    for i, picture in enumerate([*boxed, *without_box], 1):
        photo = ungated.read(picture.path)
        if picture.path in seen:
            count_detected(out, picture, photo)
        if picture.path in wrong:
            out.why[picture.path] = explain(wrong[picture.path], photo)
        progress("detection", i, len(boxed) + len(without_box))
    rules = config.plates
    for i, picture in enumerate(crops, 1):
        frame = read_image(picture.path)
        corners = edges_of(frame.width, frame.height) if picture.corners is None else picture.corners
        (read,) = pipeline.stages.reader.read(frame, PlateDetections(corners[None], np.ones(1, np.float32)))
        is_let = marked(read, rules.min_char_score, rules.max_unreadable) is not None
        out.reads.append((picture, read.plate, is_let))
        progress("crops", i, len(crops))
    return out


def edges_of(width: int, height: int) -> F32:
    """The corners of a whole picture."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)


def picture_rows(given: Sequence[Given], key: Callable[[Given], str]) -> list[list[object]]:
    """Per group: count, best exact, any exact, without province, then the outcomes that are no exact read."""
    rows: list[list[object]] = []
    for name, group in groups(given, key).items():
        n, outcomes = len(group), Counter(g.outcome for g in group)
        any_exact = sum(g.is_any_exact for g in group)
        shares = (outcomes["exact"], any_exact, sum(g.is_exact_without_province for g in group))
        rows.append([name, n, *(percent(v, n) for v in (*shares, *(outcomes[o] for o in OUTCOMES[1:])))])
    return rows


def groups(items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    """Items by key, in order of first appearance, and all of them if there are several groups."""
    out: dict[str, list[T]] = {}
    for item in items:
        out.setdefault(key(item), []).append(item)
    if len(out) > 1:
        out["all"] = [item for group in out.values() for item in group]
    return out


def report(out: Measured) -> dict[str, Any]:
    """Tables for people on stdout; the same figures are returned."""
    head = ["pictures", "best exact", "any exact", "without province", *OUTCOMES[1:]]
    sources = picture_rows(out.given, lambda g: g.truth.source)
    kinds = picture_rows(out.given, lambda g: g.truth.kind)
    print("\nWhole pictures, by source\n\n" + table(["source", *head], sources))
    print("\nWhole pictures, by plate color and kind\n\n" + table(["color, kind", *head], kinds))
    found = [
        [
            name,
            c["pictures"],
            c["true"],
            percent(c["found"], c["true"]),
            f"{c['given'] / c['pictures'] - c['found'] / c['pictures']:.2f}",
        ]
        for name, c in out.detected.items()
    ]
    detection_head = ["source", "pictures", "plates", "recall at IoU .5", "other detections per picture"]
    print("\nPlate detection, before any reading rule\n\n" + table(detection_head, found))
    crops: list[list[object]] = []
    for name, reads in groups(out.reads, lambda r: r[0].source).items():
        n, right = len(reads), [p.text == t.text for t, p, _ in reads]
        tails = sum(p.text[1:] == t.text[1:] for t, p, _ in reads)
        let = [ok for ok, (_, _, is_let) in zip(right, reads, strict=True) if is_let]
        crops.append(
            [name, n, percent(sum(right), n), percent(tails, n), percent(n - len(let), n), percent(sum(let), len(let))]
        )
    crop_head = ["source", "crops", "exact", "without province", "rejected", "exact of the others"]
    print("\nReader alone, plate corners given\n\n" + table(crop_head, crops))
    calibration: dict[str, Any] = {}
    scored = {
        "Crops": [(p.score, p.text == t.text) for t, p, _ in out.reads],
        "Whole pictures, best plate": [(g.score, g.outcome == "exact") for g in out.given if g.best],
    }
    for name, pairs in scored.items():
        bins, error = reliability(pairs)
        rows = [[f"{low:g} to {high:g}", n, f"{mean:.3f}", f"{right:.3f}"] for low, high, n, mean, right in bins]
        print(f"\n{name}: plate score against share right; expected calibration error {error:.3f}\n")
        print(table(["score", "plates", "mean score", "share right"], rows))
        calibration[name] = {"bins": rows, "expected_error": round(error, 4)}
    return {
        "sources": [dict(zip(["source", *head], row, strict=True)) for row in sources],
        "kinds": [dict(zip(["kind", *head], row, strict=True)) for row in kinds],
        "detection": [dict(zip(detection_head, row, strict=True)) for row in found],
        "reader": [dict(zip(crop_head, row, strict=True)) for row in crops],
        "reliability": calibration,
    }


def errors_of(out: Measured) -> list[dict[str, Any]]:
    """One entry per picture or crop that was not read right."""
    whole = [
        {"file": g.truth.path.name, "text": g.truth.text, "outcome": g.outcome, "best": g.best,
         "score": round(g.score, 4), "others": list(g.others), "why": out.why[g.truth.path]}
        for g in out.given if g.outcome != "exact"
    ]  # fmt: skip
    crops: list[dict[str, Any]] = [
        {"file": f"crops/{t.path.name}", "text": t.text, "outcome": "wrong" if is_let else "rejected", "best": p.text,
         "score": round(p.score, 4), "others": [], "why": f"{p.color}, {p.kind}"}
        for t, p, is_let in out.reads if p.text != t.text
    ]  # fmt: skip
    return whole + crops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with plates/index.jsonl")
    parser.add_argument("--json", type=Path, help="write the figures and errors to this file as well")
    parser.add_argument("--errors", action="store_true", help="list every picture that was not read right")
    parser.add_argument("--threads", type=int, default=1, help="threads per network run (default 1)")
    options = parser.parse_args()
    pictures = load_dev(options.data)
    try:
        with bars() as progress:
            out = measure(pictures, config_of(options.threads), progress)
    except VisionError as err:
        one_line(err)
    values = report(out)
    errors = errors_of(out)
    if options.errors:
        print("\nNot read right\n")
        for e in errors:
            others = f", also {' '.join(e['others'])}" if e["others"] else ""
            print(f"{e['file']}: {e['text']} {e['outcome']}: {e['best'] or '-'} {e['score']:.2f}{others}; {e['why']}")
    if options.json:
        try:
            text = json.dumps({**values, "errors": errors}, ensure_ascii=False, indent=2)
            options.json.write_text(text + "\n", encoding="utf-8")
        except OSError as err:
            fail(f"{options.json}: cannot write: {err.strerror}")


if __name__ == "__main__":
    main()
