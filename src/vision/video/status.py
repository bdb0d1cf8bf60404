"""What a live source says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from vision.types import Frame

States = ("connecting", "streaming", "waiting", "stalled", "closed")


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """How a source is since ``since_ns`` (UTC). ``detail`` never holds a password."""

    state: str
    since_ns: int
    detail: str = ""
    width: int = 0
    height: int = 0
    codec: str = ""
    frame_rate: float = 0.0


@dataclass(slots=True)
class LiveCounts:
    """What happened so far; ``disconnects`` by cause."""

    connects: int = 0
    disconnects: Counter[str] = field(default_factory=Counter)
    decoded: int = 0
    corrupt: int = 0
    undecodable: int = 0
    repaired_times: int = 0
    clock_steps: int = 0
    size_changes: int = 0
    stalls: int = 0


OnStatus = Callable[[LiveStatus], None]


class Source(Protocol):
    """Where live frames come from."""

    def __iter__(self) -> Iterator[Frame]:
        """Frames until `close`."""

    def close(self) -> None:
        """End the iteration, from any thread."""


@runtime_checkable
class Resting(Protocol):
    """A source that can leave out frames undecoded.

    ``is_resting`` is set by whoever looks at its frames, from any thread, while nothing moves.
    """

    is_resting: bool

    @property
    def undecoded(self) -> int:
        """Frames left out so far."""
