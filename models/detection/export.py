"""Checkpoint of a detector -> model.onnx (norms folded, free batch, height and width) and model.toml.

python models/detection/export.py plate_detector --run runs/plate_detector --version 0.2.0 --trained "what was done"
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from detection.network import STRIDES, Detector, load
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


def export_onnx(checkpoint: Path, target: Path) -> float:
    """ONNX of a checkpoint.

    Returns:
        The largest difference to torch over a few input sizes.
    """
    import onnxruntime as ort

    model = load(checkpoint)
    plain = load(checkpoint)
    torch.onnx.export(
        fold(model),
        (torch.rand(1, 3, 256, 320),),
        str(target),
        input_names=["image"],
        output_names=["rows"],
        opset_version=17,
        dynamo=False,
        dynamic_axes={"image": {0: "n", 2: "h", 3: "w"}, "rows": {0: "n", 1: "points"}},
    )
    session = ort.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    worst = 0.0
    for n, h, w in ((1, 256, 320), (2, 384, 640), (3, 192, 416)):
        x = torch.rand(n, 3, h, w)
        with torch.no_grad():
            worst = max(worst, float(np.abs(session.run(None, {"image": x.numpy()})[0] - plain(x).numpy()).max()))
    return worst


def write_manifest(
    folder: Path, checkpoint: Path, *, name: str, version: str, score: float, nms: float, data: list[str], trained: str
) -> None:
    """model.toml of the model.onnx in `folder`."""
    spec = load(checkpoint).spec
    digest = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    lines = [
        f'name = "{name}"',
        f'version = "{version}"',
        f'task = "{name}"',
        'file = "model.onnx"',
        f'sha256 = "{digest}"',
        'licence = "Apache-2.0"',
        "",
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
        "",
        "[lineage]",
        "data = [",
        *(f"    {json.dumps(d)}," for d in data),
        "]",
        f"trained = {json.dumps(trained)}",
        "",
    ]
    (folder / "model.toml").write_text("\n".join(lines), encoding="utf-8")


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
    folder.mkdir(parents=True, exist_ok=True)
    worst = export_onnx(args.run / "best.pt", folder / "model.onnx")
    score, nms = THRESHOLDS[args.name]
    write_manifest(
        folder,
        args.run / "best.pt",
        name=args.name,
        version=args.version,
        score=score if args.score is None else args.score,
        nms=nms,
        data=list(LINEAGE[args.name]),
        trained=args.trained,
    )
    (folder / "training_log.jsonl").write_text((args.run / "log.jsonl").read_text("utf-8"), "utf-8")
    print(f"{folder}: largest difference to torch {worst:.1e}")


if __name__ == "__main__":
    main()
