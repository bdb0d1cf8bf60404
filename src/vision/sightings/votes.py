"""On which vehicles a plate was seen, look by look, and which of them it belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field

from vision.sightings.span import Span

Key = tuple[int, int]  # track id and part of a vehicle
EARLIER = 12  # looks on vehicles whose tracks ended before count as so many at most


@dataclass(frozen=True, slots=True)
class Share:
    """Looks on one vehicle, and when that was there."""

    count: int
    span: Span


@dataclass(slots=True)
class Votes:
    """Looks by vehicle, and those on none."""

    shares: dict[Key, Share] = field(default_factory=dict)
    n_unowned: int = 0

    def add(self, key: Key, span: Span, count: int = 1) -> None:
        """Count looks on this vehicle; its span may still become longer."""
        self.shares[key] = Share(self.of(key) + count, span)

    def of(self, key: Key) -> int:
        """Looks on this vehicle."""
        return self.shares[key].count if key in self.shares else 0

    def take(self, key: Key) -> int:
        """Looks on this vehicle, which are counted no longer."""
        return self.shares.pop(key).count if key in self.shares else 0

    def absorb(self, other: Votes) -> None:
        """Take over the looks at the same plate under another track."""
        for key, share in other.shares.items():
            self.add(key, share.span, share.count)
        self.n_unowned += other.n_unowned

    def owners(self, least: int, n_unowned: int) -> list[Key]:
        """Vehicles that the plate was seen on at least so often, and in a quarter of the looks that speak of them.

        Looks after a vehicle's end say nothing about it, and many before its beginning little: a parked vehicle's track
        may end and begin anew while its plate goes on.

        Args:
            n_unowned: looks on no vehicle that count against each.
        """
        shares = self.shares.items()
        return [key for key, s in shares if s.count >= least and 3 * s.count >= self._against(s.span) + n_unowned]

    def _against(self, own: Span) -> int:
        others = [s for s in self.shares.values() if s.span is not own]
        earlier = sum(s.count for s in others if s.span.last_ns < own.first_ns)
        beside = sum(s.count for s in others if s.span.last_ns >= own.first_ns and s.span.first_ns <= own.last_ns)
        return beside + min(earlier, EARLIER)
