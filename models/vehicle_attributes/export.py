"""Writes model.onnx and model.toml from a checkpoint: `python export.py --checkpoint last.pt [--out DIR]`."""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from dataset import GROW
from labels import COARSE, COLORS, GA16_4, GAT1400, TYPES
from network import INPUT_SIDE, AttributeNet, ExportNet

HERE = Path(__file__).resolve().parent
OPSET = 17
MAX_DIFFERENCE = 1e-4
DATA = (
    "highway-object-detection v40, Universitas Tidar, Roboflow Universe (CC BY 4.0)",
    "Manaus_traffic 4 and 5, fixed cameras, Roboflow Universe (CC BY 4.0)",
    "ATL-version-2 v12, finalproject-bqip3, Roboflow Universe (CC BY 4.0)",
    "Nepali vehicle annotation v2, ai-protocol, Roboflow Universe (CC BY 4.0)",
    "vehicle type crops of a fixed camera, Zenodo (CC BY 4.0 as stated in the repository that carries them)",
    "Open Images vehicles (images CC BY 2.0, boxes CC BY 4.0)",
    "ADODRS vehicles, Roboflow Universe (CC BY 4.0)",
    "ambulances and cars, Open Images photos (images CC BY 2.0, labels CC BY 4.0)",
    "CCPD base and green photos (MIT); vehicle boxes by vehicle-detection-0200 (Apache-2.0)",
    "color pseudo-labels by vehicle-attributes-recognition-barrier-0039, Open Model Zoo (Apache-2.0)",
)


def write_onnx(net: ExportNet, path: Path) -> None:
    """Export with a dynamic batch, check the file, and compare it with the network it came from."""
    images = torch.randint(0, 256, (3, INPUT_SIDE, INPUT_SIDE, 3), dtype=torch.uint8)
    torch.onnx.export(
        net, (images,), str(path), opset_version=OPSET, dynamo=False,
        input_names=["images"], output_names=["type", "color"],
        dynamic_axes={"images": {0: "n"}, "type": {0: "n"}, "color": {0: "n"}},
    )  # fmt: skip
    model = onnx.load(path)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        for n in (1, 2, 5):
            images = torch.randint(0, 256, (n, INPUT_SIDE, INPUT_SIDE, 3), dtype=torch.uint8)
            expected = net(images)
            got = session.run(["type", "color"], {"images": images.numpy()})
            difference = max(float(np.abs(e.numpy() - g).max()) for e, g in zip(expected, got, strict=True))
            if difference > MAX_DIFFERENCE:
                raise ValueError(f"model: expected outputs within {MAX_DIFFERENCE}, got {difference}")


def _table(name: str, values: dict[str, str]) -> list[str]:
    return ["", f"[{name}]", *(f'{key} = "{value}"' for key, value in values.items())]


def make_manifest(sha256: str, version: str, thresholds: dict[str, float], trained: str) -> str:
    """Text of model.toml."""
    lines = [
        'name = "vehicle_attributes"',
        f'version = "{version}"',
        'task = "vehicle_attributes"',
        'file = "model.onnx"',
        f'sha256 = "{sha256}"',
        'licence = "Apache-2.0"',
        "",
        "[input]",
        'name = "images"',
        'dtype = "uint8"',
        'layout = "nhwc"',
        'color = "bgr"',
        f"height = {INPUT_SIDE}",
        f"width = {INPUT_SIDE}",
        "# The box becomes this share wider and taller, half of it on each side.",
        f"grow = {GROW}",
        "",
        "[outputs]",
        'type = "type"',
        'color = "color"',
        "",
        "[labels]",
        f"types = {json.dumps(TYPES)}",
        f"colors = {json.dumps(COLORS)}",
        *_table("labels.coarse", COARSE),
        *_table("labels.gat1400", GAT1400),
        "",
        "# GA/T 16.4 vehicle class; X99 (other) where the size class cannot be seen in a picture.",
        *_table("labels.ga16_4", GA16_4)[1:],
        "",
        "# Below these the answer is unknown.",
        "[thresholds]",
        *(f"{head} = {value}" for head, value in thresholds.items()),
        "",
        "[lineage]",
        "data = [",
        *(f"    {json.dumps(line)}," for line in DATA),
        "]",
        f"trained = {json.dumps(trained)}",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--color-threshold", type=float, default=0.5)
    parser.add_argument("--type-threshold", type=float, default=0.5)
    parser.add_argument("--version", required=True)
    parser.add_argument("--trained", required=True, help="what was done, for the manifest")
    parser.add_argument("--type-temperature", type=float, help="default: fitted on held-out training crops")
    parser.add_argument("--color-temperature", type=float)
    args = parser.parse_args()
    state = torch.load(args.checkpoint)
    net = AttributeNet()
    net.load_state_dict(state["average"])
    temperatures = [getattr(args, name) or state[name] for name in ("type_temperature", "color_temperature")]
    exported = ExportNet(net, *temperatures).eval()
    thresholds = {"color": args.color_threshold, "type": args.type_threshold}
    with tempfile.TemporaryDirectory(dir=args.out) as folder:
        onnx_path, toml_path = Path(folder) / "model.onnx", Path(folder) / "model.toml"
        write_onnx(exported, onnx_path)
        sha256 = hashlib.sha256(onnx_path.read_bytes()).hexdigest()
        toml_path.write_text(make_manifest(sha256, args.version, thresholds, args.trained), encoding="utf-8")
        onnx_path.replace(args.out / "model.onnx")
        toml_path.replace(args.out / "model.toml")


if __name__ == "__main__":
    main()
