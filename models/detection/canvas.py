"""Training canvases: one picture of (h, w) made of one or several warped records, with light and camera applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from detection.cover import COVERED, Item, put_before
from detection.decode import F32, PAD, U8, box_quads
from detection.photometry import photometric, recolor, scribble
from detection.plate_art import PlateArtist
from detection.records import Record
from numpy.typing import NDArray


@dataclass
class Canvas:
    """One training picture and its objects; see `records.Record`."""

    image: U8
    items: list[Item]


def homography(
    scale: tuple[float, float], angle: float, shear: float, keystone: tuple[float, float], src: F32, dst: F32
) -> F32:
    """3 x 3 matrix that takes the picture's point `src` to `dst`."""
    c, s = np.cos(angle), np.sin(angle)
    lin = np.eye(3)
    lin[:2, :2] = np.array([[c, -s], [s, c]]) @ np.array([[1, shear], [0, 1]]) @ np.diag(scale)
    lin[2, :2] = keystone
    to = np.array([[1, 0, -src[0]], [0, 1, -src[1]], [0, 0, 1]])
    back = np.array([[1, 0, dst[0]], [0, 1, dst[1]], [0, 0, 1]])
    return np.asarray(back @ lin @ to, np.float32)


def warp_into(part: U8, rec: Record, m: F32) -> None:
    """Warps a record's picture by `m` into `part` in place, from its half or quarter where it gets much smaller."""
    k = float(np.sqrt(abs(np.linalg.det(m[:2, :2].astype(np.float64)))))
    level = 0 if k > 0.62 else 1 if k > 0.31 else 2
    f = 2.0**level
    m = m @ np.array([[f, 0, f / 2 - 0.5], [0, f, f / 2 - 0.5], [0, 0, 1]], np.float32)
    size = (part.shape[1], part.shape[0])
    cv2.warpPerspective(rec.levels[level], m, size, dst=part, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)


class CanvasMaker:
    """Draws canvases from weighted records; `plate` and `vehicle` makers differ in how a record is laid out."""

    def __init__(self, records: list[Record], weights: NDArray[np.float64], seed: int = 0) -> None:
        self.records = records
        self.cumulative = np.cumsum(weights / weights.sum())
        self.rng = np.random.default_rng(seed)

    def pick(self) -> Record:
        return self.records[min(int(np.searchsorted(self.cumulative, self.rng.random())), len(self.records) - 1)]

    def blank(self, h: int, w: int) -> U8:
        return np.full((h, w, 3), (0, PAD, int(self.rng.integers(256)))[int(self.rng.integers(3))], np.uint8)

    def cells(self, h: int, w: int, rows: int, columns: int) -> Iterator[tuple[int, int, int, int]]:
        """Regions x0 y0 x1 y1 of a grid with uneven lines."""

        def lines(n: int, side: int) -> list[int]:
            inner = [int(side * (i + self.rng.uniform(-0.25, 0.25)) / n) for i in range(1, n)]
            return [0, *inner, side]

        ys, xs = lines(rows, h), lines(columns, w)
        for y0, y1 in pairwise(ys):
            for x0, x1 in pairwise(xs):
                yield x0, y0, x1, y1

    def make(self, h: int, w: int) -> Canvas:
        raise NotImplementedError


