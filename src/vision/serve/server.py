"""Listens: on loopback, or elsewhere with TLS; runs the service with uvicorn."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn

from vision.errors import ConfigError, OutputError

START_S = 30.0
STOP_S = 5  # so long answers that are under way may take when it is stopped
CONNECTIONS = 200  # at once; more are answered 503


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen: ``HOST:PORT``, port 0 for a free one.

    ``is_plain``: allow an address that others reach without TLS.

    Raises:
        ConfigError: it is no such address, others reach it without TLS, or a certificate cannot be used.
    """

    address: str = "127.0.0.1:7300"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    is_plain: bool = False

    def __post_init__(self) -> None:
        host, _, port = self.address.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            raise ConfigError(f"--listen: expected HOST:PORT, got {self.address!r}")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("--tls-cert: expected together with --tls-key, got one of them")
        if self.tls_cert is None and not self.is_plain and not is_loopback(self.host):
            raise ConfigError(
                f"--listen: expected a loopback address, or --tls-cert and --tls-key, or --plain-http: "
                f"keys and plates would cross the network for all to read, got {self.address!r}"
            )
        if self.tls_cert is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.tls_cert, self.tls_key)
            except (OSError, ssl.SSLError) as err:
                raise ConfigError(f"--tls-cert: cannot use {self.tls_cert} and {self.tls_key}: {err}") from err

    @property
    def host(self) -> str:
        """The host alone."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port alone."""
        return int(self.address.rpartition(":")[2])


class Server:
    """A service that listens from when it is made until it is closed.

    Raises:
        OutputError: the port is taken or the address is not ours.
    """

    def __init__(self, app: Any, place: Place) -> None:
        family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        # Named as TCP: asyncio turns off Nagle's algorithm for such alone, which holds back small answers by 40 ms.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((place.host, place.port))
            self._socket.listen(CONNECTIONS)
        except OSError as err:
            self._socket.close()
            raise OutputError(f"--listen: {place.address}: cannot listen: {err.strerror or err}") from err
        host, port = self._socket.getsockname()[:2]
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        self.url = f"{'https' if place.tls_cert else 'http'}://{shown}:{port}"
        config = uvicorn.Config(
            app,
            ssl_certfile=place.tls_cert,
            ssl_keyfile=place.tls_key,
            log_config=None,  # a line per request would hold the plate that was asked for
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=STOP_S,
        )
        self._uvicorn = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Serve in this thread until SIGINT or SIGTERM, which is raised again then."""
        self._uvicorn.run([self._socket])

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name="rest", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; answers that are under way are finished."""
        self._uvicorn.should_exit = True
        if self._thread is not None:
            self._thread.join(START_S)
        self._socket.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches it."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
