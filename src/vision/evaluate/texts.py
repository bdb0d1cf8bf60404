"""How well texts are read: outcomes by group, confused characters, and whether scores are honest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vision.evaluate.labels import Labelled
from vision.plates.fuse import distance
from vision.plates.grammar import UNREADABLE

OUTCOMES = ("exact", "with ?", "wrong", "rejected", "not found")
WIDTHS = (0, 40, 60, 80, 120, 100_000)
EDGES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
BEST = (1, 2, 3, 5)
SURE = 0.999  # the precision that `answered_at` asks for


@dataclass(frozen=True, slots=True)
class Reading:
    """What was made of one stated plate: the text given ("" for none), its score and characters' scores.

    ``others`` are the texts of further plates in the picture, ``candidates`` the texts this plate may have, best first.
    """

    truth: Labelled
    text: str
    score: float
    chars: tuple[float, ...] = ()
    others: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    is_rejected: bool = False

    @property
    def outcome(self) -> str:
        """One of `OUTCOMES`."""
        if not self.text:
            return "rejected" if self.is_rejected else "not found"
        if self.text == self.truth.text:
            return "exact"
        return "with ?" if UNREADABLE in self.text and distance(self.text, self.truth.text) == 0 else "wrong"


GROUPS: dict[str, Callable[[Reading], str]] = {
    "source": lambda r: r.truth.source,
    "kind": lambda r: r.truth.kind,
    "first character": lambda r: r.truth.text[:1],
    "plate width": lambda r: width_class(r.truth.plate_width_px),
}


def width_class(width_px: float | None) -> str:
    """Name of the width class of a plate."""
    if width_px is None:
        return "not known"
    low, high = next((a, b) for a, b in pairwise(WIDTHS) if a <= width_px < b)
    return f"{low} to {high} px" if high < WIDTHS[-1] else f"{low} px and more"


def outcome_rows(readings: Sequence[Reading], group: str) -> list[dict[str, object]]:
    """Per group, largest first, and over all: count, and shares 0..1 of each outcome and without first character."""
    parts: dict[str, list[Reading]] = {}
    for reading in readings:
        parts.setdefault(GROUPS[group](reading), []).append(reading)
    named = sorted(parts.items(), key=lambda item: (-len(item[1]), item[0]))
    if len(named) > 1:
        named.append(("all", list(readings)))
    rows: list[dict[str, object]] = []
    for name, part in named:
        n, counts = len(part), Counter(r.outcome for r in part)
        tails = sum(r.text[1:] == r.truth.text[1:] for r in part if r.text)
        rows.append(
            {group: name, "plates": n, "exact": counts["exact"] / n, "without first character": tails / n}
            | {o: counts[o] / n for o in OUTCOMES[1:]}
        )
    return rows


def confused(readings: Sequence[Reading]) -> list[tuple[str, str, int]]:
    """(true character, read character, count), most frequent first, over texts of the right length."""
    counts: Counter[tuple[str, str]] = Counter()
    for r in readings:
        if len(r.text) == len(r.truth.text):
            counts.update((a, b) for a, b in zip(r.truth.text, r.text, strict=True) if a != b)
    return [(a, b, n) for (a, b), n in counts.most_common()]


def character_accuracy(readings: Sequence[Reading]) -> list[float]:
    """Share right per character position, over given texts of the right length."""
    out = []
    for i in range(max((len(r.truth.text) for r in readings), default=0)):
        pairs = [(r.truth.text[i], r.text[i]) for r in readings if len(r.text) == len(r.truth.text) > i]
        out.append(sum(a == b for a, b in pairs) / len(pairs) if pairs else float("nan"))
    return out


def reliability(readings: Sequence[Reading]) -> tuple[list[tuple[float, float, int, float, float]], float]:
    """Bins (from, to, count, mean score, share right) of given texts, and the expected calibration error over them.

    Source: Guo et al., On calibration of modern neural networks (2017), equation 3; bins narrow towards 1, where most
    scores lie.
    """
    scored = [(r.score, r.outcome == "exact") for r in readings if r.text]
    bins, error = [], 0.0
    for low, high in pairwise(EDGES):
        inside = [(s, ok) for s, ok in scored if low <= s < high or (high == EDGES[-1] and s >= high)]
        if inside:
            mean, right = float(np.mean([s for s, _ in inside])), float(np.mean([ok for _, ok in inside]))
            bins.append((low, high, len(inside), mean, right))
            error += len(inside) / len(scored) * abs(mean - right)
    return bins, error


def among_best(readings: Sequence[Reading]) -> dict[int, float]:
    """Share of plates whose text is among the first n candidates of the grammar, before any character became `?`."""
    return {n: sum(r.truth.text in r.candidates[:n] for r in readings) / len(readings) for n in BEST if readings}


def answered_at(readings: Sequence[Reading], precision: float = SURE) -> float:
    """The largest share of plates that can be answered with at least this share of the answers right."""
    scored = sorted(((r.score, r.outcome == "exact") for r in readings if r.text), reverse=True)
    right, best = 0, 0
    for n, (_, ok) in enumerate(scored, 1):
        right += ok
        if right >= precision * n:
            best = n
    return best / len(readings) if readings else 0.0


def false_provinces(readings: Sequence[Reading], sure: float = 0.9) -> int:
    """Texts whose first character is wrong though its own score is above ``sure``."""
    return sum(
        bool(r.text and r.chars) and r.text[0] not in (r.truth.text[:1], UNREADABLE) and r.chars[0] > sure
        for r in readings
    )
