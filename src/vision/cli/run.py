"""``vision run``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

from vision.cli import INTERRUPTED, OK, SOURCE_FAILED
from vision.cli.advice import REASONS, say
from vision.cli.interrupts import interrupts
from vision.cli.say import bars, error, note
from vision.cli.say import out as say_out
from vision.errors import ConfigError, OutputError
from vision.pipeline.config import Config, load_config, parse_config
from vision.pipeline.record import FoundMatch, Part, Summary, record
from vision.pipeline.runner import Pipeline
from vision.video.uri import stream_id_of


def run_command(
    sources: Sequence[str],
    out: Path | None,
    config: Path | None,
    start: str | None,
    duration: str | None,
    fps: float | None,
    *,
    annotate: bool,
    as_json: bool,
    early: bool = False,
    watchlists: Sequence[Path] = (),
) -> int:
    """Run the sources, print the summary, return the exit code."""
    if fps is not None and not (fps > 0 and math.isfinite(fps)):
        raise ConfigError(f"--fps: expected a number above 0, got {fps:g}")
    length = seconds_of("--duration", duration) if duration is not None else None
    if length == 0:
        raise ConfigError(f"--duration: expected more than 0 seconds, got {duration!r}")
    part = Part(seconds_of("--start", start) if start else 0.0, length, fps, annotate, early)
    folder = out or next_folder(stream_id_of(sources[0]))
    if folder.exists():
        raise ConfigError(f"--out: expected a folder that does not exist yet, {folder} exists")
    pipeline = Pipeline(with_watchlists(load_config(config) if config else Config(), watchlists))
    with bars() as progress, interrupts() as is_stopped:
        summary = record(pipeline, sources, folder, part, progress, is_stopped)
    for line in summary.failed:
        error(line)
    as_object = json.dumps({"out": str(folder), **summary.to_dict()}, ensure_ascii=False)
    say_out(as_object if as_json else line_of(summary, folder))
    for match in summary.matches:
        note(match_line(match))
    for reason, n in summary.unread.most_common():
        note(f"{n} x {say(REASONS[reason])}")
    if summary.interrupted:
        note("interrupted: the results so far are valid and run.json says complete: false")
        return INTERRUPTED
    return SOURCE_FAILED if summary.failed else OK


def with_watchlists(config: Config, files: Sequence[Path]) -> Config:
    """The settings with these watch-lists, which are named after their files, beside their own."""
    if not files:
        return config
    values = config.model_dump()
    named = [{"name": re.sub(r"[^\w-]+", "-", file.stem)[:64], "file": str(file)} for file in files]
    values["watchlist"] = [*values["watchlist"], *named]
    return parse_config(values, "--watchlist")


def match_line(match: FoundMatch) -> str:
    """The last word on an alarm: never the listed plate, only what was read."""
    words = f"{match.kind} {match.score:.2f}" if match.state == "confirmed" else match.state
    return f"{match.stream_id} {match.time_s:.1f} s  {match.watchlist}: {match.entry}  {match.text or '-'}  {words}"


def line_of(summary: Summary, folder: Path) -> str:
    """The last line of a run."""
    rate = f"{summary.read / summary.vehicles:.1%}" if summary.vehicles else "-"
    speed = summary.frames / summary.seconds if summary.seconds else 0.0
    return (
        f"vehicles {summary.vehicles}  read {summary.read} ({rate})  frames {summary.frames}  "
        f"{speed:.1f} frames/s  ->  {folder}"
    )


def seconds_of(option: str, text: str) -> float:
    """Seconds from ``90``, ``90.5``, ``1:30`` or ``0:01:30``.

    Raises:
        ConfigError: it is none of these.
    """
    parts = text.split(":")
    try:
        numbers = [float(p) for p in parts]
    except ValueError:
        numbers = []
    is_time = 1 <= len(numbers) <= 3 and all(math.isfinite(n) and n >= 0 for n in numbers)
    if not is_time or any(n >= 60 for n in numbers[1:]):
        raise ConfigError(f"{option}: expected seconds or hh:mm:ss, got {text!r}")
    return sum(n * float(60**i) for i, n in enumerate(reversed(numbers)))


def next_folder(name: str) -> Path:
    """The first free ``runs/NAME-001``, ``-002`` ...

    Raises:
        OutputError: all 999 are taken.
    """
    for number in range(1, 1000):
        folder = Path("runs") / f"{name}-{number:03d}"
        if not folder.exists():
            return folder
    raise OutputError(f"runs/{name}-999: expected a free folder name up to 999, found none")
