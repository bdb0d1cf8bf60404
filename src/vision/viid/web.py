"""A small HTTP server of the standard library: one function turns a request into a response."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from vision.errors import SinkError

LOG = logging.getLogger("vision.viid")
LARGEST_BODY = 64 * 1024 * 1024
MOST_CONNECTIONS = 200  # each has a thread
IDLE_S = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """What came in; ``target`` is the raw text after the method, ``peer`` the other side's address."""

    method: str
    target: str
    headers: Message
    body: bytes
    peer: str

    @property
    def path(self) -> str:
        """The path without its query and without a slash at its end."""
        return unquote(urlsplit(self.target).path).rstrip("/") or "/"

    @property
    def query(self) -> dict[str, str]:
        """The query's values; of a name that comes twice, the last."""
        return dict(parse_qsl(urlsplit(self.target).query))


@dataclass(frozen=True, slots=True)
class Response:
    """What goes out. ``hang_up`` closes the connection without a word, after ``delay_s``."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    hang_up: bool = False


class Server(ThreadingHTTPServer):
    """Knows its connections, so that those kept alive can be cut off."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(address, handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for one more connection."""
        return len(self.open) < MOST_CONNECTIONS

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note the connection and serve it."""
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self.open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        """End every connection."""
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class WebServer:
    """Serves until it is closed.

    Args:
        host, port: where to listen; port 0 takes a free one.
        answer: called from several threads at once; a mistake in it is logged and answered with 500.
        largest_body: bytes; what is larger is answered with 413.

    Raises:
        SinkError: the port is taken or the address is not ours.
    """

    def __init__(
        self, host: str, port: int, answer: Callable[[Request], Response], *, largest_body: int = LARGEST_BODY
    ) -> None:
        self._stop = threading.Event()
        try:
            self._server = Server((host, port), handler_of(answer, self._stop, largest_body))
        except OSError as err:
            raise SinkError(f"{host}:{port}: cannot listen: {err.strerror or err}") from err
        self.host, self.port = host, self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="viid-web", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """``http://host:port``."""
        return f"http://{self.host}:{self.port}"

    def close(self) -> None:
        """Stop listening and cut every connection off."""
        self._stop.set()
        self._server.shutdown()
        self._server.cut()
        self._server.server_close()
        self._thread.join(5)


def handler_of(
    answer: Callable[[Request], Response], stop: threading.Event, largest_body: int
) -> type[BaseHTTPRequestHandler]:
    """What reads one request and writes its response."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = IDLE_S
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:  # the other side went away
                self.close_connection = True

        def serve(self) -> None:
            try:
                length = int(self.headers.get("Content-Length") or 0)
            except ValueError:
                length = -1
            if not 0 <= length <= largest_body:
                self.close_connection = True
                self.write(Response(413))
                return
            body = self.rfile.read(length)
            request = Request(self.command, self.path, self.headers, body, self.client_address[0])
            try:
                response = answer(request)
            except Exception:  # a mistake of ours is no reason to leave the other side without an answer
                LOG.exception("%s %s", self.command, request.path)
                response = Response(500)
            stop.wait(response.delay_s)
            if response.hang_up:
                self.close_connection = True
                return
            self.write(response)

        def write(self, response: Response) -> None:
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)

        do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler
