"""Evidence pictures on disk under the SHA-256 of their bytes: the same picture is there once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


class Pictures:
    """A folder of pictures, ``ab/abcdef....jpg``. How often each is needed is counted in the outbox's database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where a picture lies."""
        return self.folder / sha256[:2] / f"{sha256}.jpg"

    def put(self, sha256: str, data: bytes) -> None:
        """Write a picture so that it is on disk, whole, when this returns.

        Raises:
            OSError: it cannot be written; nothing is left of it.
        """
        path = self.path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def get(self, sha256: str) -> bytes:
        """A picture's bytes.

        Raises:
            LookupError: it is not there any more.
        """
        try:
            return self.path(sha256).read_bytes()
        except OSError as err:
            raise LookupError(f"picture {sha256}: {err.strerror}") from err

    def remove(self, sha256: str) -> None:
        """Delete a picture; it may be gone already."""
        self.path(sha256).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[str]:
        """SHA-256 of everything that lies there."""
        return (path.stem for path in self.folder.glob("??/*.jpg"))
