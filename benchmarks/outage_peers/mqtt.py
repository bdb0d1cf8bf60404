"""Peers of the sink mqtt: mosquitto, and mosquitto_sub, which shares no code with us, as the one who counts."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.outage_peers.peer import Process
from tests.servers.brokers import found, mosquitto

QUIET_S = 5.0  # nothing came for so long: nothing more comes


class MqttPeer:
    """A broker that is ended with SIGTERM, so that it stores what it acknowledged.

    The subscriber asks for QoS 1 in a session that the broker keeps; it runs all the time and connects again by itself.
    """

    def __init__(self, folder: Path) -> None:
        self._server, self._subscriber = mosquitto(), Process()
        self._out = folder / "received.jsonl"

    def settings(self) -> dict[str, Any]:
        return {"type": "mqtt", "host": "127.0.0.1", "port": self._server.port, "timeout_s": 5}

    def start(self) -> None:
        self._server.start()
        if not self._subscriber.is_running:
            program = found("mosquitto_sub")
            address = ["-h", "127.0.0.1", "-p", str(self._server.port)]
            session = ["-i", "drill", "-q", "1", "-c", "-k", "10", "-t", "vision/+/+", "-t", "drill/ready", "-F", "%p"]
            self._subscriber.start([program, *address, *session], self._out)
            self._until_subscribed()

    def _until_subscribed(self) -> None:
        """Publish until a message comes through."""
        address = ["-h", "127.0.0.1", "-p", str(self._server.port)]
        end_s = time.monotonic() + 10
        while "ready" not in self._out.read_text():
            assert time.monotonic() < end_s, "mosquitto_sub does not receive"
            subprocess.run([found("mosquitto_pub"), *address, "-t", "drill/ready", "-m", "ready"], check=True)
            time.sleep(0.2)

    def kill(self) -> None:
        self._server.stop()

    def close(self) -> None:
        self._subscriber.kill()
        self._server.close()

    def received(self) -> list[tuple[str, str]]:
        size, since_s = -1, time.monotonic()
        while time.monotonic() - since_s < QUIET_S:
            if self._out.stat().st_size != size:
                size, since_s = self._out.stat().st_size, time.monotonic()
            time.sleep(0.2)
        lines = [line for line in self._out.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
        return [(event["partitionkey"], event["id"]) for event in map(json.loads, lines)]


class KilledMqttPeer(MqttPeer):
    """The same broker ended with -9. It writes its store once a second: what it acknowledged since then it forgets."""

    def kill(self) -> None:
        self._server.kill()
