"""Checkpoint -> model.onnx, model.toml and the training log: `python models/plate_refiner/export.py --run RUN ...`"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).resolve().parents[1]))

from common.half import store_half
from common.release import BYTES_IN, export_onnx, manifest, release
from network import PlateRefiner
from torch import Tensor, nn
from windows import INPUT_H, INPUT_W, MARGIN_X, MARGIN_Y

HERE = Path(__file__).resolve().parent
LINEAGE = (
    "CCPD base, 3500 photos (MIT)",
    "CCPD green, 1400 photos (MIT)",
    "robertlucian dashcam, 193 frames (MIT)",
    "plates of Europe and the US, 675 photos (images CC BY 2.0, labels CC BY 4.0)",
    "what the plate detector takes for plates in these and in pictures of road signs (CC BY 4.0)",
    "patches without plates of EasyPR's training data (Apache-2.0)",
    "plates drawn from glyphs of chinese_license_plate_generator (MIT)",
)


class Exported(nn.Module):
    """The network from uint8 windows to corners and a probability."""

    def __init__(self, model: PlateRefiner) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 (n, 64, 96, 3) BGR -> corners (n, 4, 2) in units of the window, score (n,)."""
        corners, logits = self.model(images.permute(0, 3, 1, 2).float() * (1 / 127.5) - 1.0)
        return corners, logits.sigmoid()


def load_checkpoint(path: Path) -> tuple[PlateRefiner, int]:
    """The averaged network of a checkpoint, and how many windows it has seen."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    model = PlateRefiner(**state["config"])
    model.load_state_dict(state["average"])
    return model.eval(), state["windows"]


def sections(candidate: float, score: float) -> list[str]:
    """What model.toml says between its head and its lineage."""
    return [
        *BYTES_IN,
        f"height = {INPUT_H}",
        f"width = {INPUT_W}",
        "# Around the plate as it was found, shares of its width and height.",
        f"margin_x = {MARGIN_X}",
        f"margin_y = {MARGIN_Y}",
        "",
        "[outputs]",
        'corners = "corners"',
        'score = "score"',
        "",
        "# What the detector finds from `candidate` on gets a second look; what has at least `score` then is a plate.",
        "[thresholds]",
        f"candidate = {candidate}",
        f"score = {score}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder with last.pt and log.jsonl")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--version", required=True)
    parser.add_argument("--candidate", type=float, default=0.2)
    parser.add_argument("--score", type=float, default=0.4)
    parser.add_argument("--trained", required=True, help="what was done, for the manifest")
    args = parser.parse_args()
    model, windows = load_checkpoint(args.run / "last.pt")
    examples = [torch.randint(0, 256, (n, INPUT_H, INPUT_W, 3), dtype=torch.uint8) for n in (2, 1, 5)]
    axes = {name: {0: "n"} for name in ("images", "corners", "score")}

    def write(path: Path) -> float:
        difference = export_onnx(Exported(model).eval(), examples, path, axes=axes, tolerance=1e-4)
        store_half(path)
        return difference

    def describe(sha256: str) -> str:
        trained = f"{args.trained}, {windows} windows"
        return manifest("plate_refiner", args.version, sha256, sections(args.candidate, args.score), LINEAGE, trained)

    difference = release(args.out, write, describe)
    log = (args.run / "log.jsonl").read_text("utf-8").splitlines()
    (args.out / "training_log.jsonl").write_text("\n".join(log[:: max(1, len(log) // 12)] + log[-1:]) + "\n", "utf-8")
    print(f"largest difference to torch {difference:.1e}")


if __name__ == "__main__":
    main()
