"""Counters of a book of passes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class BookCounts:
    """What became of tracks and reads; every track is a sighting, a part of one, or counted as discarded.

    ``splits`` counts plate tracks that went on with another plate, ``divided`` vehicle tracks; ``early`` the early
    sightings, ``withdrawn`` those whose final one has no plate.
    """

    sightings: int = 0
    read: int = 0
    looks: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    discarded: Counter[str] = field(default_factory=Counter)
    joined: int = 0
    splits: int = 0
    divided: int = 0
    early: int = 0
    withdrawn: int = 0
