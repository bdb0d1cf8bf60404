"""Decoder frames -> `Planes`, without copying a pixel where the format allows it."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import ColorRange

from vision.types import U8, Matrix, Planes

I420_FORMATS = {"yuv420p", "yuvj420p"}
# Values of H.273 table 4: 1 BT.709; 4 FCC, 5 BT.470 B/G and 6 SMPTE 170M are BT.601's coefficients.
MATRIX_OF: dict[int, Matrix] = {1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601"}


def planes_of(frame: av.VideoFrame, rotation: int = 0) -> Planes:
    """The frame's planes as uint8 arrays that keep the decoder's buffers alive.

    Args:
        frame: a decoded frame of any pixel format; other than yuv420p, yuvj420p and nv12 is converted to yuv420p.
        rotation: 0, 90, 180 or 270 degrees counter-clockwise to turn the picture upright (copies unless 0).

    A stream that does not say its matrix is BT.709 from 720 lines on and BT.601 below, as players assume.
    Source: ITU-T H.273 table 4 (matrix coefficients), ITU-R BT.709-6, BT.601-7.
    """
    name = frame.format.name
    # The "j" formats mean full range; elsewhere the stream says, and silence means limited.
    is_full = name == "yuvj420p" or int(frame.color_range) == int(ColorRange.JPEG)
    matrix = MATRIX_OF.get(int(frame.colorspace), "bt709" if frame.height >= 720 else "bt601")
    if name not in I420_FORMATS and name != "nv12":
        if frame.format.is_rgb:
            data = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            return Planes("bgr", (turn(data, rotation),))
        # Same range and matrix on both sides: only the sampling changes.
        frame = frame.reformat(format="yuvj420p" if is_full or name.startswith("yuvj") else "yuv420p")
        is_full = is_full or name.startswith("yuvj")
    h, w = frame.height, frame.width
    ch, cw = (h + 1) // 2, (w + 1) // 2
    y = plane(frame.planes[0], h, w)
    if frame.format.name == "nv12":
        uv = plane(frame.planes[1], ch, 2 * cw).reshape(ch, -1)
        pairs = np.lib.stride_tricks.as_strided(uv, (ch, cw, 2), (uv.strides[0], 2, 1), writeable=False)
        return Planes("nv12", (turn(y, rotation), turn(pairs, rotation)), matrix, is_full)
    u, v = plane(frame.planes[1], ch, cw), plane(frame.planes[2], ch, cw)
    return Planes("i420", (turn(y, rotation), turn(u, rotation), turn(v, rotation)), matrix, is_full)


def plane(source: av.video.plane.VideoPlane, height: int, width: int) -> U8:
    """One decoder plane as a (height, width) view with the decoder's line size."""
    line = source.line_size
    samples: U8 = np.frombuffer(memoryview(source), np.uint8, count=line * height)
    return samples.reshape(height, line)[:, :width]


def turn(data: U8, rotation: int) -> U8:
    """The array turned counter-clockwise by a multiple of 90 degrees; a copy unless 0."""
    quarter = rotation // 90 % 4
    return data if quarter == 0 else np.ascontiguousarray(np.rot90(data, quarter))
