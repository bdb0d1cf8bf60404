"""Writes docs/reference/config.md: every setting with default, bounds and meaning, from the code that checks them.

python docs/generate_config.py           # write the page
python docs/generate_config.py --check   # exit code 1 if it is out of date
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from vision.pipeline.config import Config

PAGE = Path(__file__).parent / "reference" / "config.md"

HEAD = """\
# Configuration

<!-- Written by docs/generate_config.py from src/vision/pipeline/config.py. Change it there, then run the script. -->

Settings are a TOML file, given to `vision run --config FILE`, `vision read --config FILE` or `vision.Pipeline(FILE)`.
What the file does not name keeps its default. An unknown key or a value out of bounds is an error that names the file,
the key, what was expected and what came (exit code 2).

From Python, without a file: `vision.Config.model_validate({"plates": {"max_unreadable": 0}})`. That raises pydantic's
`ValidationError`; `vision.pipeline.config.parse_config` takes the same dictionary and raises `vision.ConfigError`.

`run.json` of every run holds the complete settings it ran with.
"""

SECTIONS = {
    "models": "Which model does what, and on which device.",
    "decode": "Where video is decoded, and what may be left out.",
    "detect": "Where and how finely to look. A side is the longest side of a network's input in pixels.",
    "pace": "How often vehicles are looked for; times are seconds between two detections.",
    "track": "How boxes become tracks; the meaning of each threshold is that of `vision.Tracker`.",
    "plates": "When a plate text is believed.",
    "sightings": "When tracks become a sighting.",
    "scene": "What a camera's picture means, for one camera; how to place all this: [the scene](../how-to/scene.md). "
    "Streams only: photos are read whole.",
    "watchlist": "Plates to look for; one table for each list, which may be in a site file as well. How to: "
    "[watch-lists](../how-to/watchlist.md). Streams only.",
}

MODEL = "name of a shipped model or path of a folder with `model.toml`"
MEANINGS = {
    "models.vehicle_detector": f"finds vehicles: {MODEL}",
    "models.plate_detector": "finds plates with their four corners: as above",
    "models.plate_refiner": "looks a second time at what was found: corners, and is it a plate? As above; empty: no "
    "second look",
    "models.plate_reader": "reads a plate: as above",
    "models.vehicle_attributes": "names type and color of a vehicle: as above",
    "models.device": "`cpu`, `cuda`, `cuda:N` or `tensorrt`; a device that cannot be used is an error, never a silent "
    "fall-back; also `tensorrt:N`, see [use a GPU](../how-to/gpu.md), which nobody has measured yet",
    "models.precision": "`auto`: int8 on a CPU where the model has it (a quarter faster without VNNI), else `float32`; "
    "`float16` on `tensorrt` only",
    "models.threads": "threads per network run; 0: all cores",
    "models.engine_cache": "folder where TensorRT keeps its engines; unset: `platevision/tensorrt` in the user's "
    "cache folder",
    "decode.device": "`cpu`, or a decoder device of this machine (`vision doctor` lists them): `cuda`, `vaapi`, with "
    "`:N` or `:PATH` for which one; one that cannot be used is an error",
    "decode.rest": "while nothing moves, decode key frames alone until a packet is larger than those of the still "
    "picture; what is left out is counted (a site's cameras: `quiet_s` at least 4)",
    "detect.vehicle_side": "input side for vehicles, whole frame; larger finds smaller vehicles and takes longer",
    "detect.vehicle_min_score": "vehicles scored lower are not returned; unset: the model's own threshold",
    "detect.plate_side": "input side when the whole frame is searched for plates",
    "detect.plate_crop_side": "input side when one vehicle is searched for its plate",
    "detect.plate_min_score": "plates scored lower are not returned; unset: the model's own threshold",
    "detect.plate_interval_s": "video: look for plates every so many seconds, less often where looks bring nothing new "
    "(`pace.mode`); 0: in every frame",
    "detect.max_crops": "at most so many vehicles per frame are searched one by one, largest first; 0: none",
    "pace.mode": "`adaptive`: vehicles are looked for as often as what moves in the picture asks for, and carried "
    "along by their tracks in between; `every_frame`: in every frame, and plates every `detect.plate_interval_s`",
    "pace.young_s": "a track that is younger than `young_hits` is looked for every so many seconds",
    "pace.young_hits": "boxes after which a track is no longer young",
    "pace.motion_s": "change in the picture that no moving vehicle explains, or a vehicle just lost: look again after "
    "so many seconds",
    "pace.motion_longest_s": "the same for change that again and again came from no vehicle",
    "pace.moving_s": "a moving vehicle is looked for at least every so many seconds",
    "pace.travel": "and before it has moved by this share of its own size",
    "pace.idle_s": "nothing moves: look every so many seconds",
    "track.high_score": "a vehicle box from here on can continue any track",
    "track.low_score": "a box from here on can continue a track seen at the last look; at most `high_score`",
    "track.birth_score": "a box from here on, if it continues no track, starts one",
    "track.max_lost_s": "seconds of looking in vain after which a track ends",
    "plates.grammar": "which texts are plates: name of a shipped grammar (`cn`)",
    "plates.min_char_score": "a character less probable than this is written `?`",
    "plates.max_unreadable": "a plate with more `?` than this is not reported as read",
    "plates.min_look_score": "in one look the weakest character must be this probable, and the others together",
    "plates.min_score": "the readable characters together must be this probable; if not, a photo's weakest becomes `?`",
    "plates.min_score_alone": "the same for a plate seen on no detected vehicle (signs and lettering look like plates)",
    "plates.min_looks_alone": "such a plate must also have been seen this many times",
    "plates.min_width_px": "a plate narrower than this that was not read gives the reason `too_small`",
    "sightings.linger_s": "seconds for which an ended track may still be joined by another part of the same pass",
    "sightings.min_frames": "a vehicle without plate found in fewer frames is discarded as noise, and counted",
    "sightings.min_duration_s": "the same in seconds",
    "sightings.early_score": "a plate so sure is given out early, where early sightings are asked for",
    "sightings.cut_threshold": "how different two frames must be (1 - correlation) to count as a cut of the video; "
    "a cut ends all tracks",
    "scene.size": "width and height that all points below are given in: the size of a picture in pixels, or "
    "`[1, 1]` for shares of the picture",
    "scene.include": "polygons `[[x, y], ...]`; what lies in none of them is not looked at",
    "scene.exclude": "polygons that are not looked at: time stamps, a neighbor's yard",
    "scene.lanes": "`[[scene.lanes]]`: `name`, `points` (polygon), `direction` (from, to; optional)",
    "scene.lines": "`[[scene.lines]]`: `name`, `points` (two), `forward` and `backward` (words for the directions)",
    "scene.zones": "`[[scene.zones]]`: `name`, `points` (polygon), `limit_s` (who stands there longer is over it)",
    "scene.calibration": "`[scene.calibration]`: `points` and `meters` (four or more), or `homography` and "
    "`scale_error`; `area`, `point_error_px`, `meter_error_m`",
    "watchlist.name": "the list's name in events and logs: letters, digits, `_`, `-`",
    "watchlist.file": "its file, `.csv` or `.jsonl`; read anew when it changes",
    "watchlist.min_probability": "a sighting is said to be of an entry if that is so probable, by what was read",
    "watchlist.notify": "`early`: while the pass goes on, and again at its end; `final`: at its end alone",
    "watchlist.key_variable": "environment variable with the key of a hashed list",
}

NAMES = {"bool": "true, false", "str": "text", "int": "whole number", "float": "number"}


def flat(kind: Any) -> tuple[str, list[Any], bool]:
    """Name of the plain type, its constraints, and whether it may be left unset."""
    if get_origin(kind) in (Union, types.UnionType):
        parts = [a for a in get_args(kind) if a is not type(None)]
        name, rules, _ = flat(parts[0])
        return name, rules, len(parts) < len(get_args(kind))
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind)), [], False
    if get_origin(kind) is tuple:
        return "numbers" if get_args(kind)[-1] is not Ellipsis else "list", [], False
    if isinstance(kind, type) and kind.__name__ not in NAMES:
        return "table", [], False
    if get_args(kind):  # Annotated
        first, *rest = get_args(kind)
        name, rules, may_lack = flat(first)
        for item in rest:
            rules += item.metadata if isinstance(item, FieldInfo) else [item]
        return name, rules, may_lack
    return NAMES[kind.__name__], [], False


def bounds(rules: list[Any]) -> str:
    """Constraints for people: `0..1`, `at least 0`, `64..4096, multiple of 32`."""
    found = {key: getattr(r, key) for r in rules for key in ("ge", "le", "multiple_of") if hasattr(r, key)}
    low, high = found.get("ge"), found.get("le")
    words = [f"{low}..{high}" if high is not None else f"at least {low}"] if low is not None else []
    if "multiple_of" in found:
        words.append(f"multiple of {found['multiple_of']}")
    return ", ".join(words)


def literal(value: Any) -> str:
    """A default as it would stand in TOML."""
    return "unset" if value is None else f"`{toml(value)}`"


def toml(value: Any) -> str:
    """A value in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(toml(v) for v in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def keys() -> list[str]:
    """All settings, `section.key`."""
    return [f"{name}.{key}" for name in Config.model_fields for key in section_of(name).model_fields]


def section_of(name: str) -> Any:
    """The class of a section, also where there may be several."""
    kind = Config.model_fields[name].annotation
    return get_args(kind)[0] if get_origin(kind) is tuple else kind


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for name, section in Config.model_fields.items():
        model, heading = section_of(name), f"[[{name}]]" if get_origin(section.annotation) is tuple else f"[{name}]"
        lines += [f"## {heading}\n", f"{SECTIONS[name]}\n", "| key | default | bounds | meaning |", "|---|---|---|---|"]
        for key, field in model.model_fields.items():
            kind, rules, _ = flat(field.annotation)
            limits = bounds([*rules, *field.metadata]) or kind
            default = "required" if field.is_required() else literal(field.default)
            lines.append(f"| `{key}` | {default} | {limits} | {MEANINGS[f'{name}.{key}']} |")
        lines.append("")
    lines += ["## The defaults as a file\n", "```toml", *defaults(), "```", ""]
    return "\n".join(lines)


def defaults() -> list[str]:
    """A TOML file that changes nothing."""
    lines: list[str] = []
    for name, section in Config().model_dump(exclude={"watchlist"}).items():
        lines += [*([""] if lines else []), f"[{name}]"]
        for key, value in section.items():
            lines.append(f"{key} = {toml(value)}" if value is not None else f"# {key} is unset")
    return lines


def main() -> int:
    """Write or check the page."""
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
