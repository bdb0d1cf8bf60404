"""Recorded video in, an output folder out: what ``vision run`` does."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vision.errors import SourceError
from vision.match.alarms import Alarms
from vision.pipeline.output import OutputFolder, SourceOutput, versions
from vision.pipeline.runner import Pipeline
from vision.pipeline.stats import StageTimes
from vision.pipeline.stream import Stream
from vision.pipeline.watch import is_told
from vision.types import Match, Sighting
from vision.video.file import FileSource
from vision.video.uri import redact, stream_id_of

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of each source to run, and how; ``early``: write early sightings, too."""

    start_s: float = 0.0
    duration_s: float | None = None
    fps: float | None = None
    annotate: bool = True
    early: bool = False


@dataclass(frozen=True, slots=True)
class FoundMatch:
    """The last word on one alarm of a watch-list; ``time_s`` from the start of the source, see `vision.types.Match`."""

    stream_id: str
    time_s: float
    watchlist: str
    entry: str
    state: str
    kind: str
    score: float
    text: str


@dataclass(slots=True)
class Summary:
    """What a run came to; ``failed`` holds one line per source that failed, ``matches`` the last word on each alarm."""

    vehicles: int = 0
    read: int = 0
    frames: int = 0
    seconds: float = 0.0
    failed: tuple[str, ...] = ()
    interrupted: bool = False
    unread: Counter[str] = field(default_factory=Counter)
    crossings: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    matches: list[FoundMatch] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For run.json and ``--json``."""
        return {
            "vehicles": self.vehicles,
            "read": self.read,
            "read_rate": round(self.read / self.vehicles, 4) if self.vehicles else None,
            "unread": dict(self.unread),
            "crossings": [[*key, n] for key, n in sorted(self.crossings.items())],
            "matches": dict(Counter(m.state for m in self.matches)),
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "frames_per_s": round(self.frames / self.seconds, 2) if self.seconds else None,
            "failed": list(self.failed),
            "interrupted": self.interrupted,
        }


def record(
    pipeline: Pipeline,
    sources: Sequence[str],
    out: Path,
    part: Part,
    progress: Progress | None = None,
    is_stopped: Callable[[], bool] = bool,
) -> Summary:
    """Run all sources one after the other and write the output folder.

    A source that fails does not stop the others; what it gave until then is kept and run.json stays incomplete.
    When ``is_stopped`` says so after a frame, or at a KeyboardInterrupt, what is open is flushed and the summary says
    interrupted.

    Raises:
        SourceError: no source could be opened; nothing is created then.
        OutputError: the folder exists, or something could not be written; run.json then says incomplete.
    """
    usable, failed = openable(sources, pipeline.config.decode.device)
    if not usable:
        raise SourceError("; ".join(failed))
    folder = OutputFolder(out, describe_run(pipeline, sources, part), has_watchlists=bool(pipeline.watchlists))
    summary = Summary()
    ids: set[str] = set()
    reports: list[dict[str, Any]] = []
    began = time.perf_counter()
    is_whole = False
    try:
        for uri in usable:
            stream_id = unique(stream_id_of(uri), ids)
            is_only = len(sources) == 1
            try:
                report = record_one(pipeline, uri, stream_id, folder, is_only, part, summary, progress, is_stopped)
                reports.append(report)
            except SourceError as err:
                failed.append(str(err))
        is_whole = not failed
    except KeyboardInterrupt:
        summary.interrupted = True
    finally:
        summary.seconds = time.perf_counter() - began
        summary.failed = tuple(failed)
        summary.unread, summary.crossings = folder.ledger.unread(), folder.ledger.crossings()
        values = {"summary": summary.to_dict(), "sources": reports, "stages": pipeline.times.table()}
        folder.close(values, complete=is_whole)
    return summary


def openable(sources: Sequence[str], device: str) -> tuple[list[str], list[str]]:
    """The sources that open, and one line for each that does not."""
    usable, failed = [], []
    for uri in sources:
        try:
            FileSource(uri, device=device).close()
            usable.append(uri)
        except SourceError as err:
            failed.append(str(err))
    return usable, failed


def record_one(
    pipeline: Pipeline,
    uri: str,
    stream_id: str,
    folder: OutputFolder,
    is_only: bool,
    part: Part,
    summary: Summary,
    progress: Progress | None,
    is_stopped: Callable[[], bool],
) -> dict[str, Any]:
    """Run one source into the folder and return its report for run.json."""
    times: StageTimes = pipeline.times
    with FileSource(
        uri,
        stream_id=stream_id,
        start_s=part.start_s,
        duration_s=part.duration_s,
        fps=part.fps,
        device=pipeline.config.decode.device,
    ) as source:
        place = folder.source(stream_id, is_only=is_only)
        rate = min(source.frame_rate, part.fps) if part.fps else source.frame_rate
        output = SourceOutput(place, source.width, source.height, rate, annotate=part.annotate)
        stream = pipeline.open(stream_id, early=part.early, watch=True, recorded=True)
        results = Results(folder, place, summary, Alarms(pipeline.watchlists))
        expected = source.n_frames_expected
        is_written = False
        try:
            try:
                for result in pipeline.frames(source, stream):
                    summary.frames += 1
                    with times.stage("write"):
                        output.add(result, stream)
                        for sighting in (*result.sightings, *result.early):
                            results.add(sighting, is_told=is_told(sighting, pipeline.config, early=part.early))
                    if progress is not None:
                        progress(stream_id, source.counts.yielded, expected)
                    if is_stopped():
                        raise KeyboardInterrupt
            finally:
                # Also after Ctrl-C or a file that breaks off: what was seen until then is a sighting.
                with times.stage("write"):
                    for sighting in stream.close():
                        results.add(sighting)
            is_written = True
        except (KeyboardInterrupt, SourceError):
            is_written = True
            raise
        finally:
            with times.stage("write"):
                if is_written:
                    output.close()
                else:
                    output.abandon()
        return report_of(source, stream)


class Results:
    """Where one source's sightings go, with the matches that they give."""

    def __init__(self, folder: OutputFolder, place: Path, summary: Summary, alarms: Alarms) -> None:
        self._folder, self._place, self._summary, self._alarms = folder, place, summary, alarms

    def add(self, sighting: Sighting, *, is_told: bool = True) -> None:
        """Write a sighting, unless it is there for watch-lists alone, and its matches, and count them."""
        is_final = sighting.state == "final"
        if is_told:
            self._folder.add(sighting, self._place)
        self._summary.vehicles += is_final
        self._summary.read += is_final and sighting.plate is not None
        for match in self._alarms.see(sighting, time.time_ns()):
            self._folder.add_match(match, self._place)
            if is_final:
                self._summary.matches.append(found_match(match))


