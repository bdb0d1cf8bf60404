"""Trains the plate detector.

    python models/plate_detector/train.py --data DATA/plates --extra DIR ... --minutes 20

DATA/plates is a folder with index.jsonl, glyphs/ and backgrounds/; `models/detection/convert.py` makes extra folders.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from detection.canvas import PlateCanvas
from detection.decode import Runner, detect, onnx_runner
from detection.network import Detector, Spec
from detection.plate_art import PlateArtist
from detection.records import Record, load_plates, load_vehicles, merge_rows, read, rows_of
from detection.scores import plate_scores
from detection.trainer import Plan, Trainer, begin

SPEC = Spec(geometry=8, classes=0, widths=(16, 32, 48, 64, 96), depths=(0, 1, 2, 2), neck=48)
SOURCES: dict[str, tuple[float, int]] = {  # share of the pictures drawn, pictures kept
    "ccpd_base": (0.42, 3500),
    "ccpd_green": (0.24, 1400),
    "robertlucian": (0.2, 400),
    "plates-eu-us": (0.14, 500),
    "signs": (0.0, 700),
}
SIZES = [
    (0.4, [(256, 256, 32), (256, 320, 24)]),
    (1.0, [(256, 256, 24), (320, 320, 16), (256, 416, 16), (384, 640, 6)]),
]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--extra", type=Path, nargs="*", default=[])
    parser.add_argument("--negatives", type=Path, help="vehicle folder; its topview-vehicle pictures are backgrounds")
    parser.add_argument(
        "--unsure",
        type=Path,
        help="plate detector (ONNX): what it finds in the negatives may be a plate, no loss there",
    )
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--init", type=Path, help="checkpoint or model.onnx to start from")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--compile", action="store_true", help="torch.compile: 1.3 times faster, needs a C++ compiler")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw batches beside it")
    parser.add_argument(
        "--times", type=int, default=1, help="batches so many times larger, for a GPU; the rate grows too"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/plate_detector"))
    return parser.parse_args()


def main() -> None:
    args = arguments()
    torch.manual_seed(args.seed)
    rows = merge_rows(rows_of(args.data, "train"), [rows_of(d, "train") for d in args.extra])
    kept: list[dict[str, Any]] = []
    for source, (_, limit) in SOURCES.items():
        mine = [r for r in rows if r["source"] == source]
        kept += [mine[i] for i in np.random.default_rng(7).permutation(len(mine))[:limit]]
    records = load_plates(kept)
    signs = [r for r in records if r.source == "signs"]
    records = [r for r in records if r.source != "signs"]
    counts = {s: sum(r.source == s for r in records) for s in SOURCES}
    print(counts, len(signs), "signs", flush=True)
    backgrounds: list[Record] = list(signs)
    if args.negatives:  # high bridge cameras: most plates are too small to be seen
        find = onnx_runner(str(args.unsure)) if args.unsure else None
        for r in load_vehicles(r for r in rows_of(args.negatives, "train") if r["source"] == "topview-vehicle"):
            found = detect(find, r.image, (512, 512), 8, 0, 0.15).quads if find else r.quads[:0]
            r.quads, r.kinds = found, np.zeros((len(found), 0), np.float32)
            r.exact, r.ignore = np.zeros(len(found), bool), np.ones(len(found), bool)
            backgrounds.append(r)
    patches = [p for f in sorted((args.data / "backgrounds").glob("*.jpg")) if (p := read(str(f))) is not None]
    patches += [r.image for r in signs]
    patches += [p for r in rows if "/patches/" in r["file"] and (p := read(r["file"])) is not None]
    weights = np.array([SOURCES[r.source][0] / counts[r.source] for r in records])
    artist = PlateArtist(args.data / "glyphs", np.random.default_rng(args.seed + 1))
    maker = PlateCanvas(records, weights, backgrounds, patches, artist, args.seed)
    dev: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of(args.data, "dev"):
        if "/scenes/" in row["file"]:
            dev.setdefault(row["source"], []).append(row)
    tests = {k: load_plates(v[:60]) for k, v in dev.items()}

    def test(run: Runner) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, held in tests.items():
            s = plate_scores(lambda im: detect(run, im, (320, 320), 8, 0, 0.4, 0.5), held)
            out[name] = [round(v, 4) for v in (s.recall50, s.recall70, s.corner, s.alarms)]
        return out

    model = Detector(SPEC)
    if args.init:
        begin(model, args.init, maker, SIZES[0][1][0])
    plan = Plan(
        SPEC,
        args.minutes,
        SIZES,
        peak=1.2e-3 if args.init else 2.5e-3,
        freeze_at=0.4,
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
