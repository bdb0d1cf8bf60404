"""Trains the vehicle-attributes network: `python train.py --data DIR [--extra DIR] [--converted DIR] --minutes N`."""

from __future__ import annotations

import argparse
import copy
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from augment import crop_input
from common import curves
from common.start import autocast, device, load_onnx
from labels import COLORS, PRIOR, TYPES
from network import AttributeNet, count_macs
from pseudo_label import NOT_LABELED
from samples import Samples, Stream, load_samples, split_held_out
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
EMA_DECAY = 0.997
WARM_UP_SHARE = 0.03
FREEZE_SHARE = 0.85
"""Batch norms keep their statistics from this share of the time on."""
CHECKPOINT_S = 120.0


def type_loss(logits: Tensor, allowed: Tensor, is_visible: Tensor) -> Tensor:
    """Minus log of the probability of the allowed types, weighted by how likely each is where several are allowed.

    For unreadable crops the loss is the distance from knowing nothing.

    Args:
        logits: float (n, T).
        allowed: bool (n, T), true for each type the label permits.
        is_visible: bool (n,), false where the crop shows too little for any type.
    """
    log_p = torch.log_softmax(logits, dim=1)
    log_prior = torch.tensor([PRIOR[name] for name in TYPES], device=logits.device).log()
    some = torch.logsumexp((log_p + log_prior).masked_fill(~allowed, -math.inf), dim=1)
    return torch.where(is_visible, -some - 0.03 * log_p.mean(dim=1), -log_p.mean(dim=1)).mean()


def color_loss(logits: Tensor, colors: Tensor) -> Tensor:
    """Cross entropy over the labeled rows; colors int64 (n,), -1 unlabeled."""
    return functional.cross_entropy(logits, colors, ignore_index=NOT_LABELED, label_smoothing=0.05)


