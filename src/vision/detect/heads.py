"""One detection network: letterboxed pictures in, decoded rows out. Shared by vehicles and plates."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vision import kernels
from vision.errors import ModelMismatchError
from vision.infer.session import CPU_BATCH_PIXELS, Session
from vision.types import F32, Frame, Planes

Roi = tuple[int, int, int, int]
Blank = Callable[[F32, Roi, tuple[float, float], float], None]  # input, region, its scale, pad value: hides parts


class Memory(threading.local):
    """Where inputs of all networks are made, each thread's own.

    Written to once at the beginning, or memory would grow with each batch that is larger than all before, for hours.
    """

    def __init__(self) -> None:
        self.values = np.full(3 * CPU_BATCH_PIXELS, 0, np.float32)

    def tensor(self, shape: tuple[int, ...]) -> F32:
        """A tensor of that shape; overwritten by the next. What is larger than ever is room for all later ones."""
        n_values = math.prod(shape)
        if len(self.values) < n_values:
            self.values = np.empty(n_values, np.float32)
        return self.values[:n_values].reshape(shape)


_memory = Memory()


@dataclass(frozen=True, slots=True)
class View:
    """What one look sees: ``part`` of ``planes`` shows the region ``roi`` of the frame."""

    planes: Planes
    part: Roi
    roi: Roi

    @staticmethod
    def of(frame: Frame, roi: Roi | None) -> View:
        """The region, or the whole frame, of which an overview serves where there is one."""
        if roi is not None:
            return View(frame.planes, roi, roi)
        planes = frame.overview or frame.planes
        return View(planes, (0, 0, planes.width, planes.height), (0, 0, frame.width, frame.height))

    def letterbox(self, out: F32, pad: float) -> tuple[float, float]:
        """Fill ``out``; its pixels per pixel of the frame, along x and y."""
        kx, ky = kernels.letterbox(self.planes, out, roi=self.part, pad=pad)
        (x0, y0, x1, y1), (a0, b0, a1, b1) = self.part, self.roi
        return kx * (x1 - x0) / (a1 - a0), ky * (y1 - y0) / (b1 - b0)


class HeadNetwork:
    """A detector with the three-level head; inputs are made where the last ones were, so a frame allocates nothing.

    Args:
        session: model with float32 RGB 0..1 (n, 3, h, w) in and rows (n, points, 1 + classes + geometry) out.
        task, geometry: what the manifest must say (4: boxes, 8: corners).
    """

    def __init__(self, session: Session, task: str, geometry: int) -> None:
        manifest = session.manifest
        if manifest.task != task:
            raise ModelMismatchError(f"{manifest.name}: expected task {task}, got {manifest.task}")
        if manifest.get("head", "geometry") != geometry:
            raise ModelMismatchError(
                f"{manifest.name}: head.geometry: expected {geometry}, got {manifest.get('head', 'geometry')}"
            )
        self.classes: tuple[str, ...] = tuple(manifest.get("labels", "classes"))
        self.min_score = float(manifest.get("thresholds", "score"))
        self.max_iou = float(manifest.get("thresholds", "nms"))
        self._session = session
        self._geometry = geometry
        self._strides = tuple(int(s) for s in manifest.get("head", "strides"))
        self._step = int(manifest.get("input", "stride"))
        self._pad = int(manifest.get("input", "pad")) / 255

    def size_of(self, width: int, height: int, side: int) -> tuple[int, int]:
        """Height and width of the input for a region: longest side ``side``, multiples of the stride."""
        k = side / max(width, height)
        h, w = (max(self._step, math.ceil(round(n * k) / self._step) * self._step) for n in (height, width))
        return h, w

    def _runs(self, batches: dict[tuple[int, int], list[int]]) -> Iterator[tuple[tuple[int, int], list[int]]]:
        """Input sizes with their members, as `batches` has them, in parts that one run is for."""
        for size, members in batches.items():
            most = self._session.most(math.prod(size)) or len(members)
            for i in range(0, len(members), most):
                yield size, members[i : i + most]

    def find(
        self,
        looks: Sequence[tuple[Frame, Roi | None, int]],
        *,
        min_score: float | None = None,
        blank: Blank | None = None,
    ) -> list[tuple[F32, F32, F32]]:
        """What is seen at each look: geometry (n, 4) or (n, 4, 2), scores (n,) and class probabilities (n, c).

        Best first, in pixels of the frame. Looks of one input size run as one batch, or several where the device is not
        for large ones, whatever streams they come from.

        Args:
            looks: (frame, roi, side): where to look (None: the whole frame) and the longest side of the input.
            blank: hides parts of each input from the network; given the input, its region, scale and the pad value.
        """
        views = [View.of(frame, roi) for frame, roi, _ in looks]
        batches: dict[tuple[int, int], list[int]] = {}
        for i, (view, (_, _, side)) in enumerate(zip(views, looks, strict=True)):
            x0, y0, x1, y1 = view.part
            batches.setdefault(self.size_of(x1 - x0, y1 - y0, side), []).append(i)
        found: dict[int, tuple[F32, F32, F32]] = {}
        for size, members in self._runs(batches):
            tensor = _memory.tensor((len(members), 3, *size))
            scales = [views[i].letterbox(out, self._pad) for i, out in zip(members, tensor, strict=True)]
            if blank is not None:
                for i, out, scale in zip(members, tensor, scales, strict=True):
                    blank(out, views[i].roi, scale, self._pad)
            (rows,) = self._session.run(tensor)
            for i, scale, one in zip(members, scales, rows, strict=True):
                found[i] = kernels.decode_heads(
                    one,
                    height=tensor.shape[2],
                    width=tensor.shape[3],
                    n_classes=len(self.classes),
                    geometry=self._geometry,
                    strides=self._strides,
                    min_score=self.min_score if min_score is None else min_score,
                    max_iou=self.max_iou,
                    scale=scale,
                    origin=(float(views[i].roi[0]), float(views[i].roi[1])),
                )
        return [found[i] for i in range(len(looks))]
