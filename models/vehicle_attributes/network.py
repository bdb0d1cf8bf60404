"""The vehicle-attributes network: plain 3x3 convolutions, one pooled picture vector per head, two softmaxes."""

from __future__ import annotations

import torch
from labels import COLORS, TYPES
from torch import Tensor, nn

INPUT_SIDE = 96


def _conv(n_in: int, n_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """x + two 3x3 convolutions of x, same channels and size."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.first = _conv(n_channels, n_channels)
        self.second = nn.Sequential(nn.Conv2d(n_channels, n_channels, 3, 1, 1, bias=False), nn.BatchNorm2d(n_channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class AttributeNet(nn.Module):
    """Type and color scores of vehicle crops.

    The color head reads two levels: paint is a fine texture next to glass and road, so the 12x12 map (pooled by a
    learned attention) joins the 6x6 one.
    """

    def __init__(self, n_types: int = len(TYPES), n_colors: int = len(COLORS)) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, 16, 2), _conv(16, 32, 2), _conv(32, 32))
        self.middle = nn.Sequential(_conv(32, 64, 2), Residual(64))
        self.top = nn.Sequential(_conv(64, 96, 2), Residual(96))
        self.attention = nn.Conv2d(64, 1, 1)
        self.type_head = nn.Sequential(nn.Dropout(0.1), nn.Linear(96, n_types))
        self.color_head = nn.Sequential(nn.Linear(96 + 64, 64), nn.ReLU(inplace=True), nn.Linear(64, n_colors))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Score crops.

        Args:
            images: float32 (n, 3, 96, 96), BGR, 0..255.

        Returns:
            Type logits (n, T) and color logits (n, K), float32.
        """
        middle = self.middle(self.stem(images * (1 / 64) - 2))
        top = self.top(middle).mean(dim=(2, 3))
        weight = torch.softmax(self.attention(middle).flatten(2), dim=2)
        paint = (middle.flatten(2) * weight).sum(dim=2)
        return self.type_head(top), self.color_head(torch.cat([top, paint], dim=1))


class ExportNet(nn.Module):
    """`AttributeNet` with the contract of the shipped file: uint8 NHWC in, calibrated probabilities out."""

    def __init__(self, net: AttributeNet, type_temperature: float, color_temperature: float) -> None:
        super().__init__()
        self.net = net
        self.type_scale = 1 / type_temperature
        self.color_scale = 1 / color_temperature

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 (n, 96, 96, 3) BGR to float32 (n, T) and (n, K) probabilities."""
        types, colors = self.net(images.permute(0, 3, 1, 2).float())
        return torch.softmax(types * self.type_scale, dim=1), torch.softmax(colors * self.color_scale, dim=1)


def count_macs(net: AttributeNet) -> int:
    """Multiply-accumulates of one crop through the convolutions and linear layers."""
    total = 0

    def add(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += output[0].numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            total += module.weight.numel()

    hooks = [m.register_forward_hook(add) for m in net.modules()]
    net.eval()
    with torch.no_grad():
        net(torch.zeros(1, 3, INPUT_SIDE, INPUT_SIDE))
    for hook in hooks:
        hook.remove()
    return total
