"""When and where something was seen first and last."""

from __future__ import annotations

from dataclasses import dataclass

from vision.types import Box, Frame


@dataclass(slots=True, eq=False)
class Span:
    """When and where something was seen first and last."""

    first_ns: int
    last_ns: int
    first_s: float
    last_s: float
    first_box: Box
    last_box: Box
    n_frames: int = 0

    def see(self, frame: Frame, box: Box) -> None:
        """Extend to this frame."""
        self.last_ns, self.last_s, self.last_box = frame.time_ns, frame.offset_s, box
        self.n_frames += 1

    def absorb(self, other: Span) -> None:
        """Extend to another span of the same thing."""
        if other.first_ns < self.first_ns:
            self.first_ns, self.first_s, self.first_box = other.first_ns, other.first_s, other.first_box
        if other.last_ns > self.last_ns:
            self.last_ns, self.last_s, self.last_box = other.last_ns, other.last_s, other.last_box
        self.n_frames += other.n_frames

    def is_fixed(self, seconds: float = 3.0) -> bool:
        """Whether it stayed where it was, to a tenth of its width, for longer than this."""
        moved = max(abs(a - b) for a, b in zip(self.first_box, self.last_box, strict=True))
        return self.last_s - self.first_s > seconds and moved < 0.1 * (self.first_box[2] - self.first_box[0])

    @staticmethod
    def start(frame: Frame, box: Box) -> Span:
        """A span of nothing yet, beginning at this frame."""
        return Span(frame.time_ns, frame.time_ns, frame.offset_s, frame.offset_s, box, box)
