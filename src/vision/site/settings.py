"""A site: its cameras and their settings, read from TOML; cameras inherit from `[defaults]`, every bad key is named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from vision.errors import ConfigError
from vision.match.settings import WatchlistSettings
from vision.pipeline.config import ModelsConfig, Seconds, StreamConfig, read_toml
from vision.settings import Section, expanded, parse, wrong


class CameraSettings(StreamConfig):
    """One camera: where its video comes from, how it is treated, and the settings of its stream."""

    id: Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")]
    url: Annotated[str, Field(repr=False)]
    main_url: Annotated[str | None, Field(repr=False)] = None
    transport: Literal["tcp", "udp"] = "tcp"
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 5.0
    first_wait_s: Annotated[float, Field(gt=0)] = 0.5
    longest_wait_s: Annotated[float, Field(gt=0)] = 30.0
    queue: Annotated[int, Field(ge=1, le=256)] = 8
    priority: Annotated[int, Field(ge=0, le=9)] = 0
    fps: Annotated[float, Field(gt=0)] | None = None
    quiet_s: Seconds = 4.0
    early: bool = False

    @model_validator(mode="after")
    def _rests_within_quiet(self) -> Self:
        if self.decode.rest and self.quiet_s < 4:  # a resting camera gives a frame every three seconds
            raise wrong(f"quiet_s: expected at least 4 with decode.rest, got {self.quiet_s:g}")
        return self

    def source(self) -> tuple[object, ...]:
        """What a change of needs a new connection."""
        names = ("url", "main_url", "transport", "timeout_s", "first_wait_s", "longest_wait_s")
        return *(getattr(self, n) for n in names), self.decode.device


class OutboxSettings(Section):
    """How much waits for sinks that are away: what is older, and the oldest of what is more, is dropped and counted."""

    max_age_h: Annotated[float, Field(gt=0)] = 168.0
    max_gb: Annotated[float, Field(gt=0)] = 10.0


EventName = Literal["sighting.early", "sighting.final", "watchlist.match", "camera.status", "statistics"]


class SinkSettings(Section):
    """A sink: what the outbox needs to know of it; ``settings`` are those of its type, checked by its factory.

    ``events``: the types that it wants; none named: all.
    """

    name: Annotated[str, Field(pattern=r"^[\w-]{1,64}$")]
    type: str
    events: tuple[EventName, ...] = ()
    batch: Annotated[int, Field(ge=1, le=10_000)] = 100
    first_wait_s: Annotated[float, Field(gt=0)] = 1.0
    longest_wait_s: Annotated[float, Field(gt=0)] = 300.0
    max_attempts: Annotated[int, Field(ge=1)] = 20
    settings: Annotated[dict[str, Any], Field(default_factory=dict, repr=False)]


class SiteHead(Section):
    """What a site file says beside its cameras and sinks.

    ``workers``: threads that run the networks, 0: one per core. ``models`` are shared by all cameras. ``name`` and
    ``purpose`` (what the data are collected for) stand in every event.
    ``statistics_s``: seconds between two statistics events of a camera. ``watchlist``: what all cameras look for.
    """

    workers: Annotated[int, Field(ge=0, le=256)] = 0
    models: ModelsConfig = ModelsConfig(threads=1)
    name: Annotated[str, Field(min_length=1)] = "site"
    purpose: str = ""
    statistics_s: Annotated[float, Field(ge=1)] = 60.0
    outbox: OutboxSettings = OutboxSettings()
    watchlist: tuple[WatchlistSettings, ...] = ()


class SiteSettings(SiteHead):
    """All settings of a site."""

    cameras: tuple[CameraSettings, ...] = ()
    sinks: tuple[SinkSettings, ...] = ()


def load_site(path: str | Path) -> SiteSettings:
    """The site in a TOML file.

    Raises:
        ConfigError: the file cannot be read, is no TOML, or has an unknown key or a wrong value.
    """
    values = read_toml(path)
    return parse_site({"name": Path(path).stem, **values}, str(path))


def parse_site(values: Mapping[str, Any], name: str = "site") -> SiteSettings:
    """A site from plain tables: those of `SiteHead`, ``defaults``, a list of ``camera`` and one of ``sink``.

    Raises:
        ConfigError: names every key of the first part that is wrong; two cameras have the same id; there is none; the
            same for sinks, of which there may be none.
    """
    head = {key: value for key, value in values.items() if key not in ("camera", "defaults", "sink")}
    given, cameras = values.get("defaults", {}), values.get("camera", [])
    if not isinstance(given, dict):
        raise ConfigError(f"{name}: defaults: expected a table, got {given!r}")
    if not isinstance(cameras, list) or not cameras or not all(isinstance(c, dict) for c in cameras):
        raise ConfigError(f"{name}: camera: expected one [[camera]] table or more, got {cameras!r}")
    if "models" in head and isinstance(head["models"], dict):
        head["models"] = {"threads": 1, **head["models"]}
    site = parse(SiteHead, head, name)
    settings, ids = [], set()
    for i, camera in enumerate(cameras, 1):
        label = f"{name}: camera {camera.get('id', i)!r}"
        values_ = merged(given, camera)
        for key in ("url", "main_url"):
            if isinstance(values_.get(key), str):
                values_[key] = expanded(values_[key], f"{label}: {key}")
        settings.append(parse(CameraSettings, values_, label))
        if settings[-1].id in ids:
            raise ConfigError(f"{label}: id: expected one that no other camera has")
        ids.add(settings[-1].id)
    sinks = parse_sinks(values.get("sink", []), name)
    if sinks and not site.purpose.strip():
        raise ConfigError(f"{name}: purpose: expected what the data are collected for (every event says it), got none")
    return SiteSettings(
        **{key: getattr(site, key) for key in SiteHead.model_fields}, cameras=tuple(settings), sinks=sinks
    )


def parse_sinks(tables: Any, name: str) -> tuple[SinkSettings, ...]:
    """Sinks from plain tables; what is not a key of every sink is left to its type.

    Raises:
        ConfigError: a key of every sink is wrong, or two sinks have the same name.
    """
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise ConfigError(f"{name}: sink: expected [[sink]] tables, got {type(tables).__name__}")
    sinks: list[SinkSettings] = []
    for i, table in enumerate(tables, 1):
        label = f"{name}: sink {table.get('name', table.get('type', i))!r}"
        common = {key: value for key, value in table.items() if key in SinkSettings.model_fields and key != "settings"}
        own = {key: value for key, value in table.items() if key not in common}
        sink = parse(SinkSettings, {"name": table.get("type"), **common, "settings": expanded(own, label)}, label)
        if any(sink.name == other.name for other in sinks):
            raise ConfigError(f"{label}: name: expected one that no other sink has")
        sinks.append(sink)
    return tuple(sinks)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``, table by table."""
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out
