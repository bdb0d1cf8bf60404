"""Generated plates: draws a clean plate of any kind with known text, color, rows and character centers.

Glyph shapes: chinese_license_plate_generator (MIT, (c) 2020 leijd) and OpenCV's built-in font.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from dataset import MARGIN_X, MARGIN_Y, PLATE_H, PLATE_W, Image
from glyphs import Glyphs
from labels import COLOR_INDEX, SLOTS
from numpy.typing import NDArray
from plate_kinds import KINDS, PAINTS, RED, Cell, Texts, lay_out

SCALE = 0.5  # plates are drawn at half a pixel per mm
FONTS = {"plate": 0.78, "uni": 0.13, "uni_text": 0.09}


@dataclass
class Drawn:
    """A clean plate."""

    image: Image  # (h, w, 3) BGR
    text: str
    color: int
    rows: int  # 1 or 2
    centers: NDArray[np.float32]  # (8, 2) of each character, in shares of the plate; NaN where there is none


class PlateDrawer:
    """Draws plates; `glyphs` and `texts` also serve the editing of real plates."""

    def __init__(self, glyph_folder: Path, rng: np.random.Generator) -> None:
        self.rng = rng
        self.glyphs = Glyphs(glyph_folder)
        self.texts = Texts(rng)
        shares = np.array([kind.share for kind in KINDS.values()])
        self.names, self.p = list(KINDS), shares / shares.sum()

    def paint(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(paint, ink) BGR with the spread of paints, ages and white balances."""
        r = self.rng
        back, ink = (np.array(c, np.float32) for c in PAINTS[name])
        back = back + r.normal(0, 18, 3) + r.normal(0, 15)
        ink = ink + r.normal(0, 8, 3)
        if ink.mean() < 60 and r.random() < 0.3:  # worn black ink
            ink = ink + r.uniform(0, 60)
        return np.clip(back, 0, 255).astype(np.float32), np.clip(ink, 0, 255).astype(np.float32)

    def red(self) -> NDArray[np.float32]:
        """Red ink, fresh or faded, BGR."""
        fade = self.rng.uniform(0, 0.35)
        red = np.array(RED, np.float32) + self.rng.normal(0, 18, 3)
        return np.clip(red * (1 - fade) + 200 * fade, 0, 255).astype(np.float32)

    def draw(self, kind: str | None = None, text: str | None = None) -> Drawn:
        """One plate; kind and text are drawn at random where not given."""
        r = self.rng
        kind = kind or self.names[int(r.choice(len(self.names), p=self.p))]
        spec = KINDS[kind]
        text = text or self.texts.draw(kind)
        font = str(r.choice(list(FONTS), p=list(FONTS.values())))
        w, h = int(spec.width_mm * SCALE), int((220 if spec.rows == 2 else 140) * SCALE)
        back, ink = self.paint(spec.paint)
        image = self._board(kind, w, h, back)
        rim = back if r.random() < 0.3 else ink
        inset = int(r.integers(1, 4))
        cv2.rectangle(
            image, (inset, inset), (w - 1 - inset, h - 1 - inset), rim.tolist(), int(r.integers(1, 3)), cv2.LINE_AA
        )
        red = self.red()
        cells = lay_out(kind, text, font, self.glyphs, r)
        self._stamp(image, cells, ink, red)
        self._dot(image, kind, cells, ink, red)
        self._bolts(image, spec.rows)
        if r.random() < 0.1:
            image = self._bow(image)
        centers = np.full((SLOTS, 2), np.nan, np.float32)
        for i, cell in enumerate(cells):
            centers[i] = (cell.x + cell.w / 2) * SCALE / w, (cell.y + cell.h / 2) * SCALE / h
        return Drawn(np.clip(image, 0, 255).astype(np.uint8), text, COLOR_INDEX[spec.color], spec.rows, centers)

    def _board(self, kind: str, w: int, h: int, back: NDArray[np.float32]) -> NDArray[np.float32]:
        image = np.empty((h, w, 3), np.float32)
        image[:] = back
        if kind == "green":  # white above, green below
            ramp = np.linspace(0, 1, h, dtype=np.float32)[:, None, None] ** self.rng.uniform(0.6, 1.6)
            image[:] = back * ramp + (1 - ramp) * np.array((235, 240, 235), np.float32)
        elif kind == "green_yellow":  # yellow under the first two characters
            image[:, : int(self.rng.uniform(0.26, 0.32) * w)] = self.paint("yellow")[0]
        return image

    def _stamp(
        self, image: NDArray[np.float32], cells: list[Cell], ink: NDArray[np.float32], red: NDArray[np.float32]
    ) -> None:
        weight = int(self.rng.choice([-1, 0, 1, 2], p=[0.15, 0.45, 0.25, 0.15]))
        for cell in cells:
            w, h = max(int(cell.w * SCALE), 4), max(int(cell.h * SCALE), 4)
            mask = self.glyphs.mask(cell.char, cell.font, w, h, weight)[..., None]
            x = min(max(round(cell.x * SCALE), 0), image.shape[1] - w)
            y = min(max(round(cell.y * SCALE), 0), image.shape[0] - h)
            color = red if cell.ink == "red" else ink
            image[y : y + h, x : x + w] = image[y : y + h, x : x + w] * (1 - mask) + color * mask

    def _dot(
        self,
        image: NDArray[np.float32],
        kind: str,
        cells: list[Cell],
        ink: NDArray[np.float32],
        red: NDArray[np.float32],
    ) -> None:
        """The separator, or the emblem of new-energy plates, in the widest gap of the row."""
        r = self.rng
        if r.random() > 0.85 or kind in ("armed_police", "black_embassy"):
            return
        if KINDS[kind].rows == 2:
            x, y = 220.0, 45.0
        else:
            gaps = [b.x - a.x - a.w for a, b in itertools.pairwise(cells[:4])]
            i = int(np.argmax(gaps))
            if gaps[i] < 9:
                return
            x, y = cells[i].x + cells[i].w + gaps[i] / 2, 70.0
        green = kind in ("green", "green_yellow")
        size = 7 if green else int(r.integers(2, 4))
        color = red if green or (kind.startswith("army") and r.random() < 0.8) else ink
        cv2.circle(image, (int(x * SCALE), int(y * SCALE)), size, color.tolist(), -1, cv2.LINE_AA)

    def _bolts(self, image: NDArray[np.float32], rows: int) -> None:
        r = self.rng
        for x in (110, 330):
            for y in (12, 128) if rows == 1 else (12, 205):
                if r.random() < 0.5:
                    spot = (int((x + r.normal(0, 6)) * SCALE), int(y * SCALE))
                    shade = (np.float32(150) + r.normal(0, 50, 3)).tolist()
                    cv2.circle(image, spot, int(r.integers(2, 5)), shade, -1, cv2.LINE_AA)

    def _bow(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bend a plate about its middle, as on bumpers; ends move by up to 6 % of the height."""
        h, w = image.shape[:2]
        drop = self.rng.normal(0, 0.03) * h
        xs = np.linspace(-1, 1, w, dtype=np.float32)
        map_x = np.broadcast_to(np.arange(w, dtype=np.float32), (h, w)).copy()
        map_y = np.arange(h, dtype=np.float32)[:, None] + (drop * (xs**2 - 0.5)).astype(np.float32)
        return cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def to_patch(drawn: Image, background: Image, rng: np.random.Generator) -> Image:
    """Paste a drawn plate on real surroundings, in patch geometry."""
    patch = background[:, ::-1].copy() if rng.random() < 0.5 else background.copy()
    inner = cv2.resize(drawn, (PLATE_W, PLATE_H), interpolation=cv2.INTER_AREA)
    light = rng.uniform(0.35, 1.1)  # in the light of the scene, not in full sun
    patch[MARGIN_Y : MARGIN_Y + PLATE_H, MARGIN_X : MARGIN_X + PLATE_W] = cv2.convertScaleAbs(inner, alpha=light)
    return patch
