"""Many looks at one plate: our fusion beside best frame, votes and a plain sum, on clips made from dev photos.

    python benchmarks/fusion.py --data DATA/plates [--half 0|1] [--every N]

Every plate gives a clip of 8 and one of 20 frames with a fault that lasts (`fusion_clips.py`); the shipped reader reads
each frame once, and all methods get the same reads. Settings were chosen on the plates of half 0; half 1 is reported.
A rival always answers; beside that, its sureness is cut so that it answers as many passes as we do, or reads as many
exactly. Exit status 1 if we are wrong more than a third as often as string majority.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import config_of, existing, percent, table
from benchmarks.fusion_clips import FAULTS, FRAMES_PER_S, half_of, make_clip, plates_in, seed_of

from vision.pipeline.runner import Pipeline
from vision.plates.fuse import PlateFusion, distance
from vision.plates.grammar import UNREADABLE, TextDecoder
from vision.sightings.rules import ReadRules
from vision.types import Frame, Planes, PlateDetections, PlateRead

FRAMES = (8, 20)
PARTLY = "with ?"
SHARE = 1 / 3  # of string majority's wrong passes: more is a failure


@dataclass(frozen=True, slots=True)
class Pass:
    """The reads of one clip, and what the plate says."""

    text: str
    fault: str
    reads: tuple[PlateRead, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A method's text for one pass and how sure it is, any rising scale."""

    text: str
    score: float


def best_frame(reads: Sequence[PlateRead]) -> Answer:
    """The text of the surest frame."""
    best = max(reads, key=lambda r: r.plate.score)
    return Answer(best.plate.text, best.plate.score)


def string_majority(reads: Sequence[PlateRead]) -> Answer:
    """The text of most frames, the surer one of two with as many; as sure as the sum of its scores by the frames."""
    counts = Counter(r.plate.text for r in reads)
    scores: Counter[str] = Counter()
    for r in reads:
        scores[r.plate.text] += r.plate.score  # type: ignore[assignment]
    text = max(counts, key=lambda t: (counts[t], scores[t]))
    return Answer(text, scores[text] / len(reads))


def character_majority(reads: Sequence[PlateRead]) -> Answer:
    """The character of most frames at each place; as sure as the product of their shares."""
    text, score = "", 1.0
    for column in zip(*(r.plate.text.ljust(8, "_") for r in reads), strict=True):
        char, n = Counter(column).most_common(1)[0]
        text, score = text + char, score * n / len(reads)
    return Answer(text.rstrip("_"), score)


def plain_sum(decoder: TextDecoder) -> Callable[[Sequence[PlateRead]], Answer]:
    """The product of all looks' probabilities, decoded under the grammar."""

    def answer(reads: Sequence[PlateRead]) -> Answer:
        total = np.sum([r.log_probs for r in reads], 0, np.float64)
        total -= total.max(1, keepdims=True)
        total -= np.log(np.exp(total).sum(1, keepdims=True))
        color, rows = (np.mean([getattr(r, name) for r in reads], 0) for name in ("color_probs", "row_probs"))
        plate = decoder.decode(total.astype(np.float32), color, rows)
        return Answer(plate.text, plate.score)

    return answer


