"""Exact-plate rates of the plate reader on held-out sets and on generated plates of each kind.

`python models/plate_reader/evaluate.py --data DIR` prints the table of the `model.onnx` beside this file;
`--against other.onnx --against-charset "_京..."` adds a second network on the same crops.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from corrections import corrected
from dataset import fit_crop, load_plates, read_image, read_index, warp_plate
from generator import PlateDrawer
from labels import CHARSET, COLORS, UNKNOWN, decode
from legible import photograph
from numpy.typing import NDArray
from plate_kinds import KINDS
from sampling import Sampler
from strangers import cut_out, draw_foreign

from vision.plates.grammar import TextDecoder, load_grammar
from vision.plates.reader import LOG_FLOOR

HERE = Path(__file__).parent
GENERATED_SEED = 90_001  # no training run may use it

# uint8 (n, 48, 160, 3) BGR -> probabilities: text (n, 8, classes), color (n, 6), rows (n, 2)
Reader = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]]


@dataclass
class Labelled:
    """Crops with their labels; color is UNKNOWN and rows 0 where not labelled."""

    images: NDArray[np.uint8]  # (n, 48, 160, 3)
    text: list[str]
    color: list[int]
    rows: list[int]


def onnx_reader(path: Path, batch: int = 32) -> Reader:
    """The exported network in onnxruntime on one thread."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def read(images: NDArray[np.uint8]) -> tuple[Any, ...]:
        parts = [session.run(None, {"images": images[i : i + batch]}) for i in range(0, len(images), batch)]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    return read  # type: ignore[return-value]


def _dev_crops(data: Path, index: list[dict[str, Any]], source: str, folder: str, *, right: bool = False) -> Labelled:
    """Crops of a dev source; `right`: with the labels that a person corrected."""
    rows = [r for r in index if r["source"] == source and r["split"] == "dev" and r["file"].startswith(folder)]
    rows = corrected(rows) if right else rows
    images = []
    for row in rows:
        image = read_image(data / "plates" / row["file"])
        images.append(warp_plate(image, np.array(row["corners"], np.float32)) if row["corners"] else fit_crop(image))
    color = []
    for row in rows:
        name = row["color"].split(" ")[0]
        color.append(COLORS.index(name) if name in COLORS else UNKNOWN)
    return Labelled(np.stack(images), [row["text"] for row in rows], color, [1] * len(rows))


def real_sets(data: Path) -> dict[str, Labelled]:
    """Dev sets, and the plates of the train split that were held out (their margins are cut by the true corners)."""
    index = read_index(data)
    sets = {
        "lprnet_test": _dev_crops(data, index, "lprnet_test", "crops"),
        "ccpd_base dev": _dev_crops(data, index, "ccpd_base", "crops"),
        "ccpd_base dev, 416 px photos": _dev_crops(data, index, "ccpd_base", "scenes"),
        "ccpd_green dev": _dev_crops(data, index, "ccpd_green", "crops"),
        "duany049": _dev_crops(data, index, "duany049", "crops"),
        "brightfeather": _dev_crops(data, index, "brightfeather", "photos"),
    }
    for source, name in (("lprnet_test", "lprnet_test"), ("ccpd_green", "ccpd_green dev"), ("duany049", "duany049")):
        sets[name + ", labels corrected"] = _dev_crops(data, index, source, "crops", right=True)
    army = [i for i, text in enumerate(sets["duany049"].text) if text[0].isascii()]
    sets["duany049, army only"] = _take(sets["duany049"], army)
    other = [i for i, text in enumerate(sets["lprnet_test"].text) if text[0] != "皖"]
    sets["lprnet_test, not 皖"] = _take(sets["lprnet_test"], other)
    held = load_plates(data, "held_out")
    for source in ("ccpd_base", "cwj_lprnet", "easypr_crops"):
        pick = np.flatnonzero(held.source == source)
        images = np.stack([fit_crop(held.patch[i][20:84, 32:232]) for i in pick])
        text = [held.text[i] for i in pick]
        sets[source + " held out"] = Labelled(images, text, held.color[pick].tolist(), [1] * len(text))
    return sets


