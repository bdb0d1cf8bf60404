"""``vision live``: a site of live cameras until it is told to stop."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vision.cli import INTERRUPTED, OK
from vision.cli.interrupts import interrupts
from vision.cli.say import error, log_notes, note
from vision.cli.say import out as say_out
from vision.errors import ConfigError
from vision.events.times import milliseconds_text
from vision.outbox.sender import Route
from vision.report.evidence import Jpeg, encoded_pictures
from vision.site.events import SiteEvents, checked_routes
from vision.site.monitor import Monitor
from vision.site.output import SiteOutput, status_of
from vision.site.settings import load_site
from vision.site.site import Site
from vision.types import CameraStatus, Match, Sighting

LOOK_S = 0.2


def live_command(
    file: Path, out: Path | None, metrics: str | None, *, as_json: bool, log_json: bool, show_plates: bool
) -> int:
    """Run the site; returns the exit code: 0 when all sources ended, 130 after Ctrl-C or SIGTERM."""
    settings = load_site(file)
    routes = checked_routes(settings, file)
    site = Site(settings)
    folder = out or Path("runs") / f"{file.stem}-live"
    with interrupts() as is_stopped, log_notes("vision.watchlist"), SiteOutput(folder) as output:
        sent = events_of(site, folder, routes) if routes else None
        monitor = None
        pictures, ended = LastPictures(), 0
        try:
            outbox = sent.outbox if sent else None
            monitor = Monitor(site, metrics, show_plates=show_plates, outbox=outbox) if metrics else None
            with site:
                threading.Thread(target=watch, args=(site, file, is_stopped), name="watch", daemon=True).start()
                note(f"{len(site.cameras)} cameras  ->  {folder}" + (f"  {monitor.url}/status" if monitor else ""))
                for event in site:
                    if isinstance(event, CameraStatus):
                        output.note(event)
                        if sent is not None:
                            sent.status(event)
                        note(line_of(event, log_json=log_json))
                        ended += event.state == "ended"
                        if ended == len(site.cameras):
                            site.finish()
                    else:
                        written = handed_on(event, pictures.of(event), output, sent)
                        if isinstance(event, Match):
                            note(match_line(event, log_json=log_json))
                        if as_json:
                            say_out(json.dumps(written, ensure_ascii=False))
        finally:
            if sent is not None:
                sent.close()
            if monitor is not None:
                monitor.close()
        if sent is not None:
            note(delivered_line(sent.outbox.figures()))
        counts = [c.counts for c in site.cameras.values()]
        vehicles, read = sum(c.vehicles for c in counts), sum(c.read for c in counts)
        note(f"vehicles {vehicles}  read {read}  frames {sum(c.processed for c in counts)}  ->  {folder}")
        return INTERRUPTED if is_stopped() else OK


class LastPictures:
    """The evidence pictures of the last sighting as JPEG: its matches need the same."""

    def __init__(self) -> None:
        self._sighting: Sighting | None = None
        self._jpegs: dict[str, Jpeg] = {}

    def of(self, result: Sighting | Match) -> dict[str, Jpeg]:
        """Those of a sighting, or of a match's."""
        sighting = result.sighting if isinstance(result, Match) else result
        if sighting is not self._sighting:
            self._sighting = sighting
            self._jpegs = encoded_pictures(sighting.evidence) if sighting.evidence else {}
        return self._jpegs


def handed_on(
    result: Sighting | Match, jpegs: dict[str, Jpeg], output: SiteOutput, sent: SiteEvents | None
) -> dict[str, Any]:
    """Give a sighting or a match to the sinks, then write it; returns it as written."""
    if isinstance(result, Match):
        if sent is not None:
            sent.match(result, jpegs)
        return output.add_match(result, jpegs)
    if sent is not None:
        sent.sighting(result, jpegs)
    return output.add(result, jpegs)


def match_line(match: Match, *, log_json: bool) -> str:
    """An alarm as a line for the log: where and how sure, never a plate nor the entry's reference, which may be one."""
    camera, time = match.sighting.stream_id, milliseconds_text(match.sighting.last_time_ns)
    words = {"watchlist": match.watchlist, "state": match.state, "kind": match.kind}
    if log_json:
        head = {"schema": "vision.match_log/1", "time": time, "stream_id": camera, "id": match.id}
        return json.dumps({**head, **words, "score": round(match.score, 4)}, ensure_ascii=False)
    return f"{time} {camera} watch-list {' '.join(words.values())} {match.score:.2f} {match.id}"


def events_of(site: Site, folder: Path, routes: Sequence[Route]) -> SiteEvents:
    """What sends the site's events; its outbox lies in the output folder."""
    models = [m.identity() for m in site.stages.manifests]
    return SiteEvents(folder / "outbox", site.settings, routes, models, lambda: list(site.cameras.values()))


def delivered_line(figures: dict[str, dict[str, Any]]) -> str:
    """What the sinks have, as a line for the log."""
    return "sinks: " + "; ".join(
        f"{name} {f['delivered']} delivered, {f['waiting']} waiting, {f['dead']} dead letters"
        for name, f in figures.items()
    )


def line_of(status: CameraStatus, *, log_json: bool) -> str:
    """A camera state as a line for the log."""
    values: dict[str, Any] = status_of(status)
    if log_json:
        return json.dumps(values, ensure_ascii=False)
    return f"{values['time']} {status.stream_id} {status.state}" + (f": {status.detail}" if status.detail else "")


def watch(site: Site, file: Path, is_stopped: Callable[[], bool]) -> None:
    """Body of a thread: stops the site when asked, and takes its file anew when it changed.

    A file that is wrong is said and changes nothing.
    """
    seen = stamp(file)
    while site.is_running:
        if is_stopped():
            site.stop()
            return
        now = stamp(file)
        if now != seen and now is not None:
            seen = now
            try:
                done = site.reload(file)
            except ConfigError as err:
                error(f"{err}; the site goes on as it was")
            else:
                note("reloaded: " + ("; ".join(f"{k} {', '.join(v)}" for k, v in done.items() if v) or "no change"))
        threading.Event().wait(LOOK_S)


def stamp(file: Path) -> tuple[int, int] | None:
    """What changes when a file is written; None while it is not there."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
