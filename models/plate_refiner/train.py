"""Trains the plate refiner: `python models/plate_refiner/train.py --data DATA/plates --extra DIR ... --minutes 25`

DATA/plates is a folder with index.jsonl and glyphs/; `models/detection/convert.py` makes extra folders. The detector
that it refines (`--detector`) is asked what it finds in the pictures.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

sys.path.append(str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[1] / "plate_reader"))  # its `network` comes after ours

from common import curves
from common.start import device
from detection.decode import F32, U8, box_quads, onnx_runner, quad_boxes
from detection.plate_art import PlateArtist
from detection.records import merge_rows, rows_of
from examples import Example, examples_of, pieces_of, read_no_plates
from network import PlateRefiner
from sampler import Sampler
from windows import INPUT_H, INPUT_W, PLATE_PX, SPREAD

from vision import kernels
from vision.detect.refiner import Window
from vision.types import Planes

HERE = Path(__file__).resolve().parent
SHARES = {"ccpd_base": 0.42, "ccpd_green": 0.28, "robertlucian": 0.15, "plates-eu-us": 0.15}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--extra", type=Path, nargs="*", default=[])
    parser.add_argument("--detector", type=Path, default=HERE.parent / "plate_detector" / "model.onnx")
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--peak", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--loader", action="store_true", help="draw windows in a process of their own")
    parser.add_argument("--out", type=Path, default=Path("runs/plate_refiner"))
    return parser.parse_args()


def begin_looking(detector: Path) -> None:
    """Start of a process that looks at pictures."""
    global look_at_with
    cv2.setNumThreads(1)
    look_at_with = onnx_runner(str(detector)), read_no_plates(HERE / "not_plates.jsonl")


def look_at(row: dict[str, Any]) -> list[Example]:
    return examples_of(row, *look_at_with)


def load_examples(args: argparse.Namespace, split: str) -> list[Example]:
    """Of all pictures of a split; what the detector finds is kept beside the run."""
    kept = args.out / f"{split}.npy"
    if kept.is_file():
        return list(np.load(kept, allow_pickle=True))
    extras = [rows_of(d, split) for d in args.extra]
    rows = merge_rows(rows_of(args.data, split), extras)
    whole = [r for r in rows if "/scenes/" in r["file"] or "/images/" in r["file"]]
    out: list[Example] = []
    with multiprocessing.Pool(initializer=begin_looking, initargs=(args.detector,)) as pool:
        for made in tqdm(pool.imap(look_at, whole, 16), desc=split, total=len(whole), mininterval=10):
            out += made
    out += pieces_of(r for r in rows if "/patches/" in r["file"])
    table = np.empty(len(out), object)
    table[:] = out
    np.save(kept, table, allow_pickle=True)
    return out


def sampler_of(examples: Sequence[Example], glyphs: Path, seed: int) -> Sampler:
    from glyphs import Glyphs
    from strangers import draw_foreign

    plates = [e for e in examples if e.quad is not None]
    counts = {s: sum(e.source == s for e in plates) for s in SHARES}
    plates = [e for e in plates if counts.get(e.source)]
    weights = np.array([SHARES[e.source] / counts[e.source] for e in plates])
    artist = PlateArtist(glyphs, np.random.default_rng(seed + 1))
    shapes, rng = Glyphs(glyphs), np.random.default_rng(seed + 2)

    def lay_foreign(image: U8, quad: F32) -> F32:
        return artist.paste(image, draw_foreign(shapes, rng), quad)

    others = [e for e in examples if e.quad is None]
    return Sampler(plates, others, weights, [(0.4, artist.lay), (0.12, lay_foreign)], seed)


def feed(sampler: Sampler, n: int, queue: Any) -> None:
    """Body of the loader process."""
    cv2.setNumThreads(1)
    while True:
        queue.put(sampler.batch(n))


def to_tensor(images: U8) -> Tensor:
    """uint8 (n, h, w, 3) BGR -> float32 (n, 3, h, w) in [-1, 1]."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    return x.float().mul_(1 / 127.5).sub_(1)


def corner_px(units: Tensor, data: dict[str, Tensor]) -> Tensor:
    """How far corners (n, 4, 2) are off, mean over the plates, in pixels of the window.

    Where only the upright box of a plate is known, the upright box of its corners is compared.
    """
    frame, quad = data["frame"], data["quad"]
    points = frame[:, None, 0] + units[..., :1] * frame[:, None, 1] + units[..., 1:] * frame[:, None, 2]
    size = frame[:, 1:].norm(dim=-1)  # of the plate in the picture,
    plate_px = torch.tensor(PLATE_PX, device=units.device)  # and in the window
    exact = ((points - quad) / size.amax(1)[:, None, None] * plate_px[0]).norm(dim=-1).mean(1)
    sides = torch.stack((points.amin(1) - quad.amin(1), points.amax(1) - quad.amax(1)), 1)
    boxed = (sides / size[:, None] * plate_px).abs().mean((1, 2))
    return torch.where(data["is_exact"], exact, boxed)[data["is_plate"]].mean()


