"""The clip that is benchmarked, and what a perfect run reads in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vision.demo.clip import render
from vision.pipeline.runner import Pipeline
from vision.video.file import FileSource

SEED_NAME = "rendered_clip.mp4"


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip and the plates in it.

    ``seconds``: how much of it is used; ``offline``: plates that an unhurried run reads in that part; ``expected``: the
    plates that are rendered into it, and of a clip that was given the same as ``offline``.
    """

    path: Path
    name: str
    seconds: float
    fps: float
    width: int
    height: int
    codec: str
    expected: tuple[str, ...]
    offline: tuple[str, ...]
    is_rendered: bool

    def facts(self) -> dict[str, object]:
        """For the report."""
        return {
            "name": self.name,
            "rendered": self.is_rendered,
            "seconds": round(self.seconds, 2),
            "fps": round(self.fps, 3),
            "size": f"{self.width}x{self.height}",
            "codec": self.codec,
            "plates": len(self.expected),
        }


Progress = Callable[[str, int, int | None], None]


def open_clip(path: Path | None, folder: Path, pipeline: Pipeline, seconds: float | None, progress: Progress) -> Clip:
    """The clip at ``path``, or the rendered one if None, with its offline run done.

    Args:
        path: a video file.
        folder: where the rendered clip is written.
        pipeline: runs offline.
        seconds: use at most so much of it.
        progress: told (name, done, total).

    Raises:
        SourceError, DecodeError: the file cannot be used.
    """
    expected: tuple[str, ...] | None = None
    name = path.name if path else "rendered street"
    if path is None:
        path = folder / SEED_NAME
        passes = render(path, progress=lambda done, total: progress("rendering", done, total))
        expected = tuple(p.text for p in passes if p.text and (seconds is None or p.last_s <= seconds))
    with FileSource(path, duration_s=seconds, device=pipeline.config.decode.device) as source:
        total, fps = source.n_frames_expected or 0, source.frame_rate
        width, height, codec = source.width, source.height, source.codec
        stream, texts, last_s = pipeline.open("offline", recorded=True), list[str](), 0.0
        for n, result in enumerate(pipeline.frames(source, stream), 1):
            texts += [s.plate.text for s in result.sightings if s.plate]
            last_s = result.frame.offset_s
            progress("offline run", n, total)
        texts += [s.plate.text for s in stream.close() if s.plate]
    return Clip(
        path=path,
        name=name,
        seconds=last_s + 1 / fps,
        fps=fps,
        width=width,
        height=height,
        codec=codec,
        expected=expected if expected is not None else tuple(texts),
        offline=tuple(texts),
        is_rendered=expected is not None,
    )


def quality(expected: Sequence[str], read: Sequence[str]) -> dict[str, float | int]:
    """Share of the expected plates that were read, and texts that nobody expected."""
    right = sum((Counter(expected) & Counter(read)).values())
    return {
        "plates": len(expected),
        "right": right,
        "read_rate": right / len(expected) if expected else 1.0,
        "unexpected": len(read) - right,
    }
