"""The nouns of the library: what flows from source to sighting.

Coordinates are continuous pixels of the source frame: pixel (0, 0) covers [0, 1) x [0, 1), boxes are half-open
``x1 y1 x2 y2``, corners run clockwise from the top left as seen in the plate. Scores are 0..1. Times are UTC
nanoseconds. Struct-of-arrays for many small things (`Detections`), frozen dataclasses for records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
Layout = Literal["i420", "nv12", "bgr"]
Matrix = Literal["bt601", "bt709"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Planes:
    """The pixels of one picture as the decoder left them; rows may be padded, samples in a row are contiguous.

    ``data`` holds uint8 arrays. i420: y (h, w), u and v (ceil(h/2), ceil(w/2)); nv12: y (h, w), uv
    (ceil(h/2), ceil(w/2), 2); bgr: one array (h, w, 3). ``matrix`` and ``full_range`` tell how to get from
    YCbCr to RGB (Source: ITU-R BT.601-7 and BT.709-6); they mean nothing for bgr.
    """

    layout: Layout
    data: tuple[U8, ...]
    matrix: Matrix = "bt709"
    full_range: bool = False

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.data[0].shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.data[0].shape[0])


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Frame:
    """One picture of one source, with its time.

    ``time_ns`` is the moment of capture in UTC nanoseconds when ``is_utc``, otherwise nanoseconds since the start
    of the source; ``offset_s`` is always seconds since the start of the source. ``time_source`` says where the time
    is from: container (what a file says), file (when it was last changed), stamp (of a stream, tied to its arrival),
    arrival, or given (by the caller); ``time_error_ns`` how far it may be off, None if nothing is known.

    ``overview`` is the same view in fewer pixels, from a camera's second stream: what looks at the whole picture uses
    it, and ``planes`` may then be decoded only when they are asked for.
    """

    stream_id: str
    index: int
    time_ns: int
    offset_s: float
    planes: Planes
    is_utc: bool = False
    time_source: Literal["container", "file", "stamp", "arrival", "given"] = "container"
    time_error_ns: int | None = None
    overview: Planes | None = None

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.planes.width

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.planes.height


@dataclass(frozen=True, slots=True)
class Detections:
    """Vehicles found in one frame, best first: boxes (n, 4) float32, scores (n,), class probabilities (n, c)."""

    boxes: F32
    scores: F32
    probs: F32
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, rows: I64) -> Detections:
        """Only these rows."""
        return Detections(self.boxes[rows], self.scores[rows], self.probs[rows], self.classes)

    @property
    def labels(self) -> I64:
        """Index into ``classes`` of the likeliest class, (n,) int64."""
        return np.asarray(self.probs.argmax(1), dtype=np.int64) if len(self) else np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class PlateDetections:
    """Plates found in one frame, best first: corners (n, 4, 2) float32 clockwise from top-left, scores (n,)."""

    corners: F32
    scores: F32

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: I64) -> PlateDetections:
        """Some of them, in the order of ``rows``."""
        return PlateDetections(self.corners[rows], self.scores[rows])

    @property
    def boxes(self) -> F32:
        """Upright boxes around the corners, (n, 4) float32."""
        if not len(self):
            return np.zeros((0, 4), np.float32)
        return np.concatenate((self.corners.min(1), self.corners.max(1)), 1)

    @property
    def widths(self) -> F32:
        """Mean length of the upper and lower edge in pixels, (n,) float32."""
        top, bottom = self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 3]
        return np.asarray((np.linalg.norm(top, axis=1) + np.linalg.norm(bottom, axis=1)) / 2, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Char:
    """One character of a plate with its probability; ``?`` stands for one that could not be read."""

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class PlateText:
    """What a plate says: the best text under the grammar, its calibrated score and the runners-up.

    ``score`` estimates the probability that the whole text is right; ``candidates`` are (text, score), best first.
    ``log_probs`` (slots, characters) float32: what all this was decoded from, where it is known.
    """

    text: str
    score: float
    chars: tuple[Char, ...]
    kind: str
    color: str
    rows: int
    candidates: tuple[tuple[str, float], ...] = ()
    log_probs: F32 | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class PlateRead:
    """One look at one plate: where it was, what it says, and what fusion needs of it.

    ``corners`` (4, 2) float32; ``log_probs`` (slots, characters) float32 natural logarithms; ``color_probs`` and
    ``row_probs`` float32; ``sharpness`` as `vision.kernels.sharpness` defines it.
    """

    corners: F32
    detection_score: float
    log_probs: F32
    color_probs: F32
    row_probs: F32
    width_px: float
    sharpness: float
    plate: PlateText

    @property
    def box(self) -> Box:
        """Upright box around the corners."""
        (x1, y1), (x2, y2) = self.corners.min(0), self.corners.max(0)
        return float(x1), float(y1), float(x2), float(y2)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle in one picture, or the fused opinion about one over a pass."""

    box: Box
    type: str
    type_score: float
    color: str
    color_score: float
    score: float