class VehicleCanvas(CanvasMaker):
    """Whole frames, and mosaics in which vehicles land at a log-uniform size or as their picture shows them."""

    def make(self, h: int, w: int) -> Canvas:
        r = self.rng
        canvas, items = self.blank(h, w), list[Item]()
        if r.random() < 0.62:  # in mosaics vehicles are small, and those whose plate can be read are not
            first = self.pick()
            is_narrow = first.image.shape[1] * h < 0.72 * first.image.shape[0] * w
            for i, region in enumerate(self.cells(h, w, 1, 1 + (is_narrow and r.random() < 0.7))):
                self.draw(canvas, first if i == 0 else self.pick(), region, True, items)
        else:
            rows, columns = ((1, 2), (2, 2), (2, 3), (3, 3))[int(r.choice(4, p=[0.4, 0.35, 0.15, 0.1]))]
            for region in self.cells(h, w, rows, columns):
                self.draw(canvas, self.pick(), region, False, items)
        if r.random() < COVERED:
            for _ in range(int(r.integers(1, 4))):
                put_before(canvas, items, self.pick(), r)
        photometric(canvas, r)
        return Canvas(canvas, items)

    def zoom(self, fit: float, size: F32, region: F32, whole: bool) -> float:
        """How much larger a picture is drawn.

        Half of the pictures are shown about as they are, and a vehicle that can be whole mostly is: when every picture
        was enlarged by .75 to 2.2 at random, nearly half of the vehicles over 160 px lost a side at the canvas' edge,
        and pictures of one large vehicle, boxed from end to end, were what the network had hardly seen.

        Args:
            fit: scale at which the picture just fits the region.
            size: width and height of the vehicle chosen, (2,), 0 if there is none.
            region: width and height, (2,).
            whole: the picture is shown as a whole, not laid into a mosaic.
        """
        r = self.rng
        longest = float(size.max())
        as_it_is = fit * float(np.exp(r.uniform(np.log(0.7), np.log(1.15))))
        if longest <= 0 or (r.random() < 0.5 and longest * as_it_is > 16):
            return as_it_is
        most = float((0.97 * region / np.maximum(size, 1)).min())  # the vehicle still fits
        if whole:
            k = fit * float(np.exp(r.uniform(np.log(0.75), np.log(2.2))))
        else:
            k = float(np.exp(r.uniform(np.log(11), np.log(0.95 * region.max())))) / max(longest, 4)
            k = float(np.clip(k, 0.6 * fit, min(2.5, 5 * fit)))
        return k if r.random() < 0.15 else min(k, most)

    def draw(self, canvas: U8, rec: Record, region: tuple[int, int, int, int], whole: bool, out: list[Item]) -> None:
        r = self.rng
        x0, y0, x1, y1 = region
        w, h = x1 - x0, y1 - y0
        ih, iw = rec.image.shape[:2]
        objects = rec.quads[~rec.ignore]
        anchor = objects[r.integers(len(objects))] if len(objects) else None
        size = np.ptp(anchor, 0) if anchor is not None else np.zeros(2, np.float32)
        k = self.zoom(min(w / iw, h / ih), size, np.float32((w, h)), whole)
        stretch = float(np.exp(np.clip(r.normal(0, 0.1), -0.25, 0.25)))
        scale = np.float32((k * stretch, k / stretch))
        src = anchor.mean(0) if anchor is not None else np.float32((iw / 2, ih / 2))
        place = []
        for room, full, at, z, part in zip((w, h), (iw, ih), src, scale, size, strict=True):
            # the region is filled, or the picture lies in it; a vehicle that fits stays inside
            low, high = sorted((z * at, room - z * (full - at)))
            if z * full > room and z * part < room:
                low, high = max(low, z * part / 2), min(high, room - z * part / 2)
            place.append(r.uniform(low, high) if low < high else (low + high) / 2)
        angle = float(r.normal(0, 0.03)) if r.random() < 0.3 else 0.0
        m = homography((scale[0], scale[1]), angle, 0, (0, 0), src, np.float32(place))
        if r.random() < 0.5:
            m = np.array([[-1, 0, w - 1], [0, 1, 0], [0, 0, 1]], np.float32) @ m
        part = np.ascontiguousarray(canvas[y0:y1, x0:x1])
        warp_into(part, rec, m)
        canvas[y0:y1, x0:x1] = part
        quads = (
            cv2.perspectiveTransform(rec.quads.reshape(1, -1, 2), m).reshape(-1, 4, 2) if len(rec.quads) else rec.quads
        )
        for q, kinds, ignore in zip(quads, rec.kinds, rec.ignore, strict=True):
            lo, hi = q.min(0), q.max(0)
            clo, chi = np.maximum(lo, 0), np.minimum(hi, (w, h))
            if (chi <= clo).any():
                continue
            seen = float(np.prod(chi - clo) / max(np.prod(hi - lo), 1e-6))
            size = chi - clo
            skip = bool(ignore) or seen < 0.3 or max(size) < 8 or min(size) < 4
            out.append((box_quads(np.array([*clo, *chi], np.float32))[0] + np.float32((x0, y0)), kinds, False, skip))


