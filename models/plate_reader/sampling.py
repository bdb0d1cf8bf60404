"""Endless training samples: real plates (edited or not) and generated ones, seen through the camera model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from camera import augment
from dataset import MARGIN_X, MARGIN_Y, PLATE_H, PLATE_W, Image, load_backgrounds, load_plates
from generator import PlateDrawer, to_patch
from labels import COLOR_INDEX, INPUT_H, INPUT_W, PROVINCES, SLOTS, UNKNOWN, encode
from numpy.typing import NDArray
from repaint import real_centers, repaint, replace_char
from strangers import Strangers

REAL_SHARE = 0.5
STRANGER_SHARE = 0.07  # of all; see strangers.py
SOURCE_SHARE = {"ccpd_base": 0.44, "ccpd_green": 0.18, "cwj_lprnet": 0.22, "easypr_crops": 0.16}
REPAINT_SHARE = 0.24  # of real blue plates with corners
TRANSPLANT_HOME, TRANSPLANT_OTHER = 0.80, 0.30  # new province for plates of the crowded province, of others
CITY_SHARE, CITY_O = 0.15, 0.35  # new second letter; how many of those become O


@dataclass
class Sample:
    """One training crop."""

    image: Image  # (48, 160, 3) BGR
    text: NDArray[np.int64]  # (8,)
    color: int
    rows: int  # 0: one row, 1: two rows, UNKNOWN
    centers: NDArray[np.float32]  # (8, 2) x, y of each character in shares of the crop; NaN where unknown


class Sampler:
    """Draws samples without end; the same seed and data give the same sequence."""

    def __init__(self, data: Path, seed: int, real: bool = True, extra: Sequence[Path] = ()) -> None:
        """real=False leaves out the real plates: only generated kinds can then be asked for."""
        self.rng = np.random.default_rng(seed)
        self.drawer = PlateDrawer(data / "plates/glyphs", self.rng)
        self.backgrounds = load_backgrounds(data, self.rng)
        if not real:
            return
        self.strangers = Strangers(data, extra, self.drawer.glyphs, self.rng)
        self.real = load_plates(data, "train", extra)
        self.pools: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        province = np.array([text[0] for text in self.real.text])
        for source in SOURCE_SHARE:
            pool = np.flatnonzero(self.real.source == source)
            _, inverse, counts = np.unique(province[pool], return_inverse=True, return_counts=True)
            weight = counts[inverse] ** -0.5  # rare provinces more often within a source
            if source == "easypr_crops":  # the only real yellow plates
                weight = weight * np.where(self.real.color[pool] == COLOR_INDEX["yellow"], 1.8, 1.0)
            self.pools.append((pool, np.cumsum(weight / weight.sum())))
        self.share = np.cumsum(list(SOURCE_SHARE.values()))

    def _pick_real(self) -> int:
        k = min(int(np.searchsorted(self.share, self.rng.random() * self.share[-1])), len(self.pools) - 1)
        pool, cumulated = self.pools[k]
        return int(pool[min(int(np.searchsorted(cumulated, self.rng.random())), len(pool) - 1)])

    def _real(self, i: int) -> tuple[Image, str, int, NDArray[np.float32], bool]:
        r = self.rng
        patch, text, color = self.real.patch[i], self.real.text[i], int(self.real.color[i])
        if not self.real.has_margin[i]:
            return patch, text, color, np.full((SLOTS, 2), np.nan, np.float32), False
        green = len(text) == 8
        centers = real_centers(text)
        if not green and r.random() < REPAINT_SHARE:
            patch, text, color = repaint(patch, text, self.drawer)
            return patch, text, color, centers, True
        if r.random() < (TRANSPLANT_HOME if text[0] == "皖" else TRANSPLANT_OTHER):
            char = PROVINCES[r.integers(len(PROVINCES))]
            patch, text = replace_char(patch, 0, char, self.drawer, green, green), char + text[1:]
        if r.random() < CITY_SHARE:
            char = "O" if r.random() < CITY_O else self.drawer.texts.letter()
            patch, text = replace_char(patch, 1, char, self.drawer, green, green), text[0] + char + text[2:]
        return patch, text, color, centers, True

    def sample(self, kind: str | None = None) -> tuple[Sample, str]:
        """One sample and its text; kind asks for a generated plate of that kind."""
        r = self.rng
        rows, upright = 1, None
        if kind is None and r.random() < STRANGER_SHARE:
            return self._stranger(), ""
        if kind is None and r.random() < REAL_SHARE:
            i = self._pick_real()
            patch, text, color, centers, has_margin = self._real(i)
            upright = self.real.upright[i] if has_margin else None
        else:
            drawn = self.drawer.draw(kind)
            patch = to_patch(drawn.image, self.backgrounds[r.integers(len(self.backgrounds))], r)
            text, color, rows, centers, has_margin = drawn.text, drawn.color, drawn.rows, drawn.centers, True
        image, matrix, is_gray = augment(patch, r, has_margin, r.random(), upright)
        points = centers * (PLATE_W, PLATE_H) + (MARGIN_X, MARGIN_Y)
        seen = cv2.perspectiveTransform(points[None].astype(np.float64), matrix)[0] / (INPUT_W, INPUT_H)
        return Sample(image, encode(text), UNKNOWN if is_gray else color, rows - 1, seen.astype(np.float32)), text

    def _stranger(self) -> Sample:
        patch = self.strangers.patch(self.backgrounds[self.rng.integers(len(self.backgrounds))])
        image, _, _ = augment(patch, self.rng, True, self.rng.random(), None)
        return Sample(image, encode(""), UNKNOWN, UNKNOWN, np.full((SLOTS, 2), np.nan, np.float32))

    def batch(self, n: int) -> tuple[NDArray[Any], ...]:
        """Arrays images (n, 48, 160, 3), text (n, 8), color (n,), rows (n,), centers (n, 8, 2)."""
        samples = [self.sample()[0] for _ in range(n)]
        return (
            np.stack([s.image for s in samples]),
            np.stack([s.text for s in samples]),
            np.array([s.color for s in samples]),
            np.array([s.rows for s in samples]),
            np.stack([s.centers for s in samples]),
        )


def feed(queue: Any, data: Path, extra: Sequence[Path], batch: int, seed: int) -> None:
    """Body of the data process: keeps the queue filled with batches, on the cores it inherits."""
    os.nice(2)
    cv2.setNumThreads(1)
    sampler = Sampler(data, seed, extra=extra)
    while True:
        queue.put(sampler.batch(batch))
