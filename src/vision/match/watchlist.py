"""A watch-list in use: searched by what was read, taken anew when its file changes."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from vision.errors import ConfigError
from vision.match.entries import Entry, ListFile, read_entries
from vision.match.likely import likely_texts
from vision.match.plates import hashed
from vision.match.settings import WatchlistSettings
from vision.plates.grammar import Grammar
from vision.types import PlateText

SETTLE_S = 1.0  # a file that changed is read when it did not change for so long: it may be half written
MOST_SAID = 3  # problems of a file in one line


@dataclass(frozen=True, slots=True)
class Words:
    """What a list is checked against and matched with: the reader's characters, the grammar, colors and types."""

    charset: str
    grammar: Grammar
    colors: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


class Hit(NamedTuple):
    """A text that a reading may mean, with its probability, and an entry of its plate."""

    text: str
    score: float
    entry: Entry


class Stamp(NamedTuple):
    """What changes when a file is written or replaced."""

    time_ns: int
    size: int
    inode: int


class Watchlist:
    """One list. Searching is safe from any thread while `refresh` runs in another.

    Raises:
        ConfigError: the file cannot be read, or a line of it is wrong.
    """

    def __init__(self, settings: WatchlistSettings, words: Words) -> None:
        self.settings, self.words = settings, words
        self._key = os.environ.get(settings.key_variable, "").encode()
        self._stamp = stamp_of(Path(settings.file))
        self._entries = self._load()
        self._changed_s = 0.0
        self.trouble = ""  # why the file as it is now is not in use

    @property
    def name(self) -> str:
        """Its name in events."""
        return self.settings.name

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, plate: PlateText, time_ns: int | None = None) -> list[Hit]:
        """Entries whose plate the reading may mean, probably enough, and that hold at a time (UTC); likeliest first.

        A plate whose characters' probabilities are not known has its text and runners-up alone.
        """
        entries, least = self._entries, self.settings.min_probability  # one and the same list to the end
        if plate.log_probs is not None:
            texts = likely_texts(plate.log_probs, self.words.charset, least)
        else:
            texts = [(text, score) for text, score in plate.candidates if score >= least]
        return [
            Hit(text, score, entry)
            for text, score in texts
            for entry in entries.entries(hashed(text, self._key) if entries.is_hashed else text)
            if time_ns is None or entry.holds(time_ns)
        ]

    def refresh(self, now_s: float | None = None) -> str:
        """Read the file if it changed; what to say about it, if anything. A wrong file changes nothing.

        Args:
            now_s: monotonic seconds, for tests.
        """
        now_s = time.monotonic() if now_s is None else now_s
        stamp = stamp_of(Path(self.settings.file))
        if stamp != self._stamp:
            self._stamp, self._changed_s = stamp, now_s
            return ""
        if not self._changed_s or now_s - self._changed_s < SETTLE_S:
            return ""
        self._changed_s = 0.0
        try:
            self._entries = self._load()
        except ConfigError as err:
            self.trouble = str(err)
            return f"{err}; the list as it was goes on ({len(self)} entries)"
        self.trouble = ""
        return f"watch-list {self.name}: read anew, {len(self)} entries"

    def _load(self) -> ListFile:
        path, label = Path(self.settings.file), f"watch-list {self.name}: {self.settings.file}"
        found = load_file(path, self.words)
        if found.problems:
            shown = "; ".join(map(str, found.problems[:MOST_SAID]))
            rest = len(found.problems) - MOST_SAID
            raise ConfigError(f"{label}: {shown}" + (f"; and {rest} more" if rest > 0 else ""))
        if found.is_hashed and not self._key:
            name = self.settings.key_variable
            raise ConfigError(f"{label}: expected the environment variable {name} to be set (hashed list), it is not")
        return found


def load_file(path: Path, words: Words) -> ListFile:
    """The entries of a file, with its problems.

    Raises:
        ConfigError: it cannot be read, or its name says neither CSV nor JSON lines.
    """
    if path.suffix.lower() not in (".csv", ".jsonl"):
        raise ConfigError(f"{path}: expected a watch-list, .csv or .jsonl")
    try:
        data = path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path}: cannot read the watch-list: {err.strerror}") from err
    is_csv = path.suffix.lower() == ".csv"
    return read_entries(data, is_csv=is_csv, grammar=words.grammar, colors=words.colors, types=words.types)


def stamp_of(path: Path) -> Stamp | None:
    """What changes when a file is written; None while it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return Stamp(status.st_mtime_ns, status.st_size, status.st_ino)


def load_watchlists(settings: Sequence[WatchlistSettings], words: Words) -> tuple[Watchlist, ...]:
    """The lists of these settings.

    Raises:
        ConfigError: two have the same name, or a file cannot be used.
    """
    names = [s.name for s in settings]
    if len(set(names)) != len(names):
        raise ConfigError(f"watchlist: expected different names, got {', '.join(names)}")
    return tuple(Watchlist(s, words) for s in settings)