class PlateCanvas(CanvasMaker):
    """Plates at a log-uniform width of 11 to 230 px, over pictures without plates, with signs and text beside."""

    def __init__(
        self,
        records: list[Record],
        weights: NDArray[np.float64],
        backgrounds: list[Record],
        patches: list[U8],
        artist: PlateArtist,
        seed: int = 0,
    ) -> None:
        super().__init__(records, weights, seed)
        self.backgrounds, self.patches, self.artist = backgrounds, patches, artist

    def make(self, h: int, w: int) -> Canvas:
        r = self.rng
        canvas, items = self.blank(h, w), list[Item]()
        if r.random() < 0.75:
            self.draw(canvas, self.backgrounds[int(r.integers(len(self.backgrounds)))], (0, 0, w, h), 1, 1, items)
        u = r.random()
        if u < 0.5:
            self.draw(canvas, self.pick(), (0, 0, w, h), 14, min(230, 0.8 * w), items)
        elif u < 0.95:
            for region in self.cells(h, w, 2, 2):
                self.draw(canvas, self.pick(), region, 11, min(120, 0.35 * w), items)
        if r.random() < 0.45:
            self.distract(canvas, items)
        photometric(canvas, r, 0.06)
        return Canvas(canvas, items)

    def distract(self, canvas: U8, items: list[Item]) -> None:
        """Pastes signs, lamps, badges and text away from the plates."""
        r = self.rng
        h, w = canvas.shape[:2]
        for _ in range(int(r.integers(1, 5))):
            patch = self.patches[int(r.integers(len(self.patches)))]
            k = float(np.exp(r.uniform(np.log(16), np.log(130)))) / max(patch.shape[:2])
            pw, ph = max(4, round(patch.shape[1] * k)), max(4, round(patch.shape[0] * k))
            if pw >= w or ph >= h:
                continue
            x, y = int(r.integers(w - pw)), int(r.integers(h - ph))
            if any(
                (q.min(0) < (x + pw + 4, y + ph + 4)).all() and (q.max(0) > (x - 4, y - 4)).all() for q, *_ in items
            ):
                continue
            canvas[y : y + ph, x : x + pw] = cv2.resize(patch, (pw, ph), interpolation=cv2.INTER_AREA)
        if r.random() < 0.4:
            before = canvas.copy()
            scribble(canvas, r)
            for q, *_ in items:  # never over a plate
                (qx0, qy0), (qx1, qy1) = np.maximum(q.min(0), 0).astype(int), np.ceil(q.max(0)).astype(int) + 2
                canvas[qy0:qy1, qx0:qx1] = before[qy0:qy1, qx0:qx1]

    def plan(self, rec: Record, w: int, h: int, low: float, high: float) -> F32:
        """The matrix that lays a record into a w x h region."""
        r = self.rng
        ih, iw = rec.image.shape[:2]
        if rec.ignore.all() or r.random() < 0.06:  # a background, or a piece of road without the plate
            k = float(np.exp(r.uniform(np.log(0.4), np.log(1.2)))) * max(w / iw, h / ih)
            src = np.float32([r.uniform(0.2, 0.8) * iw, r.uniform(0.2, 0.8) * ih])
            return homography((k, k), 0, 0, (0, 0), src, np.float32([w / 2, h / 2]))
        q = rec.quads[r.integers(len(rec.quads))]
        width = float(np.linalg.norm(q[1] - q[0]) + np.linalg.norm(q[2] - q[3])) / 2
        target = float(np.exp(r.uniform(np.log(low), np.log(high))))
        k = min(target / max(width, 4), 2.5)
        target = k * width
        squeeze = float(np.exp(np.clip(r.normal(0, 0.14), -0.35, 0.35)))
        is_askew = r.random() < 0.45  # turned and sheared by 20 degrees and more
        tilt = float(np.clip(r.normal(0, 0.27 if is_askew else 0.07), -0.6, 0.6))
        shear = float(np.clip(r.normal(0, 0.2 if is_askew else 0.1), -0.6, 0.6))
        if is_askew and r.random() < 0.7:  # a camera beside the road: rows slope, upright strokes stay upright
            shear = float(np.tan(tilt) * r.uniform(0.7, 1.1) + r.normal(0, 0.04))
        key = (0.0, 0.0)
        if r.random() < 0.4:
            key = (float(r.normal(0, 0.22 / (target * 6 / k))), float(r.normal(0, 0.22 / (target * 6 / k))))
        mx, my = min(0.5, 0.52 * target / w), min(0.5, 0.25 * target / h)
        dst = np.float32([r.uniform(mx, 1 - mx) * w, r.uniform(my, 1 - my) * h])
        return homography((k, k * squeeze), tilt, shear, key, q.mean(0), dst)

    def draw(
        self, canvas: U8, rec: Record, region: tuple[int, int, int, int], low: float, high: float, out: list[Item]
    ) -> None:
        r = self.rng
        x0, y0, x1, y1 = region
        w, h = x1 - x0, y1 - y0
        m = self.plan(rec, w, h, low, high)
        part = np.ascontiguousarray(canvas[y0:y1, x0:x1])
        warp_into(part, rec, m)
        quads = (
            cv2.perspectiveTransform(rec.quads.reshape(1, -1, 2), m).reshape(-1, 4, 2) if len(rec.quads) else rec.quads
        )
        for q, exact, unsure in zip(quads, rec.exact, rec.ignore, strict=True):
            lo, hi = q.min(0), q.max(0)
            clo, chi = np.maximum(lo, 0), np.minimum(hi, (w, h))
            if (chi <= clo).any():
                continue
            seen = float(np.prod(chi - clo) / max(np.prod(hi - lo), 1e-6))
            ignore = bool(unsure or (hi - lo)[0] < 8 or (hi - lo)[1] < 3)
            if seen < 0.85:
                if seen <= 0.25:
                    continue
                ignore = True
            elif exact:
                u = r.random()
                if u < 0.35:
                    q = self.artist.lay(part, q)
                elif u < 0.5:
                    recolor(part, q, r)
            out.append((q + np.float32((x0, y0)), np.zeros(0, np.float32), bool(exact), ignore))
        canvas[y0:y1, x0:x1] = part


def batch_of(maker: CanvasMaker, h: int, w: int, n: int, classes: int, most: int = 96) -> dict[str, NDArray]:
    """One batch: image uint8 (n, h, w, 3) BGR, and objects padded to the same number."""
    made = [maker.make(h, w) for _ in range(n)]
    m = max(1, min(most, max(len(c.items) for c in made)))
    out: dict[str, NDArray] = {
        "image": np.stack([c.image for c in made]),
        "quads": np.zeros((n, m, 4, 2), np.float32),
        "kinds": np.ones((n, m, classes), np.float32),
        "exact": np.zeros((n, m), bool),
        "valid": np.zeros((n, m), bool),
        "ignore": np.zeros((n, m), bool),
    }
    for i, c in enumerate(made):
        for j, (quad, kinds, exact, ignore) in enumerate(c.items[:m]):
            out["quads"][i, j], out["exact"][i, j], out["ignore"][i, j], out["valid"][i, j] = (
                quad,
                exact,
                ignore,
                not ignore,
            )
            if classes:
                out["kinds"][i, j] = kinds
    return out
