"""Draws a training log over time, losses and figures: `python models/common/curves.py LOG.jsonl` -> LOG.png."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Series = dict[str, list[tuple[float, float]]]
LOSSES = ("loss", "text", "look", "kind")  # how the trainers' log rows name them
FIGURES = ("exact", "held_out")


def values(row: dict[str, Any]) -> Iterator[tuple[bool, str, float]]:
    """(is it a loss, name, value) of every figure in a log row. Of a list the first is taken: AP50 or recall."""
    for key, value in row.items():
        if isinstance(value, dict) and key in FIGURES:
            yield from ((False, name, float(v)) for name, v in value.items())
        elif isinstance(value, list):
            yield False, key, 100 * float(value[0])
        elif isinstance(value, float) and key.startswith(LOSSES):
            yield True, key, value
        elif isinstance(value, float) and key.startswith(FIGURES):
            yield False, key, 100 * value


def read(log: Path) -> tuple[Series, Series]:
    """Losses and figures of a log, each a list of (minute, value)."""
    losses, figures = defaultdict(list), defaultdict(list)
    for line in log.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "minutes" in row:
            for is_loss, name, value in values(row):
                (losses if is_loss else figures)[name].append((row["minutes"], value))
    return losses, figures


def draw(log: Path) -> Path:
    """Writes the plot beside the log; returns where."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5), layout="constrained")
    titles = ("loss", "development figures, %")
    for axes, series, title in zip(figure.subplots(1, 2), read(log), titles, strict=True):
        for name, points in series.items():
            axes.plot(*zip(*points, strict=True), marker=".", label=name)
        axes.set(title=title, xlabel="minutes")
        axes.grid(alpha=0.3)
        if series:
            axes.legend(fontsize=7, ncols=2)
    target = log.with_suffix(".png")
    figure.savefig(target, dpi=110)
    return target


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(draw(Path(argument)))