def _take(labelled: Labelled, pick: list[int]) -> Labelled:
    return Labelled(
        labelled.images[pick],
        [labelled.text[i] for i in pick],
        [labelled.color[i] for i in pick],
        [labelled.rows[i] for i in pick],
    )


def generated_sets(data: Path, per_kind: int) -> dict[str, Labelled]:
    """Generated plates of each kind under full degradation, unreadable ones included."""
    sampler = Sampler(data, GENERATED_SEED, real=False)
    sets = {}
    for kind in KINDS:
        drawn = [sampler.sample(kind) for _ in range(per_kind)]
        samples = [sample for sample, _ in drawn]
        sets["generated " + kind] = Labelled(
            np.stack([s.image for s in samples]),
            [text for _, text in drawn],
            [s.color for s in samples],
            [s.rows + 1 for s in samples],
        )
    return sets


def stranger_sets(data: Path, n: int) -> dict[str, Labelled]:
    """What is to be read as empty: foreign plates of the dev split (Romania), and drawn ones seen by both cameras."""
    rows = [r for r in read_index(data) if r["split"] == "dev" and r.get("boxes")]
    patches = [p for r in rows for p in cut_out(read_image(r["path"]), r["boxes"])]
    rng = np.random.default_rng(GENERATED_SEED + 2)
    drawer = PlateDrawer(data / "plates/glyphs", rng)
    drawn = [draw_foreign(drawer.glyphs, rng) for _ in range(n)]
    sets = {
        "foreign plates dev": [fit_crop(p[20:84, 32:232]) for p in patches],
        "foreign plates drawn": [photograph(d, rng) for d in drawn],
    }
    return {
        name: Labelled(np.stack(images), [""] * len(images), [UNKNOWN] * len(images), [0] * len(images))
        for name, images in sets.items()
    }


def legible_sets(data: Path, per_kind: int) -> dict[str, Labelled]:
    """Legible pictures of generated plates of each kind, by a camera that training does not know."""
    rng = np.random.default_rng(GENERATED_SEED + 1)
    drawer = PlateDrawer(data / "plates/glyphs", rng)
    sets = {}
    for kind in KINDS:
        drawn = [drawer.draw(kind) for _ in range(per_kind)]
        sets["legible " + kind] = Labelled(
            np.stack([photograph(d.image, rng) for d in drawn]),
            [d.text for d in drawn],
            [d.color for d in drawn],
            [d.rows for d in drawn],
        )
    return sets


def score(read: Reader, labelled: Labelled, charset: str = CHARSET) -> dict[str, float]:
    """Rates in %: exact text, text without its first character, color, rows; n is the number of plates."""
    text, color, rows = read(labelled.images)
    got = [decode(row.argmax(-1), charset) for row in text]
    known = [(c, int(p.argmax())) for c, p in zip(labelled.color, color, strict=True) if c != UNKNOWN]
    green = {COLORS.index("green"), COLORS.index("green_yellow")}
    same = [a == b or {a, b} == green for a, b in known]
    right_rows = [int(p.argmax()) + 1 == k for k, p in zip(labelled.rows, rows, strict=True) if k]
    return {
        "n": len(got),
        "exact": 100 * float(np.mean([a == b for a, b in zip(labelled.text, got, strict=True)])),
        "tail": 100 * float(np.mean([a[1:] == b[1:] for a, b in zip(labelled.text, got, strict=True)])),
        "color": 100 * float(np.mean(same)) if same else float("nan"),
        "rows": 100 * float(np.mean(right_rows)) if right_rows else float("nan"),
    }


def score_all(read: Reader, sets: dict[str, Labelled], charset: str = CHARSET) -> dict[str, dict[str, float]]:
    """`score` of each set, and the mean over kinds of generated plates."""
    table = {name: score(read, labelled, charset) for name, labelled in sets.items()}
    for word in ("generated", "legible"):
        rows = [row for name, row in table.items() if name.startswith(word + " ")]
        if rows:
            mean = {key: float(np.nanmean([row[key] for row in rows])) for key in rows[0] if key != "n"}
            table[word + ", all kinds"] = {"n": sum(row["n"] for row in rows), **mean}
    return table


