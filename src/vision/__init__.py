"""Vehicle and licence plate recognition: recorded video in, one trustworthy sighting per vehicle out.

    >>> import vision
    >>> vision.read("car.jpg").plates[0].plate.text
    >>> for sighting in vision.stream("street.mp4"):
    ...     print(sighting.plate and sighting.plate.text, sighting.vehicle)

Importing this package loads neither OpenCV nor onnxruntime and touches no network.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from vision.errors import (
    ConfigError,
    DecodeError,
    InferenceError,
    ModelError,
    OutputError,
    SinkError,
    SourceError,
    VisionError,
)
from vision.types import CameraStatus, Char, Frame, Match, Photo, Planes, PlateRead, PlateText, Sighting, Vehicle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vision.pipeline.config import Config
    from vision.pipeline.runner import Pipeline
    from vision.site.site import Site
    from vision.track.tracker import Tracker
    from vision.types import U8

__version__ = "0.1.0"

__all__ = [
    "CameraStatus",
    "Char",
    "Config",
    "ConfigError",
    "DecodeError",
    "Frame",
    "InferenceError",
    "Match",
    "ModelError",
    "OutputError",
    "Photo",
    "Pipeline",
    "Planes",
    "PlateRead",
    "PlateText",
    "Sighting",
    "SinkError",
    "Site",
    "SourceError",
    "Tracker",
    "Vehicle",
    "VisionError",
    "read",
    "stream",
]

_LAZY = {
    "Config": "vision.pipeline.config",
    "Pipeline": "vision.pipeline.runner",
    "Site": "vision.site.site",
    "Tracker": "vision.track.tracker",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'vision' has no attribute {name!r}")


@cache
def _default() -> Pipeline:
    from vision.pipeline.runner import Pipeline

    return Pipeline()


def read(image: U8 | str | Path) -> Photo:
    """Plates and vehicles of one picture, with the default settings; the models stay loaded.

    Args:
        image: path of a picture, or a BGR uint8 array (h, w, 3).

    Raises:
        SourceError, DecodeError: the file is missing or no picture.
        ModelError, InferenceError: the shipped models cannot be used (onnxruntime missing, file corrupted).
    """
    return _default().read(image)


def stream(uri: str | Path, **options: Any) -> Iterator[Sighting]:
    """Sightings of a recorded video with the default settings; see `Pipeline.stream` for the options.

    Raises:
        SourceError, DecodeError: the file is missing, no video, or broke off.
    """
    return _default().stream(uri, **options)
