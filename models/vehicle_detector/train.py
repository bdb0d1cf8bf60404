"""Trains the vehicle detector.

    python models/vehicle_detector/train.py --data DATA/vehicles --extra DIR ... --minutes 50

DATA/vehicles is a folder with index.jsonl; extra folders come from `models/detection/convert.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from detection.canvas import VehicleCanvas
from detection.decode import Runner, detect
from detection.loss import LossWeights
from detection.network import Detector, Spec
from detection.records import VEHICLE_NAMES, load_vehicles, merge_rows, rows_of
from detection.scores import vehicle_scores
from detection.trainer import Plan, Trainer, begin

SPEC = Spec(
    geometry=4,
    classes=len(VEHICLE_NAMES),
    widths=(16, 32, 64, 96, 128),
    depths=(0, 1, 2, 4),
    neck=48,
    context=64,
    split=True,
    names=VEHICLE_NAMES,
)
SOURCES: dict[str, tuple[float, int, int]] = {  # share of the pictures drawn, longest side kept, pictures kept
    "nepal": (0.13, 512, 3300),
    "highway-rf40": (0.2, 512, 2200),
    "busses": (0.2, 512, 4500),
    "ccpd": (0.06, 580, 2000),
    "manaus": (0.11, 720, 700),
    "atl-v12": (0.1, 720, 600),
    "topview-vehicle": (0.08, 720, 600),
    "toll-road": (0.05, 640, 700),
    "india": (0.04, 512, 400),
    "adodrs": (0.04, 512, 1200),
    "openimages": (0.03, 512, 700),
    "ambulances": (0.03, 512, 700),
    "bangkok": (0.03, 720, 100),
    "plates-eu-us": (0.02, 512, 300),
    "garbage": (0.03, 512, 1800),
    "facades": (0.03, 720, 600),
    "trash-e": (0.02, 512, 1200),
}
EMPTY = 0.3  # how often a picture without vehicles is drawn, beside one with (cyclists are half of Manaus)
SIZES = [
    (0.45, [(256, 416, 16), (320, 320, 16)]),
    (1.0, [(256, 416, 16), (320, 320, 16), (416, 416, 10), *[(384, 640, 8)] * 3]),
]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--extra", type=Path, nargs="*", default=[])
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--init", type=Path, help="checkpoint or model.onnx to start from")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--compile", action="store_true", help="torch.compile: 1.3 times faster, needs a C++ compiler")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw batches beside it")
    parser.add_argument(
        "--times", type=int, default=1, help="batches so many times larger, for a GPU; the rate grows too"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/vehicle_detector"))
    return parser.parse_args()


def main() -> None:
    args = arguments()
    torch.manual_seed(args.seed)
    rows = merge_rows(rows_of(args.data, "train"), [rows_of(d, "train") for d in args.extra])
    kept: list[dict[str, Any]] = []
    for source, (_, _, limit) in SOURCES.items():
        mine = [r for r in rows if r["source"] == source]
        kept += [mine[i] for i in np.random.default_rng(7).permutation(len(mine))[:limit]]
    records = load_vehicles(kept, {s: side for s, (_, side, _) in SOURCES.items()})
    counts = {s: sum(r.source == s for r in records) for s in SOURCES}
    print(counts, flush=True)
    filled = np.array([1.0 if (~r.ignore).any() else EMPTY for r in records])
    sums = {s: filled[[r.source == s for r in records]].sum() for s in SOURCES}
    weights = filled * [SOURCES[r.source][0] / sums[r.source] for r in records]
    maker = VehicleCanvas(records, weights, args.seed)
    dev: dict[str, list[dict[str, Any]]] = {}
    for folder in (args.data, *args.extra):
        for row in rows_of(folder, "dev"):
            dev.setdefault(row["source"], []).append(row)
    tests = {k: load_vehicles(v[:40]) for k, v in dev.items()}

    def test(run: Runner) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, held in tests.items():
            s = vehicle_scores(lambda im: detect(run, im, (384, 640), 4, SPEC.classes), held, (384, 640), 0.35)
            out[name] = [round(v, 4) for v in (s.ap50, s.recall, s.alarms, s.kind)]
        return out

    model = Detector(SPEC)
    if args.init:
        begin(model, args.init, maker, SIZES[0][1][0])
    plan = Plan(
        SPEC,
        args.minutes,
        SIZES,
        peak=1.5e-3 if args.init else 2e-3,
        freeze_at=0.45,
        test_every_s=900,
        weights=LossWeights(box=4.0, kind=1.5, size=1.0, balance=0.5),
        compile=args.compile,
        workers=args.workers,
        times=args.times,
    )
    trainer = Trainer(model, maker, plan, args.out, test)
    if args.resume:
        trainer.resume()
    trainer.run()


if __name__ == "__main__":
    main()
