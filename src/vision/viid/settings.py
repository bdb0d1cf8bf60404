"""The settings of a VIID sink: a ``[[sink]]`` table with ``type = "viid"``, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from vision.errors import ConfigError
from vision.settings import Section
from vision.viid.codes import HEADINGS
from vision.viid.ids import checked_device
from vision.viid.profile import Profile, profile_of
from vision.viid.times import CHINA, zone_of
from vision.viid.vehicle import Device

DeviceId = Annotated[str, BeforeValidator(checked_device)]
OptionalId = Annotated[str, BeforeValidator(lambda v: checked_device(v) if v != "" else v)]


def plain_address(url: str) -> str:
    """The address of a platform.

    Raises:
        ValueError: it is no http address, or holds a password, which belongs elsewhere.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected http://host:port or https://host:port")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("expected an address without user, password and query")
    return url.rstrip("/").removesuffix("/VIID")


def known_zone(text: str) -> str:
    """The name of a time zone."""
    zone_of(text)
    return text


def as_table(value: object) -> object:
    """``gate = "3402..."`` is short for a table with ``device_id``."""
    return {"device_id": value} if isinstance(value, str) else value


class CameraTable(Section):
    """A camera as the platform knows it: ``[sink.cameras.NAME]``."""

    device_id: DeviceId
    tollgate_id: OptionalId = ""
    nearer_heads: Literal[
        "", "east", "west", "south", "north", "northeast", "southwest", "southeast", "northwest"
    ] = ""  # fmt: skip
    lanes: Mapping[str, Annotated[int, Field(ge=0, le=99)]] = {}

    def device(self) -> Device:
        """The same for the mapping."""
        return Device(self.device_id, self.tollgate_id, HEADINGS.get(self.nearer_heads, ""), dict(self.lanes))


class Settings(Section):
    """Everything that one VIID sink needs to know.

    ``role``: device sends vehicles; cascade waits for the upper platform's subscriptions and sends notifications.
    ``follow_clock``: add the platform's measured offset to the times sent. ``picture_url``: where a picture can be
    fetched, with ``{sha256}`` and ``{role}`` in it. ``keepalive_s``, ``clock_s``: seconds between two.
    ``register_wait_s``: after a refused registration the next one comes within so many seconds, at a random moment.
    Cascade: ``listen`` for subscriptions, ``platform_id`` of who may subscribe (empty: anybody who reaches the port),
    ``receive_hosts`` that notifications may go to (the platform's host if empty), ``state``: a file that keeps them.
    """

    url: Annotated[str, AfterValidator(plain_address)]
    device_id: DeviceId
    user: str = ""
    password: Annotated[str, Field(repr=False)]
    role: Literal["device", "cascade"] = "device"
    zone: Annotated[str, AfterValidator(known_zone)] = CHINA
    follow_clock: bool = False
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 5.0
    keepalive_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    clock_s: Annotated[float, Field(gt=0)] = 3600.0
    register_wait_s: Annotated[float, Field(ge=0, le=3600)] = 300.0
    verify: bool = True
    ca_file: str = ""
    picture_url: str = ""
    profile: Profile = Profile()
    cameras: Mapping[str, Annotated[CameraTable, BeforeValidator(as_table)]] = {}
    listen: Annotated[str, Field(pattern=r"^[^:/\s]+:\d{1,5}$")] = "127.0.0.1:7101"
    platform_id: OptionalId = ""
    receive_hosts: tuple[str, ...] = ()
    state: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        ids = [c.device_id for c in self.cameras.values()]
        doubles = sorted({i for i in ids if ids.count(i) > 1})
        if doubles:  # their numbers would meet, and with them the ids of vehicles
            raise ValueError(f"cameras: expected a device id of its own for each, got {doubles[0]} twice")
        return self

    def device_of(self, camera: str) -> Device:
        """The camera as the platform knows it; a camera that is called by its 20 digits needs no table.

        Raises:
            ValueError: nobody said which device it is.
        """
        if camera in self.cameras:
            return self.cameras[camera].device()
        try:
            return Device(checked_device(camera))
        except ValueError:
            raise ValueError(f"cameras: expected a device id for camera {camera!r}, got none") from None

    def hosts(self) -> frozenset[str]:
        """Where notifications may go."""
        return frozenset(self.receive_hosts or (str(urlsplit(self.url).hostname),))

    def address(self) -> tuple[str, int]:
        """Host and port to listen at."""
        host, _, port = self.listen.rpartition(":")
        return host, int(port)


def read_settings(name: str, values: Mapping[str, Any]) -> Settings:
    """The settings of a sink table. ``profile`` is a name, or a table with ``base`` and what differs from it.

    Raises:
        ConfigError: names every key that is unknown or has a wrong value.
    """
    tables = dict(values)
    profile = tables.get("profile", "standard")
    changes = dict(profile) if isinstance(profile, Mapping) else {"base": profile}
    try:
        tables["profile"] = profile_of(str(changes.pop("base", "standard")), changes)
        return Settings.model_validate(tables)
    except ValidationError as err:
        raise ConfigError(f"sink {name!r}: {'; '.join(problem_of(e) for e in err.errors())}") from err
    except ValueError as err:
        raise ConfigError(f"sink {name!r}: {err}") from err


def problem_of(error: Mapping[str, Any]) -> str:
    """One of pydantic's problems as ``key: expected X, got Y``; never with a password."""
    place = ".".join(str(p) for p in error["loc"])
    if error["type"] == "missing":
        return f"{place}: expected a value, got none"
    if error["type"] == "extra_forbidden":
        return f"{place}: unknown key"
    text = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    text = text.replace("String should", "expected to")
    shown = "" if ", got " in text or not place or place in ("password", "url") else f", got {error['input']!r}"
    return f"{place}: {text}{shown}" if place else text
