"""The library's front door: models loaded once, then photos, files and streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vision.errors import SourceError
from vision.match.watchlist import load_watchlists
from vision.pipeline.config import Config, load_config
from vision.pipeline.photo import read_photo
from vision.pipeline.stages import load_stages
from vision.pipeline.stats import StageTimes
from vision.pipeline.stream import FrameResult, Stream
from vision.pipeline.watch import wants_of, words_of
from vision.types import U8, Frame, Photo, Sighting
from vision.video.file import FileSource
from vision.video.images import frame_of, read_image

RECORDED_BYTES = 100 << 20


class Pipeline:
    """Detect, track, read, fuse.

    Args:
        config: settings, the path of a TOML file with them, or None for the defaults.

    Raises:
        ConfigError: the config is wrong, or a watch-list.
        ModelError, InferenceError: a model or the device cannot be used.

    Example:
        >>> pipeline = vision.Pipeline()
        >>> for sighting in pipeline.stream("garage.mp4"):
        ...     print(sighting.plate, sighting.vehicle)
    """

    def __init__(self, config: Config | str | Path | None = None) -> None:
        self.config = config if isinstance(config, Config) else load_config(config) if config else Config()
        self.stages = load_stages(self.config)
        self.watchlists = load_watchlists(self.config.watchlist, words_of(self.stages))
        self.times = StageTimes()

    def read(self, image: U8 | str | Path | Frame) -> Photo:
        """Plates and vehicles of one picture: a path, a BGR uint8 array (h, w, 3) or a frame.

        Raises:
            SourceError, DecodeError: the file is missing or no picture.
            TypeError, ValueError: the array is no BGR uint8 picture.
        """
        if isinstance(image, (str, Path)):
            frame = read_image(image)
        elif isinstance(image, Frame):
            frame = image
        else:
            frame = frame_of(image)
        return read_photo(self.stages, self.config, frame)

    def open(self, stream_id: str, *, early: bool = False, watch: bool = False, recorded: bool = False) -> Stream:
        """A new stream that takes frames one by one; for callers with their own frames.

        With ``early`` its results also hold early sightings, see `vision.Sighting`; with ``watch`` those, too, that a
        watch-list waits for: give all sightings to `vision.match.alarms.Alarms`. A ``recorded`` video, not one of many
        cameras, may take up to 100 MB for pictures of passes that go on, which else are compressed meanwhile.
        """
        wants = wants_of(self.watchlists) if watch else None
        plain_bytes = RECORDED_BYTES if recorded else 0
        return Stream(
            self.stages, self.config, stream_id, self.times, early=early, wants=wants, plain_bytes=plain_bytes
        )

    def frames(self, source: FileSource, stream: Stream | None = None) -> Iterator[FrameResult]:
        """Every frame of a source with what it gave.

        Sightings still open at the end are not in it: call ``stream.close()``, as `stream` does.
        """
        stream = stream or self.open(source.stream_id, recorded=True)
        frames = iter(source)
        while True:
            with self.times.stage("decode"):
                frame = next(frames, None)
            if frame is None:
                return
            yield stream.update(frame)
            if self.config.decode.rest:
                source.is_resting = stream.is_at_rest(frame)

    def stream(
        self,
        uri: str | Path,
        *,
        stream_id: str | None = None,
        start_s: float = 0.0,
        duration_s: float | None = None,
        fps: float | None = None,
        early: bool = False,
    ) -> Iterator[Sighting]:
        """Sightings of a recorded video, each when its vehicle has passed.

        With ``early`` also those of passes that go on, once a plate is sure and again when its text changes, under
        the id of the final one; their ``state`` is "early".

        Raises:
            SourceError, DecodeError: see `vision.video.file.FileSource`; what was still open has come before.
        """
        device = self.config.decode.device
        with FileSource(
            uri, stream_id=stream_id, start_s=start_s, duration_s=duration_s, fps=fps, device=device
        ) as source:
            stream = self.open(source.stream_id, early=early, recorded=True)
            try:
                for result in self.frames(source, stream):
                    yield from result.sightings
                    yield from result.early
            except SourceError:
                yield from stream.close()
                raise
            yield from stream.close()