def reliability(read: Reader, sets: dict[str, Labelled], charset: str = CHARSET) -> list[tuple[float, float, float]]:
    """What a plate's lowest character probability is worth over all real sets.

    Returns:
        Rows of (threshold, share of plates at or above it in %, exact among those in %).
    """
    low, right = [], []
    for name, labelled in sets.items():
        if name.startswith(("generated", "legible")) or "," in name:  # parts of other sets
            continue
        text = read(labelled.images)[0]
        low += text.max(-1).min(-1).tolist()
        right += [decode(p.argmax(-1), charset) == label for p, label in zip(text, labelled.text, strict=True)]
    lows, rights = np.array(low), np.array(right)
    return [
        (t, 100 * float((lows >= t).mean()), 100 * float(rights[lows >= t].mean()))
        for t in (0.0, 0.3, 0.5, 0.7, 0.9, 0.95)
    ]


def believed(read: Reader, labelled: Labelled, charset: str, least: float = 0.6) -> float:
    """Share in % whose best text under the library's grammar has a score of ``least`` or more."""
    decoder = TextDecoder(charset, COLORS, load_grammar())
    log_probs = np.log(np.maximum((out := read(labelled.images))[0], LOG_FLOOR)).astype(np.float32)
    scores = [decoder.decode(text, color, rows).score for text, color, rows in zip(log_probs, *out[1:], strict=True)]
    return 100 * float(np.mean(np.array(scores) >= least))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds plates/")
    parser.add_argument("--model", type=Path, default=HERE / "model.onnx")
    parser.add_argument("--against", type=Path, help="a second network to read the same crops")
    parser.add_argument("--against-charset", default=CHARSET)
    parser.add_argument("--per-kind", type=int, default=100, help="generated plates of each kind")
    parser.add_argument("--json", type=Path, help="also write the table here")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    manifest = args.model.with_suffix(".toml")
    charset = tomllib.loads(manifest.read_text("utf-8"))["labels"]["charset"] if manifest.exists() else CHARSET
    sets = real_sets(args.data) | generated_sets(args.data, args.per_kind) | legible_sets(args.data, args.per_kind)
    sets |= stranger_sets(args.data, args.per_kind)
    table = score_all(onnx_reader(args.model), sets, charset)
    other = score_all(onnx_reader(args.against), sets, args.against_charset) if args.against else {}
    print(
        "| set | n | exact % | without first character % | color % | rows % |"
        + (" against, exact % |" if other else "")
    )
    print("|---|---|---|---|---|---|" + ("---|" if other else ""))
    for name, row in table.items():
        cells = [f"{row[key]:.1f}" for key in ("exact", "tail", "color", "rows")]
        cells += [f"{other[name]['exact']:.1f}"] if other else []
        print(f"| {name} | {row['n']:.0f} | " + " | ".join(cells) + " |")
    print("\n| lowest character probability at least | share of plates % | exact among them % |\n|---|---|---|")
    plates = {name: labelled for name, labelled in sets.items() if not name.startswith("foreign")}
    confidence = reliability(onnx_reader(args.model), plates, charset)
    for threshold, share, right in confidence:
        print(f"| {threshold} | {share:.1f} | {right:.2f} |")
    strangers = {
        name: believed(onnx_reader(args.model), labelled, charset)
        for name, labelled in sets.items()
        if name.startswith("foreign")
    }
    print("\n| strangers | n | taken for a Chinese plate with .6 or more, % |\n|---|---|---|")
    for name, share in strangers.items():
        print(f"| {name} | {len(sets[name].text)} | {share:.1f} |")
    if args.json:
        values = {"model": table, "against": other, "reliability": confidence, "strangers": strangers}
        args.json.write_text(json.dumps(values, ensure_ascii=False, indent=1), "utf-8")


if __name__ == "__main__":
    main()