@torch.no_grad()
def test(model: PlateRefiner, examples: Sequence[Example]) -> dict[str, list[float]]:
    """By source: corner error as found and as refined, % of the plate width; share of plates and others below .5."""
    out: dict[str, list[float]] = {}
    for source in sorted({e.source for e in examples}):
        before: list[float] = []
        after: list[float] = []
        low: dict[bool, list[float]] = {True: [], False: []}
        for e in (e for e in examples if e.source == source and len(e.found)):
            window = Window.around(e.found)
            seen = np.empty((len(e.found), INPUT_H, INPUT_W, 3), np.uint8)
            kernels.warp(Planes("bgr", (np.ascontiguousarray(e.image),)), window.at(SPREAD), seen)
            units, scores = (out.cpu() for out in model(to_tensor(seen).to(model.unit.device)))
            low[e.quad is not None] += (scores < 0).float().tolist()
            if e.quad is not None:
                width = np.linalg.norm(e.quad[1] - e.quad[0]) / 2 + np.linalg.norm(e.quad[2] - e.quad[3]) / 2
                for quads, into in ((e.found, before), (window.at(units.numpy()), after)):
                    quads = quads if e.exact else box_quads(quad_boxes(quads))
                    into += (np.linalg.norm(quads - e.quad, axis=2).mean(1) / width * 100).tolist()
        row = [*(float(np.mean(v)) if v else math.nan for v in (before, after, low[True], low[False]))]
        out[source] = [round(v, 3) for v in row]
    return out


def main() -> None:
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    examples, held = load_examples(args, "train"), load_examples(args, "dev")
    sampler = sampler_of(examples, args.data / "glyphs", args.seed)
    print(len(sampler.plates), "plates,", len(sampler.others), "others", flush=True)
    where = device()
    model = PlateRefiner().to(where, memory_format=torch.channels_last)
    average = copy.deepcopy(model).eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.peak, weight_decay=0.02, betas=(0.9, 0.99))
    step, spent_s = 0, 0.0
    if args.resume:
        saved = torch.load(args.out / "last.pt", map_location=where, weights_only=True)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        step, spent_s = saved["step"], saved["spent_s"]
    queue: Any = None
    if args.loader:
        queue = multiprocessing.Queue(8)
        multiprocessing.Process(target=feed, args=(sampler, args.batch, queue), daemon=True).start()
    sums: dict[str, float] = {}

    def save() -> None:
        """Writes beside, then moves: a broken run leaves whole files."""
        state = {
            "config": model.config,
            "model": model.state_dict(),
            "average": average.state_dict(),
            "optimizer": optimizer.state_dict(),
            "step": step,
            "spent_s": spent_s,
            "windows": step * args.batch,
        }
        torch.save(state, args.out / "last.tmp")
        (args.out / "last.tmp").replace(args.out / "last.pt")

    def report() -> None:
        row = {"minutes": round(spent_s / 60, 1), "windows": step * args.batch}
        row |= {f"loss_{k}": round(v, 4) for k, v in sums.items()} | test(average, held)
        with (args.out / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        curves.draw(args.out / "log.jsonl")
        tqdm.write(json.dumps(row))

    budget_s, before_s, begin = args.minutes * 60, spent_s, time.perf_counter()
    tested = begin
    with tqdm(total=round(budget_s), initial=round(spent_s), unit="s", mininterval=20) as bar:
        while spent_s < budget_s:
            t = spent_s / budget_s
            rate = args.peak * max(0.002, 0.5 * (1 + math.cos(math.pi * t))) * min(1.0, (step + 1) / 200)
            for group in optimizer.param_groups:
                group["lr"] = rate
            drawn = queue.get() if queue else sampler.batch(args.batch)
            images = to_tensor(drawn.pop("image")).to(where)
            data = {k: torch.from_numpy(v).to(where) for k, v in drawn.items()}
            model.train()
            got, logits = model(images)
            px = corner_px(got, data)
            sure = nn.functional.binary_cross_entropy_with_logits(logits, data["is_plate"].float())
            loss = 0.5 * px + sure
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            step += 1
            keep = min(0.999, (1 + step) / (20 + step))
            with torch.no_grad():
                torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - keep)
                for a, b in zip(average.buffers(), model.buffers(), strict=True):
                    a.copy_(b)
            for name, value in (("px", px.item()), ("score", sure.item())):
                sums[name] = 0.98 * sums.get(name, value) + 0.02 * value
            now = time.perf_counter()
            spent_s = before_s + now - begin
            bar.set_postfix_str(" ".join(f"{k} {v:.3f}" for k, v in sums.items()), refresh=False)
            bar.update(min(round(spent_s), bar.total) - bar.n)
            if now - tested > 180:
                save()
                report()
                tested = time.perf_counter()
    save()
    report()


if __name__ == "__main__":
    main()
