"""A service that really listens, over an archive that holds a little of everything."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.archive.samples import counts, filled, jpeg, passes, seen, state
from tests.events.samples import sighting
from vision.archive.sink import ArchiveSink
from vision.serve.app import make_app
from vision.serve.audit import Audit
from vision.serve.keys import SCOPES, KeyFile
from vision.serve.server import Place, Server

N_SIGHTINGS = 12


@dataclass
class Service:
    """Where it listens, its folder, a key of each scope, and the sink that goes on filling it."""

    url: str
    folder: Path
    keys: KeyFile
    secrets: dict[str, str]
    sink: ArchiveSink

    def get(self, path: str, scope: str | None = "plates", **query: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.secrets[scope]}"} if scope else {}
        return httpx.get(self.url + path, params=query or None, headers=headers, timeout=30)

    def items(self, path: str, scope: str = "plates", **query: Any) -> list[dict[str, Any]]:
        answer = self.get(path, scope, **query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


@contextmanager
def service(folder: Path, *, rate: int = 10**6, place: Place | None = None) -> Iterator[Service]:
    """A running service on a free port of loopback."""
    everything = [state("gate", 0, "streaming"), *(seen(n, ("gate", "yard")[n % 2]) for n in range(1, N_SIGHTINGS))]
    everything += [counts("gate", 60 * i, 2, 1) for i in range(120)]
    sink = filled(folder, [*everything, passes(sighting(90, text="沪B?1234"), jpeg(90))])
    keys = KeyFile(folder / "keys.json")
    secrets: dict[str, str] = {scope: keys.add(scope, scope, time.time_ns()) for scope in SCOPES}
    app = make_app(folder, keys, Audit(folder / "audit"), rate=rate)
    with Server(app, place or Place("127.0.0.1:0")) as server:
        yield Service(server.url, folder, keys, secrets, sink)
    sink.close()


def noted(running: Service) -> list[dict[str, Any]]:
    files = sorted((running.folder / "audit").iterdir())
    return [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]


def detail(answer: Any, status: int) -> str:
    """What a problem says; fails if it is none."""
    found = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, found["status"], found["type"]) == (status, status, "about:blank")
    return str(found["detail"])
