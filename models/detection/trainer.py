"""The training loop: time-boxed, averaged weights, norms frozen halfway, checkpoints that can be resumed."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from common import curves
from common.start import autocast, device, has_module, load_onnx
from detection.canvas import CanvasMaker, batch_of
from detection.decode import F32, U8, Runner
from detection.loss import LossWeights, detection_loss
from detection.network import Detector, Spec, grow, points, split_head
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset
from tqdm import tqdm

Size = tuple[int, int, int]  # height, width, pictures per batch


@dataclass
class Plan:
    """How to train.  `sizes`: canvases drawn from until that share of the budget is spent."""

    spec: Spec
    minutes: float
    sizes: list[tuple[float, list[Size]]]
    peak: float = 1.5e-3
    floor: float = 1e-5
    weight_decay: float = 0.05
    average: float = 0.998
    freeze_at: float = 0.5
    weights: LossWeights = field(default_factory=LossWeights)
    test_every_s: float = 360.0
    save_every_s: float = 120.0
    compile: bool = False
    workers: int = 0  # processes that draw batches beside the one that trains; 0: it draws them itself
    times: int = 1  # batches so many times larger, as a GPU wants them; the rate grows by the root of it

    def __post_init__(self) -> None:
        self.sizes = [(until, [(h, w, n * self.times) for h, w, n in group]) for until, group in self.sizes]
        self.peak *= self.times**0.5


class Batches(IterableDataset[dict[str, Tensor]]):
    """Batches without end, each of one of `sizes`."""

    def __init__(self, maker: CanvasMaker, sizes: list[Size], classes: int) -> None:
        self.maker, self.sizes, self.classes = maker, sizes, classes

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        cv2.setNumThreads(1)
        while True:
            size = self.sizes[int(self.maker.rng.integers(len(self.sizes)))]
            yield {k: torch.from_numpy(v) for k, v in batch_of(self.maker, *size, self.classes).items()}


def to_tensor(images: Tensor) -> Tensor:
    """uint8 (n, h, w, 3) BGR -> float32 (n, 3, h, w) RGB 0..1, channels last."""
    x = images.permute(0, 3, 1, 2).flip(1)
    return x.contiguous(memory_format=torch.channels_last).float().div_(255)


def torch_runner(model: Detector) -> Runner:
    """Runs a network that is being trained."""

    @torch.no_grad()
    def run(x: U8) -> F32:
        image = torch.from_numpy(x)[None].to(model.scale.device)
        return np.asarray(model(to_tensor(image))[0].cpu().numpy(), np.float32)

    return run


def norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]


def drawn(maker: CanvasMaker, size: Size, classes: int) -> Tensor:
    """The pictures of one batch as the network takes them."""
    return to_tensor(torch.from_numpy(batch_of(maker, *size, classes)["image"]))


def recalibrate(model: Detector, maker: CanvasMaker, size: Size, rounds: int = 16) -> None:
    """Measures the norms' statistics anew on fresh canvases, in float32."""
    for m in norms(model):
        m.reset_running_stats()
        m.momentum = None
    model.train()
    with torch.no_grad():
        for _ in range(rounds):
            model(drawn(maker, size, model.spec.classes).to(model.scale.device))
    for m in norms(model):
        m.momentum = 0.02


def freeze_norms(model: Detector) -> None:
    """From here on the norms use their running statistics, so training sees the network that will be shipped.

    Without it the shipped boxes were 6 % too wide: batch statistics of mosaics are too noisy.
    """
    for m in norms(model):
        m.eval()


def begin(model: Detector, init: Path, maker: CanvasMaker, size: Size) -> None:
    """Starts from a shipped model.onnx of the same shape, or from a checkpoint of the same or a shallower network."""
    batch = drawn(maker, size, model.spec.classes)
    if init.suffix == ".onnx" and model.spec.split and not has_module(init, "edges.0.0"):
        single = Detector(replace(model.spec, split=False))
        load_onnx(single, init, batch)
        split_head(model, single)
    elif init.suffix == ".onnx":
        load_onnx(model, init, batch)
    else:
        grow(model, init)


