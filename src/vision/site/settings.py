"""A site: its cameras and their settings, read from TOML; cameras inherit from `[defaults]`, every bad key is named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from vision.errors import ConfigError
from vision.pipeline.config import ModelsConfig, Seconds, StreamConfig, read_toml
from vision.settings import Section, expanded, parse


class CameraSettings(StreamConfig):
    """One camera: where its video comes from, how it is treated, and the settings of its stream."""

    id: Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")]
    url: Annotated[str, Field(repr=False)]
    transport: Literal["tcp", "udp"] = "tcp"
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 5.0
    first_wait_s: Annotated[float, Field(gt=0)] = 0.5
    longest_wait_s: Annotated[float, Field(gt=0)] = 30.0
    queue: Annotated[int, Field(ge=1, le=256)] = 8
    priority: Annotated[int, Field(ge=0, le=9)] = 0
    fps: Annotated[float, Field(gt=0)] | None = None
    quiet_s: Seconds = 4.0

    def source(self) -> tuple[object, ...]:
        """What a change of needs a new connection."""
        names = ("url", "transport", "timeout_s", "first_wait_s", "longest_wait_s")
        return *(getattr(self, n) for n in names), self.decode.device


class SiteHead(Section):
    """What a site file says beside its cameras."""

    workers: Annotated[int, Field(ge=0, le=256)] = 0
    models: ModelsConfig = ModelsConfig(threads=1)


class SiteSettings(Section):
    """All settings of a site.

    ``workers``: threads that run the networks, 0: one per core. ``models`` are shared by all cameras.
    """

    workers: int = 0
    models: ModelsConfig = ModelsConfig(threads=1)
    cameras: tuple[CameraSettings, ...] = ()


def load_site(path: str | Path) -> SiteSettings:
    """The site in a TOML file.

    Raises:
        ConfigError: the file cannot be read, is no TOML, or has an unknown key or a wrong value.
    """
    return parse_site(read_toml(path), str(path))


def parse_site(values: Mapping[str, Any], name: str = "site") -> SiteSettings:
    """A site from plain tables: ``workers``, ``models``, ``defaults`` and a list of ``camera``.

    Raises:
        ConfigError: names every key of the first part that is wrong; two cameras have the same id; there is none.
    """
    head = {key: value for key, value in values.items() if key not in ("camera", "defaults")}
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
        if isinstance(values_.get("url"), str):
            values_["url"] = expanded(values_["url"], f"{label}: url")
        settings.append(parse(CameraSettings, values_, label))
        if settings[-1].id in ids:
            raise ConfigError(f"{label}: id: expected one that no other camera has")
        ids.add(settings[-1].id)
    return SiteSettings(workers=site.workers, models=site.models, cameras=tuple(settings))


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``, table by table."""
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out
