"""Cameras that rest: what is not decoded while nothing moves, and whether the same vehicles are found.

    python benchmarks/resting.py CLIP... [--still-s N] [--keep FOLDER]

Of each clip (a fixed camera) a quiet one is made: its empty scene (the median of its pictures) with a sensor's noise
for N seconds, the clip, and the empty scene again; H.264, a key frame every two seconds, no B-frames, as cameras do.
It runs with and without `decode.rest` on one thread. Printed are processor times, the share of decoding alone in them,
frames left out, and the sightings of both runs as in `adaptive.py`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import config_of, existing, fail, one_line, percent, table
from benchmarks.adaptive import decode, run, same_vehicles

from vision import kernels
from vision.cli.say import bars
from vision.errors import VisionError
from vision.pipeline.runner import Pipeline
from vision.types import U8
from vision.video.file import FileSource

SAMPLES = 31  # pictures of which the empty scene is the median
NOISE = 8.0  # standard deviation, grey levels: a camera by night
NOISES = 16  # different pictures of noise, in turns
HEAD = ["clip", "frames", "left out", "times faster", "decoding, all", "decoding, resting"]


def quiet_clip(clip: Path, out: Path, still_s: float) -> Path:
    """The clip between two times of nothing, written to ``out``."""
    with FileSource(clip) as source:
        rate, expected = round(source.frame_rate), source.n_frames_expected or SAMPLES
        step = max(1, expected // SAMPLES)
        sampled = [kernels.to_bgr(frame.planes) for frame in source if frame.index % step == 0]
    scene = np.median(sampled, 0)
    rng = np.random.default_rng(0)
    noisy = [np.clip(scene + rng.normal(0, NOISE, scene.shape), 0, 255).astype(np.uint8) for _ in range(NOISES)]

    def pictures() -> Iterator[U8]:
        n = round(still_s * rate)
        yield from (noisy[i % NOISES] for i in range(n))
        with FileSource(clip) as source:
            yield from (kernels.to_bgr(frame.planes) for frame in source)
        yield from (noisy[i % NOISES] for i in range(n))

    height, width = (n // 2 * 2 for n in scene.shape[:2])
    with av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "25", "g": str(2 * rate), "bf": "0"}
        for i, picture in enumerate(pictures()):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="bgr24")
            frame.pts, frame.time_base = i, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--still-s", type=float, default=20, metavar="N")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the quiet clips are left")
    options = parser.parse_args()
    if not options.still_s > 0:
        fail(f"--still-s: expected more than 0, got {options.still_s:g}")
    for clip in options.clips:
        existing(clip, "a video file")
    if options.keep is not None:
        existing(options.keep, "a folder")
    rows = []
    try:
        config = config_of(1)
        whole, resting = (
            Pipeline(config.model_copy(update={"decode": config.decode.model_copy(update={"rest": rest})}))
            for rest in (False, True)
        )
        with tempfile.TemporaryDirectory() as folder, bars() as progress:
            for i, clip in enumerate(options.clips):
                progress("clips", i, len(options.clips))
                quiet = quiet_clip(clip, (options.keep or Path(folder)) / f"{clip.stem}_quiet.mp4", options.still_s)
                n, alone_s = decode(quiet)
                a, b = run(whole, quiet), run(resting, quiet)
                rows.append(
                    [
                        clip.name,
                        n,
                        percent(n - b.counts.frames, n),
                        f"{a.cpu_s / b.cpu_s:.2f}",
                        percent(alone_s, a.cpu_s),
                        percent(alone_s, b.cpu_s),
                        len(a.sightings),
                        len(b.sightings),
                        same_vehicles(a.sightings, b.sightings),
                        f"{len(b.texts)}, the same" if a.texts == b.texts else f"{a.texts} / {b.texts}",
                    ]
                )
    except VisionError as err:
        one_line(err)
    print(table([*HEAD, "vehicles, all", "resting", "the same", "plates"], rows))


if __name__ == "__main__":
    main()