class Trainer:
    """One run.  `out`: folder for best.pt (averaged weights), last.pt (everything to resume) and log.jsonl / .png."""

    def __init__(
        self, model: Detector, maker: CanvasMaker, plan: Plan, out: Path, test: Callable[[Runner], dict[str, Any]]
    ) -> None:
        self.device = device()
        self.model = model.to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.model).eval()
        self.forward: Callable[[Tensor], Tensor] = self.model
        if plan.compile:  # one graph a canvas size, before and after the norms freeze
            torch._dynamo.config.recompile_limit = 64
            self.forward = torch.compile(self.model, dynamic=False)
        self.maker, self.plan, self.out, self.test = maker, plan, out, test
        self.seed = int(maker.rng.integers(1 << 32))
        self.batches: Iterator[dict[str, Tensor]] | None = None
        self.drawing: list[Size] | None = None
        many = [p for p in model.parameters() if p.ndim > 1]
        few = [p for p in model.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": many, "weight_decay": plan.weight_decay}, {"params": few, "weight_decay": 0.0}],
            lr=plan.peak,
            betas=(0.9, 0.99),
        )
        self.step = self.seen = 0
        self.spent_s = 0.0
        self.frozen = False
        self.grids: dict[tuple[int, int], Tensor] = {}
        self.sums: dict[str, float] = {}
        out.mkdir(parents=True, exist_ok=True)

    def resume(self) -> None:
        saved = torch.load(self.out / "last.pt", map_location=self.device, weights_only=True)
        self.model.load_state_dict(saved["model"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.seen, self.spent_s, self.frozen = (
            saved["step"],
            saved["seen"],
            saved["spent_s"],
            saved["frozen"],
        )

    def save(self) -> None:
        """Writes beside, then moves: a broken run leaves whole files."""
        best = {"spec": self.plan.spec.to_dict(), "model": self.average.state_dict(), "images": self.seen}
        last = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seen": self.seen,
            "spent_s": self.spent_s,
            "frozen": self.frozen,
        }
        for name, what in (("best.pt", best), ("last.pt", last)):
            torch.save(what, self.out / (name + ".tmp"))
            (self.out / (name + ".tmp")).replace(self.out / name)

    def log(self, row: dict[str, Any]) -> None:
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as f:
            f.write(json.dumps(row) + "\n")

    def sizes_at(self, t: float) -> list[Size]:
        return next((s for until, s in self.plan.sizes if t < until), self.plan.sizes[-1][1])

    def next_batch(self, t: float) -> dict[str, Tensor]:
        sizes = self.sizes_at(t)
        if self.batches is None or self.drawing is not sizes:
            self.maker.rng = np.random.default_rng([self.seed, self.step])  # nothing seen is drawn again
            self.drawing = sizes
            loader = DataLoader(
                Batches(self.maker, sizes, self.plan.spec.classes),
                batch_size=None,
                num_workers=self.plan.workers,
                pin_memory=self.device.type == "cuda",
            )
            self.batches = iter(loader)
        return next(self.batches)

    def one_step(self, t: float) -> None:
        plan = self.plan
        begin = time.perf_counter()
        data = {k: v.to(self.device, non_blocking=True) for k, v in self.next_batch(t).items()}
        waited = time.perf_counter() - begin
        image = to_tensor(data.pop("image"))
        n, _, h, w = image.shape
        if (h, w) not in self.grids:
            self.grids[h, w] = points(h, w).to(self.device)
        warm = min(1.0, (self.step + 1) / 120)
        rate = plan.floor + (plan.peak - plan.floor) * 0.5 * (1 + math.cos(math.pi * t)) * warm
        for g in self.optimizer.param_groups:
            g["lr"] = rate
        with autocast():
            out = self.forward(image)
        losses = detection_loss(out.float(), self.grids[h, w], data, plan.spec, plan.weights)
        total = torch.stack(list(losses.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self.optimizer.step()
        self.step += 1
        self.seen += n
        keep = min(plan.average, (1 + self.step) / (20 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - keep)
            for a, b in zip(self.average.buffers(), self.model.buffers(), strict=True):
                a.copy_(b)
        for k, v in [*((k, v.item()) for k, v in losses.items()), ("loader_s", waited / n)]:
            self.sums[k] = 0.98 * self.sums.get(k, v) + 0.02 * v

    def run(self) -> None:
        """Trains until the budget is spent; tests and checkpoints count as well."""
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        plan = self.plan
        budget_s = plan.minutes * 60
        self.model.train()
        if self.frozen:
            freeze_norms(self.model)
        before_s, begin = self.spent_s, time.perf_counter()
        tested = saved = begin
        with tqdm(total=round(budget_s), initial=round(before_s), unit="s", mininterval=20) as bar:
            while self.spent_s < budget_s:
                t = self.spent_s / budget_s
                if t >= plan.freeze_at and not self.frozen:
                    recalibrate(self.model, self.maker, self.sizes_at(t)[0])
                    self.model.train()
                    freeze_norms(self.model)
                    self.frozen = True
                self.one_step(t)
                now = time.perf_counter()
                self.spent_s = before_s + now - begin
                bar.set_postfix_str(
                    f"{self.seen} pictures " + " ".join(f"{k} {v:.3f}" for k, v in self.sums.items()), refresh=False
                )
                bar.update(min(round(self.spent_s), bar.total) - bar.n)
                if now - saved > plan.save_every_s:
                    self.save()
                    saved = now
                if now - tested > plan.test_every_s:
                    self.report()
                    tested = time.perf_counter()
        self.save()
        self.report()

    def report(self) -> None:
        row = {
            "minutes": round(self.spent_s / 60, 1),
            "pictures": self.seen,
            "frozen": self.frozen,
            **{"loss_" + k: round(v, 4) for k, v in self.sums.items()},
            **self.test(torch_runner(self.average)),
        }
        self.log(row)
        curves.draw(self.out / "log.jsonl")
        tqdm.write(json.dumps(row))