def freeze_norms(net: nn.Module) -> None:
    """Stop batch norms from learning and from following the batch."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval().requires_grad_(False)


def update_average(average: AttributeNet, net: AttributeNet, n_steps: int) -> None:
    """Move the running average of the weights towards the network."""
    decay = min(EMA_DECAY, (1 + n_steps) / (10 + n_steps))
    with torch.no_grad():
        for kept, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)


def predict(net: AttributeNet, images: np.ndarray, batch: int = 128) -> tuple[Tensor, Tensor]:
    """Type and color logits of stored crops, uint8 (n, s, s, 3), BGR."""
    net.eval()
    where = next(net.parameters()).device
    types, colors = [], []
    with torch.no_grad():
        for start in range(0, len(images), batch):
            part = np.stack([crop_input(image) for image in images[start : start + batch]])
            scores = net(torch.from_numpy(part).to(where).permute(0, 3, 1, 2).float())
            types.append(scores[0].cpu())
            colors.append(scores[1].cpu())
    return torch.cat(types), torch.cat(colors)


def fit_temperature(logits: Tensor, allowed: Tensor) -> float:
    """The temperature under which the allowed classes are most likely, searched on a grid of 0.4 to 3."""
    grid = torch.linspace(0.4, 3.0, 131)
    losses = []
    for temperature in grid:
        log_p = torch.log_softmax(logits / temperature, dim=1).masked_fill(~allowed, -math.inf)
        losses.append(-torch.logsumexp(log_p, dim=1).mean())
    return float(grid[int(torch.stack(losses).argmin())])


def calibrate(net: AttributeNet, held_out: Samples) -> dict[str, float]:
    """Temperatures and accuracies on the held-out part of the training crops."""
    types, colors = predict(net, held_out.images)
    is_single = torch.from_numpy(held_out.types.sum(axis=1) == 1)
    allowed = torch.from_numpy(held_out.types)
    labels = torch.from_numpy(held_out.colors)
    is_labeled = labels != NOT_LABELED
    one_hot = functional.one_hot(labels[is_labeled], len(COLORS)).bool()
    right = allowed[is_single].gather(1, types[is_single].argmax(1, keepdim=True)).float().mean()
    return {
        "type_temperature": fit_temperature(types[is_single], allowed[is_single]),
        "color_temperature": fit_temperature(colors[is_labeled], one_hot),
        "held_out_type": round(float(right), 4),
        "held_out_color": round(float((colors[is_labeled].argmax(1) == labels[is_labeled]).float().mean()), 4),
    }


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint beside its place, then move it there."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder with vehicles/, plates/ and teachers/")
    parser.add_argument("--extra", type=Path, help="folder of YOLO sets named nepal, highway, openimages")
    parser.add_argument("--converted", type=Path, help="folder made by `detection/convert.py vehicles`")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/vehicle_attributes"), help="checkpoints, log, crops")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--init", type=Path, help="checkpoint or model.onnx to start from")
    parser.add_argument("--resume", action="store_true", help="go on from OUT/last.pt")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--workers", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    kept = args.out / "samples.npz"
    if not kept.exists():
        load_samples(args.data, args.extra, args.converted, HERE / "hand_labels.jsonl").save(kept)
    train, held_out = split_held_out(Samples.load(kept), args.seed)
    net = AttributeNet()
    print(f"{len(train)} crops, {count_macs(net) / 1e6:.1f} MMAC, {sum(p.numel() for p in net.parameters())} weights")
    where = device()
    net = net.to(where)
    average = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=0.03)
    n_steps, spent_s = 0, 0.0
    if args.init:
        if args.init.suffix == ".onnx":
            some = next(iter(DataLoader(Stream(train, args.seed), batch_size=256)))[0]
            load_onnx(net, args.init, some.to(where).permute(0, 3, 1, 2).float())
        else:
            net.load_state_dict(torch.load(args.init, map_location=where)["average"])
        average.load_state_dict(net.state_dict())
    if args.resume:
        state = torch.load(args.out / "last.pt", map_location=where)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        n_steps, spent_s = state["n_steps"], state["spent_s"]

    def checkpoint(seconds: float) -> None:
        figures = calibrate(average, held_out)
        row = {"minutes": round(seconds / 60, 1), "n_steps": n_steps, "loss": round(shown, 4), **figures}
        with (args.out / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        curves.draw(args.out / "log.jsonl")
        state = {"net": net.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
        names = {"types": TYPES, "colors": COLORS}
        save(args.out / "last.pt", {**state, **names, "n_steps": n_steps, "spent_s": seconds, **figures})

    stream = Stream(train, args.seed + n_steps)
    loader = DataLoader(stream, batch_size=args.batch, num_workers=args.workers, prefetch_factor=4)
    begin, shown, is_frozen = time.monotonic() - spent_s, 3.0, False
    total_s = args.minutes * 60
    next_checkpoint = spent_s + CHECKPOINT_S
    net.train()
    for images, allowed, is_visible, colors in tqdm(loader, mininterval=20):
        seconds = time.monotonic() - begin
        share = seconds / total_s
        if share >= 1:
            break
        if share > FREEZE_SHARE and not is_frozen:
            freeze_norms(net)
            is_frozen = True
        warm_up = min(1.0, share / WARM_UP_SHARE + 0.02)
        for group in optimizer.param_groups:
            group["lr"] = args.rate * warm_up * (0.5 + 0.5 * math.cos(math.pi * share)) + 1e-6
        images, allowed, is_visible, colors = (v.to(where) for v in (images, allowed, is_visible, colors))
        inputs = images.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        with autocast():
            types, paints = net(inputs)
        loss = type_loss(types.float(), allowed, is_visible) + color_loss(paints.float(), colors)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        n_steps += 1
        update_average(average, net, n_steps)
        shown += 0.02 * (loss.item() - shown)
        if seconds >= next_checkpoint:
            next_checkpoint = seconds + CHECKPOINT_S
            checkpoint(seconds)
    checkpoint(min(time.monotonic() - begin, total_s))


if __name__ == "__main__":
    main()
