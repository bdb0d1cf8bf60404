"""A server that says anything at all: nothing counts as delivered, and no sink raises what it should not raise."""

from __future__ import annotations

import random
import socket
import threading
from typing import Any

import pytest

from tests.sinks.listener import Listener
from tests.sinks.sending import deliveries
from vision.errors import SinkError
from vision.sinks.protocol import Answer
from vision.sinks.registry import make_sink

pytestmark = [
    pytest.mark.usefixtures("nothing_is_left_to_other_tests"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

# What each protocol's server says first, so that garbage also comes where a library already trusts the other side.
BEGINNINGS: dict[str, list[bytes]] = {
    "redis": [b"+OK\r\n", b"-ERR \xff\r\n", b"*3\r\n:1\r\n", b":1\r\n" * 9, b"$-1\r\n" * 9, b"-LOADING x\r\n" * 9,
              b"%1\r\n+server\r\n+redis\r\n", b"*2\r\n:1\r\n:1\r\n" * 9, b"*-1\r\n" * 9],
    "mqtt": [b"\x20\x03\x00\x00\x00", b"\x20\x03\x00\x87\x00", b"\x20\x02\x00\x05", b"\x20\xff\xff\xff\x7f",
             b"\x20\x03\x00\x00\x00\x40\x02\x00\x63", b"\x20\x03\x00\x00\x00\xe0\x01\x8b",
             b"\x20\x06\x00\x00\x03\x21\x00\x00"],
    "nats": [b"INFO {}\r\n", b'INFO {"max_payload": 9}\r\n', b'INFO {"max_payload": "x"}\r\n', b"INFO nothing\r\n",
             b"-ERR 'x'\r\n", b"INFO {}\r\nPONG\r\n", b"INFO {}\r\nPONG\r\nMSG x 1 3\r\nabc\r\n",
             b"INFO []\r\nPONG\r\n"],
    "postgresql": [b"N", b"S", b"E", b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", b"R\0\0\0\x08\0\0\0\x03",
                   b"E\0\0\0\x0cSX\0C57P03\0\0", b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I" b"C\0\0\0\x0bBEGIN\0\0"],
    "kafka": [b"\0\0\0\x04\0\0\0\0", b"\0\0\0\x04\0\0\0\1", b"\x7f\xff\xff\xff", b"\0\0\0\x0a\0\0\0\1\0\x23\0\0\0\0"],
}  # fmt: skip
PLACES: dict[str, dict[str, Any]] = {
    "redis": {"host": "127.0.0.1"},
    "mqtt": {"host": "127.0.0.1", "status_topic": ""},
    "nats": {},
    "postgresql": {"host": "127.0.0.1", "database": "d"},
    "kafka": {},
}


class Garbage(Listener):
    """Says the same to everybody who connects, and then nothing more or good-bye."""

    def __init__(self, said: bytes, *, hangs_up: bool) -> None:
        self._said, self._hangs_up, self._is_over = said, hangs_up, threading.Event()
        super().__init__()

    def talk(self, connection: socket.socket) -> None:
        connection.sendall(self._said)
        if not self._hangs_up:
            self._is_over.wait(60)

    def close(self) -> None:
        self._is_over.set()
        super().close()


def sayings(kind: str) -> list[tuple[bytes, bool]]:
    """What the server says, and whether it hangs up then: each beginning alone and with noise behind it."""
    dice = random.Random(kind)  # not hypothesis: libraries log tracebacks in their threads, which upsets its own
    beginnings = [b"", *BEGINNINGS[kind]]
    tails = [b"", *(dice.randbytes(dice.randint(1, 200)) for _ in range(2))]
    return [(beginning + tail, dice.random() < 0.5) for beginning in beginnings for tail in tails]


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_whatever_a_server_says(kind: str) -> None:
    for said, hangs_up in sayings(kind):
        check(kind, said, hangs_up=hangs_up)


def check(kind: str, said: bytes, *, hangs_up: bool) -> None:
    with Garbage(said, hangs_up=hangs_up) as server:
        address = f"127.0.0.1:{server.port}"
        place = {"servers": [address]} if kind in ("nats", "kafka") else {"port": server.port}
        sink = make_sink(kind, "out", {**PLACES[kind], **place, "timeout_s": 0.2})
        sent = deliveries(2)
        answers, why = [], f"sink 'out': {kind}: "
        try:
            answers = list(sink.send(sent))
        except SinkError as err:
            why = str(err)
        finally:
            sink.close()
    assert why.startswith(f"sink 'out': {kind}: "), said
    assert len(answers) <= len(sent)
    for answer in answers:
        assert isinstance(answer, Answer)
        assert answer.state != "delivered", said
