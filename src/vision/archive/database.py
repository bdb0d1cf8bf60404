"""The archive's SQLite file: its tables, and how it is opened to write and to read."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vision.disk.database import Kind, check_kind, connect_to_read, is_damaged, prepared, put_aside
from vision.errors import ConfigError, OutputError

LOG = logging.getLogger("vision.archive")
NAME = "archive.db"

# sightings: one row per vehicle pass, its newest revision; begin_ns and entered_ns are those of the first revision and
# never change, so that a list in order of (begin_ns, id) keeps its order while it is paged through. The indices hold
# what is searched for, so that the rows themselves, which are large, are read only where they are told.
# merged: early sightings that turned out to be part of another. pictures: who refers to a picture.
# cameras: the newest state; heard_ns is the time of the newest event of any type. statistics: sums by hour and camera.
# entered_ns of all: when it came in, which retention counts from; of a camera, when its newest event came in.
# taken: events that are not sightings and were counted, to recognize them if they come again.
TABLES = """
CREATE TABLE sightings(id TEXT PRIMARY KEY, revision INTEGER NOT NULL, camera TEXT NOT NULL, begin_ns INTEGER NOT NULL,
    entered_ns INTEGER NOT NULL, plate TEXT, type TEXT, color TEXT, data TEXT NOT NULL);
CREATE INDEX by_begin ON sightings(begin_ns, id, entered_ns, plate, type, color);
CREATE INDEX by_camera ON sightings(camera, begin_ns, id, entered_ns, plate, type, color);
CREATE INDEX by_plate ON sightings(plate, begin_ns, id);
CREATE INDEX by_entered ON sightings(entered_ns);
CREATE TABLE merged(id TEXT PRIMARY KEY, into_id TEXT NOT NULL, entered_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE pictures(sha256 TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY(sha256, id)) WITHOUT ROWID;
CREATE INDEX pictures_by_id ON pictures(id);
CREATE TABLE cameras(camera TEXT PRIMARY KEY, state TEXT NOT NULL, since_ns INTEGER NOT NULL, detail TEXT NOT NULL,
    heard_ns INTEGER NOT NULL, entered_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE statistics(hour_ns INTEGER NOT NULL, camera TEXT NOT NULL, vehicles INTEGER NOT NULL,
    read INTEGER NOT NULL, unread TEXT NOT NULL, frames TEXT NOT NULL, entered_ns INTEGER NOT NULL,
    PRIMARY KEY(hour_ns, camera)) WITHOUT ROWID;
CREATE TABLE taken(key TEXT PRIMARY KEY, entered_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE retention(days REAL NOT NULL)
"""
KIND = Kind("an archive", TABLES, 1, 0x76697361)  # "visa" says whose file it is


def open_to_write(folder: Path, days: float, damage: str = "") -> sqlite3.Connection:
    """The archive of a folder, made if there is none; a damaged one is put aside and a new one begun.

    Args:
        days: how long things are kept; readers respect it, too.
        damage: what is known to be wrong with the one that is there.

    Raises:
        OutputError: it is of another version.
        OSError, sqlite3.Error: it cannot be opened or created now.
    """
    path = folder / NAME
    folder.mkdir(parents=True, exist_ok=True)
    if damage:
        put_aside(path, damage, LOG)
    try:
        connection = prepared(path, KIND, [f"INSERT INTO retention VALUES ({days})"], is_checked=False)
    except sqlite3.DatabaseError as err:
        if damage or not is_damaged(err):
            raise
        return open_to_write(folder, days, str(err))
    try:
        connection.execute("PRAGMA secure_delete=ON")  # what is deleted cannot be read from the file any more
        connection.execute("UPDATE retention SET days = ?", (days,))
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def opened_to_read(folder: Path) -> Iterator[sqlite3.Connection]:
    """The archive of a folder while the body runs.

    Raises:
        ConfigError: there is none.
        OutputError: it is of another version, or cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        raise ConfigError(f"{folder}: expected the folder of a sink of type archive, found no {NAME}")
    try:
        connection = connect_to_read(path)
        try:
            check_kind(connection, path, KIND)
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as err:
        raise OutputError(f"{path}: cannot read: {err}") from err
