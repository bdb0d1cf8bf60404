"""Carries vehicles to a platform in batches, and finds out what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from vision.viid.answers import Verdict
from vision.viid.vehicle import Json

MOST_FAILURES = 10_000  # vehicles whose failures are remembered
ALONE_AFTER = 2  # answered failures after which a vehicle travels alone, so that it can hold up nobody else

Post = Callable[[Sequence[Json]], tuple[list[Verdict], float | None]]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A vehicle on its way; ``key`` is its event's id."""

    key: str
    camera: str
    vehicle: Json

    @property
    def size(self) -> int:
        """About how many bytes it takes in a request."""
        images = self.vehicle.get("SubImageList", [])
        found = images["SubImageInfoObject"] if isinstance(images, dict) else images
        return 2048 + sum(len(i.get("Data", "")) + 512 for i in found)


@dataclass(slots=True)
class Courier:
    """Sends parcels.

    Args:
        most, bytes: limits of one request; a larger vehicle travels alone.
        register: registers anew; raises SinkError if that is refused.
    """

    most: int
    bytes: int
    register: Callable[[], None]
    _failures: dict[str, int] = field(default_factory=dict)

    def batches(self, parcels: Sequence[Parcel]) -> Iterator[list[Parcel]]:
        """Parcels in order, within the limits; those that made trouble alone."""
        batch: list[Parcel] = []
        size = 0
        for parcel in parcels:
            is_alone = self._failures.get(parcel.key, 0) >= ALONE_AFTER
            if batch and (is_alone or len(batch) >= self.most or size + parcel.size > self.bytes):
                yield batch
                batch, size = [], 0
            batch.append(parcel)
            size += parcel.size
            if is_alone:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def send(self, batch: Sequence[Parcel], post: Post) -> list[tuple[Verdict, float | None]]:
        """One verdict each: ok, retry or refused; with the seconds to wait that the platform named.

        Who is taken for a stranger registers and tries once more. If a request of several is refused as a whole, each
        goes alone, so that one bad vehicle takes no other with it.

        Raises:
            SinkError: no answer came.
        """
        out, wait_s = self._tried(batch, post)
        if len(batch) > 1 and all(v.state == "refused" for v in out):
            alone = [self._tried([parcel], post) for parcel in batch]
            found = [(verdicts[0], wait) for verdicts, wait in alone]
        else:
            found = [(v, wait_s) for v in out]
        for parcel, (verdict, _) in zip(batch, found, strict=True):
            if verdict.state == "retry":
                self._failures[parcel.key] = self._failures.get(parcel.key, 0) + 1
                if len(self._failures) > MOST_FAILURES:  # of vehicles that were given up meanwhile
                    self._failures.pop(next(iter(self._failures)))
            else:
                self._failures.pop(parcel.key, None)
        return found

    def _tried(self, batch: Sequence[Parcel], post: Post) -> tuple[list[Verdict], float | None]:
        out, wait_s = post([p.vehicle for p in batch])
        strangers = [i for i, v in enumerate(out) if v.state == "unregistered"]
        if strangers:
            self.register()
            again, wait_s = post([batch[i].vehicle for i in strangers])
            for i, verdict in zip(strangers, again, strict=True):
                is_final = verdict.state != "unregistered"
                out[i] = verdict if is_final else Verdict(verdict.then, verdict.detail)
        return out, wait_s
