"""The outbox's SQLite file: its tables, how it is opened, and what happens when it is damaged."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vision.errors import OutputError

LOG = logging.getLogger("vision.outbox")
NAME = "outbox.db"
VERSION = 1
APPLICATION = 0x76697364  # "visd": says whose file it is
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

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


def connect(path: Path, *, must_exist: bool = True) -> sqlite3.Connection:
    """A connection in autocommit mode: WAL, every commit on disk before it returns (synchronous=FULL).

    Raises:
        sqlite3.Error: it cannot be opened, or is damaged.
    """
    mode = "rw" if must_exist else "rwc"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=10, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


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
                return prepared(path), None
            except sqlite3.DatabaseError as err:
                if not is_damaged(err):
                    raise
                damage = str(err)
        aside = put_aside(path, damage)
        fresh = prepared(path)
        numbers = salvaged_numbers(aside)
        fresh.executemany("INSERT INTO numbers VALUES (?, ?, ?)", numbers)
        if not numbers:
            LOG.warning("%s: its numbers cannot be read: they begin at 1 again", aside)
        return fresh, aside
    except (OSError, sqlite3.Error) as err:
        raise OutputError(f"{path}: cannot open: {err}") from err


def prepared(path: Path) -> sqlite3.Connection:
    """A checked connection with all tables.

    Raises:
        OutputError: another version or another program's file.
        sqlite3.Error: it cannot be opened, or is damaged.
    """
    connection = connect(path, must_exist=False)
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            err = sqlite3.DatabaseError(found)
            err.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise err
        with transaction(connection):
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            owner = connection.execute("PRAGMA application_id").fetchone()[0]
            is_new = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if is_new:
                for statement in TABLES.split(";"):
                    connection.execute(statement)
                # No seq ever comes twice, also not after a damaged file: an answer never meets another event.
                connection.execute("INSERT INTO sqlite_sequence VALUES ('events', ?)", (time.time_ns(),))
                connection.execute(f"PRAGMA user_version={VERSION}")
                connection.execute(f"PRAGMA application_id={APPLICATION}")
            elif (version, owner) != (VERSION, APPLICATION):
                raise OutputError(f"{path}: expected an outbox of version {VERSION}, got version {version}")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; the lock is taken at the beginning."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_damaged(err: sqlite3.Error) -> bool:
    """Whether an error says that the file is no intact database."""
    return (getattr(err, "sqlite_errorcode", 0) & 0xFF) in DAMAGED


def put_aside(path: Path, why: str) -> Path:
    """Rename a damaged database with its side files; returns its new name."""
    aside = path.with_name(f"{path.stem}.damaged-{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 10**9:09d}.db")
    for end in ("", "-wal", "-shm"):
        file = path.with_name(path.name + end)
        if file.exists():
            file.rename(aside.with_name(aside.name + end))
    LOG.error("%s: damaged (%s): kept as %s, a new one begins", path, why, aside.name)
    return aside


def salvaged_numbers(path: Path) -> list[tuple[str, str, int]]:
    """What can be read of the numbers of a damaged file."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return connection.execute("SELECT sink, camera, last FROM numbers").fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return []
