"""Every setting of a run, with its default and bounds; read from TOML, every bad key named."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from vision.errors import ConfigError
from vision.match.settings import WatchlistSettings
from vision.scene.layout import SceneConfig
from vision.settings import Section, parse

Score = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Side = Annotated[int, Field(ge=64, le=4096, multiple_of=32)]


class ModelsConfig(Section):
    """Which model does what: the name of a shipped one or the path of a folder with model.toml."""

    vehicle_detector: str = "vehicle_detector"
    plate_detector: str = "plate_detector"
    plate_refiner: str = "plate_refiner"
    plate_reader: str = "plate_reader"
    vehicle_attributes: str = "vehicle_attributes"
    device: str = "cpu"
    precision: Literal["auto", "float32", "int8", "float16"] = "auto"
    threads: Annotated[int, Field(ge=0, description="threads per network run; 0: all cores")] = 0
    engine_cache: str | None = None


class DecodeConfig(Section):
    """Where video is decoded, and what may be left out."""

    device: str = "cpu"
    rest: bool = False


class DetectConfig(Section):
    """Where and how finely to look. Sides are the longest side of a network's input in pixels."""

    vehicle_side: Side = 640
    vehicle_min_score: Score | None = None
    plate_side: Side = 640
    plate_crop_side: Side = 256
    plate_min_score: Score | None = None
    plate_interval_s: Seconds = 0.1
    max_crops: Annotated[int, Field(ge=0)] = 8


class PaceConfig(Section):
    """How often vehicles are looked for; times are seconds between two detections."""

    mode: Literal["adaptive", "every_frame"] = "adaptive"
    young_hits: Annotated[int, Field(ge=1)] = 5
    young_s: Seconds = 0.08
    motion_s: Seconds = 0.12
    motion_longest_s: Seconds = 0.2
    travel: Annotated[float, Field(ge=0.01)] = 0.4
    moving_s: Seconds = 0.3
    idle_s: Seconds = 2.0


class TrackConfig(Section):
    """The tracker's thresholds; see `vision.Tracker`."""

    high_score: Score = 0.5
    low_score: Score = 0.1
    birth_score: Score = 0.5
    max_lost_s: Seconds = 1.0


class PlatesConfig(Section):
    """When a read is believed."""

    grammar: str = "cn"
    min_char_score: Score = 0.5
    max_unreadable: Annotated[int, Field(ge=0)] = 1
    min_look_score: Score = 0.45
    min_score: Score = 0.6
    min_score_alone: Score = 0.9
    min_looks_alone: Annotated[int, Field(ge=1)] = 3
    min_width_px: Annotated[float, Field(ge=0)] = 24


class SightingsConfig(Section):
    """When tracks become a sighting."""

    linger_s: Seconds = 2.0
    min_frames: Annotated[int, Field(ge=1)] = 5
    min_duration_s: Seconds = 0.3
    cut_threshold: Score = 0.3
    early_score: Score = 0.9


class StreamConfig(Section):
    """The settings of one stream."""

    decode: DecodeConfig = DecodeConfig()
    detect: DetectConfig = DetectConfig()
    pace: PaceConfig = PaceConfig()
    track: TrackConfig = TrackConfig()
    plates: PlatesConfig = PlatesConfig()
    sightings: SightingsConfig = SightingsConfig()
    scene: SceneConfig = SceneConfig()


class Config(StreamConfig):
    """All settings of a run."""

    models: ModelsConfig = ModelsConfig()
    watchlist: tuple[WatchlistSettings, ...] = ()


def load_config(path: str | Path) -> Config:
    """The settings in a TOML file; what it does not name keeps its default.

    Raises:
        ConfigError: the file cannot be read, is no TOML, or has an unknown key or a wrong value.
    """
    return parse_config(read_toml(path), str(path))


def read_toml(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        ConfigError: the file cannot be read or is no TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as err:
        raise ConfigError(f"{path}: cannot read the config: {err.strerror}") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path}: expected TOML: {err}") from err


def parse_config(values: dict[str, Any], name: str = "config") -> Config:
    """Checked settings from plain tables.

    Raises:
        ConfigError: names every key that is unknown or has a wrong value.
    """
    return parse(Config, values, name)
