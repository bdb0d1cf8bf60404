"""The plate texts that a reading may mean, with their probabilities."""

from __future__ import annotations

import math

import numpy as np

from vision.plates.grammar import PAD
from vision.types import F32

SLACK = 1e-9  # sums in another order differ by less: nothing is cut off that the last check would let through


def likely_texts(log_probs: F32, charset: str, least: float) -> list[tuple[str, float]]:
    """Every text that is at least so probable, the likeliest first.

    The characters' probabilities are those of fusion, which are calibrated; a text's is their product, unused slots
    included, as for `vision.types.PlateText.score`. Since the probabilities of all texts add up to 1, there are at most
    ``1 / least``: to look them up is all that a search in a list of any length has to do.

    Args:
        log_probs: (slots, characters) float32 natural logarithms, each row a distribution.
        charset: the characters in order; the first fills unused slots.
        least: probability, above 0.
    """
    if not 0 < least <= 1:
        raise ValueError(f"least: expected more than 0 and at most 1, got {least}")
    if log_probs.shape[1:] != (len(charset),):
        raise ValueError(f"log_probs: expected {len(charset)} characters, got shape {log_probs.shape}")
    floor = math.log(least)
    best = log_probs.max(1).astype(np.float64)
    after = best[::-1].cumsum()[::-1] - best  # the most that the slots after each one can give
    texts: list[tuple[str, float]] = [("", 0.0)]
    for slot, rest in enumerate(after.tolist()):
        row = log_probs[slot]
        chars = [(charset[i], float(row[i])) for i in np.flatnonzero(row >= floor - SLACK)]
        texts = [
            (text + char, total + log_prob)
            for text, total in texts
            for char, log_prob in chars
            if total + log_prob + rest >= floor - SLACK
        ]
    whole = ((text.rstrip(PAD), total) for text, total in texts if total >= floor)
    found = [(text, min(1.0, math.exp(total))) for text, total in whole if PAD not in text]
    return sorted(found, key=lambda pair: -pair[1])


def probability_of(text: str, log_probs: F32, charset: str) -> float:
    """How probable one text is; 0 if it cannot be one of this reader."""
    slots = text.ljust(len(log_probs), PAD)
    if len(slots) != len(log_probs) or not set(slots) <= set(charset):
        return 0.0
    return min(1.0, math.exp(sum(float(row[charset.index(c)]) for row, c in zip(log_probs, slots, strict=True))))
