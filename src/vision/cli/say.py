"""What the command line says, and where: data on stdout, everything else on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from vision.cli.language import translate


def out(text: str) -> None:
    """A line of data on stdout."""
    print(text, flush=True)


def note(text: str) -> None:
    """A line for the person watching, on stderr."""
    print(text, file=sys.stderr, flush=True)


def error(text: str) -> None:
    """One line about what went wrong, in the user's language, on stderr."""
    note(translate(f"error: {' '.join(text.split())}"))


class LogNotes(logging.Handler):
    """A part of the library's log as lines on stderr: errors in the user's language, other news as they are."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say one record."""
        (error if record.levelno >= logging.ERROR else note)(record.getMessage())


@contextmanager
def log_notes(name: str) -> Iterator[None]:
    """Say what a logger logs, news and worse, while the body runs."""
    logger, handler = logging.getLogger(name), LogNotes()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class Bars:
    """Progress bars by name, on stderr; silent where stderr is no terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` (None: unknown) is done."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)


@contextmanager
def bars() -> Iterator[Bars]:
    """Progress bars while the body runs."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    with progress:
        yield Bars(progress)
