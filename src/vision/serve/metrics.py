"""Metrics of the service and of its archive for Prometheus; those of running cameras are at `vision live --metrics`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from vision.archive.reader import open_archive, size_of
from vision.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

MEDIA_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Counts requests, and looks into the archive when it is asked."""

    def __init__(self, folder: Path) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(ArchiveCollector(folder))
        self._requests = Counter(
            "vision_rest_requests", "Answers by route and status", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "vision_rest_seconds", "Time until the answer began", ["route"], registry=self._registry
        )
        self._plates = Counter(
            "vision_rest_plates", "Plates and pictures told, by key", ["key"], registry=self._registry
        )

    def count(self, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_plates(self, key: str, n: int) -> None:
        """Count plates and pictures that were told."""
        self._plates.labels(key).inc(n)

    def text(self) -> bytes:
        """All metrics as of now."""
        return generate_latest(self._registry)


class ArchiveCollector:
    """Gives the archive's figures to the Prometheus client when it is asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def describe(self) -> list[Metric]:
        """Nothing: the archive is not looked into for being registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All figures; without an archive that can be read only that it cannot be."""
        up = GaugeMetricFamily("vision_archive_up", "1 while the archive can be read")
        kept = GaugeMetricFamily("vision_archive_sightings", "Sightings that are kept")
        size = GaugeMetricFamily("vision_archive_bytes", "Size of the database, without pictures")
        heard = GaugeMetricFamily(
            "vision_archive_heard_timestamp_seconds", "Time of a camera's newest event", labels=["camera"]
        )
        try:
            with open_archive(self._folder) as archive:
                kept.add_metric([], archive.n_sightings())
                size.add_metric([], size_of(self._folder))
                for row in archive.cameras():
                    heard.add_metric([row.camera], row.heard_ns / 1e9)
                up.add_metric([], 1)
        except (ConfigError, OutputError, TimeoutError):
            up.add_metric([], 0)
        yield from (up, kept, size, heard)
