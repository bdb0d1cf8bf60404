"""``vision viid mock`` and ``vision viid check``."""

from __future__ import annotations

import ipaddress
import json as json_
import os
import time
from collections.abc import Sequence
from pathlib import Path

from vision.cli import OK
from vision.cli.language import is_chinese
from vision.cli.say import note, out
from vision.cli.viid_words import sentence, verdict
from vision.errors import ConfigError
from vision.sinks.server import trusting
from vision.viid.check import walk
from vision.viid.client import Client
from vision.viid.ids import checked_device
from vision.viid.mock import Mock
from vision.viid.profile import profile_of
from vision.viid.settings import plain_address
from vision.viid.times import zone_of

PASSWORD = "VIID_PASSWORD"
NOT_USABLE = 1


def mock_command(
    listen: str,
    dialect: str,
    user: str | None,
    devices: Sequence[str],
    nonce_s: float | None,
    clock_s: float,
    faults: Sequence[str],
    log: Path | None,
    subscribe: str | None,
    *,
    is_open: bool,
) -> int:
    """Run the platform to test against until Ctrl-C."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"--listen: expected HOST:PORT, got {listen!r}")
    if not is_open and not is_loopback(host):
        raise ConfigError(
            "--listen: expected a loopback address, or --open-to-network: anybody can see the plates then"
        )
    for device in devices:
        checked("--device", device)
    try:
        lower = plain_address(subscribe) if subscribe else ""
    except ValueError as err:
        raise ConfigError(f"--subscribe: {err}") from err
    password = os.environ.get(PASSWORD, "vision")
    mock = Mock(
        host, int(port), dialect=dialect, user=user, password=password, devices=devices, nonce_s=nonce_s,
        clock_s=clock_s, log=log, subscribe=lower,
    )  # fmt: skip
    try:
        for fault in faults:
            name, _, count = fault.partition("=")
            if count and not count.isdecimal():
                raise ConfigError(f"--fault: expected NAME or NAME=COUNT, got {fault!r}")
            mock.fail(name, int(count or 1))
        out(mock.url)
        note(f"按 Ctrl-C 停止;网页 {mock.url}/" if is_chinese() else f"Ctrl-C stops it; the page: {mock.url}/")
        while True:
            time.sleep(3600)
    finally:
        mock.close()


def check_command(
    url: str,
    device: str,
    user: str,
    profile: str,
    zone: str,
    timeout_s: float,
    ca_file: Path | None,
    *,
    send_vehicle: bool,
    as_json: bool,
) -> int:
    """Walk a platform through register .. unregister; return 0 if it can be used."""
    if PASSWORD not in os.environ:
        raise ConfigError(f"password: expected the environment variable {PASSWORD}, it is not set")
    try:
        address, place = plain_address(url), zone_of(zone)
        settings = profile_of(profile, {})
    except ValueError as err:
        raise ConfigError(f"vision viid check: {err}") from err
    client = Client(
        address, checked("--device", device), os.environ[PASSWORD], user=user, profile=settings, timeout_s=timeout_s,
        verify=trusting(ca_file, "--ca-file") if ca_file else True,
    )  # fmt: skip
    is_good, rows = True, []
    try:
        for finding in walk(client, place, send_vehicle=send_vehicle):
            is_good = is_good and finding.mark != "off"
            rows.append({"name": finding.name, "mark": finding.mark, "values": dict(finding.values)})
            if not as_json:
                out(sentence(finding))
    finally:
        client.close()
    if as_json:
        out(json_.dumps({"schema": "vision.viid-check/1", "is_good": is_good, "findings": rows}, ensure_ascii=False))
    else:
        out(verdict(is_good))
    return OK if is_good else NOT_USABLE


def checked(option: str, device: str) -> str:
    """A device id given on the command line.

    Raises:
        ConfigError: it is none.
    """
    try:
        return checked_device(device)
    except ValueError as err:
        raise ConfigError(f"{option}: {err}") from err


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches it."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
