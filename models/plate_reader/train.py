"""Train the plate reader for a fixed time: `python models/plate_reader/train.py --data DIR --minutes 50`.

One process trains (one thread, bfloat16 where the CPU has it), a second draws and degrades the plates. The learning
rate follows the clock (one cycle over --minutes), so a run always ends where it should, whatever the machine's speed.
Weights are averaged; only the average is evaluated and exported. `--resume` goes on from a broken run's checkpoint.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import multiprocessing as mp
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import curves
from common.start import autocast, device, load_onnx
from evaluate import Reader, generated_sets, real_sets, score_all, stranger_sets
from labels import CHARSET, COLORS, SLOTS
from network import GRID_H, GRID_W, PlateReader, count_macs
from numpy.typing import NDArray
from sampling import Sampler, feed
from torch import Tensor, nn
from tqdm import tqdm


def to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """uint8 (n, 48, 160, 3) BGR -> float32 (n, 3, 48, 160) in [-1, 1], channels last in memory."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float().sub_(127.5).div_(127.5)
    return x.contiguous(memory_format=torch.channels_last)


def torch_reader(model: PlateReader) -> Reader:
    """The network as a function from crops to probabilities."""

    def read(images: NDArray[np.uint8]) -> tuple[Any, ...]:
        with torch.inference_mode():
            parts = [
                [out.softmax(-1).cpu().numpy() for out in model(to_tensor(images[i : i + 64]).to(model.bias.device))]
                for i in range(0, len(images), 64)
            ]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    return read  # type: ignore[return-value]


def look_loss(attention: Tensor, centers: Tensor, rows: Tensor) -> Tensor:
    """How far slots look away from their character: -log of the attention under a bell round its center.

    Independent slots repeat or skip neighbors when a crop is shifted; this teaches each one its place.

    Args:
        attention: float32 (looks, n, 8, 240), each map sums to 1.
        centers: float32 (n, 8, 2) x, y in shares of the crop, NaN where unknown.
        rows: int64 (n,), 1 for two rows: only then the height says something.
    """
    known = ~centers.isnan().any(-1)
    xy = centers.nan_to_num()
    grid_x = (torch.arange(GRID_W, device=attention.device) + 0.5) / GRID_W
    grid_y = (torch.arange(GRID_H, device=attention.device) + 0.5) / GRID_H
    bell_x = torch.exp(-0.5 * ((grid_x - xy[..., :1]) * GRID_W / 2.0) ** 2)
    bell_y = torch.exp(-0.5 * ((grid_y - xy[..., 1:]) * GRID_H / 1.5) ** 2)
    bell_y = torch.where(rows[:, None, None] > 0, bell_y, torch.ones_like(bell_y))
    bell = (bell_y[..., :, None] * bell_x[..., None, :]).flatten(2)
    loss = -torch.log((attention * bell).sum(-1) + 1e-3)
    return (loss * known).mean(0).sum() / known.sum().clamp(min=1)


def learning_rate(progress: float, peak: float) -> float:
    """One cycle: short linear warm-up, then cosine to nearly zero."""
    warm = 0.03
    if progress < warm:
        return peak * (0.05 + 0.95 * progress / warm)
    return peak * (0.002 + 0.998 * 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warm) / (1 - warm)))))


