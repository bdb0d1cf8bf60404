"""The network of the second look: a window around a plate in, its four corners and whether it is one out."""

from __future__ import annotations

import torch
from common.layers import Residual, conv
from torch import Tensor, nn
from windows import INPUT_H, INPUT_W


class PlateRefiner(nn.Module):
    """11 M multiply-accumulates; corners are regressed from the whole last plane, which knows where things are."""

    def __init__(self, widths: tuple[int, ...] = (16, 24, 48, 64)) -> None:
        super().__init__()
        w0, w1, w2, w3 = widths
        self.config = {"widths": list(widths)}
        self.body = nn.Sequential(
            conv(3, w0, 2),  # 32 x 48
            conv(w0, w1, 2),  # 16 x 24
            conv(w1, w1),
            conv(w1, w2, 2),  # 8 x 12
            Residual(w2),
            conv(w2, w3, 2),  # 4 x 6
            Residual(w3),
        )
        n = w3 * (INPUT_H // 16) * (INPUT_W // 16)
        self.corners = nn.Linear(n, 8)
        self.score = nn.Linear(n, 1)
        nn.init.zeros_(self.corners.weight)
        nn.init.zeros_(self.corners.bias)
        self.register_buffer("unit", torch.tensor([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """float32 (n, 3, 64, 96) BGR in [-1, 1] -> corners (n, 4, 2) in units of the window, score logits (n,)."""
        features = self.body(x).flatten(1)
        return self.unit + 0.1 * self.corners(features).view(-1, 4, 2), self.score(features).squeeze(1)
