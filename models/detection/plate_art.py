"""Draws clean Chinese plates of every kind and lays them into the quadrangles of real ones.

Glyphs and blanks: chinese_license_plate_generator (MIT).  GA 36 geometry, roughly:
a detector sees shape and color, not text.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from detection.decode import F32, U8

SCALE = 0.5  # plates are drawn at half of 440 x 140 mm
PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
DIGITS = "0123456789"
PAINTS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {  # ground, ink (BGR)
    "blue": ((150, 60, 15), (245, 245, 245)),
    "yellow": ((20, 175, 240), (20, 20, 20)),
    "green": ((130, 195, 130), (15, 15, 15)),
    "white": ((235, 235, 235), (20, 20, 20)),
    "black": ((20, 20, 20), (240, 240, 240)),
    "farm": ((60, 110, 20), (240, 240, 240)),
}
KINDS = {
    "yellow": 0.22,
    "yellow2": 0.25,
    "white": 0.12,
    "white2": 0.05,
    "black": 0.1,
    "green": 0.1,
    "green_yellow": 0.08,
    "blue": 0.04,
    "farm2": 0.04,
}


class PlateArtist:
    """Makes plates as textures and warps them into pictures."""

    def __init__(self, glyphs: Path, rng: np.random.Generator) -> None:
        self.rng = rng
        self.glyph: dict[str, F32] = {}
        for path in sorted(glyphs.glob("*.jpg")):
            gray = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
            self.glyph[path.stem] = np.asarray(1 - gray.astype(np.float32) / 255, np.float32)
        self.cache: dict[tuple[str, int, int], F32] = {}

    def mask(self, char: str, fonts: tuple[str, ...], w: int, h: int) -> F32:
        """Ink (h, w), 0..1, of one character."""
        name = next((f"{f}_{char}" for f in fonts if f"{f}_{char}" in self.glyph), "140_8")
        key = (name, w, h)
        if key not in self.cache:
            self.cache[key] = cv2.resize(self.glyph[name], (w, h), interpolation=cv2.INTER_AREA)
        return self.cache[key]

    def pick(self, of: str) -> str:
        return of[int(self.rng.integers(len(of)))]

    def draw(self, kind: str) -> U8:
        """A plate, uint8 BGR: 220 x 70 for one row, 220 x 110 for two, 240 x 70 for green ones."""
        r = self.rng
        base = next(p for p in PAINTS if kind.startswith(p))
        two, green = kind.endswith("2"), kind.startswith("green")
        w, h = int((480 if green else 440) * SCALE), int((220 if two else 140) * SCALE)
        ground, ink = (np.clip(np.float32(c) + r.normal(0, 14, 3) + r.normal(0, 10), 0, 255) for c in PAINTS[base])
        image = np.empty((h, w, 3), np.float32)
        image[:] = ground
        if kind == "green":  # white above, green below
            ramp = np.linspace(0, 1, h, dtype=np.float32)[:, None, None] ** r.uniform(0.6, 1.6)
            image[:] = ground * ramp + (1 - ramp) * np.float32((235, 240, 235))
        elif kind == "green_yellow":
            image[:, : int(0.29 * w)] = np.float32(PAINTS["yellow"][0])
        rim = ink if r.random() < 0.7 else ground
        inset = int(r.integers(2, 5))
        cv2.rectangle(image, (inset, inset), (w - 1 - inset, h - 1 - inset), [float(v) for v in rim], 1)
        serial = "".join(self.pick(LETTERS if r.random() < 0.25 else DIGITS) for _ in range(6 if green else 5))
        head = self.pick(PROVINCES) + self.pick(LETTERS)
        red = np.float32((40, 30, 200))
        if two:
            cells = [(head[0], 110, 15, 80, 60), (head[1], 250, 15, 80, 60)]
            cells += [(c, 27 + 80 * i, 90, 65, 110) for i, c in enumerate(serial)]
        elif green:
            cells = [(c, 15 + 53 * i + (20 if i > 1 else 0), 25, 45, 90) for i, c in enumerate(head + serial)]
        else:
            cells = [(c, 15 + 57 * i + (22 if i > 1 else 0), 25, 45, 90) for i, c in enumerate(head + serial)]
        fonts = ("220_up", "220_down", "220", "140") if two else ("green", "140") if green else ("140",)
        for i, (char, x, y, cw, ch) in enumerate(cells):
            x0, y0, cw, ch = (round(v * SCALE) for v in (x, y, cw, ch))
            m = self.mask(char, fonts if not two or i < 2 else ("220_down", "220", "140"), cw, ch)[..., None]
            m = m[: max(0, h - y0), : max(0, w - x0)]
            color = red if base == "white" and i == 0 and r.random() < 0.5 else ink
            part = image[y0 : y0 + ch, x0 : x0 + cw]
            part += (color - part) * m
        return np.clip(image, 0, 255).astype(np.uint8)

    def lay(self, image: U8, quad: F32) -> F32:
        """Covers the plate at `quad` (4, 2) by a drawn one, in place.

        Returns:
            Its corners (4, 2): those of `quad`, taller for two-row plates.
        """
        r = self.rng
        kind = str(r.choice(list(KINDS), p=np.array(list(KINDS.values())) / sum(KINDS.values())))
        art = self.draw(kind)
        if kind.endswith("2"):
            up, down = quad[[0, 1]] - quad[[3, 2]], quad[[3, 2]] - quad[[0, 1]]
            grow = r.uniform(0.2, 0.32)
            quad = quad + np.float32([up[0], up[1], down[1], down[0]]) * grow
        return self.paste(image, art, quad)

    def paste(self, image: U8, art: U8, quad: F32) -> F32:
        """Covers `quad` (4, 2) by a picture, in the light of what was there, in place; returns `quad`."""
        width = max(float(np.linalg.norm(quad[1] - quad[0])), 4.0)
        k = min(1.0, 1.3 * width / art.shape[1])
        if k < 1:
            art = cv2.resize(
                art, (max(4, round(art.shape[1] * k)), max(3, round(art.shape[0] * k))), interpolation=cv2.INTER_AREA
            )
        lo, hi = np.floor(quad.min(0)).astype(int) - 1, np.ceil(quad.max(0)).astype(int) + 2
        x0, y0 = np.maximum(lo, 0)
        x1, y1 = min(hi[0], image.shape[1]), min(hi[1], image.shape[0])
        if x1 - x0 < 3 or y1 - y0 < 2:
            return quad
        part = image[y0:y1, x0:x1]
        light = float(np.clip(part.mean() / 110, 0.35, 1.25)) * self.rng.uniform(0.8, 1.2)
        h, w = art.shape[:2]
        m = cv2.getPerspectiveTransform(
            np.float32([[-0.5, -0.5], [w - 0.5, -0.5], [w - 0.5, h - 0.5], [-0.5, h - 0.5]]),
            (quad - (x0, y0)).astype(np.float32),
        )
        size = (int(x1 - x0), int(y1 - y0))
        lit = np.clip(art.astype(np.float32) * light, 0, 255)
        warped = cv2.warpPerspective(lit, m, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.warpPerspective(np.ones((h, w), np.float32), m, size, flags=cv2.INTER_LINEAR)[..., None]
        part[:] = (part * (1 - alpha) + warped * alpha).astype(np.uint8)
        return quad