@dataclass(frozen=True, slots=True)
class Photo:
    """Everything found in one still picture; ``ms`` is the time per stage in milliseconds."""

    plates: tuple[PlateRead, ...]
    vehicles: tuple[Vehicle, ...]
    ms: Mapping[str, float]
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The very frame that was read (or the best one of an unread vehicle), and where to cut it."""

    frame: Frame
    vehicle_box: Box | None
    plate_corners: F32 | None


Reason = Literal[
    "", "no_plate_seen", "cut_off", "too_small", "dark", "glare", "tilted", "blurred", "format", "low_score"
]


@dataclass(frozen=True, slots=True)
class Direction:
    """Travel in the picture: ``angle_deg`` clockwise from right (0 right, 90 down), moved ``distance_px``.

    ``word`` is right, down-right, down, ... or still; ``depth`` is nearer, farther or same by the change of size.
    """

    word: str
    angle_deg: float
    distance_px: float
    depth: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """A vehicle's ground point went over a counting line; times as in `Frame`."""

    line: str
    direction: str
    time_ns: int
    offset_s: float


@dataclass(frozen=True, slots=True)
class Dwell:
    """How long a vehicle was in a zone, the longest time it stood there, and whether that is over the zone's limit."""

    zone: str
    seconds: float
    still_s: float
    is_over: bool


@dataclass(frozen=True, slots=True)
class Speed:
    """Mean speed over a calibrated stretch of road; true within ``error_kmh`` in 95 of 100 cases."""

    kmh: float
    error_kmh: float


@dataclass(frozen=True, slots=True)
class Passage:
    """What a vehicle did in its camera's scene; all empty where the scene has no lanes, lines, zones or calibration."""

    lane: str | None = None
    crossings: tuple[Crossing, ...] = ()
    dwells: tuple[Dwell, ...] = ()
    is_wrong_way: bool = False
    speed: Speed | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """One vehicle passing one camera.

    Exactly one of ``plate`` and ``reason`` says something: a vehicle without a readable plate has a reason.
    Times as in `Frame`: UTC nanoseconds when ``is_utc``; ``first_s`` and ``last_s`` count from the start.

    An early sighting (``state``) tells what is known while the pass goes on; more of them and one final sighting with
    the same ``id`` and a higher ``revision`` follow. ``merged_ids`` are early sightings that turned out to be part of
    this one: nothing more comes under their ids. ``doubtful`` is what the looks at the plate come to where that is not
    believed (`plate` is None then): for watch-lists, which know what to expect; it leaves in no record.
    """

    id: str
    stream_id: str
    first_time_ns: int
    last_time_ns: int
    first_s: float
    last_s: float
    is_utc: bool
    plate: PlateText | None
    reason: Reason
    vehicle: Vehicle | None
    direction: Direction
    first_box: Box
    last_box: Box
    n_frames: int
    n_reads: int
    track_ids: tuple[int, ...]
    evidence: Evidence | None = field(default=None, repr=False, compare=False)
    passage: Passage = Passage()
    revision: int = 1
    state: Literal["early", "final"] = "final"
    merged_ids: tuple[str, ...] = ()
    doubtful: PlateText | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Match:
    """A sighting that may be of a plate on a watch-list: an alert to verify, never a proof.

    Each new one about the same sighting and entry has the same ``id`` and a higher ``revision``. ``state``: early
    (while the pass goes on), confirmed or withdrawn; what comes with a final sighting is the last word. ``kind``:
    certain (every character was read, as listed, and ``score`` is at least .9) or possible. ``score`` estimates the
    probability that the plate is the listed one. ``entry`` is the reference of the list's entry, ``text`` the plate as
    read, ``?`` for what was not; ``differs`` names what the list says of the vehicle and the camera saw otherwise;
    ``expires_ns`` (UTC) is when the entry ends, if it does.
    """

    id: str
    revision: int
    state: Literal["early", "confirmed", "withdrawn"]
    watchlist: str
    entry: str
    kind: Literal["certain", "possible"]
    score: float
    text: str
    differs: tuple[str, ...]
    expires_ns: int | None
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """How a live camera is, since ``time_ns`` (UTC); ``detail`` says why in plain words, never with a password.

    ``state`` is connecting, streaming, waiting (for the next try), stalled, failed, ended, stopped or stuck (asked to
    stop and did not in time).
    """

    stream_id: str
    time_ns: int
    state: str
    detail: str = ""
