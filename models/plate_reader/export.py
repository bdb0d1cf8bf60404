"""Checkpoint -> `model.onnx` and `model.toml`: scaling, softmax and calibration temperatures are inside the graph.

`python models/plate_reader/export.py --data DIR --checkpoint plate_reader.pt [--log plate_reader.jsonl]`
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.append(str(Path(__file__).resolve().parents[1]))

from camera import augment
from common.release import BYTES_IN, export_onnx, manifest, release
from dataset import Plates, fit_crop, load_plates
from labels import CHARSET, COLORS, INPUT_H, INPUT_W, UNKNOWN, encode
from network import PlateReader
from numpy.typing import NDArray
from torch import Tensor, nn
from train import to_tensor

HERE = Path(__file__).parent
LINEAGE = (
    "ccpd_base, 6686 crops: MIT (CCPD, (c) 2017)",
    "ccpd_green, 1490 crops: MIT (CCPD; repository MIT)",
    "cwj_lprnet, 1391 crops: Apache-2.0 (repository); the pictures are CCPD crops (MIT)",
    "easypr_crops, 543 crops: EasyPR's training data, Apache-2.0 (its README, section 版权)",
    "generated plates: glyphs of chinese_license_plate_generator (MIT, (c) 2020 leijd), font built into OpenCV 5",
    "surroundings of generated plates: background pictures (MIT) and CCPD photos (MIT)",
    "foreign plates and plate-like pieces, read as empty: robertlucian (MIT) and plates-eu-us (images CC BY 2.0, labels"
    " CC BY 4.0), 687 crops; easypr-no, 3746 pieces: EasyPR's training data, Apache-2.0",
    "start weights: earlier versions, from scratch by the same code family on parts of the same sets",
)


class Exported(nn.Module):
    """The network from uint8 crops to calibrated probabilities."""

    def __init__(self, model: PlateReader, temperatures: tuple[float, float, float]) -> None:
        super().__init__()
        self.model = model
        self.temperatures = temperatures

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """uint8 (n, 48, 160, 3) BGR -> probabilities: text (n, 8, classes), color (n, 6), rows (n, 2)."""
        x = images.permute(0, 3, 1, 2).float() * (1 / 127.5) - 1.0
        return tuple((z * (1 / t)).softmax(-1) for z, t in zip(self.model(x), self.temperatures, strict=True))


def load_checkpoint(path: Path) -> PlateReader:
    """The averaged network of a checkpoint, in evaluation mode."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    if state["charset"] != CHARSET:
        raise ValueError(f"{path}: charset differs from labels.py")
    model = PlateReader(**state["config"])
    model.load_state_dict(state["model"])
    return model.eval()


def calibration_crops(plates: Plates, seed: int = 5) -> NDArray[np.uint8]:
    """Each held-out plate three times: cut by its true corners, and twice through the camera model."""
    rng = np.random.default_rng(seed)
    clean = [fit_crop(patch[20:84, 32:232]) for patch in plates.patch]
    pairs = list(zip(plates.patch, plates.has_margin, strict=True))
    seen = [augment(patch, rng, bool(margin), rng.random())[0] for _ in range(2) for patch, margin in pairs]
    return np.stack(clean + seen)


def best_temperature(logits: Tensor, labels: Tensor) -> float:
    """Temperature in 0.3..3 with the least cross-entropy; logits (n, classes), labels (n,)."""
    grid = np.exp(np.linspace(np.log(0.3), np.log(3.0), 93))
    losses = [float(nn.functional.cross_entropy(logits / t, labels, ignore_index=UNKNOWN)) for t in grid]
    return round(float(grid[int(np.argmin(losses))]), 3)


def calibrate(model: PlateReader, plates: Plates) -> tuple[float, float, float]:
    """Temperatures of text and color from the held-out plates; all of those have one row, so rows stay as they are."""
    crops = calibration_crops(plates)
    with torch.inference_mode():
        parts = [model(to_tensor(crops[i : i + 64])) for i in range(0, len(crops), 64)]
        text, color, _ = (torch.cat(part) for part in zip(*parts, strict=True))
    labels = torch.from_numpy(np.stack([encode(t) for t in plates.text] * 3))
    colors = torch.from_numpy(np.tile(plates.color, 3))
    return best_temperature(text.flatten(0, 1), labels.flatten()), best_temperature(color, colors), 1.0


def sections() -> list[str]:
    """What model.toml says between its head and its lineage."""
    return [
        *BYTES_IN,
        f"height = {INPUT_H}",
        f"width = {INPUT_W}",
        "",
        "[outputs]",
        'text = "text"',
        'color = "color"',
        'rows = "rows"',
        "",
        "[labels]",
        f'charset = "{CHARSET}"',
        f"colors = {json.dumps(list(COLORS))}",
    ]


def summarize_log(log: Path) -> str:
    """Start, evaluations and a training row about every five minutes of a log, as JSON lines."""
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    kept, said = [], -5.0
    for row in rows:
        if row["event"] == "train":
            if row["minutes"] - said < 4.9:
                continue
            said = row["minutes"]
        kept.append(json.dumps(row, ensure_ascii=False))
    return "\n".join(kept) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds plates/")
    parser.add_argument("--checkpoint", type=Path, default=Path("plate_reader.pt"))
    parser.add_argument("--log", type=Path, help="training log to summarize as training_log.jsonl")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--version", required=True)
    parser.add_argument("--start", default="from scratch", help="what the run began with, for the manifest")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    state = torch.load(args.checkpoint, map_location="cpu", weights_only=True)
    model = load_checkpoint(args.checkpoint)
    temperatures = calibrate(model, load_plates(args.data, "held_out"))
    module = Exported(model, temperatures).eval()
    examples = [torch.randint(0, 256, (n, INPUT_H, INPUT_W, 3), dtype=torch.uint8) for n in (2, 1, 5)]
    axes = {name: {0: "n"} for name in ("images", "text", "color", "rows")}
    trained = f"train.py, {state['minutes']:.0f} minutes on one core, {state['seen']} crops, {args.start}"
    difference = release(
        args.out,
        lambda path: export_onnx(module, examples, path, axes=axes, tolerance=1e-4),
        lambda sha256: manifest("plate_reader", args.version, sha256, sections(), LINEAGE, trained),
    )
    if args.log:
        (args.out / "training_log.jsonl").write_text(summarize_log(args.log), "utf-8")
    print(f"temperatures (text, color, rows) {temperatures}; largest difference to torch {difference:.1e}")


if __name__ == "__main__":
    main()
