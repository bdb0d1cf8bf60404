"""Assignment and losses, the whole batch at once and without a loop over pictures.

Assignment: every object wants the output points near its center on the level that suits its size; that prior is
multiplied by how well the point's own geometry already fits, so the choice begins as plain center sampling and becomes
dynamic while the network learns.  A plate takes 2 to 6 points, a vehicle 2 to 9: the sum of its best overlaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from detection.network import Spec
from torch import Tensor


@dataclass(frozen=True)
class LossWeights:
    """Shares of the four losses."""

    quality: float = 1.0
    box: float = 2.0
    corner: float = 4.0
    kind: float = 1.0
    size: float = 0.0  # 1: boxes of 12 strides and more count three times, because an IoU moves with error / size
    balance: float = 0.0  # 0: every chosen point counts; 1: every picture counts, however many objects it has


def decode(raw: Tensor, grid: Tensor, spec: Spec) -> Tensor:
    """Geometry (..., points, 4 | 8) in strides -> corners (..., points, 4, 2) in pixels."""
    xy, s = grid[:, :2], grid[:, 2:3]
    if spec.geometry == 8:
        return (raw * s).unflatten(-1, (4, 2)) + xy[:, None]
    d = raw * s
    x1, y1, x2, y2 = xy[:, 0] - d[..., 0], xy[:, 1] - d[..., 1], xy[:, 0] + d[..., 2], xy[:, 1] + d[..., 3]
    return torch.stack((x1, y1, x2, y1, x2, y2, x1, y2), -1).unflatten(-1, (4, 2))


def bounds(quads: Tensor) -> Tensor:
    """Upright boxes (..., 4) x1 y1 x2 y2 around quadrangles (..., 4, 2)."""
    return torch.cat((quads.amin(-2), quads.amax(-2)), -1)


def overlap(a: Tensor, b: Tensor, generalized: bool = False) -> Tensor:
    """IoU (or GIoU) of broadcastable boxes (..., 4)."""
    lo, hi = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    inter = (hi - lo).clamp(min=0).prod(-1)
    area_a, area_b = (a[..., 2:] - a[..., :2]).clamp(min=0).prod(-1), (b[..., 2:] - b[..., :2]).clamp(min=0).prod(-1)
    union = (area_a + area_b - inter).clamp(min=1e-6)
    iou = inter / union
    if not generalized:
        return iou
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    hull = hull.clamp(min=1e-6)
    return iou - (hull - union) / hull


def assign(
    boxes: Tensor,
    scores: Tensor,
    grid: Tensor,
    gt: Tensor,
    valid: Tensor,
    reach: float,
    low: int,
    high: int,
) -> tuple[Tensor, Tensor]:
    """Which object each output point answers for.

    Args:
        boxes: (b, p, 4) predicted boxes, pixels.
        scores: (b, p) predicted quality, 0..1.
        grid: (p, 3) x, y, stride.
        gt: (b, m, 4) true boxes, pixels.
        valid: (b, m) bool, False for padding and ignored objects.
        reach: longest side, in strides, that a level is best for.
        low: fewest points an object takes.
        high: most points an object takes.

    Returns:
        Object index per point or -1, int64 (b, p); IoU with that object, (b, p).
    """
    count, points = scores.shape
    of, number = valid.nonzero(as_tuple=True)  # (k,) which picture, which of its objects
    index = torch.full((count * points,), -1, dtype=torch.int64, device=scores.device)
    hit = torch.zeros(count * points, device=scores.device)
    if not len(of):
        return index.view(count, points), hit.view(count, points)
    mine = gt[of, number]
    center = (mine[:, :2] + mine[:, 2:]) / 2
    size = (mine[:, 2:] - mine[:, :2]).amax(-1).clamp(min=1)
    place, near = nearby(center, grid)
    at = grid[place]  # (k, c, 3)
    d = (at[..., :2] - center[:, None]).norm(dim=-1) / at[..., 2]
    near &= d < REACH
    ideal = (size / reach).clamp(float(grid[:, 2].min()), float(grid[:, 2].max()))
    off = torch.log2(ideal[:, None] / at[..., 2])
    prior = torch.exp(-d.square() / 4.5 - off.square() / 0.7)
    iou = overlap(boxes[of[:, None], place], mine[:, None]) * near  # (k, c)
    metric = prior * (iou + 0.2) * (scores[of[:, None], place] + 0.05).sqrt() * near
    best, where = metric.topk(high, dim=-1)
    wanted = iou.topk(high + 2, dim=-1).values.sum(-1).floor().clamp(low, high)  # (k,)
    keep = (torch.arange(high, device=scores.device) < wanted[:, None]) & (best > 0)
    flat = (of[:, None] * points + place.gather(1, where))[keep]
    value = best[keep]
    most = torch.zeros(count * points, device=scores.device).scatter_reduce_(0, flat, value, "amax")
    wins = value == most[flat]  # the object that a point answers for is the one it suits best
    index[flat[wins]] = number[:, None].expand_as(where)[keep][wins]
    hit[flat[wins]] = iou.gather(1, where)[keep][wins]
    return index.view(count, points), hit.view(count, points)


REACH = 3  # strides from an object's center to the farthest point that may answer for it


def nearby(center: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """The output points around each center, on all levels: a few, where the grid has thousands.

    Args:
        center: (k, 2) pixels.
        grid: (p, 3) x, y, stride, level after level, each row after row.

    Returns:
        Indices of points, (k, c) int64, and which of them exist, (k, c) bool.
    """
    steps = torch.arange(2 * REACH, device=grid.device)
    places, exist = [], []
    start = 0
    for stride, length in zip(*torch.unique_consecutive(grid[:, 2], return_counts=True), strict=True):
        last = grid[start + length - 1]
        columns, rows = (int(v / stride + 0.5) for v in last[:2])
        first = torch.floor(center / stride - REACH + 0.5).long()
        x, y = first[:, :1] + steps, first[:, 1:] + steps
        inside = ((y >= 0) & (y < rows))[:, :, None] & ((x >= 0) & (x < columns))[:, None]
        place = y.clamp(0, rows - 1)[:, :, None] * columns + x.clamp(0, columns - 1)[:, None]
        places.append(start + place.flatten(1))
        exist.append(inside.flatten(1))
        start += int(length)
    return torch.cat(places, 1), torch.cat(exist, 1)


def detection_loss(
    out: Tensor, grid: Tensor, batch: dict[str, Tensor], spec: Spec, w: LossWeights
) -> dict[str, Tensor]:
    """Losses of one batch.

    Args:
        out: (b, points, 1 + classes + geometry) float32, the network's rows.
        grid: (points, 3) float32.
        batch: quads (b, m, 4, 2) float32; kinds (b, m, classes) float32, how well each class fits the label (all ones:
            not known); exact, valid, ignore (b, m) bool.
        spec: the network's shape.
        w: shares of the losses.
    """
    c = spec.classes
    logits, kinds, raw = out[..., 0], out[..., 1 : 1 + c], out[..., 1 + c :]
    quads = decode(raw, grid, spec)
    boxes = bounds(quads)
    gt_boxes = bounds(batch["quads"])
    reach, high = (8.0, 6) if spec.geometry == 8 else (6.0, 9)
    with torch.no_grad():
        index, hit = assign(boxes, logits.sigmoid(), grid, gt_boxes, batch["valid"], reach, 2, high)
        positive = index >= 0
        safe = index.clamp(min=0)
        target = torch.where(positive, hit.clamp(0.05, 1), torch.zeros_like(hit))
        of, number = batch["ignore"].nonzero(as_tuple=True)
        area = gt_boxes[of, number][:, None]
        covered = ((grid[:, :2] >= area[..., :2]) & (grid[:, :2] <= area[..., 2:])).all(-1)
        skip = (torch.zeros(logits.shape, device=logits.device).index_add_(0, of, covered.float()) > 0) & ~positive
        norm = target.sum().clamp(min=1)
    p = logits.sigmoid()
    quality = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * (p.detach() - target).square()
    losses = {"quality": w.quality * (quality * ~skip).sum() / norm}
    bi, pi = positive.nonzero(as_tuple=True)
    gi = safe[bi, pi]
    weight = target[bi, pi].clamp(min=0.2)
    if w.balance:
        weight = weight * positive.sum(1)[bi].float().pow(-w.balance)
    share = weight.sum().clamp(min=1 if not w.balance else 0.1)
    mine, theirs = boxes[bi, pi], gt_boxes[bi, gi]
    pull = ((theirs[:, 2:] - theirs[:, :2]).amax(-1) / grid[pi, 2] / 4).clamp(1, 3).pow(w.size)
    losses["box"] = w.box * ((1 - overlap(mine, theirs, generalized=True)) * weight * pull).sum() / share
    if spec.geometry == 8:
        side = (theirs[:, 2:] - theirs[:, :2]).clamp(min=1)
        e = (quads[bi, pi] - batch["quads"][bi, gi]).abs() / side.prod(-1).sqrt()[:, None, None]
        exact = batch["exact"][bi, gi].float() * weight
        e = torch.where(e < 0.04, e.square() / 0.08, e - 0.02)
        losses["corner"] = w.corner * (e.mean((1, 2)) * exact).sum() / exact.sum().clamp(min=1)
    if c:
        fits = batch["kinds"][bi, gi]
        log = F.log_softmax(kinds[bi, pi], -1)
        value = -torch.logsumexp(log + fits.clamp(min=1e-6).log(), -1)
        known = (fits.amin(-1) < 1).float() * weight
        losses["kind"] = w.kind * (value * known).sum() / known.sum().clamp(min=1 if not w.balance else 0.1)
    return losses
