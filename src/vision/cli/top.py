"""``vision top``: the cameras of a running site as a live table."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vision.cli import OK
from vision.errors import SourceError

COLORS = {"streaming": "green", "connecting": "yellow", "waiting": "yellow", "starting": "yellow", "ended": "dim"}
SINK_COLUMNS = ("sink", "delivered", "waiting", "dead", "dropped", "trouble")
COLUMNS = ("camera", "state", "for", "in/s", "out/s", "drops", "p99 ms", "seen", "read", "plate")  # fit 80 letters


def top_command(url: str, every_s: float, *, once: bool) -> int:
    """Show the table until Ctrl-C.

    Raises:
        SourceError: nothing answers at the address, or it is no running site.
    """
    console = Console()
    if once:
        console.print(tables_of(fetch(url)))
        return OK
    with Live(tables_of(fetch(url)), console=console, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(every_s)
                live.update(tables_of(fetch(url)), refresh=True)
        except KeyboardInterrupt:
            return OK


def fetch(url: str) -> dict[str, Any]:
    """The snapshot at ``url`` (with or without ``/status``)."""
    address = url.rstrip("/").removesuffix("/status") + "/status"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
    except (OSError, ValueError) as err:
        reason = err.reason if isinstance(err, urllib.error.URLError) else err
        raise SourceError(f"{address}: expected a running `vision live --metrics`, got: {reason}") from err
    if not isinstance(found, dict) or found.get("schema") != "vision.site/1":
        raise SourceError(f"{address}: expected a running `vision live --metrics`, got another program")
    return found


def tables_of(site: dict[str, Any]) -> Group:
    """The cameras, and below them the sinks if there are any."""
    sinks = site.get("sinks") or []
    return Group(table_of(site), *([sinks_of(sinks)] if sinks else []))


def sinks_of(sinks: list[dict[str, Any]]) -> Table:
    """One line per sink."""
    table = Table(*SINK_COLUMNS, title=f"{len(sinks)} sinks", box=None, padding=(0, 1, 0, 0))
    for column in table.columns[1:5]:
        column.justify = "right"
    for sink in sinks:
        figures = (sink["delivered"], sink["waiting"], sink["dead"], sum(sink["dropped"].values()))
        style = "red" if sink["trouble"] else "green"
        table.add_row(sink["name"], *map(str, figures), Text(sink["trouble"] or "ok", style=style, overflow="ellipsis"))
    table.columns[-1].no_wrap = True
    return table


def table_of(site: dict[str, Any]) -> Table:
    """One line per camera."""
    table = Table(
        *COLUMNS, title=f"{len(site['cameras'])} cameras, stretch {site['stretch']}", box=None, padding=(0, 1, 0, 0)
    )
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[3:9]:
        column.justify = "right"
    for camera in site["cameras"]:
        counts = camera["counts"]
        dropped = counts["dropped_queue"] + counts["dropped_stop"] + counts["failed"]
        share = 100 * dropped / counts["received"] if counts["received"] else 0.0
        rate = camera["read_rate"]
        table.add_row(
            camera["id"],
            Text(camera["state"], style=COLORS.get(camera["state"], "red")),
            age(camera["since_s"]),
            f"{camera['fps_in']:.1f}",
            f"{camera['fps']:.1f}",
            f"{share:.1f} %",
            f"{camera['latency_ms']['99']:.0f}",
            str(counts["vehicles"]),
            "-" if rate is None else f"{100 * rate:.0f} %",
            camera["last_plate"] or "-",
        )
    return table


def age(seconds: float | None) -> str:
    """A duration in its largest unit."""
    if seconds is None:
        return "-"
    units: tuple[tuple[float, Callable[[float], str]], ...] = (
        (60, lambda s: f"{s:.0f} s"),
        (3600, lambda s: f"{s / 60:.0f} min"),
        (86400, lambda s: f"{s / 3600:.1f} h"),
    )
    return next((show(seconds) for limit, show in units if seconds < limit), f"{seconds / 86400:.1f} d")
