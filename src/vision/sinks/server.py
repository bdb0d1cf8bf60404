"""What sinks that talk to a server have in common: login, encryption, the optional library."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr

from vision.errors import ConfigError
from vision.settings import Section

# Not shown in errors: somebody may write an address with a password here.
HOST = r"^[A-Za-z0-9._-]+$|^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$"
Host = Annotated[str, Field(pattern=HOST, repr=False)]
Address = Annotated[str, Field(pattern=r"^[^\s,@/]+:\d{1,5}$")]
Addresses = Annotated[tuple[Address, ...], Field(min_length=1, repr=False)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=600)]


class ServerSettings(Section):
    """Login and encryption of a connection.

    ``tls``: unset encrypts to every host but this machine; the server's certificate is always verified, against
    ``ca_file`` or the authorities that the system trusts. ``cert_file`` and ``key_file`` are our own certificate.
    ``timeout_s`` is for connecting and for one batch.
    """

    user: str | None = None
    password: Annotated[SecretStr | None, Field(repr=False)] = None
    tls: bool | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    timeout_s: Seconds = 10.0

    def check_login(self, name: str) -> None:
        """Say so if there is a password and nobody it belongs to.

        Raises:
            ConfigError: there is.
        """
        if self.user is None and self.password is not None:
            raise ConfigError(f"sink {name!r}: user: expected a value with a password, got none")

    def secret(self) -> str | None:
        """The password."""
        return self.password.get_secret_value() if self.password else None

    def encrypts(self, *hosts: str) -> bool:
        """Whether a connection to these hosts is encrypted."""
        return not all(map(is_loopback, hosts)) if self.tls is None else self.tls

    def context(self, name: str) -> ssl.SSLContext:
        """What an encrypted connection verifies and shows.

        Raises:
            ConfigError: a file cannot be read or is no certificate.
        """
        context = trusting(self.ca_file, f"sink {name!r}")
        if self.cert_file:
            try:
                context.load_cert_chain(self.cert_file, self.key_file)
            except (OSError, ssl.SSLError) as err:
                files = ", ".join(str(f) for f in (self.cert_file, self.key_file) if f)
                raise ConfigError(f"sink {name!r}: cannot read the certificates of {files}: {err}") from err
        return context


def trusting(ca_file: Path | None, label: str) -> ssl.SSLContext:
    """What verifies a server's certificate: the authorities of a file, else those that the system trusts.

    Raises:
        ConfigError: the file cannot be read or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as err:
        raise ConfigError(f"{label}: cannot read the certificates of {ca_file}: {err}") from err


def library(module: str, name: str, extra: str) -> Any:
    """An optional library.

    Raises:
        ConfigError: it is not installed; the text says how to get it.
    """
    try:
        return import_module(module)
    except ImportError as err:
        package = module.partition(".")[0]
        raise ConfigError(
            f"sink {name!r}: expected the library {package}, it is not installed: pip install 'platevision[{extra}]'"
        ) from err


def is_loopback(host: str) -> bool:
    """Whether a host is this machine; a path is a socket file."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.startswith("/")


def short(err: object) -> str:
    """What a library says of an error, in one line of at most 200 letters."""
    text = " ".join(str(err).split()) or type(err).__name__
    return text if len(text) <= 200 else f"{text[:199]}…"


def plate_of(event: Mapping[str, Any]) -> str | None:
    """The plate's text in an event of any type, if it has one."""
    data = event["data"]
    plate = data.get("sighting", data).get("plate")
    return str(plate["text"]) if plate else None
