"""``vision watchlist``: checks the file of a watch-list, and makes one of hashes."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from vision.cli import OK, USAGE
from vision.cli.say import note
from vision.cli.say import out as say_out
from vision.errors import ConfigError
from vision.infer.store import find
from vision.match.entries import HASHED_COLUMNS, Entry, ListFile
from vision.match.plates import hashed
from vision.match.watchlist import Words, load_file
from vision.plates.grammar import load_grammar
from vision.sinks.lines import LineFile, csv_line

SHORTEST_KEY = 16  # characters


def check_command(file: Path, grammar: str, *, as_json: bool) -> int:
    """Print what is wrong, line by line, and what the list holds; no plate is shown."""
    found = load_file(file, words_of(grammar))
    now_ns = time.time_ns()
    entries = [entry for key in found.first for entry in found.entries(key)]
    expired = sum(e.until_ns is not None and e.until_ns <= now_ns for e in entries)
    kinds = dict(found.kinds.most_common())
    if as_json:
        problems = [{"line": p.line, "text": p.text} for p in found.problems]
        values = {"entries": len(found), "plates": len(found.first), "kinds": kinds, "expired": expired}
        say_out(json.dumps({"schema": "vision.watchlist_check/1", **values, "problems": problems}, ensure_ascii=False))
    else:
        for problem in found.problems:
            say_out(str(problem))
        counts = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
        say_out(f"{len(found)} entries" + (f": {counts}" if counts else ""))
        if expired:
            say_out(f"{expired} expired")
    if found.problems:
        note(f"{file}: {len(found.problems)} problems: a site would not take this list")
        return USAGE
    return OK


def hash_command(file: Path, out: Path, key_variable: str, grammar: str) -> int:
    """Write the list with hashes in the place of plates; notes and kinds stay behind.

    Raises:
        ConfigError: there is no good key, or something is wrong with the list.
        OutputError: the new file exists or cannot be written.
    """
    key = os.environ.get(key_variable, "")
    if len(key) < SHORTEST_KEY:
        raise ConfigError(f"{key_variable}: expected a key of at least {SHORTEST_KEY} characters in this variable")
    found = load_file(file, words_of(grammar))
    if found.problems:
        raise ConfigError(f"{file}: {found.problems[0]}; `vision watchlist check` names all {len(found.problems)}")
    if found.is_hashed:
        raise ConfigError(f"{file}: expected plates, got hashes")
    write_hashed(found, out, key.encode())
    note(f"{len(found)} entries  ->  {out}")
    return OK


def write_hashed(found: ListFile, out: Path, key: bytes) -> None:
    """The list in order of the hashes, so that the file's order tells nothing.

    Raises:
        ConfigError: an entry has no id of its own: its plate would stand there.
    """
    rows = [(hashed(plate, key), plate, entry) for plate in found.first for entry in found.entries(plate)]
    if any(entry.id == plate for _, plate, entry in rows):
        raise ConfigError("id: expected one in every line (without, the plate would stand for it)")
    file = LineFile(out, head=csv_line(HASHED_COLUMNS))
    try:
        for digest, _, entry in sorted(rows):
            file.write(csv_line([digest, *cells_of(entry)]))
    finally:
        file.close()


def cells_of(entry: Entry) -> list[str]:
    """Id, color, type and times of an entry as text."""
    times = (entry.from_ns, entry.until_ns)
    texts = ["" if t is None else datetime.fromtimestamp(t // 1_000_000_000, UTC).isoformat() for t in times]
    return [entry.id, entry.color, entry.type, *texts]


def words_of(grammar: str) -> Words:
    """What the shipped networks know.

    Raises:
        ConfigError: there is no such grammar.
    """
    reader, attributes = find("plate_reader"), find("vehicle_attributes")
    colors, types = tuple(attributes.get("labels", "colors")), tuple(attributes.get("labels", "types"))
    return Words(reader.get("labels", "charset"), load_grammar(grammar), colors, types)
