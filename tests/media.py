"""Small videos for tests, made on the spot with PyAV."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vision.types import U8


def picture(width: int, height: int, seed: int = 0) -> U8:
    """A smooth colorful picture: codecs keep it nearly unchanged."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    rng = np.random.default_rng(seed)
    planes = [128 + 100 * np.sin(6 * (a * x + b * y) + c) for a, b, c in rng.uniform(-1, 1, (3, 3))]
    return np.stack(planes, -1).astype(np.uint8)


def write_video(
    path: Path,
    pictures: Sequence[U8],
    *,
    times_s: Sequence[float] | None = None,
    rotation: int = 0,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> Path:
    """A video of these BGR pictures at these times (default 25 a second)."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        base = Fraction(1, 25) if times_s is None else Fraction(1, 90_000)
        stream.time_base = stream.codec_context.time_base = base
        stream.options = dict[str, object](codec_options or {})
        if rotation:
            stream.set_display_rotation(rotation)
        for i, image in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            at = times_s[i] if times_s is not None else i / 25
            frame.pts, frame.time_base = round(at / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_audio(path: Path) -> Path:
    """A file with sound and no video."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        for i in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16_000, i * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
