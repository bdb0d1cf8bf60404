"""Peer of the sink jsonl: a folder. Its outage is that the folder cannot be written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class FolderPeer:
    """The folder stands where a link points; without the link's target being a folder nothing can be written."""

    def __init__(self, folder: Path) -> None:
        self._kept, self._link = folder / "kept", folder / "out"
        self._kept.mkdir()

    def settings(self) -> dict[str, Any]:
        return {"type": "jsonl", "folder": str(self._link / "events"), "max_mb": 0.5}

    def start(self) -> None:
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(self._kept)

    def kill(self) -> None:
        self._link.unlink()
        self._link.write_text("not a folder")

    def close(self) -> None:
        pass

    def received(self) -> list[tuple[str, str]]:
        events = []
        for path in sorted((self._kept / "events").glob("*.jsonl")):
            events += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [(event["partitionkey"], event["id"]) for event in events]
