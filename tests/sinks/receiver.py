"""A real HTTP receiver on loopback that answers as it is told, down to the raw bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

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


class Receiver:
    """Listens on 127.0.0.1; ``answer`` makes the raw bytes of the reply, None closes the connection without one."""

    def __init__(self, answer: Callable[[Request], bytes | None] = lambda _: OK) -> None:
        self.answer, self.requests = answer, list[Request]()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/hook"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            try:
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
            except OSError:
                return

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
