"""The read-rate ledger on disk: ledger.csv and crossings.csv, written anew and read back to go on."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from vision.errors import OutputError
from vision.sightings.ledger import COLUMNS, CROSSING_COLUMNS, REASONS, Hour, Ledger
from vision.sinks.lines import write_table


def save_ledger(folder: Path, ledger: Ledger) -> None:
    """Replace ``ledger.csv`` and, if anything was crossed, ``crossings.csv``.

    Raises:
        OutputError: one cannot be written.
    """
    write_table(folder / "ledger.csv", COLUMNS, ledger.rows())
    if ledger.crossings():
        write_table(folder / "crossings.csv", CROSSING_COLUMNS, ledger.crossing_rows())


def load_ledger(folder: Path) -> Ledger:
    """The ledger that `save_ledger` left in a folder; an empty one if it left none.

    Raises:
        OutputError: a file is there and is no such table.
    """
    ledger = Ledger()
    for row in rows_of(folder / "ledger.csv", COLUMNS):
        unread = Counter({reason: int(row[reason]) for reason in REASONS if int(row[reason])})
        ledger.hours[row["stream_id"], row["hour"]] = Hour(int(row["vehicles"]), int(row["read"]), unread)
    for row in rows_of(folder / "crossings.csv", CROSSING_COLUMNS):
        hour = ledger.hours.setdefault((row["stream_id"], row["hour"]), Hour())
        hour.crossings[row["line"], row["direction"], row["vehicle_type"]] += int(row["vehicles"])
    return ledger


def rows_of(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a table with these columns, none if there is no such file.

    Raises:
        OutputError: it cannot be read, or has other columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows, found = list(reader), tuple(reader.fieldnames or ())
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise OutputError(f"{path}: cannot read: {err}") from err
    if found != columns:
        raise OutputError(f"{path}: expected the columns {', '.join(columns)}, got {', '.join(found)}")
    return rows
