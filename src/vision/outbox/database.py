"""The outbox's SQLite file: its tables, how it is opened, and what happens when it is damaged."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path

from vision.disk.database import Kind, connect_to_read, is_damaged, prepared, put_aside
from vision.errors import OutputError

LOG = logging.getLogger("vision.outbox")
NAME = "outbox.db"

# events: kept until no delivery and no dead letter is left (n_open 0); then body is NULL and the key stays for a while
# to recognize doubles. deliveries: what a sink does not have yet. numbers: the last number given per sink and camera.
# counts: totals since the file was made; bytes of bodies and pictures stand under sink ''.
TABLES = """
CREATE TABLE events(seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, camera TEXT NOT NULL,
    type TEXT NOT NULL, entered_ns INTEGER NOT NULL, n_open INTEGER NOT NULL, pictures TEXT NOT NULL, body BLOB);
CREATE TABLE deliveries(sink TEXT NOT NULL, seq INTEGER NOT NULL, camera TEXT NOT NULL, number INTEGER NOT NULL,
    attempts INTEGER NOT NULL, detail TEXT NOT NULL, PRIMARY KEY(sink, seq)) WITHOUT ROWID;
CREATE TABLE dead(sink TEXT NOT NULL, seq INTEGER NOT NULL, camera TEXT NOT NULL, number INTEGER NOT NULL,
    attempts INTEGER NOT NULL, detail TEXT NOT NULL, died_ns INTEGER NOT NULL, PRIMARY KEY(sink, seq)) WITHOUT ROWID;
CREATE TABLE numbers(sink TEXT NOT NULL, camera TEXT NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY(sink, camera)) WITHOUT ROWID;
CREATE TABLE pictures(sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, refs INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE counts(sink TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(sink, name)) WITHOUT ROWID;
"""
KIND = Kind("an outbox", TABLES, 1, 0x76697364)  # "visd" says whose file it is


def open_database(folder: Path, damage: str = "") -> tuple[sqlite3.Connection, Path | None]:
    """The outbox of a folder, made if there is none; a damaged one is put aside and a new one begun.

    Args:
        damage: what is known to be wrong with the one that is there.

    Returns:
        The connection, and where the damaged file is now, if there was one. The numbers given so far are carried over
        where they can still be read.

    Raises:
        OutputError: it cannot be opened or created, or is of another version.
    """
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not damage:
            try:
                return opened(path), None
            except sqlite3.DatabaseError as err:
                if not is_damaged(err):
                    raise
                damage = str(err)
        aside = put_aside(path, damage, LOG)
        fresh = opened(path)
        numbers = salvaged_numbers(aside)
        fresh.executemany("INSERT INTO numbers VALUES (?, ?, ?)", numbers)
        if not numbers:
            LOG.warning("%s: its numbers cannot be read: they begin at 1 again", aside)
        return fresh, aside
    except (OSError, sqlite3.Error) as err:
        raise OutputError(f"{path}: cannot open: {err}") from err


def opened(path: Path) -> sqlite3.Connection:
    """A checked connection with all tables.

    Raises:
        OutputError: another version or another program's file.
        sqlite3.Error: it cannot be opened, or is damaged.
    """
    # No seq ever comes twice, also not after a damaged file: an answer never meets another event.
    first = f"INSERT INTO sqlite_sequence VALUES ('events', {time.time_ns()})"
    return prepared(path, KIND, [first], is_checked=True)


def salvaged_numbers(path: Path) -> list[tuple[str, str, int]]:
    """What can be read of the numbers of a damaged file."""
    try:
        connection = connect_to_read(path)
        try:
            return connection.execute("SELECT sink, camera, last FROM numbers").fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return []
