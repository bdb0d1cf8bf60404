"""Peer of the sink webhook: an HTTP server that verifies each signature and appends to a file before it answers.

python -m benchmarks.outage_peers.webhook PORT FILE    # the server
"""

from __future__ import annotations

import base64
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.outage_peers.peer import Process, free_port
from standardwebhooks.webhooks import Webhook

SECRET = "whsec_" + base64.b64encode(b"drill" * 6).decode()


class Handler(BaseHTTPRequestHandler):
    """Verifies, writes, answers 204."""

    protocol_version = "HTTP/1.1"
    file = -1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        event = Webhook(SECRET).verify(body, dict(self.headers.items()))
        os.write(self.file, json.dumps([event["partitionkey"], event["id"]]).encode() + b"\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class WebhookPeer:
    """The server below as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port, self._process = folder, free_port(), Process()

    def settings(self) -> dict[str, Any]:
        return {"type": "webhook", "url": f"http://127.0.0.1:{self._port}/", "secrets": [SECRET], "timeout_s": 5}

    def start(self) -> None:
        here = "benchmarks.outage_peers.webhook"
        command: list[str | Path] = [sys.executable, "-m", here, str(self._port), self._folder / "received.jsonl"]
        self._process.start(command, self._folder / "server.log")

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.kill()

    def received(self) -> list[tuple[str, str]]:
        lines = (self._folder / "received.jsonl").read_text(encoding="utf-8").splitlines()
        return [(camera, key) for camera, key in map(json.loads, lines)]


if __name__ == "__main__":
    Handler.file = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
