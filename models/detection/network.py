"""Small anchor-free detectors: a trunk of plain 3x3 convolutions, a three-level top-down neck, one head for all levels.

The same code gives the vehicle network (boxes: 4 distances) and the plate network (4 corners: 8 signed offsets).
Every output point p (cell center, input pixels) predicts
  * one quality logit: "a wanted object is here, and my geometry is this good" (trained with the IoU as target),
  * `classes` class logits (softmax),
  * its geometry in strides: left, top, right, bottom distances, or TL, TR, BR, BL as signed offsets from p.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

STRIDES: tuple[int, ...] = (8, 16, 32)


@dataclass(frozen=True)
class Spec:
    """Everything needed to rebuild a network from a checkpoint."""

    geometry: int = 8  # 8: four corners, 4: box distances
    classes: int = 0  # class logits beside the quality logit
    widths: tuple[int, ...] = (16, 32, 48, 64, 96)  # channels at strides 2, 4, 8, 16, 32
    depths: tuple[int, ...] = (0, 1, 2, 2)  # residual blocks at strides 4, 8, 16, 32
    neck: int = 48
    smooth: tuple[bool, ...] = (True, True, True)  # a residual block in the neck at strides 8, 16, 32
    context: int = 0  # inner width of the pooling block behind stride 32; 0: none
    split: bool = False  # geometry has a tower of its own
    names: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Spec:
        known = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in Spec.__dataclass_fields__}
        return Spec(**known)


def conv(cin: int, cout: int, k: int = 3, stride: int = 1, act: bool = True) -> nn.Sequential:
    """Convolution + batch norm (+ ReLU); the export folds the norm into the convolution."""
    layers: list[nn.Module] = [nn.Conv2d(cin, cout, k, stride, k // 2, bias=False), nn.BatchNorm2d(cout, momentum=0.02)]
    if act:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class Block(nn.Module):
    """Residual block of two narrow 3x3 convolutions (the inner width is half the outer one)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(16, channels // 2 // 16 * 16)
        self.a = conv(channels, inner)
        self.b = conv(inner, channels, act=False)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        return self.act(x + self.b(self.a(x)))


class Context(nn.Module):
    """Residual pooling block (SPPF of YOLOv5): what lies up to 6 cells away, for vehicles that fill the picture."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.a = conv(channels, inner, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.b = conv(4 * inner, channels, 1, act=False)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        levels = [self.a(x)]
        for _ in range(3):
            levels.append(self.pool(levels[-1]))
        return self.act(x + self.b(torch.cat(levels, 1)))


class Detector(nn.Module):
    """Trunk, neck and shared head.  Input: float32 (n, 3, h, w), RGB, 0..1, sides multiples of 32."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        w = spec.widths
        self.stem = conv(3, w[0], 3, 2)
        self.stages = nn.ModuleList()
        for i, depth in enumerate(spec.depths):
            self.stages.append(nn.Sequential(conv(w[i], w[i + 1], 3, 2), *(Block(w[i + 1]) for _ in range(depth))))
        if spec.context:
            self.stages[-1].append(Context(w[4], spec.context))
        n = spec.neck
        self.lateral = nn.ModuleList(conv(c, n, 1) for c in w[2:5])
        self.smooth = nn.ModuleList(Block(n) if wanted else nn.Identity() for wanted in spec.smooth)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.tower = nn.Sequential(conv(n, n))
        self.edges = nn.Sequential(conv(n, n)) if spec.split else None
        self.out = nn.Conv2d((1 + spec.split) * n, 1 + spec.classes + spec.geometry, 1)
        self.scale = nn.Parameter(torch.ones(len(STRIDES)))
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.zeros_(self.out.bias)
        with torch.no_grad():
            self.out.bias[0] = -4.6
            if spec.geometry == 8:  # start from a plate-shaped quadrangle
                self.out.bias[1 + spec.classes :] = torch.tensor([-2.0, -0.7, 2.0, -0.7, 2.0, 0.7, -2.0, 0.7])
            else:
                self.out.bias[1 + spec.classes :] = 2.0

    def forward(self, x: Tensor) -> Tensor:
        """(n, points, 1 + classes + geometry), float32; geometry in units of the stride."""
        x = self.stem(x)
        feats: list[Tensor] = []
        for stage in self.stages:
            x = stage(x)
            feats.append(x)
        p5 = self.lateral[2](feats[3])
        p4 = self.lateral[1](feats[2]) + self.up(p5)
        p3 = self.lateral[0](feats[1]) + self.up(p4)
        c = 1 + self.spec.classes
        heads = [self.head(smooth(p)) for smooth, p in zip(self.smooth, (p3, p4, p5), strict=True)]
        rows = []
        for i, t in enumerate(heads):
            y = self.out(t).flatten(2).transpose(1, 2)
            rows.append(torch.cat((y[..., :c], y[..., c:] * self.scale[i]), -1))
        return torch.cat(rows, 1)

    def head(self, x: Tensor) -> Tensor:
        """What the last convolution sees of one level."""
        return self.tower(x) if self.edges is None else torch.cat((self.tower(x), self.edges(x)), 1)


def points(height: int, width: int) -> Tensor:
    """(points, 3) float32: x, y, stride of every output row, in the order `forward` gives them."""
    rows = []
    for s in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // s), torch.arange(width // s), indexing="ij")
        rows.append(
            torch.stack(((x + 0.5) * s, (y + 0.5) * s, torch.full_like(x, s, dtype=torch.float32)), -1).view(-1, 3)
        )
    return torch.cat(rows)


def count_macs(model: Detector, height: int, width: int) -> int:
    """Multiply-accumulates of the convolutions for one picture."""
    total = 0

    def hook(module: nn.Module, _: Any, out: Tensor) -> None:
        nonlocal total
        weight = module.weight
        assert isinstance(weight, Tensor)
        total += out[0].numel() * weight[0].numel()

    handles = [m.register_forward_hook(hook) for m in model.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, height, width))
    for h in handles:
        h.remove()
    return total


