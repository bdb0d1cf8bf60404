"""SQLite files of ours: how they are opened, changed all or nothing, and put aside when they are damaged."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from vision.errors import OutputError

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Kind(NamedTuple):
    """What a file is: its noun in errors, the statements that make its tables, and the two numbers that mark it."""

    noun: str
    tables: str
    version: int
    application: int


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


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot change anything; another process may write meanwhile.

    Raises:
        sqlite3.Error: it cannot be opened, or is damaged.
    """
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10, isolation_level=None, check_same_thread=False
    )


def prepared(path: Path, kind: Kind, first: Sequence[str] = (), *, is_checked: bool) -> sqlite3.Connection:
    """A connection to a file of a kind, which is made with its tables if there is none.

    Args:
        first: statements for a new file, after its tables are made.
        is_checked: read the whole file for damage, which takes seconds per gigabyte.

    Raises:
        OutputError: another version or another program's file.
        sqlite3.Error: it cannot be opened, or is damaged.
    """
    connection = connect(path, must_exist=False)
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0] if is_checked else "ok"
        if found != "ok":
            err = sqlite3.DatabaseError(found)
            err.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise err
        with transaction(connection):
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in [*kind.tables.split(";"), *first]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={kind.version}")
                connection.execute(f"PRAGMA application_id={kind.application}")
            else:
                check_kind(connection, path, kind)
    except BaseException:
        connection.close()
        raise
    return connection


def check_kind(connection: sqlite3.Connection, path: Path, kind: Kind) -> None:
    """Say so if a file is of another kind.

    Raises:
        OutputError: it is of another version or another program's.
        sqlite3.Error: it cannot be read.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    if (version, owner) != (kind.version, kind.application):
        raise OutputError(f"{path}: expected {kind.noun} of version {kind.version}, got version {version}")


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


def put_aside(path: Path, why: str, log: logging.Logger) -> Path:
    """Rename a damaged database with its side files; returns its new name."""
    aside = path.with_name(f"{path.stem}.damaged-{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 10**9:09d}.db")
    for end in ("", "-wal", "-shm"):
        file = path.with_name(path.name + end)
        if file.exists():
            file.rename(aside.with_name(aside.name + end))
    log.error("%s: damaged (%s): kept as %s, a new one begins", path, why, aside.name)
    return aside
