"""Writes model.onnx and model.toml from a checkpoint: `python export.py --checkpoint last.pt [--out DIR]`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).resolve().parents[1]))

from common.release import BYTES_IN, export_onnx, manifest, release
from dataset import GROW
from labels import COARSE, COLORS, GA16_4, GAT1400, TYPES
from network import INPUT_SIDE, AttributeNet, ExportNet

HERE = Path(__file__).resolve().parent
LINEAGE = (
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


def _table(name: str, values: dict[str, str]) -> list[str]:
    return ["", f"[{name}]", *(f'{key} = "{value}"' for key, value in values.items())]


def sections(thresholds: dict[str, float]) -> list[str]:
    """What model.toml says between its head and its lineage."""
    return [
        *BYTES_IN,
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
    ]


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
    state = torch.load(args.checkpoint, map_location="cpu")
    net = AttributeNet()
    net.load_state_dict(state["average"])
    temperatures = [getattr(args, name) or state[name] for name in ("type_temperature", "color_temperature")]
    exported = ExportNet(net, *temperatures).eval()
    thresholds = {"color": args.color_threshold, "type": args.type_threshold}
    examples = [torch.randint(0, 256, (n, INPUT_SIDE, INPUT_SIDE, 3), dtype=torch.uint8) for n in (3, 1, 5)]
    axes = {name: {0: "n"} for name in ("images", "type", "color")}
    difference = release(
        args.out,
        lambda path: export_onnx(exported, examples, path, axes=axes, tolerance=1e-4),
        lambda sha256: manifest(
            "vehicle_attributes", args.version, sha256, sections(thresholds), LINEAGE, args.trained
        ),
    )
    print(f"largest difference to torch {difference:.1e}")


if __name__ == "__main__":
    main()
