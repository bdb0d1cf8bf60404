"""The settings shown in the how-to pages of sinks are settings, and each page's table names all of them."""

import re
import tomllib
from pathlib import Path

import pytest

from vision.sinks.kafka import KafkaSettings
from vision.sinks.mqtt import MqttSettings
from vision.sinks.nats import NatsSettings
from vision.sinks.postgresql import PostgresSettings
from vision.sinks.redis_streams import RedisSettings
from vision.sinks.registry import make_sink
from vision.sinks.server import ServerSettings

PAGES = Path(__file__).parents[2] / "docs" / "how-to"
KINDS: dict[str, type[ServerSettings]] = {
    "kafka": KafkaSettings,
    "mqtt": MqttSettings,
    "nats": NatsSettings,
    "postgresql": PostgresSettings,
    "redis": RedisSettings,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_makes_a_sink(kind: str) -> None:
    text = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", text, re.S)
    (table,) = tomllib.loads(block)["sink"]
    assert table.pop("type") == kind
    make_sink(kind, "out", table).close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_explained(kind: str) -> None:
    text = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
    rows = "".join(re.findall(r"^\| (`[^|]*) \|", text, re.M))
    assert [key for key in KINDS[kind].model_fields if f"`{key}`" not in rows] == []
