"""What the benchmark programs share: checked input paths, markdown tables, a pipeline with its threads set."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from vision.errors import VisionError
from vision.pipeline.config import Config, ModelsConfig
from vision.pipeline.stats import StageTimes

WRONG_USE = 2  # exit status


def fail(text: str) -> NoReturn:
    """End the program with one line on stderr and exit status 2."""
    print(f"error: {' '.join(text.split())}", file=sys.stderr)
    raise SystemExit(WRONG_USE)


def existing(path: Path, what: str) -> Path:
    """The path; ends the program if there is nothing."""
    if not path.exists():
        fail(f"{path}: expected {what}, found nothing")
    return path


def config_of(threads: int) -> Config:
    """The default settings on so many threads a network."""
    if threads < 1:
        fail(f"--threads: expected at least 1, got {threads}")
    return Config(models=ModelsConfig(threads=threads))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A markdown table; floats must be formatted by the caller."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def percent(part: float, whole: float) -> str:
    """``97.3 %``, or ``-`` of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def shares(times: StageTimes, least: float = 0.005) -> str:
    """Stage shares of the staged time, largest first, those below ``least`` left out."""
    rows = times.table().items()
    return ", ".join(f"{name} {100 * row['share']:.0f} %" for name, row in rows if row["share"] >= least)


def one_line(err: VisionError) -> NoReturn:
    """End the program with a library error."""
    fail(str(err))
