"""What the drill needs of a sink's receiver, and how its server's process is started and killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
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
        """Kill it with -9, or take it away in the way that the peer's class names."""
        ...

    def close(self) -> None:
        """End everything that still runs and remove what it stored."""
        ...

    def received(self) -> list[tuple[str, str]]:
        """(camera, key) of everything received, in the order of arrival, doubles included."""
        ...


class Process:
    """A child process that is killed with -9."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and not killed."""
        return self._child is not None

    def start(self, command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None) -> None:
        """Start it; what it says goes to ``log``."""
        with log.open("ab") as file:
            self._child = subprocess.Popen([str(c) for c in command], stdout=file, stderr=file, cwd=ROOT, env=env)

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


def wait_for_port(port: int, timeout_s: float = 20.0) -> None:
    """Return when somebody listens on a port of loopback."""
    end_s = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.1)
