"""Checkpoint of a detector -> model.onnx (norms folded, free batch, height and width) and model.toml.

python models/detection/export.py plate_detector --run runs/plate_detector --version 0.2.0 --trained "what was done"
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.release import export_onnx, manifest, release
from detection.network import STRIDES, Detector, Spec, load
from detection.sets import LINEAGE

MODELS = Path(__file__).resolve().parents[1]
THRESHOLDS = {"plate_detector": (0.4, 0.5), "vehicle_detector": (0.38, 0.5)}  # score, overlap for suppression


def fold(model: Detector) -> Detector:
    """Convolution + norm -> convolution, in place."""
    for stage in [m for m in model.modules() if isinstance(m, nn.Sequential)]:
        if len(stage) >= 2 and isinstance(stage[0], nn.Conv2d) and isinstance(stage[1], nn.BatchNorm2d):
            stage[0] = nn.utils.fuse_conv_bn_eval(stage[0], stage[1])
            stage[1] = nn.Identity()
    return model


def sections(spec: Spec, score: float, nms: float) -> list[str]:
    """What model.toml says between its head and its lineage."""
    return [
        "[input]",
        'name = "image"',
        'dtype = "float32"',
        'layout = "nchw"',
        'color = "rgb"',
        "scale = 0.00392156862745098",
        "stride = 32",
        "pad = 114",
        "",
        "[outputs]",
        'rows = "rows"',
        "",
        "[head]",
        f"geometry = {spec.geometry}",
        f"strides = {list(STRIDES)}",
        "",
        "[labels]",
        f"classes = {json.dumps(list(spec.names))}",
        "",
        "[thresholds]",
        f"score = {score}",
        f"nms = {nms}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(LINEAGE))
    parser.add_argument("--run", type=Path, required=True, help="folder with best.pt and log.jsonl")
    parser.add_argument("--version", required=True)
    parser.add_argument("--trained", required=True, help="what was done, for the manifest")
    parser.add_argument("--score", type=float, help="operating threshold")
    parser.add_argument("--out", type=Path, help="default: models/NAME")
    args = parser.parse_args()
    folder = args.out or MODELS / args.name
    checkpoint = args.run / "best.pt"
    plain, (score, nms) = load(checkpoint), THRESHOLDS[args.name]
    known = sections(plain.spec, score if args.score is None else args.score, nms)
    examples = [torch.rand(n, 3, h, w) for n, h, w in ((1, 256, 320), (2, 384, 640), (3, 192, 416))]
    axes = {"image": {0: "n", 2: "h", 3: "w"}, "rows": {0: "n", 1: "points"}}
    worst = release(
        folder,
        lambda path: export_onnx(fold(load(checkpoint)), examples, path, axes=axes, tolerance=1e-2, reference=plain),
        lambda sha256: manifest(args.name, args.version, sha256, known, LINEAGE[args.name], args.trained),
    )
    (folder / "training_log.jsonl").write_text((args.run / "log.jsonl").read_text("utf-8"), "utf-8")
    print(f"{folder}: largest difference to torch {worst:.1e}")


if __name__ == "__main__":
    main()
