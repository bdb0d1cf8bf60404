"""Training samples: stored crops with their labels, drawn evenly over types and colors and changed on the fly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from augment import augment
from dataset import Crop, cut_all, known_stems, read_converted, read_data, read_extra
from labels import COLORS, TYPES, UNKNOWN_COLOR
from photos import find_photo_vehicles
from pseudo_label import NOT_LABELED, label_colors
from recolor import PAINTS, find_body, repaint
from torch.utils.data import IterableDataset
from tqdm import tqdm

HELD_OUT_SHARE = 0.04
"""Share of the training crops kept for the temperatures."""
COLOR_SHARE = 0.5
"""Share of samples drawn evenly by color; the others are drawn evenly by type."""
COLOR_WEIGHTS: dict[str, float] = {
    "black": 2.0, "white": 1.9, "gray": 1.2, "red": 1.0, "blue": 1.0, "yellow": 0.9, "orange": 0.6, "brown": 0.6,
    "green": 0.9, "purple": 0.5, "pink": 0.4, "unknown": 0.8,
}  # fmt: skip
REPAINT_SHARE: dict[str, float] = {
    "black": 0.4, "white": 0.08, "gray": 0.35, "red": 0.1, "blue": 0.15, "yellow": 0.15, "orange": 0.65,
    "brown": 0.8, "green": 0.4, "purple": 0.7, "pink": 0.75,
}  # fmt: skip


@dataclass
class Samples:
    """Stored crops and labels.

    images: uint8 (n, s, s, 3), BGR; types: bool (n, T), the types a crop may have; colors: int64 (n,), -1 unlabeled;
    bodies: uint8 (n, s, s), paint masks, zero where none was found.
    """

    images: np.ndarray
    types: np.ndarray
    colors: np.ndarray
    bodies: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def save(self, path: Path) -> None:
        """Keep them for the next run."""
        np.savez(path, images=self.images, types=self.types, colors=self.colors, bodies=self.bodies)

    @classmethod
    def load(cls, path: Path) -> Samples:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["images"], arrays["types"], arrays["colors"], arrays["bodies"])

    def take(self, rows: np.ndarray) -> Samples:
        """The given rows."""
        return Samples(self.images[rows], self.types[rows], self.colors[rows], self.bodies[rows])


def read_hand_labels(path: Path) -> dict[str, dict[str, str]]:
    """Labels given by a person, per crop key; each holds `type`, `color` or both."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {f"{row['file']}#{','.join(str(v) for v in row['box'])}": row for row in rows}


def load_samples(data: Path, extra: Path | None, converted: Path | None, hand_labels: Path) -> Samples:
    """Read, cut and label every training crop of the three folders; `hand_labels` is a JSONL file."""
    crops = read_data(data) + find_photo_vehicles(data)
    crops += read_extra(extra, known_stems(data)) if extra else []
    crops += read_converted(converted) if converted else []
    crops = [crop for crop in crops if crop.split == "train"]
    images = cut_all(crops, [folder for folder in (data, extra, converted) if folder])
    colors = label_colors(crops, images, data / "teachers")
    return build_samples(crops, images, colors, read_hand_labels(hand_labels))


def build_samples(
    crops: list[Crop], images: np.ndarray, colors: np.ndarray, hand: dict[str, dict[str, str]]
) -> Samples:
    """Join automatic and hand labels and find the paint of vehicles that can be repainted."""
    types = np.zeros((len(crops), len(TYPES)), bool)
    colors = colors.copy()
    bodies = np.zeros(images.shape[:3], np.uint8)
    for i, crop in enumerate(tqdm(crops, desc="samples", mininterval=10)):
        row = hand.get(crop.key, {})
        allowed = (row["type"],) if "type" in row else crop.allowed
        types[i, [TYPES.index(name) for name in allowed]] = True
        if "color" in row:
            colors[i] = COLORS.index(row["color"])
        color = COLORS[colors[i]] if colors[i] != NOT_LABELED else ""
        if color in ("white", "red", "blue", "yellow"):
            body = find_body(images[i], color)
            if body is not None:
                bodies[i] = body
    return Samples(images, types, colors, bodies)


def split_held_out(samples: Samples, seed: int) -> tuple[Samples, Samples]:
    """Samples to train on, and the few kept for calibration."""
    is_kept = np.random.default_rng(seed).random(len(samples)) < HELD_OUT_SHARE
    return samples.take(np.flatnonzero(~is_kept)), samples.take(np.flatnonzero(is_kept))


class Stream(IterableDataset[tuple[torch.Tensor, torch.Tensor, bool, int]]):
    """Endless training samples: image uint8 (96, 96, 3), types bool (T,), whether the type shows, color int."""

    def __init__(self, samples: Samples, seed: int) -> None:
        self.samples = samples
        self.seed = seed
        keys = [tuple(np.flatnonzero(row).tolist()) for row in samples.types]
        groups: dict[tuple[int, ...], list[int]] = {}
        for i, key in enumerate(keys):
            groups.setdefault(key, []).append(i)
        self.by_type = [np.array(rows) for rows in groups.values()]
        # A set that names one type teaches more than one that leaves it open; the root favors large groups a little.
        weight = np.array([len(rows) ** 0.5 * (1.0 if len(key) == 1 else 0.5) for key, rows in groups.items()])
        self.type_weight = weight / weight.sum()
        self.by_color = [np.flatnonzero(samples.colors == i) for i in range(len(COLORS))]
        self.paintable = np.flatnonzero(samples.bodies.any(axis=(1, 2)))
        color_weight = np.array([COLOR_WEIGHTS[name] for name in COLORS])
        self.color_weight = color_weight / color_weight.sum()

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, int, int]:
        """A stored crop, its row and its color."""
        samples = self.samples
        if rng.random() >= COLOR_SHARE:
            row = int(rng.choice(self.by_type[rng.choice(len(self.by_type), p=self.type_weight)]))
            return samples.images[row], row, int(samples.colors[row])
        color = int(rng.choice(len(COLORS), p=self.color_weight))
        name = COLORS[color]
        rows = self.by_color[color]
        if name in PAINTS and (len(rows) == 0 or rng.random() < REPAINT_SHARE[name]):
            row = int(rng.choice(self.paintable))
            return repaint(samples.images[row], samples.bodies[row], name, rng), row, color
        row = int(rng.choice(rows if len(rows) else self.paintable))
        return samples.images[row], row, int(samples.colors[row])

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, bool, int]]:
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        while True:
            stored, row, color = self._draw(rng)
            image, has_color, has_type = augment(stored, rng)
            yield (
                torch.from_numpy(image),
                torch.from_numpy(self.samples.types[row]),
                has_type,
                color if has_color else UNKNOWN_COLOR,
            )
