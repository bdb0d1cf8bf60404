"""``vision demo``: the whole library on a clip that it renders itself."""

from __future__ import annotations

import json
from pathlib import Path

from vision.cli import INTERRUPTED, OK, SOURCE_FAILED
from vision.cli.interrupts import interrupts
from vision.cli.run import line_of, next_folder
from vision.cli.say import bars, note
from vision.cli.say import out as say_out
from vision.demo.clip import Expected, render
from vision.errors import ConfigError, OutputError
from vision.pipeline.record import Part, record
from vision.pipeline.runner import Pipeline


def demo_command(out: Path | None, *, as_json: bool) -> int:
    """Render, run, compare; exit code 0 when every plate was read."""
    folder = out or next_folder("demo")
    if folder.exists():
        raise ConfigError(f"--out: expected a folder that does not exist yet, {folder} exists")
    try:
        folder.mkdir(parents=True)
    except OSError as err:
        raise OutputError(f"{folder}: cannot create: {err.strerror}") from err
    clip, results = folder / "rendered_clip.mp4", folder / "results"
    pipeline = Pipeline()
    note("Rendering a street clip. Vehicles and plates in it are drawn by this program; none of them is real.")
    with bars() as progress:
        expected = render(clip, progress=lambda done, total: progress("rendering", done, total))
        note("Running the pipeline on it, as on any recorded video.")
        with interrupts() as is_stopped:
            summary = record(pipeline, [str(clip)], results, Part(), progress, is_stopped)
    events = [json.loads(line) for line in (results / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = compare(expected, [e["plate"]["text"] for e in events if e["plate"]])
    n_right = sum(is_right for _, _, is_right in rows)
    n_plates = sum(bool(want) for want, _, _ in rows)
    if as_json:
        pairs = [{"expected": want, "read": got, "right": is_right} for want, got, is_right in rows]
        say_out(json.dumps({"out": str(folder), "plates": pairs, **summary.to_dict()}, ensure_ascii=False))
    else:
        say_out(f"{'expected':14}{'read':14}")
        for want, got, is_right in rows:
            say_out(f"{pad(want or '(no plate)')}{pad(got or '-')}{'ok' if is_right else 'WRONG'}")
        say_out(f"clip (rendered)   {clip}")
        for name, what in FILES:
            say_out(f"{what:18}{results / name}")
        say_out(f"plates read right {n_right} of {n_plates}")
        say_out(line_of(summary, folder))
    if summary.interrupted:
        return INTERRUPTED
    return OK if n_right == len(rows) and not summary.failed else SOURCE_FAILED


FILES = (
    ("annotated.mp4", "annotated video"),
    ("events.jsonl", "events (JSON)"),
    ("events.csv", "events (Excel)"),
    ("tracks.csv", "tracks (MOT)"),
    ("images", "evidence pictures"),
    ("run.json", "run report"),
)


def compare(expected: tuple[Expected, ...], read: list[str]) -> list[tuple[str, str, bool]]:
    """(expected, read, right) per vehicle of the clip; reads that nothing explains are listed as wrong at the end."""
    left = list(read)
    rows: list[tuple[str, str, bool]] = []
    for vehicle in expected:
        if not vehicle.text:
            continue
        is_read = vehicle.text in left
        if is_read:
            left.remove(vehicle.text)
        rows.append((vehicle.text, vehicle.text if is_read else "", is_read))
    return rows + [("", text, False) for text in left]


def pad(text: str, width: int = 14) -> str:
    """The text filled up to ``width`` columns; a Chinese character takes two."""
    return text + " " * max(1, width - sum(2 if ord(c) > 0x2E80 else 1 for c in text))
