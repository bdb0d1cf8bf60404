"""What sinks with a server share: logins, encryption, missing libraries."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.events.samples import one_of_each
from tests.sinks.sending import delivery_of
from vision.errors import ConfigError
from vision.sinks.registry import make_sink
from vision.sinks.server import ServerSettings, is_loopback, plate_of, short

SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "kafka": ("confluent_kafka", {"servers": ["127.0.0.1:1"]}),
    "mqtt": ("paho.mqtt.client", {"host": "127.0.0.1"}),
    "redis": ("redis", {"host": "127.0.0.1"}),
    "nats": ("nats", {"servers": ["127.0.0.1:1"]}),
    "postgresql": ("psycopg", {"host": "127.0.0.1", "database": "d"}),
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_sink_is_found_by_its_type_and_connects_later(kind: str) -> None:
    sink = make_sink(kind, "out", SETTINGS[kind][1])
    sink.close()


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_missing_library_names_the_extra(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, settings = SETTINGS[kind]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"sink 'out': expected the library .*'platevision\[{kind}\]'$"):
        make_sink(kind, "out", settings)


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_certificate_that_cannot_be_read(kind: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing\n")
    with pytest.raises(ConfigError, match=r"sink 'out': cannot read the certificates of .*ca\.pem"):
        make_sink(kind, "out", {**SETTINGS[kind][1], "tls": True, "ca_file": str(tmp_path / "ca.pem")})


def test_only_this_machine_is_spoken_to_in_plain_text() -> None:
    assert [is_loopback(h) for h in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "/run/postgresql")] == [True] * 5
    assert not any(is_loopback(h) for h in ("10.0.0.1", "db.example", "localhost.example", "::2"))
    settings = ServerSettings()
    assert settings.encrypts("127.0.0.1", "db.example")
    assert not settings.encrypts("127.0.0.1", "::1")
    assert not ServerSettings(tls=False).encrypts("db.example")
    assert ServerSettings(tls=True).encrypts("127.0.0.1")


def test_the_certificate_is_verified_with_the_name() -> None:
    context = ServerSettings().context("out")
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_plates_of_all_types() -> None:
    assert [plate_of(delivery_of(e).event) for e in one_of_each()] == ["京A12345"] * 3 + [None] * 2


def test_short_details() -> None:
    assert short(ValueError("a\n  b")) == "a b"
    assert short(ValueError()) == "ValueError"
    assert len(short("x" * 500)) == 200
