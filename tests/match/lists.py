"""Watch-lists and readings to test with."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.sightings.real_reads import reader, real_read
from vision.match.settings import WatchlistSettings
from vision.match.watchlist import Watchlist, Words
from vision.plates.fuse import PlateFusion
from vision.plates.grammar import UNREADABLE, mark_unreadable
from vision.types import PlateText

CLEAR, BLURRED = (110, 0.0), (44, 0.8)  # plate width in px and blur


def words() -> Words:
    decoder = reader().decoder
    return Words(decoder.charset, decoder.grammar, ("black", "white"), ("car", "truck"))


def write(path: Path, lines: Iterable[str], head: str = "plate,id") -> None:
    path.write_text("\n".join([head, *lines, ""]), encoding="utf-8")


def watchlist(path: Path, **settings: Any) -> Watchlist:
    return Watchlist(WatchlistSettings(**{"name": "stolen", "file": str(path), **settings}), words())


@cache
def read_plate(text: str, view: tuple[int, float] = CLEAR, n: int = 5) -> PlateText:
    """What the shipped network reads of a rendered plate, fused."""
    fusion = PlateFusion(reader().decoder)
    for i in range(n):
        fusion.add(real_read(text, *view, i), i * 10**8)
    assert fusion.plate is not None
    return fusion.plate


def unsure(text: str, slot: int, other: str, share: float = 0.45) -> PlateText:
    """A clear reading in which one character is as likely another one, so that neither is read."""
    plate = read_plate(text)
    assert plate.log_probs is not None
    decoder = reader().decoder
    probs = np.exp(plate.log_probs)
    probs[slot] = 0.1 / (len(decoder.charset) - 2)
    probs[slot, decoder.charset.index(text[slot])] = share
    probs[slot, decoder.charset.index(other)] = 0.9 - share
    log_probs = np.log(probs / probs.sum(1, keepdims=True)).astype(np.float32)
    colors = np.zeros(len(decoder.colors), np.float32)
    colors[decoder.colors.index(plate.color)] = 1
    found = mark_unreadable(decoder.decode(log_probs, colors, np.array([1, 0], np.float32)), 0.5)
    assert found.text == text[:slot] + UNREADABLE + text[slot + 1 :]
    return found
