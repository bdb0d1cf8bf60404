"""Files that are on disk, whole, when the call returns."""

from __future__ import annotations

import os
from pathlib import Path


def write_synced(path: Path, data: bytes) -> None:
    """Write a file that is on disk when this returns; its name is only after `sync_folder`.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Return when the names in a folder are on disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def replace_synced(path: Path, data: bytes) -> None:
    """Write a file in one step, its folder too if there is none: an old file stays until the new one is whole.

    Raises:
        OSError: it cannot be written; nothing half is left under its name.
    """
    is_new = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        write_synced(part, data)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    if is_new:
        sync_folder(path.parent.parent)
