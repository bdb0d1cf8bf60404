"""``vision outbox``: looks into the outbox of a site, also while it runs, and puts back or gives up what is in it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vision.cli import OK
from vision.cli.say import note
from vision.cli.say import out as say_out
from vision.disk.database import connect, transaction
from vision.errors import ConfigError, OutputError
from vision.events.times import milliseconds_text
from vision.outbox.database import KIND, NAME
from vision.outbox.store import Row, Store
from vision.sinks.lines import LineFile


@contextmanager
def opened(folder: Path) -> Iterator[tuple[sqlite3.Connection, Store]]:
    """The outbox in a site's folder.

    Raises:
        ConfigError: there is none.
        OutputError: it cannot be read or written.
    """
    path = next((p for p in (folder / "outbox" / NAME, folder / NAME) if p.is_file()), None)
    if path is None:
        raise ConfigError(f"{folder}: expected a folder of `vision live` with an outbox, found none")
    try:
        connection = connect(path)
        try:
            found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")]
            if found != [KIND.version, KIND.application]:
                raise ConfigError(f"{path}: expected an outbox of version {KIND.version}, got version {found[0]}")
            yield connection, Store(connection)
        finally:
            connection.close()
    except sqlite3.Error as err:
        raise OutputError(f"{path}: cannot use: {err}") from err


def ls_command(folder: Path, sink: str | None, limit: int, *, is_dead: bool, as_json: bool) -> int:
    """List deliveries, and the totals of each sink."""
    with opened(folder) as (_, store):
        rows = store.rows(state(is_dead), sink, limit=limit)
        figures = {name: dict(counts) for name, counts in store.figures().items() if sink in (None, name)}
    if as_json:
        say_out(json.dumps({"schema": "vision.outbox/1", "sinks": figures, "rows": [plain(r) for r in rows]}))
        return OK
    for name, counts in figures.items():
        say_out(f"{name}: " + ", ".join(f"{n} {word.replace('_', ' ')}" for word, n in sorted(counts.items())))
    for row in rows:  # whole lines, not a table that is cut: keys are copied from here
        tries = f"{row.attempts} tries" + (f": {' '.join(row.detail.split())}" if row.detail else "")
        say_out(f"{milliseconds_text(row.entered_ns)}  {row.sink}  {row.key}  {tries}")
    return OK


def requeue_command(folder: Path, sink: str | None, keys: Sequence[str]) -> int:
    """Send dead letters again."""
    with opened(folder) as (connection, store), transaction(connection):
        n = store.requeue(store.rows("dead", sink, keys))
    note(f"{n} dead letters wait again")
    return OK


def export_command(folder: Path, out: Path, sink: str | None, keys: Sequence[str], *, is_dead: bool) -> int:
    """Write events to a new file."""
    with opened(folder) as (_, store):
        rows = store.rows(state(is_dead), sink, keys)
    file = LineFile(out)
    try:
        for row in rows:
            file.write(json.dumps({**plain(row), "event": json.loads(row.body)}, ensure_ascii=False).encode() + b"\n")
    finally:
        file.close()
    note(f"{len(rows)} events  ->  {out}")
    return OK


def purge_command(folder: Path, sink: str | None, keys: Sequence[str], *, is_dead: bool, is_meant: bool) -> int:
    """Give up deliveries."""
    with opened(folder) as (connection, store), transaction(connection):
        rows = store.rows(state(is_dead), sink, keys)
        if not is_meant:
            note(f"{len(rows)} would be given up; --yes does it")
            return OK
        n = store.drop(rows, "purge")
    note(f"{n} given up")
    return OK


def state(is_dead: bool) -> str:
    """Which rows are meant."""
    return "dead" if is_dead else "waiting"


def plain(row: Row) -> dict[str, Any]:
    """A row as plain JSON, without its event."""
    return {
        "sink": row.sink,
        "state": row.state,
        "key": row.key,
        "camera": row.camera,
        "type": row.type,
        "entered": milliseconds_text(row.entered_ns),
        "number": row.number,
        "attempts": row.attempts,
        "detail": row.detail,
    }
