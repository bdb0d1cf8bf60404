"""How a site is: a snapshot for people, metrics for Prometheus, and the small HTTP server that gives both."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from vision.errors import ConfigError, OutputError
from vision.events.mask import masked
from vision.outbox.outbox import Outbox
from vision.site.camera import Camera
from vision.site.site import Site

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

DROPS = ("skipped", "dropped_queue", "dropped_stop", "failed")


class Rates:
    """Frames a second of each camera since it was last asked, at first since the site began to be watched."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._last: dict[str, tuple[float, int, int]] = {}

    def of(self, camera: Camera) -> tuple[float, float]:
        """Received and processed frames a second."""
        now, counts = time.monotonic(), camera.counts
        before = self._last.get(camera.id, (self._began_s, 0, 0))
        took = now - before[0]
        if took >= 1 or camera.id not in self._last:
            self._last[camera.id] = (now, counts.received, counts.processed)
        if took <= 0:
            return 0.0, 0.0
        return (counts.received - before[1]) / took, (counts.processed - before[2]) / took


def snapshot(site: Site, rates: Rates, *, show_plates: bool = False, outbox: Outbox | None = None) -> dict[str, Any]:
    """The site, its cameras and its sinks as plain JSON; plates are masked unless ``show_plates``."""
    cameras = []
    for camera in list(site.cameras.values()):
        counts, status = camera.counts, camera.status
        received, processed = rates.of(camera)
        cameras.append(
            {
                "id": camera.id,
                "state": status.state if status else "starting",
                "since_s": round((time.time_ns() - status.time_ns) / 1e9, 1) if status else None,
                "detail": status.detail if status else "",
                "fps_in": round(received, 1),
                "fps": round(processed, 1),
                "waiting": len(camera.waiting),
                "counts": asdict(counts),
                "latency_ms": {p: round(1e3 * camera.latency.percentile(p), 1) for p in (50, 99)},
                "read_rate": round(counts.read / counts.vehicles, 4) if counts.vehicles else None,
                "last_plate": camera.last_plate if show_plates else masked(camera.last_plate),
            }
        )
    return {
        "schema": "vision.site/1",
        "started_s": round((time.time_ns() - site.started_ns) / 1e9, 1),
        "stretch": round(site.governor.stretch, 2),
        "cameras": cameras,
        "watchlists": [{"name": w.name, "entries": len(w), "trouble": w.trouble} for w in site.watchlists],
        "sinks": [{"name": name, **figures} for name, figures in outbox.figures().items()] if outbox else [],
        "outbox": {"trouble": outbox.trouble, "lost": outbox.lost, **outbox.counts} if outbox else None,
    }


