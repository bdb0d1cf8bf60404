"""Draws training windows: a plate as it may have been found, or what was taken for one, in another light."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from detection.decode import F32, U8
from detection.photometry import photometric, recolor, scribble
from examples import Example
from numpy.typing import NDArray
from windows import INPUT_H, INPUT_W, MARGIN_X, MARGIN_Y, SPREAD

from vision import kernels
from vision.detect.refiner import UNIT, Window
from vision.types import Planes

HARDER = 3  # exponent of the detector's score
Batch = dict[str, NDArray[Any]]
Lay = Callable[[U8, F32], F32]  # draws another plate over the one at these corners; the new one's corners


def wrong(quad: F32, r: np.random.Generator) -> F32:
    """The corners (4, 2) of a plate as a detector may find them: turned, sheared, stretched, moved, each astray."""
    far = 3.0 if r.random() < 0.3 else 1.0
    window = Window.around(quad[None])
    along, down = window.along[0], window.down[0]
    angle, lean = far * r.normal(0, 0.05, 2)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.float32([[c, -s], [s, c]])
    along, down = turn @ along, turn @ down
    down = down + lean * np.float32([-down[1], down[0]])
    kx, ky = np.exp(np.clip(far * r.normal(0, 0.05, 2), -0.3, 0.3))
    move = far * r.normal(0, 0.03, 2)
    center = window.center[0] + move[0] * along + 2 * move[1] * down
    square = np.stack((center, kx * along, ky * down))[:, None].astype(np.float32)
    astray = r.normal(0, (0.015, 0.04), (4, 2)).astype(np.float32)
    return Window(*square).at(UNIT + astray)[0]


@dataclass
class Sample:
    """One window.

    Attributes:
        image: uint8 (h, w, 3) BGR.
        frame: its center and the sides of its parallelogram in pixels of the picture, (3, 2) float32.
        quad: the plate's corners there, (4, 2) float32.
        is_plate: whether there is one.
        is_exact: whether its corners are known, not only the upright box around them.
    """

    image: U8
    frame: F32
    quad: F32
    is_plate: bool
    is_exact: bool


class Sampler:
    """Windows with what is to be said of them.

    Args:
        plates, others: examples with and without a plate; of others, the detector's most convincing come most often.
        weights: share of each example in ``plates``.
        lays: ways to draw another plate over a real one, with their shares.
    """

    def __init__(
        self,
        plates: Sequence[Example],
        others: Sequence[Example],
        weights: NDArray[np.float64],
        lays: Sequence[tuple[float, Lay]],
        seed: int,
    ) -> None:
        self.plates, self.others, self.lays = plates, others, lays
        self.cumulative = np.cumsum(weights / weights.sum())
        hard = np.array([e.score**HARDER for e in others])
        self.cumulative_others = np.cumsum(hard / hard.sum())
        self.rng = np.random.default_rng(seed)

    def one_of(self, examples: Sequence[Example], cumulative: NDArray[np.float64]) -> Example:
        return examples[min(int(np.searchsorted(cumulative, self.rng.random())), len(examples) - 1)]

    def plate(self) -> tuple[U8, F32, F32, bool]:
        """A picture, corners as found, the true ones, and whether they are more than those of an upright box."""
        r = self.rng
        example = self.one_of(self.plates, self.cumulative)
        assert example.quad is not None
        quad, image = example.quad, example.image
        if not example.exact:
            found = example.found[r.integers(len(example.found))] if len(example.found) else quad
            return image, wrong(found, r) if r.random() < 0.6 else found, quad, False
        if r.random() < 0.4 and len(example.found):
            return self.painted(image, quad), example.found[r.integers(len(example.found))], quad, True
        u = r.random()
        for share, lay in self.lays:
            u -= share
            if u < 0:
                image = image.copy()
                quad = lay(image, quad)
                break
        return image, wrong(quad, r), quad, True

    def painted(self, image: U8, quad: F32) -> U8:
        """Now and then in other colors."""
        if self.rng.random() > 0.25:
            return image
        image = image.copy()
        recolor(image, quad, self.rng)
        return image

    def other(self) -> tuple[U8, F32]:
        """A picture and the corners of what is no plate in it."""
        r = self.rng
        if r.random() < 0.12:  # text alone, on anything but a plate
            image = self.others[r.integers(len(self.others))].image
            image = np.ascontiguousarray(np.resize(image, (max(64, image.shape[0]), max(128, image.shape[1]), 3)))
            scribble(image, r)
            found = self.anywhere(image)
        else:
            example = self.one_of(self.others, self.cumulative_others)
            image, found = example.image, example.found[r.integers(len(example.found))]
        if r.random() < 0.5:
            image = np.ascontiguousarray(image[:, ::-1])
            found = (found * np.float32((-1, 1)) + np.float32((image.shape[1], 0)))[[1, 0, 3, 2]]
        return image, wrong(found, r) if r.random() < 0.7 else found

    def anywhere(self, image: U8) -> F32:
        r = self.rng
        h, w = image.shape[:2]
        width = r.uniform(0.2, 0.8) * w
        size = np.float32((width, width / r.uniform(1.3, 4.5)))
        return (UNIT * size + np.float32((r.uniform(0.2, 0.8) * w, r.uniform(0.2, 0.8) * h))).astype(np.float32)

    def sample(self) -> Sample:
        """One more."""
        r = self.rng
        while True:
            is_plate = r.random() < 0.65
            image, found, quad, is_exact = self.plate() if is_plate else (*self.other(), None, False)
            window = Window.around(found[None])
            area = float(window.along[0, 0] * window.down[0, 1] - window.along[0, 1] * window.down[0, 0])
            if area < 16:
                continue
            units = UNIT if quad is None else window.units(quad[None])[0]
            if (np.abs(units) > (0.5 + MARGIN_X, 0.5 + MARGIN_Y)).any():
                continue  # the plate lies beyond the window
            out = np.empty((INPUT_H, INPUT_W, 3), np.uint8)
            kernels.warp(Planes("bgr", (np.ascontiguousarray(image),)), window.at(SPREAD)[0], out)
            photometric(out, r, 0.08)
            frame = np.stack((window.center[0], window.along[0], window.down[0]))
            return Sample(out, frame, window.at(units)[0], is_plate, is_exact)

    def batch(self, n: int) -> Batch:
        """n samples, stacked by field."""
        samples = [self.sample() for _ in range(n)]
        return {f: np.stack([getattr(s, f) for s in samples]) for f in Sample.__dataclass_fields__}
