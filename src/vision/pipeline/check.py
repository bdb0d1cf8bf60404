"""Can a camera read plates? Runs a part of its video and judges size, blur, angle, light and stream of what it saw."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from vision import kernels
from vision.pipeline.runner import Pipeline
from vision.pipeline.stream import FrameResult, owner_of
from vision.plates.view import ASPECT, BLOWN, PlateView, view_of
from vision.sightings.reasons import PLATE_SHARE
from vision.types import F32, Frame, Sighting
from vision.video.file import FileSource

Verdict = Literal["good", "marginal", "bad", "unknown"]
Progress = Callable[[str, int, int | None], None]
CHARACTER = 57 / 440  # pitch of the characters by the plate's width. Source: GA 36-2018 (45 mm wide, 12 mm apart)
LEAST_CHARACTER_PX = 4.0  # smaller plates say nothing but that
LEAST_SHARPNESS = 0.03
MEASURED = "benchmarks/readability.py"


@dataclass(frozen=True, slots=True)
class Limit:
    """Two thresholds of a figure, ``good`` above or below ``bad``, and where they come from."""

    good: float
    bad: float
    source: str

    def judge(self, value: float | None) -> Verdict:
        """Good at ``good`` or better, bad beyond ``bad``."""
        if value is None or not math.isfinite(value):
            return "unknown"
        sign = 1 if self.good > self.bad else -1
        return "good" if sign * value >= sign * self.good else "bad" if sign * value < sign * self.bad else "marginal"


# Good: 95 of 100 single looks at development photos are read, where measured; bad: where that falls off steeply.
LIMITS = {
    "read": Limit(0.8, 0.4, "our choice"),
    "plate_seen": Limit(0.9, 0.5, "our choice"),
    "size": Limit(7.8, 4.1, MEASURED),
    "focus": Limit(0.05, 0.012, MEASURED),
    "sideways": Limit(0.29, 0.2, MEASURED),
    "downward": Limit(0.74, 0.8, MEASURED),
    "roll": Limit(21.0, 32.0, MEASURED),
    "side": Limit(60.0, 72.0, MEASURED),
    "above": Limit(40.0, 50.0, MEASURED),
    "dark": Limit(23.0, 11.0, MEASURED),
    "glare": Limit(0.1, 0.5, MEASURED),
    "contrast": Limit(25.0, 10.0, MEASURED),
    "picture_dark": Limit(40.0, 20.0, "our choice"),
    "picture_glare": Limit(0.05, 0.15, "our choice"),
    "frame_rate": Limit(10.0, 4.0, "detect.plate_interval_s"),
    "bits": Limit(0.05, 0.02, "Amerasinghe, H.264 for the rest of us (2010): 0.07 x motion"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was judged; ``value`` is None where nothing could be measured."""

    name: str
    verdict: Verdict
    value: float | None
    good: float
    bad: float
    source: str
    n: int  # passes, plates or frames that were measured


@dataclass(frozen=True, slots=True)
class CameraCheck:
    """What was found: the overall verdict, passes with their reasons, and the findings."""

    stream_id: str
    verdict: Verdict
    width: int
    height: int
    seconds: float
    passes: int
    standing: int
    plates_seen: int
    read: int
    unread: dict[str, int]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON, schema ``vision.camera_check/1``."""
        return {"schema": "vision.camera_check/1", **asdict(self)}


class Looker:
    """Collects the best view of each plate and the brightness of the pictures."""

    def __init__(self) -> None:
        self.views: dict[tuple[str, int], PlateView] = {}
        self._best: dict[tuple[str, int], float] = {}  # how clearly each was a plate, and how large
        self.lumas: list[float] = []
        self.blown: list[float] = []
        self.last_s = 0.0
        self._cells: F32 = np.empty((45, 80), np.float32)
        self._next_s = 0.0

    def see(self, result: FrameResult) -> None:
        """Take in one frame."""
        frame = result.frame
        self.last_s = frame.offset_s
        if frame.offset_s >= self._next_s:
            self._next_s = frame.offset_s + 0.5
            self._measure(frame)
        for read, plate_id, text in zip(result.reads, result.plate_ids.tolist(), result.texts, strict=True):
            owner = owner_of(read.box, result.vehicles.boxes, result.vehicle_ids)
            if plate_id < 0 or (owner is None and text is None):
                continue  # signs and lettering
            key = ("vehicle", owner[0]) if owner else ("plate", plate_id)
            clear = read.detection_score * math.sqrt(read.width_px)
            if clear > self._best.get(key, 0.0):
                self._best[key] = clear
                self.views[key] = view_of(frame.planes, read.corners)

    def _measure(self, frame: Frame) -> None:
        """Note the mean gray level of a frame, 0..255, and which share of it is overexposed."""
        kernels.luma_grid(frame.planes, self._cells)
        is_limited = frame.planes.layout != "bgr" and not frame.planes.full_range
        levels = (self._cells - 16) * (255 / 219) if is_limited else self._cells
        self.lumas.append(float(levels.mean()))
        self.blown.append(float((levels >= BLOWN).mean()))

    def median(self, name: str) -> float | None:
        """The median of one attribute of the plates' best views, None without plates."""
        values = [getattr(view, name) for view in self.views.values()]
        return float(np.median(values)) if values else None


