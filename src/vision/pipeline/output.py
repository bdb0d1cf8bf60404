"""The output folder of a run: created anew, filled while the run goes on, marked complete at the end."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from vision import kernels
from vision.errors import OutputError
from vision.pipeline.stream import FrameResult, Stream, owner_of
from vision.report.draw import draw_plate, draw_vehicle
from vision.report.evidence import save_pictures
from vision.report.scene import draw_scene
from vision.report.video import VideoWriter
from vision.sightings.ledger import Ledger
from vision.sinks.event import event_of, match_of
from vision.sinks.ledger import save_ledger
from vision.sinks.lines import EventTable, JsonLines, TrackTable, evidence_name
from vision.types import F32, Match, PlateRead, Sighting

CARRIED_S = 0.4  # from a look on: boxes breathe, and a frame beside the plate is worse than none
RUN_SCHEMA = "vision.run/1"


class OutputFolder:
    """Everything a run writes.

    ``run.json`` says ``"complete": false`` from the first moment and ``true`` only when all is written; line files
    hold whole lines at any time, the annotated video has a temporary name until it is whole.

    Args:
        path: a folder that does not exist yet; its parents are created.
        head: what run.json says from the start (versions, models, config).
        has_watchlists: whether there is to be a ``matches.jsonl``.

    Raises:
        OutputError: the folder exists or cannot be created.
    """

    def __init__(self, path: Path, head: dict[str, Any], *, has_watchlists: bool = False) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
        except FileExistsError as err:
            raise OutputError(f"{path}: expected a folder that does not exist yet, it exists") from err
        except OSError as err:
            raise OutputError(f"{path}: cannot create: {err.strerror}") from err
        self._run = {"schema": RUN_SCHEMA, "complete": False, "started": now_text(), **head}
        self.save_run({})
        self._events = JsonLines(path / "events.jsonl")
        self._table = EventTable(path / "events.csv")
        self._matches = JsonLines(path / "matches.jsonl") if has_watchlists else None
        self._pictured: tuple[Sighting, dict[str, str]] | None = None  # the last one whose pictures were saved
        self.ledger = Ledger()

    def add(self, sighting: Sighting, folder: Path) -> dict[str, Any]:
        """Write one sighting with its pictures; returns the event as written."""
        event = event_of(sighting, images=self._pictures(sighting, folder))
        self._events.add(event)
        if sighting.state == "final":  # the tables count passes
            self._table.add(event)
            self.ledger.add(sighting)
        return event

    def add_match(self, match: Match, folder: Path) -> None:
        """Write one match; call it right after its sighting was added, if that is a result."""
        if self._matches is not None:
            self._matches.add(match_of(match, images=self._pictures(match.sighting, folder)))

    def _pictures(self, sighting: Sighting, folder: Path) -> dict[str, str]:
        """Paths of the sighting's pictures by role, which are saved unless they just were."""
        if sighting.evidence is None:
            return {}
        if self._pictured is None or self._pictured[0] is not sighting:
            pictures = folder / "images"
            try:
                pictures.mkdir(exist_ok=True)
            except OSError as err:
                raise OutputError(f"{pictures}: cannot create: {err.strerror}") from err
            found = save_pictures(sighting.evidence, pictures, evidence_name(sighting))
            prefix = folder.relative_to(self.path)
            self._pictured = sighting, {role: (prefix / name).as_posix() for role, name in found.items()}
        return self._pictured[1]

    def source(self, stream_id: str, *, is_only: bool) -> Path:
        """The folder for one source's own files: the run's folder, or one inside it when there are several."""
        folder = self.path if is_only else self.path / stream_id
        try:
            folder.mkdir(exist_ok=True)
        except OSError as err:
            raise OutputError(f"{folder}: cannot create: {err.strerror}") from err
        return folder

    def save_run(self, values: dict[str, Any]) -> None:
        """Replace run.json in one step."""
        self._run.update(values)
        part = self.path / "run.json.part"
        try:
            part.write_text(json.dumps(self._run, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            os.replace(part, self.path / "run.json")
        except OSError as err:
            part.unlink(missing_ok=True)
            raise OutputError(f"{self.path / 'run.json'}: cannot write: {err.strerror}") from err

    def close(self, values: dict[str, Any], *, complete: bool) -> None:
        """Close the line files and say in run.json how it ended."""
        self._events.close()
        self._table.close()
        if self._matches is not None:
            self._matches.close()
        save_ledger(self.path, self.ledger)
        self.save_run({**values, "complete": complete, "ended": now_text()})


class SourceOutput:
    """tracks.csv and annotated.mp4 of one source.

    Args:
        folder: where they go.
        width, height, frame_rate: of the video to come.
        annotate: whether to write the annotated video.
    """

    def __init__(self, folder: Path, width: int, height: int, frame_rate: float, *, annotate: bool) -> None:
        self._tracks = TrackTable(folder / "tracks.csv")
        self._folder, self._rate, self._annotate = folder, frame_rate, annotate
        self._video: VideoWriter | None = None
        self._plates: dict[int, tuple[PlateRead, str, FrameResult]] = {}  # by track, as of its last look

    def add(self, result: FrameResult, stream: Stream) -> None:
        """Write one frame's tracks and its annotated picture."""
        frame = result.frame
        self._tracks.add(frame.index, result.vehicle_ids, result.vehicles.boxes, result.vehicles.scores)
        if not self._annotate:
            return
        if self._video is None:
            self._video = VideoWriter(self._folder / "annotated.mp4", frame.width, frame.height, self._rate)
        image = kernels.to_bgr(frame.planes)
        draw_scene(image, stream.scene.config, stream.scene.counts)
        names = result.vehicles.classes
        for i in (result.vehicle_ids >= 0).nonzero()[0]:
            plate = stream.label_of(int(result.vehicle_ids[i]))
            text = f"{result.vehicle_ids[i]} {names[int(result.vehicles.labels[i])]}"
            box = tuple(result.vehicles.boxes[i].tolist())
            draw_vehicle(image, box, f"{text} {plate.text}" if plate else text, is_read=plate is not None)
        # Plates are looked for less often than frames come, each at its own time: show where the last look has got to.
        if result.is_cut:
            self._plates.clear()
        for read, plate_id, believed in zip(result.reads, result.plate_ids.tolist(), result.texts, strict=True):
            if believed is not None:  # found anew, it may have another track
                self._plates = {k: v for k, v in self._plates.items() if v[1] != believed.text}
                self._plates[plate_id] = (read, believed.text, result)
        for plate_id, (read, shown, looked) in list(self._plates.items()):
            corners = carried(read, looked, result)
            if corners is None:
                del self._plates[plate_id]
            else:
                draw_plate(image, corners, shown)
        self._video.add(image, frame.offset_s)

    def close(self) -> None:
        """Finish both files."""
        self._tracks.close()
        if self._video is not None:
            self._video.close()

    def abandon(self) -> None:
        """Close after an error without claiming that the video is whole."""
        self._tracks.close()
        if self._video is not None:
            self._video.abandon()


def now_text() -> str:
    """The current time, ISO 8601 UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def versions() -> dict[str, str]:
    """Versions of this library and of what its results depend on."""
    out = {"python": platform.python_version()}
    for name in ("platevision", "numpy", "opencv-python", "av", "onnxruntime", "onnxruntime-gpu"):
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            continue
    return out


def carried(read: PlateRead, looked: FrameResult, now: FrameResult) -> F32 | None:
    """Corners (4, 2) of a plate of an earlier look, moved and scaled with the vehicle that carries it.

    It keeps its place above the middle of the box's lower edge, in widths of the box: a plate is near there, and the
    upper edge is what jumps most. None if that vehicle is not there any more, or after `CARRIED_S`; a plate on no
    vehicle stays where it was.
    """
    if now.frame.offset_s - looked.frame.offset_s > CARRIED_S:
        return None
    owner = owner_of(read.box, looked.vehicles.boxes, looked.vehicle_ids)
    if owner is None:
        return read.corners
    at = np.flatnonzero(now.vehicle_ids == owner[0])
    if not len(at):
        return None
    (old, old_width), (new, new_width) = foot_of(owner[1]), foot_of(now.vehicles.boxes[at[0]].tolist())
    return np.asarray((read.corners - old) * (new_width / old_width) + new, np.float32)


def foot_of(box: Sequence[float]) -> tuple[F32, float]:
    """Middle of a box's lower edge, (2,) float32, and its width."""
    x1, _, x2, y2 = box
    return np.array(((x1 + x2) / 2, y2), np.float32), x2 - x1
