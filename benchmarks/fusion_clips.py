"""Short clips of one plate each, made from photos: a camera that zooms, shakes, blurs, underexposes and compresses.

Only pictures that no training uses. Each clip has one main fault (`FAULTS`), everything else happens mildly. Faults
last or drift: errors of neighboring frames are alike, as in a real pass, and do not average out by themselves.
"""

from __future__ import annotations

import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

SOURCES = ("ccpd_base", "ccpd_green", "lprnet_test", "duany049", "brightfeather", "zyw_mtcnn_roadside")
FAULTS = ("far", "blur", "dark", "codec", "corners", "dirt", "glare", "all")
MOST = 400  # plates of one source
CORRECTIONS = Path(__file__).resolve().parents[1] / "models" / "plate_reader" / "label_corrections.jsonl"
FRAMES_PER_S = 10  # a pipeline looks at a plate so often
CANVAS = 192, 96  # width, height


@dataclass(frozen=True, slots=True)
class Plate:
    """A photo of a plate: corners (4, 2) float32 clockwise from top-left, or None where a detector has to find it."""

    name: str
    source: str
    text: str
    image: U8
    corners: F32 | None


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames (h, w, 3) uint8 BGR at `FRAMES_PER_S`, and where a detector says the plate is, (n, 4, 2) float32."""

    frames: list[U8]
    corners: F32


def plates_in(folder: Path) -> Iterator[Plate]:
    """Dev plates with a text: one picture of each text, crops rather than scenes; wrong labels are put right."""
    seen = {r["file"]: r["seen"] for r in lines_of(CORRECTIONS)}
    texts: set[tuple[str, str]] = set()
    counts: Counter[str] = Counter()
    for row in lines_of(folder / "index.jsonl"):
        text = seen.get(row["file"], row["text"])
        is_whole = row["file"].startswith("scenes/")
        key = (row["source"], text)
        if (
            row["split"] != "dev"
            or row["source"] not in SOURCES
            or not text
            or is_whole
            or key in texts
            or counts[key[0]] >= MOST
        ):
            continue
        texts.add(key)
        counts[row["source"]] += 1
        found = cv2.imdecode(np.fromfile(folder / row["file"], np.uint8), cv2.IMREAD_COLOR)
        if found is None:
            raise ValueError(f"{row['file']}: expected a picture")
        image = np.asarray(found, np.uint8)
        corners = np.array(row["corners"], np.float32).reshape(4, 2) if row["corners"] else None
        if corners is None and row["source"] != "zyw_mtcnn_roadside":  # the picture is the plate
            h, w = image.shape[:2]
            corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
        yield Plate(row["file"], row["source"], text, image, corners)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def half_of(text: str) -> int:
    """0 for plates on which settings may be chosen, 1 for those that are reported."""
    return zlib.crc32(text.encode()) & 1


def seed_of(*parts: object) -> int:
    """A seed that depends on nothing but these."""
    return zlib.crc32(" ".join(map(str, parts)).encode())


def drift(rng: np.random.Generator, n: int, width: int, keep: float = 0.75) -> NDArray[np.float64]:
    """(n, width) noise of variance 1 whose neighbors correlate by ``keep``."""
    out = np.empty((n, width))
    out[0] = rng.standard_normal(width)
    for i in range(1, n):
        out[i] = keep * out[i - 1] + np.sqrt(1 - keep**2) * rng.standard_normal(width)
    return out


def make_clip(plate: Plate, fault: str, n: int, seed: int) -> Clip:
    """A pass of ``n`` frames; ``plate.corners`` must be known."""
    if plate.corners is None:
        raise ValueError("plate.corners: expected corners, got None")
    rng = np.random.default_rng(seed)
    level = levels(fault, rng)
    image = spoil(plate, level, rng)
    native = float(np.linalg.norm(plate.corners[1] - plate.corners[0]))
    start = 48 - 26 * level["far"] + (0 if level["far"] else rng.uniform(0, 40))
    width = start * np.exp(np.linspace(0, rng.uniform(0.05, 0.45), n))  # px, coming nearer
    motion = rng.uniform(0, 0.02) + 0.11 * level["blur"]  # of the plate's width
    angle = rng.normal(0, 0.4)
    defocus = (rng.random() < 0.5) * 0.03 * level["blur"]
    gain, noise = np.exp(-2.2 * level["dark"]), rng.uniform(1, 4) + 8 * level["dark"]
    strong = 0.35 + 1.7 * level["corners"]
    sway, light, pace = drift(rng, n, 2), drift(rng, n, 1, 0.9)[:, 0], drift(rng, n, 1, 0.6)[:, 0]
    errors = drift(rng, n, 12)
    frames, corners = [], []
    for i in range(n):
        scale = width[i] / native
        small, inner = shrunk(image, plate.corners, scale)
        offset = np.array(CANVAS) / 2 - inner.mean(0) + sway[i] * (6, 3)
        matrix = np.array([[1, 0, offset[0]], [0, 1, offset[1]]])
        picture = cv2.warpAffine(small, matrix, CANVAS, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        picture = blurred(picture, motion * width[i] * abs(1 + 0.6 * pace[i]), angle, defocus * width[i])
        picture = picture * gain * np.exp(0.12 * light[i]) + noise * rng.standard_normal(picture.shape)
        frames.append(np.clip(picture, 0, 255).astype(np.uint8))
        corners.append(jittered(inner + offset, errors[i], strong))
    crf = round(rng.uniform(20, 28) + 12 * level["codec"])
    return Clip(compressed(frames, crf), np.array(corners, np.float32))


def levels(fault: str, rng: np.random.Generator) -> dict[str, float]:
    """How strong each fault is, 0..1: the main one, or some of them moderately for "all"."""
    draws = {name: rng.uniform(0.2, 1.0) for name in FAULTS}
    mixed = {name: 0.5 * draws[name] * (rng.random() < 0.4) for name in FAULTS}
    return mixed if fault == "all" else {name: draws[name] * (name == fault) for name in FAULTS}


def spoil(plate: Plate, level: dict[str, float], rng: np.random.Generator) -> U8:
    """The photo with dirt or glare on one character, which stays there for the whole pass."""
    image = plate.image.astype(np.float32)
    strength = max(level["dirt"], level["glare"])
    if plate.corners is None or not strength:
        return plate.image
    n = len(plate.text)
    x, y = (int(rng.integers(0, n)) + 0.5) / n, rng.uniform(0.3, 0.7)
    matrix = cv2.getPerspectiveTransform(plate.corners, np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32))
    h, w = image.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(w), np.arange(h)), -1).reshape(1, -1, 2).astype(np.float32)
    at = cv2.perspectiveTransform(grid, matrix)[0].reshape(h, w, 2)
    far = ((at[..., 0] - x) * n / rng.uniform(0.25, 0.5)) ** 2 + ((at[..., 1] - y) / rng.uniform(0.12, 0.4)) ** 2
    mask = (np.exp(-(far**2)) * (0.4 + 0.55 * strength))[..., None]
    tone = np.array([55, 75, 90]) if level["dirt"] >= level["glare"] else np.array([255, 255, 250])
    return np.asarray(np.clip(image + (tone - image) * mask, 0, 255), np.uint8)


def shrunk(image: U8, corners: F32, scale: float) -> tuple[U8, F32]:
    """The photo and its plate at another size, area filtered."""
    h, w = image.shape[:2]
    size = max(1, round(w * scale)), max(1, round(h * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    inner = corners * np.array([size[0] / w, size[1] / h], np.float32)
    return cv2.resize(image, size, interpolation=how), inner.astype(np.float32)  # type: ignore[return-value]


def blurred(picture: F32, length: float, angle: float, sigma: float) -> F32:
    """Motion blur of ``length`` px along ``angle`` and Gaussian blur of ``sigma`` px."""
    if length > 1.2:
        side = int(np.ceil(length)) | 1
        kernel = np.zeros((side, side), np.float32)
        c, dx, dy = side // 2, np.cos(angle) * length / 2, np.sin(angle) * length / 2
        points = [(round((c + s * dx) * 16), round((c + s * dy) * 16)) for s in (-1, 1)]
        cv2.line(kernel, points[0], points[1], (1.0,), 1, cv2.LINE_AA, 4)
        picture = cv2.filter2D(picture, -1, kernel / kernel.sum())  # type: ignore[assignment]
    return cv2.GaussianBlur(picture, (0, 0), sigma) if sigma > 0.3 else picture  # type: ignore[return-value]


def jittered(corners: F32, error: NDArray[np.float64], strong: float) -> F32:
    """Corners as a detector gives them: moved together, stretched, and each a little by itself."""
    middle = corners.mean(0)
    width = np.linalg.norm(corners[1] - corners[0])
    height = np.linalg.norm(corners[3] - corners[0])
    shift = error[:2] * (0.035 * width, 0.07 * height) * strong
    stretch = 1 + error[2:4] * (0.03, 0.06) * strong
    alone = error[4:].reshape(4, 2) * (0.012 * width, 0.05 * height) * strong
    return np.asarray((corners - middle) * stretch + middle + shift + alone, np.float32)


def compressed(frames: list[U8], crf: int) -> list[U8]:
    """The frames through H.264 and back."""
    buffer = io.BytesIO()
    options = {"crf": str(crf), "preset": "veryfast", "threads": "1"}
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=FRAMES_PER_S, options=options)
        stream.width, stream.height, stream.pix_fmt = CANVAS[0], CANVAS[1], "yuv420p"
        stream.thread_count = 1
        for picture in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer, "r") as source:
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in source.decode(video=0)]
