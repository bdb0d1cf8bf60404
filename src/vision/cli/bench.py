"""``vision bench``: what this machine carries."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vision.bench import host, kernels, streams
from vision.bench.clips import Clip, Progress, open_clip
from vision.bench.page import page, require_matplotlib
from vision.bench.stages import run_stages
from vision.cli import OK
from vision.cli.say import bars, note, out
from vision.errors import OutputError, SourceError
from vision.pipeline.config import Config, load_config
from vision.pipeline.output import now_text
from vision.pipeline.runner import Pipeline

MODES = ("stages", "streams", "soak", "kernels")
SCHEMA = "vision.bench/1"


def bench_command(
    mode: str,
    clips: Sequence[Path],
    config: Path | None,
    first: int,
    seconds: float | None,
    minutes: float,
    json_path: Path | None,
    html_path: Path | None,
) -> int:
    """Run one benchmark: a line on stdout, and the whole report where asked for."""
    for path in (json_path, html_path):
        if path is not None and not path.parent.is_dir():
            raise OutputError(f"{path}: cannot write: no such folder")
    host.require_psutil()
    if html_path is not None:
        require_matplotlib()
    if mode == "stages" and len(clips) > 1:
        raise SourceError(f"--clip: expected one video for stages, got {len(clips)}")
    settings = load_config(config) if config else Config()
    if mode in ("streams", "soak") and settings.models.threads == 0:  # the workers share the cores among the cameras
        settings = settings.model_copy(update={"models": settings.models.model_copy(update={"threads": 1})})
    pipeline = Pipeline(settings)
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "mode": mode,
        "time": now_text(),
        "host": host.facts(pipeline),
    }
    with tempfile.TemporaryDirectory(prefix="vision-bench-") as folder, bars() as progress:
        if mode == "kernels":
            report["result"] = kernels.run_kernels(2.0 if seconds is None else seconds, progress)
        else:
            used = [open_clip(clip, Path(folder), pipeline, seconds, progress) for clip in clips or (None,)]
            report["clips"] = [clip.facts() for clip in used]
            report["result"] = run_mode(mode, pipeline, used, first, minutes, progress)
    line = line_of(report)
    out(line)
    if json_path is not None:
        write(json_path, json.dumps(report, ensure_ascii=False, indent=1))
    if html_path is not None:
        write(html_path, page(report, line))
    return OK


def run_mode(
    mode: str, pipeline: Pipeline, clips: Sequence[Clip], first: int, minutes: float, progress: Progress
) -> dict[str, Any]:
    """The figures of one mode."""
    if mode == "stages":
        return run_stages(pipeline, clips[0], progress)
    decoded = round(streams.decode_capacity(clips, device=pipeline.config.decode.device), 1)
    if mode == "soak":
        run = streams.run_streams(pipeline, clips, first, 60 * minutes, progress)
        return {**run, "decode_capacity": decoded}
    seconds = max(clip.seconds for clip in clips)
    runs = streams.most_streams(pipeline, clips, seconds, first, progress)
    held = [run["streams"] for run in runs if not run["failed"]]
    limits = {"drop_share": streams.MAX_DROPS, "p99_ms": streams.MAX_P99_MS, "read_loss": streams.MAX_READ_LOSS}
    return {"most_streams": max(held, default=0), "decode_capacity": decoded, "limits": limits, "runs": runs}


def line_of(report: dict[str, Any]) -> str:
    """The result in one line."""
    machine, result = report["host"], report["result"]
    on = f"{machine['cpu']}, {machine['cores']} cores, {machine['simd']}, {machine['provider']}"
    if report["mode"] == "kernels":
        ratios = sorted(r["opencv_ratio"] for r in result["kernels"] if r["opencv_ratio"])
        return f"kernels: {ratios[len(ratios) // 2]} x OpenCV in the median, {ratios[0]} to {ratios[-1]} x | {on}"
    what = ", ".join(f"{c['size']} {c['codec']} at {c['fps']:.4g} frames/s" for c in report["clips"])
    if report["mode"] == "stages":
        q = result["quality"]
        return (
            f"stages: {result['fps']} frames/s ({100 * result['share_of_decode_fps']:.0f} % of decoding alone), frame "
            f"p50 {result['frame_ms']['p50']} ms p99 {result['frame_ms']['p99']} ms, plates {q['right']}/{q['plates']} "
            f"| {what} | {on}"
        )
    if report["mode"] == "streams":
        share = 100 * result["most_streams"] / result["decode_capacity"]
        return (
            f"streams: {result['most_streams']} cameras held the service level ({share:.0f} % of the "
            f"{result['decode_capacity']} that decoding alone could carry) | {what} | {on}"
        )
    slope, error = (result["util"][name] for name in ("rss_slope_mb_per_h", "rss_slope_error_mb_per_h"))
    state = "; ".join(result["failed"]) or "service level held"
    return (
        f"soak: {result['streams']} cameras for {result['seconds'] / 60:.1f} min, {state}, memory slope "
        f"{'not measured' if slope is None else f'{slope} ± {error} MB/h'} | {what} | {on}"
    )


def write(path: Path, text: str) -> None:
    """A report file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as err:
        raise OutputError(f"{path}: cannot write: {err.strerror}") from err
    note(f"wrote {path}")
