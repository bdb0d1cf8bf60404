"""Peers of the sinks redis, nats and postgresql: real servers that tests start as well."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.servers.brokers import Postgres, Server, nats_server, redis_server


class BrokerPeer:
    """A server with what it stored."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def start(self) -> None:
        self.server.start()

    def kill(self) -> None:
        self.server.kill()

    def close(self) -> None:
        self.server.close()


class RedisPeer(BrokerPeer):
    """Redis with a log that is synced at every command."""

    def __init__(self, folder: Path) -> None:
        super().__init__(redis_server())

    def settings(self) -> dict[str, Any]:
        return {"type": "redis", "host": "127.0.0.1", "port": self.server.port, "timeout_s": 5}

    def received(self) -> list[tuple[str, str]]:
        import redis

        with redis.Redis(port=self.server.port, decode_responses=True) as client:
            return [(entry["camera"], entry["key"]) for _, entry in client.xrange("vision:events")]


class NatsPeer(BrokerPeer):
    """NATS with JetStream on disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(nats_server())

    def settings(self) -> dict[str, Any]:
        servers = [f"127.0.0.1:{self.server.port}"]
        return {"type": "nats", "servers": servers, "create_stream": True, "timeout_s": 5}

    def received(self) -> list[tuple[str, str]]:
        import nats

        async def read() -> list[tuple[str, str]]:
            client = await nats.connect(f"nats://127.0.0.1:{self.server.port}")
            js = client.jetstream()
            n = (await js.stream_info("VISION")).state.messages
            got = [await js.get_msg("VISION", seq) for seq in range(1, n + 1)]
            await client.close()
            return [(json.loads(m.data or b"")["partitionkey"], (m.headers or {})["Nats-Msg-Id"]) for m in got]

        return asyncio.run(read())


class PostgresPeer(BrokerPeer):
    """PostgreSQL with fsync."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Postgres())

    def settings(self) -> dict[str, Any]:
        login = {"user": "vision", "password": "secret", "database": "postgres", "create_table": True}
        return {"type": "postgresql", "host": "127.0.0.1", "port": self.server.port, "timeout_s": 5, **login}

    def received(self) -> list[tuple[str, str]]:
        import psycopg

        port = self.server.port
        with psycopg.connect(host="127.0.0.1", port=port, dbname="postgres", user="vision", password="secret") as one:
            return [(c, k) for c, k in one.execute("select camera, key from vision_events order by received, ctid")]
