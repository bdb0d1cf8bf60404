"""A real HTTP receiver on loopback that answers as it is told, down to the raw bytes."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from tests.sinks.listener import Listener

OK = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True)
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


def reply(status: int, *headers: str, body: bytes = b"") -> bytes:
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    if status // 100 != 2:  # `Receiver` hangs up then
        head.append("Connection: close")
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


class Receiver(Listener):
    """``answer`` makes the raw bytes of the reply, None closes the connection without one."""

    def __init__(self, answer: Callable[[Request], bytes | None] = lambda _: OK) -> None:
        self.answer, self.requests = answer, list[Request]()
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def talk(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as file:
            while line := file.readline().decode("latin-1").strip():
                headers = {}
                while field := file.readline().decode("latin-1").strip():
                    name, _, value = field.partition(":")
                    headers[name.lower()] = value.strip()
                request = Request(line, headers, file.read(int(headers.get("content-length", 0))))
                self.requests.append(request)
                raw = self.answer(request)
                if raw is None:
                    return
                connection.sendall(raw)
                if not raw.startswith(b"HTTP/1.1 2"):
                    return
