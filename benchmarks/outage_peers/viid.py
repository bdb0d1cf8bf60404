"""Peers of the sink viid: `vision viid mock`, which notes each vehicle on disk before it answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.outage_peers.peer import Process, free_port

OWN = "34020000001190000001"
MOST_CAMERAS = 100


def device_of(n: int) -> str:
    """The 20 digits of a camera of the drill."""
    return f"3402000000132{n:07d}"


class ViidPeer:
    """The platform to test against as a process of its own.

    A vehicle's id does not say which event it is: its plate does, of which the drill gives each event its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._port, self._process = folder, free_port(), Process()

    def settings(self) -> dict[str, Any]:
        return {
            "type": "viid",
            "url": f"http://127.0.0.1:{self._port}",
            "device_id": OWN,
            "password": "vision",
            "cameras": {f"cam-{n}": device_of(n) for n in range(MOST_CAMERAS)},
        }

    def start(self) -> None:
        command: list[str | Path] = [
            sys.executable, "-m", "vision", "viid", "mock", "--listen", f"127.0.0.1:{self._port}",
            "--log", self._folder / "taken.jsonl", *self._more(),
        ]  # fmt: skip
        self._process.start(command, self._folder / "server.log")

    def _more(self) -> list[str]:
        return []

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.kill()

    def received(self) -> list[tuple[str, str]]:
        found = []
        for line in (self._folder / "taken.jsonl").read_text(encoding="utf-8").splitlines():
            taken = json.loads(line)
            found.append((taken["id"][:20], f"event-of-{int(taken['plate'][2:])}-r{taken['id']}"))
        return found


class CascadePeer(ViidPeer):
    """The same as the upper platform of a cascade: it subscribes when we register, and gets notifications.

    No event is given before the subscription is there: those that nobody wants go nowhere, by design.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._listen, self._state = f"127.0.0.1:{free_port()}", folder / "orders.json"

    def settings(self) -> dict[str, Any]:
        own = {"role": "cascade", "listen": self._listen, "state": str(self._state), "ready_file": str(self._state)}
        return {**super().settings(), **own}

    def _more(self) -> list[str]:
        return ["--subscribe", f"http://{self._listen}"]
