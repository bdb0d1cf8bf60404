"""Scores the plate detector on development pictures, beside other weights and a rival, in one run.

python models/plate_detector/evaluate.py --data DATA/plates --against OLD.onnx --rival y5fu_320x_sim.onnx
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from detection.decode import U8, Found, box_quads, detect, nms, onnx_runner, quad_boxes
from detection.records import Record, load_plates, load_vehicles, rows_of
from detection.rivals import hyperlpr3
from detection.scores import plate_line, plate_scores

from vision.detect.plates import are_plates, combined
from vision.detect.refiner import PlateRefiner
from vision.infer.session import Session
from vision.infer.store import find
from vision.video.images import frame_of

HERE = Path(__file__).resolve().parent


def ours(path: Path, size: tuple[int, int], score: float, nms: float) -> Callable[[U8], Found]:
    run = onnx_runner(str(path))
    return lambda image: detect(run, image, size, 8, 0, score, nms)


def refined(path: Path, size: tuple[int, int], score: float | None, limit: float) -> Callable[[U8], Found]:
    """The detector with the second look; `score` None: as it ships."""
    refiner = PlateRefiner(Session(find("plate_refiner"), threads=1))
    run = onnx_runner(str(path))

    def look(image: U8) -> Found:
        found = detect(run, image, size, 8, 0, refiner.candidate_score, limit)
        usable = are_plates(found.quads)
        quads, scores = found.quads[usable], found.scores[usable]
        if len(quads):
            moved, plausible = refiner.look(frame_of(image), quads)
            quads, scores = np.where(are_plates(moved)[:, None, None], moved, quads), combined(scores, plausible)
        sure = np.flatnonzero(scores >= (refiner.min_score if score is None else score))
        keep = sure[nms(quad_boxes(quads[sure]), scores[sure], limit)]
        return Found(quads[keep], quad_boxes(quads[keep]), scores[keep], found.kinds[: len(keep)])

    return look


def plates_in_negatives() -> dict[str, list[list[float]]]:
    """Boxes in the pictures of bridge cameras that a person took for plates, among what detectors found, by file."""
    lines = (HERE / "plates_in_negatives.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["file"]: row["boxes"] for row in map(json.loads, lines)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=HERE / "model.onnx")
    parser.add_argument("--against", type=Path, nargs="*", default=[])
    parser.add_argument("--refined", action="store_true", help="each of these with the second look, too")
    parser.add_argument("--rival", type=Path, help="y5fu_320x_sim.onnx")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--negatives", type=Path, help="vehicle folder; what is found in its topview-vehicle dev pictures is an alarm"
    )
    parser.add_argument("--sizes", nargs="*", default=["320x320", "416x416"], help="HEIGHTxWIDTH of the input")
    parser.add_argument("--scores", type=float, nargs="*", default=[0.4])
    parser.add_argument("--nms", type=float, default=0.5)
    parser.add_argument("--limit", type=int, default=1000, help="pictures per set")
    args = parser.parse_args()
    dev: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of(args.data, "dev"):
        if "/scenes/" in row["file"]:
            dev.setdefault(row["source"], []).append(row)
    sets: dict[str, list[Record]] = {k: load_plates(v[: args.limit]) for k, v in dev.items()}
    if args.negatives:
        rows = [r for r in rows_of(args.negatives, "dev") if r["source"] == "topview-vehicle"][: args.limit]
        held = load_vehicles(rows)
        seen = plates_in_negatives()
        for r, row in zip(held, rows, strict=True):
            boxes = seen.get(row["file"].rsplit("/", 1)[-1], [])
            r.quads, r.exact = box_quads(np.array(boxes, np.float32)), np.zeros(len(boxes), bool)
            r.ignore = np.ones(len(boxes), bool)
        sets["bridge cameras (topview)"] = held
    runs: list[tuple[str, Callable[[U8], Found]]] = []
    for i, path in enumerate((args.model, *args.against)):
        name = f"against{i}" if i else "model"
        for size in args.sizes:
            h, w = (int(v) for v in size.split("x"))
            runs += [(f"{name} {size} score {s}", ours(path, (h, w), s, args.nms)) for s in args.scores]
            if args.refined:
                runs.append(
                    (f"{'model' if not i else f'against{i}'} {size} refined", refined(path, (h, w), None, args.nms))
                )
    if args.rival:
        runs.append(("HyperLPR3 320 score .25", hyperlpr3(args.rival)))
    for name, records in sets.items():
        for label, run in runs:
            begin = time.perf_counter()
            s = plate_scores(run, records)
            print(
                name,
                plate_line(label, s),
                f"{(time.perf_counter() - begin) / max(len(records), 1) * 1e3:.1f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
