"""``vision camera check`` and ``vision camera show``."""

from __future__ import annotations

import json
from pathlib import Path

from vision.cli import OK
from vision.cli.advice import advice_of, heading, sentence, unknown
from vision.cli.say import bars, out
from vision.errors import ConfigError, OutputError
from vision.pipeline.check import check
from vision.pipeline.config import Config, load_config
from vision.pipeline.runner import Pipeline


def check_command(source: str, config: Path | None, start_s: float, seconds: float, report: Path | None) -> int:
    """Say whether a camera can read plates, one line per finding; return the exit code."""
    if report is not None and report.exists():
        raise ConfigError(f"--json: expected a file that does not exist yet, {report} exists")
    pipeline = Pipeline(config)
    with bars() as progress:
        found = check(pipeline, source, start_s=start_s, duration_s=seconds, progress=progress)
    out(heading(found))
    for finding in found.findings:
        if finding.verdict == "unknown":
            continue
        out(sentence(finding))
        text = advice_of(finding)
        if text:
            out(f"    -> {text}")
    if unknown(found):
        out(unknown(found))
    if report is not None:
        try:
            report.write_text(json.dumps(found.to_dict(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        except OSError as err:
            raise OutputError(f"{report}: cannot write: {err.strerror}") from err
    return OK


def show_command(source: str, picture: Path, config: Path | None, at_s: float) -> int:
    """Write one frame with the scene and rulers drawn on it; return the exit code."""
    import cv2

    from vision.kernels import to_bgr
    from vision.report.scene import draw_rulers, draw_scene
    from vision.video.file import FileSource

    settings = load_config(config) if config else Config()
    with FileSource(source, start_s=at_s, device=settings.decode.device) as video:
        frame = next(iter(video), None)
    if frame is None:
        raise ConfigError(f"--at: expected a time within the video, got {at_s:g} s")
    image = to_bgr(frame.planes).copy()
    draw_rulers(image, settings.scene)
    draw_scene(image, settings.scene)
    try:
        ok, data = cv2.imencode(picture.suffix, image)
    except cv2.error as err:
        raise ConfigError(f"OUT: expected a name that ends in .png or .jpg, got {picture.name!r}") from err
    try:
        if not ok:
            raise OutputError(f"{picture}: cannot encode the picture")
        picture.write_bytes(data.tobytes())
    except OSError as err:
        raise OutputError(f"{picture}: cannot write: {err.strerror}") from err
    out(str(picture))
    return OK
