"""The rendered demo clip: sixteen rendered vehicles with rendered plates of every Chinese kind drive past a camera.

Nothing in it is real: every pixel is drawn by this package, and the picture says so in its upper right corner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.demo import cars, heavy, paint, scene
from vision.demo.parts import PAINTS
from vision.demo.plates import STYLES, draw_plate
from vision.demo.shapes import Model

U8 = NDArray[np.uint8]
FPS, FRAMES = 25, 460
FAR = 120.0  # metres: farther away nothing is drawn
_GATE = 10.0  # metres in front of the camera: where a pass is timed


@dataclass(frozen=True)
class Expected:
    """What drives through: the plate's text ("" without a plate), kind and color, the vehicle, and when.

    ``first_s`` to ``last_s``: while the end with the plate (front of what comes, tail of what goes) is in the picture
    and nearer than 60 m.
    """

    text: str
    kind: str
    color: str
    vehicle: str
    vehicle_color: str
    first_s: float
    last_s: float


@dataclass(frozen=True)
class Pass:
    """One drive past the camera: its near end is 10 m away at ``at`` seconds, ``drift`` metres off mid-lane."""

    at: float
    away: bool
    text: str
    kind: str
    vehicle: str
    color: str
    build: Callable[[], Model]
    speed: float = 10.5
    drift: float = 0.0

    def near_end(self, t: float) -> float:
        """Distance of the near end in metres at ``t`` seconds."""
        return _GATE + self.speed * (t - self.at) * (1 if self.away else -1)


def _passes() -> tuple[Pass, ...]:
    p, wide = PAINTS, 0.48
    return (
        Pass(0.7, True, "川A4567领", "consulate", "car", "silver", lambda: cars.sedan(p["silver"]), drift=0.1),
        Pass(1.3, False, "京A12345", "blue", "car", "white", lambda: cars.sedan(p["white"])),
        Pass(2.5, True, "粤Z4567港", "hong_kong", "van", "black", lambda: cars.van(p["black"]), drift=-0.1),
        Pass(3.2, False, "粤FD12345", "green", "car", "blue", lambda: cars.suv(p["blue"], wide), drift=0.15),
        Pass(5.2, False, "沪G23456D", "green_large", "bus", "white", lambda: heavy.bus(p["white"], p["blue"], wide)),
        Pass(5.3, True, "苏B4578挂", "trailer", "truck", "red", lambda: heavy.semitrailer(p["red"], p["red"])),
        Pass(7.4, True, "川E5678学", "learner", "car", "red", lambda: cars.sedan(p["red"]), drift=0.1),
        Pass(8.3, False, "苏H2345警", "police", "car", "white", lambda: cars.police_car(p["white"])),
        Pass(9.2, True, "使224680", "embassy", "car", "black", lambda: cars.sedan(p["black"]), drift=-0.15),
        Pass(10.2, False, "鲁C23456", "yellow", "truck", "yellow", lambda: heavy.lorry(p["yellow"], p["white"])),
        Pass(11.7, True, "豫B24578", "yellow_double", "truck", "blue", lambda: heavy.lorry(p["blue"], p["blue"])),
        Pass(12.9, False, "", "", "van", "white", lambda: cars.van(p["white"], frame=False), drift=0.1),
        Pass(13.6, True, "WJ辽24680", "armed_police", "car", "green", lambda: cars.suv(p["green"])),
        Pass(14.9, False, "KE02466", "army", "car", "brown", lambda: cars.suv(p["brown"]), drift=-0.1),
        Pass(15.4, True, "粤Z5678澳", "macau", "car", "blue", lambda: cars.sedan(p["blue"])),
        Pass(
            17.0, False, "浙X5678应急", "emergency", "truck", "red", lambda: heavy.lorry(p["red"], p["red"], fire=True)
        ),
    )


@cache
def _fleet() -> tuple[tuple[Pass, Model, U8 | None], ...]:
    return tuple((p, p.build(), draw_plate(p.text, p.kind) if p.text else None) for p in _passes())


def _placed(item: tuple[Pass, Model, U8 | None], t: float) -> paint.Placed:
    p, model, plate = item
    x = (scene.LANE if p.away else -scene.LANE) + p.drift + 0.06 * float(np.sin(t * 0.9 + p.at))
    return paint.Placed(model, plate, x, p.near_end(t), p.away)


def _in_view(placed: paint.Placed) -> bool:
    """Whether the near end is in the picture and nearer than 60 m."""
    plate = placed.model.plate_rear if placed.away else placed.model.plate_front
    if plate is None or not scene.NEAR < placed.z < 60:
        return False
    x, y, _ = scene.project(placed.world(plate).mean(0))
    return bool(0 <= x < scene.WIDTH and 0 <= y < scene.HEIGHT)


@cache
def expected() -> tuple[Expected, ...]:
    """What drives through, in order of the moment at which it is nearest."""
    out = []
    for item in _fleet():
        p = item[0]
        seen = [i for i in range(FRAMES) if _in_view(_placed(item, i / FPS))]
        color = STYLES[p.kind].color if p.kind else ""
        out.append(Expected(p.text, p.kind, color, p.vehicle, p.color, seen[0] / FPS, seen[-1] / FPS))
    return tuple(out)


def _captions(seconds: float) -> U8:
    """The time stamp and the notice at the top of the picture: light to add, (80, 1280, 3).

    Large, thin and pale, so that a plate detector leaves them alone.
    """
    ink = np.zeros((scene.HEIGHT, scene.WIDTH), np.uint8)
    font = cv2.FontFace("uni")
    whole = int(seconds)
    cv2.putText(ink, f"2026-01-01 08:30:{whole:02d}", (28, 56), (150,), font, 40, 400)
    cv2.putText(ink, "RENDERED DEMO 渲染", (830, 56), (150,), font, 40, 400)
    return cast(U8, cv2.merge((ink[:80],) * 3))


def frames(seed: int = 7, count: int = FRAMES) -> Iterator[U8]:
    """The clip's pictures, (720, 1280, 3) uint8 BGR, the same for the same seed."""
    rng = np.random.default_rng(seed)
    street = scene.background(seed)
    h, w = scene.HEIGHT + 64, scene.WIDTH + 64
    grain = rng.normal(0, 2.6, (h, w, 1)) + rng.normal(0, 1.2, (h, w, 3))
    lift, drop = np.clip(grain, 0, 40).astype(np.uint8), np.clip(-grain, 0, 40).astype(np.uint8)
    sprites: dict[int, paint.Sprite | None] = {}
    caption: tuple[int, U8] | None = None
    for i in range(count):
        t = i / FPS
        frame = street.copy()
        there = [(n, q) for n, q in enumerate(_placed(item, t) for item in _fleet()) if -16 < q.z < FAR]
        there.sort(key=lambda n: -n[1].z)
        for _, q in there:
            paint.draw_shadow(frame, q)
        for n, q in there:
            sprites[n] = paint.draw_vehicle(frame, q, sprites.get(n))
        frame = cast(U8, cv2.GaussianBlur(frame, (3, 3), 0.55))
        if caption is None or caption[0] != int(t):
            caption = (int(t), _captions(t))
        frame[:80] = cv2.add(frame[:80], caption[1])
        y, x = (int(v) for v in rng.integers(0, 64, 2))
        here = np.s_[y : y + scene.HEIGHT, x : x + scene.WIDTH]
        yield cast(U8, cv2.subtract(cv2.add(frame, lift[here]), drop[here]))


def render(
    path: Path, *, seed: int = 7, progress: Callable[[int, int], None] | None = None, max_frames: int | None = None
) -> tuple[Expected, ...]:
    """Writes the clip (H.264, yuv420p, 1280 x 720, 25 fps) to ``path`` and returns what drives through the whole of it.

    ``progress`` is told (frames done, frames in all); ``max_frames`` stops early.
    """
    import av
    from av.video.reformatter import ColorRange, Colorspace

    count = FRAMES if max_frames is None else min(FRAMES, max_frames)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        stream = out.add_stream("libx264", rate=FPS, options={"crf": "20", "preset": "veryfast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = scene.WIDTH, scene.HEIGHT, "yuv420p"
        stream.codec_context.color_range = 1
        stream.codec_context.colorspace = 1
        stream.codec_context.color_primaries = stream.codec_context.color_trc = 1
        for i, picture in enumerate(frames(seed, count)):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            frame.pts = i
            out.mux(stream.encode(frame))
            if progress is not None:
                progress(i + 1, count)
        out.mux(stream.encode())
    return expected()
