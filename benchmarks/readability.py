"""How size, blur, angle and light of a plate change what is read: the measured side of `vision camera check`'s limits.

    python benchmarks/readability.py --data DATA/plates [--limit N] [--only KIND]

Development photos of plates (index.jsonl, folder crops, with corners) are made worse step by step, found and read
once. Beside the share read exactly and wrongly stands the median of what `vision camera check` would measure. "Read"
means what a sighting would need of one look: at most one `?`, the other characters together at .5 or more; a `?` is no
exact read.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import config_of, existing, percent, table

from vision.pipeline.stages import Stages, load_stages
from vision.plates.grammar import mark_unreadable, readable_score
from vision.plates.view import PlateView, view_of
from vision.types import F32, U8
from vision.video.images import frame_of, read_image

WIDTH = 160  # of the plate, before it is made worse
FIGURES = ("width_px", "sharpness", "strokes", "roll_deg", "slant_deg", "aspect", "luma", "contrast", "blown")
SOURCES = ("ccpd_base", "ccpd_green")
Change = Callable[[U8], U8]


def normal(image: U8, corners: F32) -> tuple[U8, F32]:
    """The photo at a size at which its plate is `WIDTH` pixels wide, with room around it."""
    k = WIDTH / float(np.linalg.norm(corners[1] - corners[0]))
    scaled = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_CUBIC)
    return np.asarray(scaled, np.uint8), corners * np.float32(k)


def narrower(width: float) -> Change:
    """Shrunk so that the plate is so wide."""
    k = width / WIDTH
    return lambda image: cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def out_of_focus(share: float) -> Change:
    """Gaussian blur with a standard deviation of this share of the plate's width."""
    return lambda image: cv2.GaussianBlur(image, (0, 0), share * WIDTH)  # type: ignore[return-value]


def moved(share: float, *, down: bool) -> Change:
    """Smeared over this share of the plate's width."""
    n = max(1, round(share * WIDTH))
    kernel = np.full((n, 1) if down else (1, n), 1 / n, np.float32)
    return lambda image: cv2.filter2D(image, -1, kernel)  # type: ignore[return-value]


def rolled(degrees: float) -> Change:
    """Turned in the picture."""

    def change(image: U8) -> U8:
        h, w = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 0.8)
        return cv2.warpAffine(image, matrix, (w, h), borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]

    return change


def turned(degrees: float, *, up: bool) -> Change:
    """Seen from the side, or from above, from far away: one axis shrinks with the cosine."""
    k = math.cos(math.radians(degrees))
    return lambda image: cv2.resize(image, None, fx=1 if up else k, fy=k if up else 1, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def darker(share: float) -> Change:
    """This share of the light, with the noise of a camera at night (sigma 6 of 255)."""

    def change(image: U8) -> U8:
        noise = np.random.default_rng(7).normal(0, 6, image.shape)
        return np.clip(image * share + noise, 0, 255).astype(np.uint8)

    return change


def overexposed(factor: float) -> Change:
    """So many times the light, clipped."""
    return lambda image: np.clip(image * np.float32(factor), 0, 255).astype(np.uint8)


def hazy(share: float) -> Change:
    """This share of the contrast; the rest is gray light, as in fog or glare."""
    return lambda image: (image * share + 200 * (1 - share)).astype(np.uint8)


CHANGES: tuple[tuple[str, str, Change], ...] = (
    *(("width", f"{w} px", narrower(w)) for w in (160, 100, 80, 60, 50, 40, 32, 24)),
    *(("focus", f"sigma {100 * s:g} %", out_of_focus(s)) for s in (0.01, 0.015, 0.02, 0.03, 0.04)),
    *(("moved sideways", f"{100 * s:g} %", moved(s, down=False)) for s in (0.04, 0.08, 0.12, 0.16)),
    *(("moved down", f"{100 * s:g} %", moved(s, down=True)) for s in (0.04, 0.08, 0.12, 0.16)),
    *(("roll", f"{d} deg", rolled(d)) for d in (10, 20, 30, 40)),
    *(("from the side", f"{d} deg", turned(d, up=False)) for d in (30, 45, 60, 70)),
    *(("from above", f"{d} deg", turned(d, up=True)) for d in (30, 45, 60)),
    *(("dark", f"{100 * s:g} %", darker(s)) for s in (0.4, 0.2, 0.1, 0.05)),
    *(("overexposed", f"{f:g} x", overexposed(f)) for f in (1.5, 2, 3, 4, 6)),
    *(("haze", f"{100 * s:g} %", hazy(s)) for s in (0.5, 0.25, 0.12, 0.06)),
)


def photos(folder: Path, limit: int) -> list[tuple[U8, F32, str]]:
    """BGR pictures, corners and texts of development crops, the same number from each source."""
    from vision.kernels import to_bgr

    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SOURCES}
    for line in existing(folder / "index.jsonl", "an index").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        is_crop = entry["file"].startswith("crops/") and entry["split"] == "dev" and entry.get("corners")
        if is_crop and entry["source"] in found:
            found[entry["source"]].append(entry)
    chosen = [entry for entries in found.values() for entry in entries[:: max(1, len(entries) // limit)][:limit]]
    return [
        (to_bgr(read_image(folder / e["file"]).planes), np.array(e["corners"], np.float32), e["text"]) for e in chosen
    ]


def look(stages: Stages, image: U8, truth: str) -> tuple[PlateView | None, bool, bool]:
    """How the best plate of a picture is seen, whether it is read exactly, and whether wrongly."""
    frame = frame_of(np.ascontiguousarray(image))
    side = min(256, math.ceil(max(image.shape[:2]) / 32) * 32)
    plates = stages.plates.find(frame, [(None, side)])
    reads = stages.reader.read(frame, plates)
    if not reads:
        return None, False, False
    read = max(reads, key=lambda r: r.detection_score)
    marked = mark_unreadable(read.plate, 0.5)
    is_read = marked.text.count("?") <= 1 and readable_score(marked) >= 0.5
    is_exact = is_read and marked.text == truth
    agrees = len(marked.text) == len(truth) and all(a in ("?", b) for a, b in zip(marked.text, truth, strict=True))
    return view_of(frame.planes, read.corners), is_exact, is_read and not agrees


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.jsonl and crops/")
    parser.add_argument("--limit", type=int, default=60, help="photos of each source (default 60)")
    parser.add_argument("--only", choices=sorted({kind for kind, _, _ in CHANGES}), help="make worse in this way only")
    options = parser.parse_args()
    stages = load_stages(config_of(1))
    pictures = [(normal(image, corners)[0], text) for image, corners, text in photos(options.data, options.limit)]
    rows = []
    for kind, step, change in CHANGES:
        if options.only not in (None, kind):
            continue
        looks = [look(stages, change(image), text) for image, text in pictures]
        views = [v for v, _, _ in looks if v is not None]
        medians = [f"{np.median([getattr(v, name) for v in views]):.3g}" if views else "-" for name in FIGURES]
        n = len(looks)
        exact, wrong = sum(e for _, e, _ in looks), sum(w for _, _, w in looks)
        rows.append([kind, step, percent(len(views), n), percent(exact, n), percent(wrong, n), *medians])
        print(" ".join(map(str, rows[-1])), file=sys.stderr, flush=True)
    head = ["made worse", "by", "found", "exact", "wrong", "width", "sharpness", "strokes", "roll", "slant", "aspect"]
    print(table([*head, "luma", "contrast", "blown"], rows))


if __name__ == "__main__":
    main()
