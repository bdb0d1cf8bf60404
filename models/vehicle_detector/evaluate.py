"""Scores the vehicle detector on development pictures, beside other weights and a rival, in one run.

python models/vehicle_detector/evaluate.py --data DATA/vehicles --extra DIR --against OLD.onnx --rival yolox_nano.onnx
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from detection.decode import U8, Found, detect, onnx_runner
from detection.records import VEHICLE_NAMES, load_vehicles, rows_of
from detection.rivals import yolox
from detection.scores import confusion_lines, vehicle_line, vehicle_scores

HERE = Path(__file__).resolve().parent


def ours(path: Path, size: tuple[int, int], nms: float) -> Callable[[U8], Found]:
    run = onnx_runner(str(path))
    return lambda image: detect(run, image, size, 4, len(VEHICLE_NAMES), 0.05, nms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=HERE / "model.onnx")
    parser.add_argument("--against", type=Path, nargs="*", default=[])
    parser.add_argument("--rival", type=Path, help="yolox_nano.onnx")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--extra", type=Path, nargs="*", default=[])
    parser.add_argument("--sizes", nargs="*", default=["384x640", "256x416"], help="HEIGHTxWIDTH of the input")
    parser.add_argument("--score", type=float, default=0.38)
    parser.add_argument("--rival-score", type=float, default=0.3)
    parser.add_argument("--nms", type=float, default=0.5)
    parser.add_argument("--limit", type=int, default=1000, help="pictures per set")
    args = parser.parse_args()
    dev: dict[str, list[dict[str, Any]]] = {}
    for folder in (args.data, *args.extra):
        for row in rows_of(folder, "dev"):
            dev.setdefault(row["source"], []).append(row)
    sizes = [(int(s.split("x")[0]), int(s.split("x")[1])) for s in args.sizes]
    runs: list[tuple[str, Callable[[U8], Found], tuple[int, int], float]] = []
    for i, path in enumerate((args.model, *args.against)):
        runs += [
            (f"{'model' if not i else f'against{i}'} {h}x{w}", ours(path, (h, w), args.nms), (h, w), args.score)
            for h, w in sizes
        ]
    if args.rival:
        runs.append(("yolox_nano 416x416", yolox(args.rival), (416, 416), args.rival_score))
    confusion = np.zeros((len(VEHICLE_NAMES),) * 2, int)
    for name, rows in dev.items():
        records = load_vehicles(rows[: args.limit])
        for label, run, size, score in runs:
            begin = time.perf_counter()
            s = vehicle_scores(run, records, size, score)
            print(
                name,
                vehicle_line(label, s),
                f"{(time.perf_counter() - begin) / max(len(records), 1) * 1e3:.1f} ms",
                flush=True,
            )
            if label == runs[0][0]:
                confusion += s.confusion
    s.confusion = confusion
    print(f"{runs[0][0]}, all sets, rows: label, columns: said", *confusion_lines(s), sep="\n")


if __name__ == "__main__":
    main()