class SiteCollector:
    """Gives a site's counters to the Prometheus client when it is asked."""

    def __init__(self, site: Site, outbox: Outbox | None = None) -> None:
        self._site, self._outbox = site, outbox

    def collect(self) -> Iterator[Metric]:
        """All metrics as of now."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily

        frames = CounterMetricFamily("vision_frames", "Frames by what became of them", labels=["camera", "fate"])
        vehicles = CounterMetricFamily("vision_sightings", "Vehicle passes", labels=["camera", "is_read"])
        up = GaugeMetricFamily("vision_camera_streaming", "1 while frames come", labels=["camera"])
        waiting = GaugeMetricFamily("vision_frames_waiting", "Frames in the queue", labels=["camera"])
        flushes = CounterMetricFamily("vision_flushes", "Times all open sightings were closed", labels=["camera"])
        lost = CounterMetricFamily("vision_lost_flushes", "Times that open sightings got lost", labels=["camera"])
        early = CounterMetricFamily("vision_early_sightings", "Early sightings", labels=["camera"])
        alone = CounterMetricFamily("vision_frames_without_main", "Frames without main stream", labels=["camera"])
        matches = CounterMetricFamily(
            "vision_matches", "Alarms of watch-lists by their end", labels=["camera", "state"]
        )
        listed = GaugeMetricFamily("vision_watchlist_entries", "Entries of a watch-list in use", labels=["watchlist"])
        stale = GaugeMetricFamily("vision_watchlist_stale", "1: its file as it is now is wrong", labels=["watchlist"])
        late = SummaryMetricFamily("vision_latency_seconds", "From capture to result", labels=["camera"])
        for camera in list(self._site.cameras.values()):
            counts, name = camera.counts, camera.id
            for fate in ("processed", *DROPS, "undecoded"):
                frames.add_metric([name, fate], getattr(counts, fate))
            vehicles.add_metric([name, "yes"], counts.read)
            vehicles.add_metric([name, "no"], counts.vehicles - counts.read)
            up.add_metric([name], float(camera.status is not None and camera.status.state == "streaming"))
            waiting.add_metric([name], len(camera.waiting))
            flushes.add_metric([name], counts.flushes)
            lost.add_metric([name], counts.lost_flushes)
            early.add_metric([name], counts.early)
            alone.add_metric([name], counts.without_main)
            matches.add_metric([name, "confirmed"], counts.matches)
            matches.add_metric([name, "withdrawn"], counts.withdrawn)
            late.add_metric([name], camera.latency.n, camera.latency.total_s)
        stretch = GaugeMetricFamily("vision_stretch", "How much less often than wanted streams are looked at")
        stretch.add_metric([], self._site.governor.stretch)
        for watchlist in self._site.watchlists:
            listed.add_metric([watchlist.name], len(watchlist))
            stale.add_metric([watchlist.name], float(bool(watchlist.trouble)))
        yield from (frames, vehicles, up, waiting, flushes, lost, early, alone, late, stretch, matches, listed, stale)
        if self._outbox is not None:
            yield from outbox_metrics(self._outbox)


def outbox_metrics(outbox: Outbox) -> Iterator[Metric]:
    """Metrics of the outbox and its sinks."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    depth = GaugeMetricFamily("vision_outbox_waiting", "Events that a sink does not have yet", labels=["sink"])
    dead = GaugeMetricFamily("vision_outbox_dead", "Dead letters", labels=["sink"])
    done = CounterMetricFamily("vision_outbox_delivered", "Events that a sink has", labels=["sink"])
    dropped = CounterMetricFamily("vision_outbox_dropped", "Events that were given up", labels=["sink", "why"])
    tries = CounterMetricFamily("vision_outbox_retries", "Answers of later, and outages", labels=["sink", "kind"])
    for name, figures in outbox.figures().items():
        depth.add_metric([name], figures["waiting"])
        dead.add_metric([name], figures["dead"])
        done.add_metric([name], figures["delivered"])
        for why, n in figures["dropped"].items():
            dropped.add_metric([name, why], n)
        for kind in ("retries", "outages", "errors"):
            tries.add_metric([name, kind], figures[kind])
    lost = CounterMetricFamily("vision_outbox_lost", "Events that never got to disk")
    lost.add_metric([], outbox.lost)
    yield from (depth, dead, done, dropped, tries, lost)


class QuietHandler(WSGIRequestHandler):
    """Writes no line per request."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class Server(ThreadingMixIn, WSGIServer):
    """One thread per request, none kept."""

    daemon_threads = True


class Monitor:
    """``/metrics`` (Prometheus), ``/status`` (JSON) and ``/healthz`` over HTTP.

    Args:
        site: what is watched.
        address: ``HOST:PORT``; port 0 takes a free one.
        show_plates: whether ``/status`` shows the last plate of each camera.
        outbox: where the site's events go, if anywhere.

    Raises:
        ConfigError: the address is no ``HOST:PORT``.
        OutputError: the port is taken, or the Prometheus client is not installed.
    """

    def __init__(self, site: Site, address: str, *, show_plates: bool = False, outbox: Outbox | None = None) -> None:
        try:
            from prometheus_client import CollectorRegistry, make_wsgi_app
        except ImportError as err:
            raise OutputError("--metrics: prometheus-client is missing: pip install 'platevision[metrics]'") from err
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ConfigError(f"--metrics: expected HOST:PORT, got {address!r}")
        registry = CollectorRegistry()
        registry.register(SiteCollector(site, outbox))
        self._metrics: Callable[[dict[str, Any], Any], Iterable[bytes]] = make_wsgi_app(registry)
        self._site, self._rates, self._show_plates, self._outbox = site, Rates(), show_plates, outbox
        try:
            self._server = make_server(host, int(port), self._answer, Server, QuietHandler)
        except OSError as err:
            raise OutputError(f"--metrics: {address}: cannot listen: {err.strerror}") from err
        self.url = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="monitor", daemon=True)
        self._thread.start()

    def _answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            return self._metrics(environ, start)
        if path == "/status":
            found = snapshot(self._site, self._rates, show_plates=self._show_plates, outbox=self._outbox)
            body = json.dumps(found, ensure_ascii=False)
            start("200 OK", [("Content-Type", "application/json; charset=utf-8")])
            return [body.encode()]
        if path == "/healthz":
            ok = self._site.is_running
            start("200 OK" if ok else "503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"ok\n" if ok else b"stopped\n"]
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"expected /metrics, /status or /healthz\n"]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
