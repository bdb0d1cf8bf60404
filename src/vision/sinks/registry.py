"""Finds a sink by its type: an entry point of the group ``vision.sinks``, ours and anybody's alike."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from vision.errors import ConfigError
from vision.sinks.protocol import Sink

GROUP = "vision.sinks"


def sink_types() -> list[str]:
    """The types that are installed, sorted."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def make_sink(kind: str, name: str, settings: Mapping[str, Any]) -> Sink:
    """A sink of a type, made by its factory; it does not connect yet.

    Raises:
        ConfigError: there is no such type, a package it needs is missing, or it does not understand its settings.
    """
    found = list(entry_points(group=GROUP, name=kind))
    if not found:
        raise ConfigError(f"sink {name!r}: type: expected one of {', '.join(sink_types())}, got {kind!r}")
    try:
        factory = found[0].load()
    except ImportError as err:
        raise ConfigError(f"sink {name!r}: type {kind}: expected the package {err.name} to be installed") from err
    sink: Sink = factory(name, settings)
    return sink
