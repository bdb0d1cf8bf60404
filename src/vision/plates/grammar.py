"""The grammar of a country's plates: which text is possible, and what kind of plate it makes."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from vision import kernels
from vision.errors import ConfigError, ModelMismatchError
from vision.types import F32, U8, Char, PlateText

UNREADABLE = "?"
PAD = "_"
COLOR_FLOOR = 0.02  # a color the network rules out costs at most log(0.02): it may err at night
ROWS_FLOOR = 0.02  # the same for the number of rows


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of plate: its name, the plate colors it comes in, and for each pattern the legal characters per slot."""

    name: str
    colors: tuple[str, ...]
    rows: tuple[int, ...]
    patterns: tuple[tuple[frozenset[str], ...], ...]


@dataclass(frozen=True, slots=True)
class Grammar:
    """All kinds of one country."""

    name: str
    kinds: tuple[Kind, ...]

    def kinds_of(self, text: str) -> tuple[Kind, ...]:
        """The kinds that a text may be, in the grammar's order; empty if it is no plate at all."""
        return tuple(
            kind
            for kind in self.kinds
            if any(len(p) == len(text) and all(c in s for c, s in zip(text, p, strict=True)) for p in kind.patterns)
        )


@cache
def load_grammar(name: str = "cn") -> Grammar:
    """A grammar that ships with the library.

    Raises:
        ConfigError: no grammar of that name.
    """
    file = resources.files("vision.plates") / "grammars" / f"{name}.toml"
    if not file.is_file():
        raise ConfigError(f"grammar: expected the name of a shipped grammar (cn), got {name!r}")
    return parse_grammar(tomllib.loads(file.read_text(encoding="utf-8")))


def parse_grammar(values: dict[str, Any]) -> Grammar:
    """A grammar from its TOML tables: ``name``, ``sets`` and ``kinds``."""
    sets: dict[str, str] = values["sets"]
    kinds = []
    for item in values["kinds"]:
        patterns = tuple(
            tuple(frozenset(sets[slot[1:-1]] if slot.startswith("{") else slot) for slot in pattern)
            for pattern in item["patterns"]
        )
        kinds.append(Kind(item["kind"], tuple(item["colors"]), tuple(item["rows"]), patterns))
    return Grammar(values["name"], tuple(kinds))


class TextDecoder:
    """Finds the likeliest plate in the reader's probabilities.

    Args:
        charset: the reader's classes in order; the first is the pad that fills unused slots.
        colors: the reader's plate colors in order.
        grammar: what is a plate.
    """

    def __init__(self, charset: str, colors: Sequence[str], grammar: Grammar, *, slots: int = 8) -> None:
        if not charset.startswith(PAD) or len(set(charset)) != len(charset):
            raise ModelMismatchError(f"charset: expected distinct characters after the pad {PAD!r}, got {charset!r}")
        self.charset, self.colors, self.grammar = charset, tuple(colors), grammar
        masks, owners = [], []
        for number, kind in enumerate(grammar.kinds):
            for pattern in kind.patterns:
                if len(pattern) > slots:
                    raise ModelMismatchError(f"{kind.name}: expected at most {slots} characters, got {len(pattern)}")
                mask = np.zeros((slots, len(charset)), np.uint8)
                for slot in range(slots):
                    allowed = pattern[slot] if slot < len(pattern) else {PAD}
                    mask[slot, [i for i, c in enumerate(charset) if c in allowed]] = 1
                if (mask.sum(1) > 0).all():  # a reader that lacks a character cannot read the kinds that need it
                    masks.append(mask)
                    owners.append(number)
        self._masks: U8 = np.stack(masks)
        self._owners = np.array(owners)
        self._slots = np.arange(slots)
        kinds = grammar.kinds
        self._kind_colors = np.array([[c in kind.colors for c in self.colors] for kind in kinds], float)
        self._kind_rows = np.array([[n in kind.rows for n in (1, 2)] for kind in kinds], float)

    def decode(self, log_probs: F32, color_probs: F32, row_probs: F32, *, limit: int = 5) -> PlateText:
        """The best text under the grammar.

        The kind's color and rows join the decision: a pattern's score is its characters' log-probability plus the
        logs of the probabilities that the plate has one of the kind's colors and numbers of rows. ``score`` is the
        product of the chosen characters' probabilities, unused slots included.

        Args:
            log_probs: (slots, characters) float32 natural logarithms, each row a distribution.
            color_probs: (colors,) float32.
            row_probs: (2,) float32, one row and two rows.
        """
        priors = np.log(np.maximum(COLOR_FLOOR, self._kind_colors @ color_probs))
        priors += np.log(np.maximum(ROWS_FLOOR, self._kind_rows @ row_probs))
        bias = priors[self._owners].astype(np.float32)
        patterns, symbols, _ = kernels.decode_text(log_probs, self._masks, bias=bias, limit=limit)
        chosen = log_probs[self._slots, symbols]
        texts = ["".join(map(self.charset.__getitem__, row)) for row in symbols.tolist()]
        scores = np.exp(chosen.sum(1), dtype=float).tolist()
        candidates = [(text.rstrip(PAD), score) for text, score in zip(texts, scores, strict=True)]
        chars = tuple(
            Char(c, math.exp(log_prob)) for c, log_prob in zip(texts[0], chosen[0].tolist(), strict=True) if c != PAD
        )
        kind = self.grammar.kinds[self._owners[patterns[0]]]
        colors = dict(zip(self.colors, color_probs.tolist(), strict=True))
        color = max(kind.colors, key=lambda c: colors.get(c, 0.0))
        return PlateText(
            text=candidates[0][0],
            score=candidates[0][1],
            chars=chars,
            kind=kind.name,
            color=color,
            rows=max(kind.rows, key=lambda n: float(row_probs[n - 1])),
            candidates=tuple(candidates),
            log_probs=log_probs,
        )


def mark_unreadable(plate: PlateText, min_char_score: float) -> PlateText:
    """The plate with every character below ``min_char_score`` replaced by ``?``; its score keeps its meaning."""
    if all(c.score >= min_char_score for c in plate.chars):
        return plate
    chars = tuple(c if c.score >= min_char_score else Char(UNREADABLE, c.score) for c in plate.chars)
    return replace(plate, text="".join(c.text for c in chars), chars=chars)


def readable_score(plate: PlateText) -> float:
    """The plate's score without its unreadable characters; unused slots count, so that the length must be sure too."""
    return plate.score / math.prod(c.score for c in plate.chars if c.text == UNREADABLE)


def readable(plate: PlateText, *, min_char_score: float, max_unreadable: int, min_score: float) -> PlateText | None:
    """The plate with ``?`` for what could not be read, or None if too little of it could.

    Unreadable are characters below ``min_char_score``, and the weakest others while the rest together is below
    ``min_score``: a plate of which one character is in doubt is known but for that one. At most ``max_unreadable``.
    """
    marked = mark_unreadable(plate, min_char_score)
    while readable_score(marked) < min_score and marked.text.count(UNREADABLE) < max_unreadable:
        weakest = min(c.score for c in marked.chars if c.text != UNREADABLE)
        marked = mark_unreadable(plate, math.nextafter(weakest, 1))
    is_enough = marked.text.count(UNREADABLE) <= max_unreadable and readable_score(marked) >= min_score
    return marked if is_enough else None