def check(
    pipeline: Pipeline, uri: str, *, start_s: float = 0.0, duration_s: float = 60.0, progress: Progress | None = None
) -> CameraCheck:
    """Run a part of a camera's video and judge it.

    Raises:
        SourceError, DecodeError: see `vision.video.file.FileSource`.
    """
    looker = Looker()
    sightings: list[Sighting] = []
    with FileSource(uri, start_s=start_s, duration_s=duration_s, device=pipeline.config.decode.device) as source:
        stream = pipeline.open(source.stream_id)
        expected = source.n_frames_expected
        for result in pipeline.frames(source, stream):
            looker.see(result)
            sightings += result.sightings
            if progress is not None:
                progress(source.stream_id, source.counts.yielded, expected)
        sightings += stream.close()
        seconds = max(0.0, looker.last_s - start_s)
        standing = [s for s in sightings if s.direction.word == "still" and s.plate is None]
        passes = [s for s in sightings if s.direction.word != "still" or s.plate is not None]
        findings = findings_of(passes, looker, source.frame_rate, source.bits_per_pixel)
        read = sum(s.plate is not None for s in passes)
        return CameraCheck(
            stream_id=source.stream_id,
            verdict=LIMITS["read"].judge(read / len(passes)) if passes else "unknown",
            width=source.width,
            height=source.height,
            seconds=round(seconds, 1),
            passes=len(passes),
            standing=len(standing),
            plates_seen=sum(s.n_reads > 0 for s in passes),
            read=read,
            unread=dict(Counter(s.reason for s in passes if s.reason).most_common()),
            findings=tuple(findings),
        )


def findings_of(
    passes: Sequence[Sighting], looker: Looker, frame_rate: float, bits_per_pixel: float | None
) -> list[Finding]:
    """Everything that was judged, in the order in which it matters."""
    n = len(passes)
    shares = [sum(s.plate is not None for s in passes), sum(s.n_reads > 0 for s in passes)]
    width = looker.median("width_px")
    character = width * CHARACTER if width is not None else None
    is_large = character is not None and character >= LEAST_CHARACTER_PX

    def median(name: str) -> float | None:
        return looker.median(name) if is_large else None

    aspect, sharpness = median("aspect"), median("sharpness")
    # Movement keeps what lies along it sharp; where nothing is sharp, its direction cannot be seen.
    strokes = median("strokes") if sharpness is not None and sharpness >= LEAST_SHARPNESS else None
    values: dict[str, tuple[float | None, int]] = {
        "read": (shares[0] / n if n else None, n),
        "plate_seen": (shares[1] / n if n else None, n),
    }
    n_plates = len(looker.views)
    if character is not None:
        values["size"] = (character, n_plates)
    else:
        values["size_guessed"] = (guessed_character_px(passes), n)
    values |= {
        "focus": (sharpness, n_plates),
        "sideways": (strokes, n_plates),
        "downward": (strokes, n_plates),
        "roll": (median("roll_deg"), n_plates),
        "side": (None if aspect is None else math.degrees(math.acos(min(1.0, aspect / ASPECT))), n_plates),
        "above": (None if aspect is None else math.degrees(math.acos(min(1.0, ASPECT / aspect))), n_plates),
        "dark": (median("luma"), n_plates),
        "glare": (median("blown"), n_plates),
        "contrast": (median("contrast"), n_plates),
        "picture_dark": (float(np.median(looker.lumas)) if looker.lumas else None, len(looker.lumas)),
        "picture_glare": (float(np.median(looker.blown)) if looker.blown else None, len(looker.blown)),
        "frame_rate": (frame_rate, 1),
        "bits": (bits_per_pixel, 1),
    }
    findings = []
    for name, (value, count) in values.items():
        limit = LIMITS["size" if name == "size_guessed" else name]
        rounded = None if value is None else float(f"{value:.3g}")
        findings.append(Finding(name, limit.judge(value), rounded, limit.good, limit.bad, limit.source, count))
    return findings


def guessed_character_px(passes: Sequence[Sighting]) -> float | None:
    """Pixels per character that plates would have on these vehicles, by the median of their best pictures' widths."""
    boxes = [s.evidence.vehicle_box for s in passes if s.evidence and s.evidence.vehicle_box]
    widths = [box[2] - box[0] for box in boxes]
    return float(np.median(widths)) * PLATE_SHARE * CHARACTER if widths else None