def load(path: Path) -> Detector:
    """The network of a checkpoint, in evaluation mode."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model = Detector(Spec.from_dict(saved["spec"]))
    model.load_state_dict(saved["model"])
    return model.eval()


def split_head(model: Detector, single: Detector) -> None:
    """Starts a network with two towers from one with a single tower; it computes the same at first."""
    assert model.edges is not None
    state = dict(single.state_dict())
    state |= {"edges." + k: v.clone() for k, v in single.tower.state_dict().items()}
    n, c = model.spec.neck, 1 + model.spec.classes
    weight = torch.zeros_like(model.out.weight)
    weight[:c, :n], weight[c:, n:] = single.out.weight[:c], single.out.weight[c:]
    state["out.weight"] = weight
    model.load_state_dict(state)


def grow(model: Detector, path: Path) -> None:
    """Starts `model` from a checkpoint of another depth: blocks it lacks begin as the identity.

    Class logits are matched by name; new classes begin with small weights and a bias of -2.
    """
    saved = torch.load(path, map_location="cpu", weights_only=True)
    old, spec = saved["model"], Spec.from_dict(saved["spec"])
    state = model.state_dict()
    for key, value in state.items():
        if key in old and old[key].shape == value.shape:
            state[key] = old[key]
        elif key.startswith("out."):
            c = 1 + spec.classes
            state[key][0], state[key][1 + model.spec.classes :] = old[key][0], old[key][c:]
            for i, name in enumerate(model.spec.names):
                if name in spec.names:
                    state[key][1 + i] = old[key][1 + spec.names.index(name)]
                elif key == "out.bias":
                    state[key][1 + i] = -2.0
        elif key.endswith(".b.1.weight"):  # the last norm of a new residual block
            state[key] = torch.zeros_like(value)
    model.load_state_dict(state)
