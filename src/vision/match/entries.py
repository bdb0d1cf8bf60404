"""The file of a watch-list: CSV or JSON lines, read line by line, everything that is wrong with it named.

No text of an entry stands in what is said of it: lists are secret, and it may be logged.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from vision.match.plates import kind_finder, normalized, why_none
from vision.plates.grammar import Grammar

COLUMNS = ("plate", "plate_hmac", "id", "kind", "color", "type", "valid_from", "valid_until", "note")
HASHED_COLUMNS = ("plate_hmac", "id", "color", "type", "valid_from", "valid_until")
HASHED = "hashed"
PLAIN = {"plate", "plate_hmac", "id"}
DIGEST = re.compile(r"[0-9a-f]{64}")
ID_LENGTH = 200


class Entry(NamedTuple):
    """A line of a watch-list: what events call it, the vehicle's color and type if known, and when it holds (UTC)."""

    id: str
    color: str = ""
    type: str = ""
    from_ns: int | None = None
    until_ns: int | None = None

    def holds(self, time_ns: int) -> bool:
        """Whether the entry is valid at a time; ``until`` is the first moment at which it is not."""
        return (self.from_ns is None or self.from_ns <= time_ns) and (self.until_ns is None or time_ns < self.until_ns)


Row = str | tuple[str, str, str, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line (0: with the file)."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line else self.text


@dataclass(slots=True)
class ListFile:
    """What a file holds: entries by plate or hash, counts per kind of plate, problems.

    A list may have a million: an entry is its id alone, or the fields of an `Entry` where there are more, and the few
    plates with a second entry have it in a second table.
    """

    first: dict[str, Row] = field(default_factory=dict)
    more: dict[str, list[Row]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    is_hashed: bool = False

    def __len__(self) -> int:
        return len(self.first) + sum(map(len, self.more.values()))

    def entries(self, key: str) -> Iterator[Entry]:
        """The entries of a plate (or hash)."""
        if key in self.first:
            for row in (self.first[key], *self.more.get(key, ())):
                yield Entry(row) if isinstance(row, str) else Entry(*row)


class LineError(ValueError):
    """A line that is not taken, and why."""


def read_entries(
    data: bytes, *, is_csv: bool, grammar: Grammar, colors: Sequence[str] = (), types: Sequence[str] = ()
) -> ListFile:
    """The entries of a file, and everything that is wrong with it.

    Args:
        colors, types: the words that the attributes network knows; none: not checked.
    """
    out = ListFile()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = data[: err.start].count(b"\n") + 1
        out.problems.append(Problem(line, "expected UTF-8"))
        return out
    kind_of = kind_finder(grammar)
    words = {"color": frozenset(colors), "type": frozenset(types)}
    lines: dict[str, int] = {}  # of each id
    for number, values in csv_lines(text, out) if is_csv else json_lines(text, out):
        try:
            key, kind, row = checked(values, kind_of, grammar, words)
            id_ = row if isinstance(row, str) else row[0]
            if lines.setdefault(id_, number) != number:
                raise LineError(f"id: expected one that no other line has, line {lines[id_]} has it, too")
            if out.first and out.is_hashed != (kind == HASHED):
                raise LineError("expected plate in all lines or plate_hmac in all lines")
        except LineError as err:
            out.problems.append(Problem(number, str(err)))
            continue
        out.is_hashed = kind == HASHED
        out.kinds[kind] += 1
        if key in out.first:
            out.more.setdefault(key, []).append(row)
        else:
            out.first[key] = row
    return out


def csv_lines(text: str, out: ListFile) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Number and filled cells of each line of a CSV file with a head; problems of its form go to ``out``."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [name.strip().lower() for name in next(reader, [])]
        wrong = [str(i) for i, name in enumerate(head, 1) if name not in COLUMNS or head.count(name) > 1]
        if wrong or not {"plate", "plate_hmac"} & set(head):
            which = f", got something else in column {', '.join(wrong)}" if wrong else ""
            out.problems.append(Problem(1, f"expected a head line with plate and any of {', '.join(COLUMNS)}{which}"))
            return
        for cells in reader:
            if len(cells) == len(head):
                yield reader.line_num, {name: cell for name, cell in zip(head, cells, strict=True) if cell}
            elif any(cell.strip() for cell in cells):
                out.problems.append(Problem(reader.line_num, f"expected {len(head)} cells, got {len(cells)}"))
    except csv.Error as err:
        out.problems.append(Problem(reader.line_num, f"expected CSV: {err}"))


def json_lines(text: str, out: ListFile) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Number and values of each line of a JSON lines file; problems of its form go to ``out``."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as err:
            where = f" at character {err.pos + 1}" if isinstance(err, json.JSONDecodeError) else ""
            out.problems.append(Problem(number, f"expected a JSON object{where}"))
            continue
        if not isinstance(values, dict):
            out.problems.append(Problem(number, f"expected a JSON object, got {type(values).__name__}"))
        elif not set(values) <= set(COLUMNS):
            out.problems.append(Problem(number, f"unknown key, expected one of {', '.join(COLUMNS)}"))
        elif wrong := [name for name, value in values.items() if not isinstance(value, (str, type(None)))]:
            out.problems.append(Problem(number, f"{wrong[0]}: expected a text"))
        else:
            yield number, {name: value for name, value in values.items() if value}


def checked(
    values: Mapping[str, str],
    kind_of: Callable[[str], str | None],
    grammar: Grammar,
    words: Mapping[str, frozenset[str]],
) -> tuple[str, str, Row]:
    """Plate or hash, kind and entry of one line.

    Raises:
        LineError: something is wrong with it.
    """

    values = {name: value.strip() for name, value in values.items()}
    plate, digest = values.get("plate", ""), values.get("plate_hmac", "").lower()
    if bool(plate) == bool(digest):
        raise LineError("expected plate or plate_hmac, got both" if plate else "plate: expected one, got none")
    kind = HASHED if digest else kind_of(plate)
    if kind is None:
        plate = normalized(plate)
        kind = kind_of(plate)
    if kind is None:
        raise LineError(f"plate: {why_none(plate, grammar)}")
    if digest and not DIGEST.fullmatch(digest):
        raise LineError("plate_hmac: expected 64 hexadecimal digits")
    if digest and "id" not in values:
        raise LineError("id: expected one beside plate_hmac, got none")
    id_ = values.get("id") or plate
    if len(id_) > ID_LENGTH or not id_.isprintable():
        raise LineError(f"id: expected at most {ID_LENGTH} printable characters")
    if values.keys() <= PLAIN:  # nothing but a plate and an id, as most lines of long lists
        return digest or plate, kind, id_
    named = values.get("kind")
    if named and named != kind and not (digest or named in {k.name for k in grammar.kinds_of(plate)}):
        raise LineError(f"kind: expected {kind} (what the plate is) or none")
    for name, known in words.items():
        if values.get(name) and known and values[name] not in known:
            raise LineError(f"{name}: expected one of {', '.join(sorted(known))}")
    from_ns, until_ns = (time_of(name, values.get(name, "")) for name in ("valid_from", "valid_until"))
    if from_ns is not None and until_ns is not None and until_ns <= from_ns:
        raise LineError("valid_until: expected a time after valid_from")
    return digest or plate, kind, (id_, values.get("color", ""), values.get("type", ""), from_ns, until_ns)


def time_of(name: str, text: str) -> int | None:
    """UTC nanoseconds of an RFC 3339 time, None of an empty text.

    Raises:
        LineError: it is no time, or says no zone.
    """
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise LineError(f"{name}: expected a time with its zone, such as 2026-12-31T23:59:59+08:00")
    return round(time.timestamp()) * 1_000_000_000