def fused(reads: Sequence[PlateRead], decoder: TextDecoder) -> PlateFusion:
    """Our fusion of them."""
    fusion = PlateFusion(decoder)
    for i, read in enumerate(reads):
        fusion.add(read, i * 1_000_000_000 // FRAMES_PER_S)
    return fusion


def outcome(text: str, truth: str) -> str:
    """exact, with ? (and right otherwise) or wrong."""
    if text == truth:
        return "exact"
    return PARTLY if UNREADABLE in text and distance(text, truth) == 0 else "wrong"


def passes_of(pipeline: Pipeline, folder: Path, half: int, every: int) -> Iterator[Pass]:
    """Make and read the clips; a photo without corners is used if the detector finds just one plate in it."""
    plates = [p for p in plates_in(folder) if half_of(p.text) == half]
    for plate in plates[::every]:
        if plate.corners is None:
            found = pipeline.read(plate.image).plates
            if len(found) != 1:
                continue
            plate = replace(plate, corners=found[0].corners)
        for n in FRAMES:
            seed = seed_of(plate.name, n)
            fault = FAULTS[seed % len(FAULTS)]
            clip = make_clip(plate, fault, n, seed)
            reads: list[PlateRead] = []
            for i, picture in enumerate(clip.frames):
                frame = Frame("clip", i, i * 1_000_000_000 // FRAMES_PER_S, i / FRAMES_PER_S, Planes("bgr", (picture,)))
                reads += pipeline.stages.reader.read(
                    frame, PlateDetections(clip.corners[i : i + 1], np.ones(1, np.float32))
                )
            yield Pass(plate.text, fault, tuple(reads))


def cut_at(answers: Sequence[tuple[Answer, str]], n: int) -> int:
    """Wrong ones among the ``n`` surest."""
    return sum(a.text != truth for a, truth in sorted(answers, key=lambda p: -p[0].score)[:n])


def wrong_until(answers: Sequence[tuple[Answer, str]], exact: int) -> int | None:
    """Wrong ones that come with so many exact ones, from the surest on; None if there are not so many exact."""
    n_exact = wrong = 0
    for answer, truth in sorted(answers, key=lambda p: -p[0].score):
        if n_exact >= exact:
            break
        n_exact, wrong = n_exact + (answer.text == truth), wrong + (answer.text != truth)
    return wrong if n_exact >= exact else None


def report(passes: Sequence[Pass], decoder: TextDecoder) -> bool:
    """Print all tables; whether we are wrong at most a third as often as string majority."""
    rules, is_good = ReadRules(), True
    rivals = {
        "best frame": best_frame,
        "string majority": string_majority,
        "character majority": character_majority,
        "plain sum of log-probabilities": plain_sum(decoder),
    }
    by_fault: dict[tuple[str, int], Counter[str]] = {}
    sure: dict[int, list[tuple[float, bool]]] = {n: [] for n in FRAMES}
    for n in FRAMES:
        part = [p for p in passes if len(p.reads) == n]
        ours: Counter[str] = Counter()
        answers: dict[str, list[tuple[Answer, str]]] = {name: [] for name in (*rivals, "fusion without rules")}
        for p in part:
            fusion = fused(p.reads, decoder)
            plate, believed = fusion.plate, rules.believed(fusion)
            result = outcome(believed.text, p.text) if believed else "not read"
            ours[result] += 1
            counts = by_fault.setdefault((p.fault, n), Counter())
            counts[result] += 1
            for name, rival in rivals.items():
                answers[name].append((rival(p.reads), p.text))
            counts["majority wrong"] += answers["string majority"][-1][0].text != p.text
            counts["frames"] += n
            counts["frames exact"] += sum(r.plate.text == p.text for r in p.reads)
            if plate is not None:
                answers["fusion without rules"].append((Answer(plate.text, plate.score), p.text))
                sure[n].append((plate.score, plate.text == p.text))
        whole, answered = len(part), len(part) - ours["not read"]
        rows: list[list[object]] = [
            ["fusion", *(percent(ours[k], whole) for k in ("exact", PARTLY, "wrong", "not read")), "-", "-"]
        ]
        for name, given in answers.items():
            wrong, same = cut_at(given, whole), wrong_until(given, ours["exact"])
            often = percent(cut_at(given, answered), whole)
            as_many = "never" if same is None else percent(same, whole)
            rows.append([name, percent(whole - wrong, whole), "-", percent(wrong, whole), "-", often, as_many])
        print(f"\n{n} frames, {whole} passes\n")
        head = ["method", "exact", "partly", "wrong", "not read", "wrong, answering as often", "wrong, as many exact"]
        print(table(head, rows))
        is_good = is_good and ours["wrong"] <= SHARE * cut_at(answers["string majority"], whole)
    print("\nBy fault\n")
    print(table(["fault", "frames", "passes", "single frames exact", "exact", "partly", "wrong", "not read",
                 "string majority wrong"], fault_rows(by_fault)))  # fmt: skip
    for n in FRAMES:
        print(f"\nIs the score honest? {n} frames; ECE {calibration_error(sure[n]):.3f}\n")
        print(table(["score", "passes", "mean score", "right"], calibration_rows(sure[n])))
    return is_good


def fault_rows(by_fault: dict[tuple[str, int], Counter[str]]) -> Iterator[list[object]]:
    """One row per fault and number of frames."""
    for (fault, n), c in sorted(by_fault.items(), key=lambda item: (FAULTS.index(item[0][0]), item[0][1])):
        whole = sum(c[k] for k in ("exact", PARTLY, "wrong", "not read"))
        shares = [percent(c[k], whole) for k in ("exact", PARTLY, "wrong", "not read", "majority wrong")]
        yield [fault, n, whole, percent(c["frames exact"], c["frames"]), *shares]


def bins_of(pairs: Sequence[tuple[float, bool]]) -> Iterator[tuple[float, int, float, float]]:
    """Lower edge, count, mean score and share right, per tenth of score."""
    for k in range(10):
        inside = [p for p in pairs if min(9, int(p[0] * 10)) == k]
        if inside:
            scores, right = zip(*inside, strict=True)
            yield k / 10, len(inside), float(np.mean(scores)), float(np.mean(right))


def calibration_rows(pairs: Sequence[tuple[float, bool]]) -> Iterator[list[object]]:
    """A reliability table."""
    for low, n, mean, right in bins_of(pairs):
        yield [f"{low:.1f} to {low + 0.1:.1f}", n, f"{mean:.3f}", percent(right, 1)]


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """Expected calibration error over ten bins.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, section 2.
    """
    return sum(n * abs(mean - right) for _, n, mean, right in bins_of(pairs)) / max(1, len(pairs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.jsonl, crops/ and photos/")
    parser.add_argument("--half", type=int, choices=(0, 1), default=1, help="0: where settings are chosen (default 1)")
    parser.add_argument("--every", type=int, default=1, help="only every so many plates")
    options = parser.parse_args()
    existing(options.data / "index.jsonl", "the index of plates")
    pipeline = Pipeline(config_of(1))
    passes = list(passes_of(pipeline, options.data, options.half, max(1, options.every)))
    raise SystemExit(0 if report(passes, pipeline.stages.reader.decoder) else 1)


if __name__ == "__main__":
    main()
