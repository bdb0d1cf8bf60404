"""``vision eval``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import vision
from vision.cli import OK
from vision.cli.say import bars, note, out
from vision.errors import OutputError
from vision.evaluate.labels import load_labelled
from vision.evaluate.measure import measure
from vision.evaluate.plots import require_matplotlib
from vision.evaluate.report import summarize, tables, write
from vision.pipeline.config import Config, load_config


def eval_command(
    folder: Path,
    target: Path | None,
    config: Path | None,
    split: str,
    sources: Sequence[str],
    limit: int | None,
    *,
    as_json: bool,
) -> int:
    """Score the models on a labelled folder: tables on stdout, and with ``target`` also a folder with plots."""
    settings = load_config(config) if config else Config()
    pictures = load_labelled(folder, split, sources, limit)
    if target is not None:
        require_matplotlib()
        make_folder(target)
    with bars() as progress:
        measured = measure(pictures, settings, progress)
    facts = {"version": vision.__version__, "split": split, "pictures": len(pictures)}
    summary = summarize(measured, facts)
    out(json.dumps(summary, ensure_ascii=False) if as_json else tables(summary).rstrip())
    if target is not None:
        note(f"wrote {target}: {', '.join(path.name for path in write(summary, target))}")
    for path, why in measured.skipped.items():
        note(f"skipped {path}: {why}")
    note(f"pictures {len(pictures) - len(measured.skipped)}  skipped {len(measured.skipped)}")
    return OK


def make_folder(target: Path) -> None:
    """Create the folder of results.

    Raises:
        OutputError: it exists or cannot be created.
    """
    try:
        target.mkdir(parents=True)
    except FileExistsError as err:
        raise OutputError(f"--out: expected a folder that does not exist yet, {target} exists") from err
    except OSError as err:
        raise OutputError(f"{target}: cannot create: {err.strerror}") from err
