"""Evidence pictures on disk under the SHA-256 of their bytes: the same picture is there once."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vision.disk.synced import sync_folder, write_synced

SYNCS = 8  # at once
PART = ".part"  # of a picture that is being written


class Pictures:
    """A folder of pictures, ``ab/abcdef....jpg``. How often each is needed is counted in the outbox's database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where a picture lies."""
        return self.folder / sha256[:2] / f"{sha256}.jpg"

    def put(self, pictures: Mapping[str, bytes]) -> None:
        """Write pictures (by SHA-256) so that all are on disk, whole, when this returns; those that are there stay.

        The file system joins what several threads ask it to sync at once, as the database's group commit does.

        Raises:
            OSError: one cannot be written; nothing half is left under its name.
        """
        new = {self.path(sha256): data for sha256, data in pictures.items() if not self.path(sha256).exists()}
        if not new:
            return
        parts = [path.with_suffix(PART) for path in new]
        folders = {path.parent for path in new}
        has_new_folder = not all(folder.exists() for folder in folders)
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(SYNCS) as pool:
                list(pool.map(write_synced, parts, new.values()))
                for part, path in zip(parts, new, strict=True):
                    os.replace(part, path)
                list(pool.map(sync_folder, folders))
            if has_new_folder:
                sync_folder(self.folder)
        except OSError:
            for part in parts:
                part.unlink(missing_ok=True)
            raise

    def get(self, sha256: str) -> bytes:
        """A picture's bytes.

        Raises:
            LookupError: it is not there any more.
            OSError: it is there and cannot be read just now.
        """
        try:
            return self.path(sha256).read_bytes()
        except FileNotFoundError as err:
            raise LookupError(f"picture {sha256}: {err.strerror}") from err

    def remove(self, sha256: str) -> None:
        """Delete a picture; it may be gone already."""
        self.path(sha256).unlink(missing_ok=True)

    def sweep(self, known: Collection[str]) -> None:
        """Delete what nothing refers to, and pieces that a program which was killed left. Not while `put` runs."""
        for path in self.folder.glob("??/*"):
            if path.suffix == PART or (path.suffix == ".jpg" and path.stem not in known):
                path.unlink(missing_ok=True)
