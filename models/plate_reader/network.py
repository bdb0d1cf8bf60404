"""PlateReader: a fixed-slot text network for plates with one or two rows.

A small residual network keeps a 2-D plane (6 x 40 for a 48 x 160 crop). Each of the 8 text slots draws an attention map
over that plane, twice: the second time it knows what all slots saw at first. The mean feature under the second map goes
to the slot's own linear classifier. A slot may look anywhere, so the same network reads one-row and two-row plates
without being told which it sees, without cutting and stitching, and without CTC decoding: the answer is 8
distributions, so each character has its own probability.
"""

from __future__ import annotations

import torch
from common.layers import Residual, conv
from labels import INPUT_H, INPUT_W
from torch import Tensor, nn

GRID_H, GRID_W = INPUT_H // 8, INPUT_W // 4


class Context(nn.Module):
    """Cheap and wide along the text line, so that a slot knows how many characters stand before it."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.wide = nn.Sequential(
            nn.Conv2d(width, width, (3, 9), 1, (1, 4 * dilation), (1, dilation), groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.mix = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(self.wide(x))


class SecondLook(nn.Module):
    """From what all slots saw at the first look to where each should look at the second.

    Slots that look on their own repeat or skip a neighbor where layouts of seven and eight characters overlap; here
    each knows what the others have seen. Starts at zero: the second look is then the first one.
    """

    def __init__(self, slots: int, width: int, inner: int = 16) -> None:
        super().__init__()
        self.down = nn.Linear(width, inner)
        self.mix = nn.Linear(slots * inner, slots * inner)
        self.ask = nn.Linear(slots * inner, slots * width)
        nn.init.zeros_(self.ask.weight)
        nn.init.zeros_(self.ask.bias)

    def forward(self, slot: Tensor) -> Tensor:
        """Features (n, slots, width) -> queries (n, slots, width)."""
        seen = self.mix(self.down(slot).relu().flatten(1)).relu()
        return self.ask(seen).view(slot.shape)


class PlateReader(nn.Module):
    """The network; `config` rebuilds it: `PlateReader(**config)`."""

    def __init__(
        self,
        classes: int,
        slots: int = 8,
        colors: int = 6,
        widths: tuple[int, ...] = (16, 32, 48, 80),
        drop: float = 0.1,
    ) -> None:
        super().__init__()
        w0, w1, w2, w3 = widths
        self.config = {"classes": classes, "slots": slots, "colors": colors, "widths": list(widths)}
        self.body = nn.Sequential(
            conv(3, w0, 2),  # 24 x 80
            conv(w0, w1),
            conv(w1, w2, 2),  # 12 x 40
            Residual(w2),
            conv(w2, w3, (2, 1)),  # 6 x 40
            Residual(w3),
        )
        self.position = nn.Parameter(torch.randn(1, w3, GRID_H, GRID_W) * 0.1)
        self.near = Context(w3, 1)
        self.far = Context(w3, 2)
        self.far.mix[1].weight.data.zero_()  # starts as an identity, so older weights can be continued
        self.attend = nn.Conv2d(w3, slots, 1)
        self.second = SecondLook(slots, w3)
        self.drop = nn.Dropout(drop)
        # One classifier per slot: the letters of slot 2 and the digits of slot 7 need not share weights.
        self.weight = nn.Parameter(torch.randn(slots, w3, classes) * w3**-0.5)
        self.bias = nn.Parameter(torch.zeros(slots, classes))
        self.color = nn.Linear(w3, colors)
        self.rows = nn.Linear(w3, 2)

    def forward_with_attention(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Like `forward`, with the maps of both looks as fourth output: float32 (2, n, slots, 6*40), each sums to 1."""
        features = self.body(x)
        keys = self.near(features + self.position).relu()
        keys = (keys + self.far(keys)).relu()
        interest = self.attend(keys).flatten(2)
        keys, values = keys.flatten(2), (features.flatten(2) + keys.flatten(2)).transpose(1, 2)
        first = interest.softmax(-1)
        queries = self.second(torch.matmul(first, values))
        second = (interest + torch.matmul(queries, keys)).softmax(-1)
        slot = torch.matmul(second, values)
        text = torch.matmul(self.drop(slot).transpose(0, 1), self.weight).transpose(0, 1) + self.bias
        mean = values.mean(1)
        return text, self.color(mean), self.rows(mean), torch.stack((first, second))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """float32 (n, 3, 48, 160) BGR in [-1, 1] -> logits text (n, slots, classes), color (n, colors), rows (n, 2)."""
        return self.forward_with_attention(x)[:3]


def count_macs(model: PlateReader) -> int:
    """Multiply-accumulates of convolutions, linear layers and attention for one plate."""
    total = 0

    def add(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += output[0].numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            total += module.weight.numel()

    handles = [m.register_forward_hook(add) for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    was_training = model.training
    with torch.inference_mode():
        model.eval()(torch.zeros(1, 3, INPUT_H, INPUT_W))
    model.train(was_training)
    for handle in handles:
        handle.remove()
    slots, width, classes = model.weight.shape
    return total + slots * width * classes + 4 * slots * width * GRID_H * GRID_W