def found_match(match: Match) -> FoundMatch:
    """A match without its pictures."""
    sighting = match.sighting
    names = ("watchlist", "entry", "state", "kind", "score", "text")
    return FoundMatch(sighting.stream_id, sighting.first_s, **{n: getattr(match, n) for n in names})


def report_of(source: FileSource, stream: Stream) -> dict[str, Any]:
    """Counters of one source: frames in, passes out, and everything that was put aside on the way."""
    counts = stream.book.counts
    return {
        "source": source.name,
        "stream_id": source.stream_id,
        "codec": source.codec,
        "size": [source.width, source.height],
        "frame_rate": round(source.frame_rate, 3),
        "frames": asdict(source.counts),
        "stream": asdict(stream.counts),
        "sightings": counts.sightings,
        "read": counts.read,
        "unread": dict(counts.reasons),
        "discarded": dict(counts.discarded),
        "joined_tracks": counts.joined,
        "split_tracks": counts.splits,
        "divided_vehicles": counts.divided,
        "early": counts.early,
        "withdrawn": counts.withdrawn,
    }


def describe_run(pipeline: Pipeline, sources: Sequence[str], part: Part) -> dict[str, Any]:
    """What run.json says from the start."""
    return {
        "versions": versions(),
        "models": [m.identity() for m in pipeline.stages.manifests],
        "inputs": [redact(uri) for uri in sources],
        "part": asdict(part),
        "config": pipeline.config.model_dump(),
    }


def unique(name: str, taken: set[str]) -> str:
    """``name``, or ``name-2``, ``name-3`` ... if it is taken; the choice is taken then."""
    choice, n = name, 1
    while choice in taken:
        n += 1
        choice = f"{name}-{n}"
    taken.add(choice)
    return choice
