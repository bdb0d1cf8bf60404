"""What the drill needs of a sink's receiver, and how its server's process is started and killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).parent.parent.parent


class Peer(Protocol):
    """A sink's receiver: a real server that is started and killed, and can say what it has."""

    def settings(self) -> dict[str, Any]:
        """The ``[[sink]]`` table without its name."""
        ...

    def start(self) -> None:
        """Start the server, or start it again with what it had."""
        ...

    def kill(self) -> None:
        """Kill it with -9."""
        ...

    def received(self) -> list[tuple[str, str]]:
        """(camera, key) of everything received, in the order of arrival, doubles included."""
        ...


class Process:
    """A child process that is killed with -9."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str | Path], log: Path) -> None:
        """Start it; what it says goes to ``log``."""
        with log.open("ab") as file:
            self._child = subprocess.Popen([str(c) for c in command], stdout=file, stderr=file, cwd=ROOT)

    def kill(self) -> None:
        """Kill it and wait for its end; nothing happens if it does not run."""
        if self._child is not None:
            os.kill(self._child.pid, signal.SIGKILL)
            self._child.wait()
            self._child = None


def free_port() -> int:
    """A TCP port of loopback that nobody uses just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