def update_average(average: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Move the averaged weights (and norm statistics) a little towards the model's."""
    decay = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for a, b in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
            if a.dtype.is_floating_point:
                a.lerp_(b, 1 - decay)
            else:
                a.copy_(b)


def init_from(model: PlateReader, path: Path) -> int:
    """Copy what fits from an older checkpoint; class rows go by character. Returns how many tensors were taken."""
    data = torch.load(path, map_location="cpu", weights_only=True)
    renamed = {
        "context.0": "near.wide.0",
        "context.1": "near.wide.1",
        "context.3": "near.mix.0",
        "context.4": "near.mix.1",
        "colour": "color",
    }
    own = model.state_dict()
    taken = 0
    for name, value in data["model"].items():
        for old, new in renamed.items():
            if name.startswith(old + "."):
                name = new + name[len(old) :]
        if name in ("weight", "bias"):
            for i, char in enumerate(data["charset"]):
                own[name][..., CHARSET.index(char)] = value[..., i]
            for char in set(CHARSET) - set(data["charset"]):  # classes the older network didn't know
                own[name][..., CHARSET.index(char)] = value[..., data["charset"].index("0")] if char == "O" else 0
                if name == "bias":
                    own[name][..., CHARSET.index(char)] -= 3
            taken += 1
        elif name in own and own[name].shape == value.shape:
            own[name].copy_(value)
            taken += 1
    model.load_state_dict(own)
    return taken


def freeze_norms(model: nn.Module) -> None:
    """Let batch norms use their running statistics, as the exported network will."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds plates/")
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--extra", type=Path, nargs="*", default=[], help="folders made by detection/convert.py")
    parser.add_argument("--init", type=Path, help="checkpoint or model.onnx to start from")
    parser.add_argument("--resume", action="store_true", help="go on from --out")
    parser.add_argument("--out", type=Path, default=Path("plate_reader.pt"), help="checkpoint; log, plot beside it")
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--lr", type=float, default=1.8e-3)
    parser.add_argument("--smoothing", type=float, default=0.05)
    parser.add_argument("--province-weight", type=float, default=1.5)
    parser.add_argument("--look-weight", type=float, default=0.6)
    parser.add_argument("--ema", type=float, default=0.999)
    parser.add_argument("--eval-every", type=float, default=8, help="minutes")
    parser.add_argument(
        "--freeze-at", type=float, default=0.8, help="share of the time after which batch norms are frozen"
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    cv2.setNumThreads(1)
    context = mp.get_context("spawn")
    queue: Any = context.Queue(maxsize=8)

    model = PlateReader(len(CHARSET), SLOTS, len(COLORS))
    taken = 0
    if args.init and args.init.suffix == ".onnx":
        images = Sampler(args.data, args.seed).batch(256)[0]
        taken = load_onnx(model, args.init, to_tensor(images))
    elif args.init:
        taken = init_from(model, args.init)
    where = device()
    model = model.train().to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(model).eval()
    matrices = [p for name, p in model.named_parameters() if p.ndim > 1 and name != "position"]
    plain = [p for name, p in model.named_parameters() if p.ndim <= 1 or name == "position"]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}], lr=args.lr
    )
    step, seen, done_s = 0, 0, 0.0
    if args.resume:
        state = torch.load(args.out, map_location=where, weights_only=True)
        model.load_state_dict(state["raw"])
        average.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, seen, done_s = state["step"], state["seen"], state["minutes"] * 60
    # A resumed run must not see the same samples again.
    what = (queue, args.data, args.extra, args.batch, args.seed + 1000 * step)
    worker = context.Process(target=feed, args=what, daemon=True)
    worker.start()
    slot_weight = torch.ones(SLOTS, device=where)
    slot_weight[0] = args.province_weight
    slot_weight /= slot_weight.sum()
    sets = real_sets(args.data) | generated_sets(args.data, 25) | stranger_sets(args.data, 100)
    log = args.out.with_suffix(".jsonl").open("a", buffering=1, encoding="utf-8")

    def say(**row: Any) -> None:
        log.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")

    def save() -> None:
        state = {
            "model": average.state_dict(),
            "raw": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "config": model.config,
            "charset": CHARSET,
            "colors": list(COLORS),
            "minutes": done_s / 60,
            "step": step,
            "seen": seen,
        }
        part = args.out.with_suffix(".part")
        torch.save(state, part)
        part.replace(args.out)

    def report() -> None:
        table = score_all(torch_reader(average), sets)
        exact = {name: round(row["exact"], 1) for name, row in table.items()}
        say(event="eval", minutes=round(done_s / 60, 2), seen=seen, exact=exact)
        bar.write(json.dumps(exact, ensure_ascii=False))
        curves.draw(Path(log.name))

    options = {key: str(value) for key, value in vars(args).items() if key not in ("data", "extra", "out", "init")}
    say(
        event="start",
        args=options,
        macs=count_macs(model),
        n_params=sum(p.numel() for p in model.parameters()),
        taken=taken,
    )
    bar = tqdm(total=round(args.minutes * 60), initial=round(done_s), unit="s", mininterval=10)
    next_eval, next_save = done_s + args.eval_every * 60, done_s + 180
    sums, n_sums, said = np.zeros(3), 0, done_s
    while done_s < args.minutes * 60:
        began = time.monotonic()
        images, *labels = queue.get()
        texts, colors, rows, centers = (torch.from_numpy(v).to(where) for v in labels)
        progress = done_s / (args.minutes * 60)
        if progress > args.freeze_at:
            freeze_norms(model)
        with autocast():
            text, color, row, attention = model.forward_with_attention(to_tensor(images).to(where))
        per_slot = F.cross_entropy(
            text.float().transpose(1, 2), texts, label_smoothing=args.smoothing, reduction="none"
        ).mean(0)
        loss_text = (per_slot * slot_weight).sum()
        loss_look = look_loss(attention.float(), centers, rows)
        loss_kind = F.cross_entropy(color.float(), colors) + F.cross_entropy(row.float(), rows)
        loss = 2 * loss_text + 0.2 * loss_kind + args.look_weight * loss_look
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(progress, args.lr)
        optimizer.step()
        step, seen = step + 1, seen + len(images)
        update_average(average, model, step, args.ema)
        sums += [float(loss_text.detach()), float(loss_look.detach()), float(loss_kind.detach())]
        n_sums += 1
        took = time.monotonic() - began
        done_s += took
        bar.update(took)
        if done_s - said >= 60:
            means = [round(float(v), 4) for v in sums / n_sums]
            say(
                event="train",
                minutes=round(done_s / 60, 2),
                step=step,
                seen=seen,
                text=means[0],
                look=means[1],
                kind=means[2],
            )
            bar.set_postfix(seen=seen, text=means[0], look=means[1])
            sums, n_sums, said = np.zeros(3), 0, done_s
        if done_s >= next_save:
            save()
            next_save = done_s + 180
        if done_s >= next_eval:
            report()
            next_eval = done_s + args.eval_every * 60
    worker.terminate()
    save()
    report()
    bar.close()


if __name__ == "__main__":
    main()
