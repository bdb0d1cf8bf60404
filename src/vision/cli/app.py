"""The commands and their options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vision.cli import OK
from vision.cli.platforms import JsonOption, outbox, viid, watchlist
from vision.cli.services import key, serve

app = typer.Typer(
    name="vision",
    help="Vehicle and licence plate recognition: recorded video in, one trustworthy sighting per vehicle out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class BenchMode(StrEnum):
    """What `vision bench` measures."""

    STAGES = "stages"
    STREAMS = "streams"
    SOAK = "soak"
    KERNELS = "kernels"


ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings (TOML); see docs/reference/config.md.")]


@app.command()
def run(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Video files.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="New folder. Default runs/NAME-001.")] = None,
    config: ConfigOption = None,
    start: Annotated[str | None, typer.Option(help="Start here: seconds or hh:mm:ss.")] = None,
    duration: Annotated[str | None, typer.Option(help="Run this long: seconds or hh:mm:ss.")] = None,
    fps: Annotated[float | None, typer.Option(help="Process at most this many frames a second.")] = None,
    no_annotate: Annotated[bool, typer.Option("--no-annotate", help="Write no annotated video (faster).")] = False,
    early: Annotated[bool, typer.Option("--early", help="Write early sightings of passes that go on, too.")] = False,
    watchlists: Annotated[
        list[Path] | None,
        typer.Option("--watchlist", metavar="FILE", help="Look for the plates in this list; may be repeated."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run recorded video: events, tracks, evidence pictures and an annotated video."""
    from vision.cli.run import run_command

    code = run_command(
        sources, out, config, start, duration, fps,
        annotate=not no_annotate, as_json=json, early=early, watchlists=watchlists or (),
    )  # fmt: skip
    raise typer.Exit(code)


@app.command()
def read(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTO...", help="Pictures.")],
    config: ConfigOption = None,
    json: JsonOption = False,
    annotate: Annotated[Path | None, typer.Option(metavar="DIR", help="Write annotated copies here.")] = None,
) -> None:
    """Read the plates in photos."""
    from vision.cli.read import read_command

    raise typer.Exit(read_command(photos, config, annotate, as_json=json))


@app.command()
def demo(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="New folder. Default runs/demo-001.")] = None,
    json: JsonOption = False,
) -> None:
    """Render a street clip, run the real pipeline on it, compare. Needs no file and no network."""
    from vision.cli.demo import demo_command

    raise typer.Exit(demo_command(out, as_json=json))


@app.command()
def live(
    site: Annotated[Path, typer.Argument(metavar="SITE.toml", help="The cameras; see docs/how-to/site.md.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder, continued if it exists. Default runs/SITE-live.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Serve /metrics, /status and /healthz here.")
    ] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Camera states on stderr as JSON lines.")] = False,
    show_plates: Annotated[bool, typer.Option("--show-plates", help="Do not mask plates in /status.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print each event on stdout as a JSON line.")] = False,
) -> None:
    """Run live cameras until Ctrl-C. The file may be changed meanwhile: cameras that stay the same notice nothing."""
    from vision.cli.live import live_command

    raise typer.Exit(live_command(site, out, metrics, as_json=json, log_json=log_json, show_plates=show_plates))


@app.command()
def top(
    url: Annotated[str, typer.Argument(help="Where `vision live --metrics` listens.")] = "http://127.0.0.1:9464",
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print the table once.")] = False,
) -> None:
    """Watch the cameras of a running site."""
    from vision.cli.top import top_command

    raise typer.Exit(top_command(url, every, once=once))


class PicturesFirst(TyperGroup):
    """`vision eval FOLDER` means `vision eval pictures FOLDER`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the name of the usual command where none is given."""
        if args and args[0] not in {*self.commands, "-h", "--help"}:
            args = ["pictures", *args]
        return super().parse_args(ctx, args)


scores = typer.Typer(
    cls=PicturesFirst,
    help="How good? Models on labelled pictures (`eval FOLDER`), or tracks (`eval tracks TRUTH`).",
    no_args_is_help=True,
)
app.add_typer(scores, name="eval")


@scores.command(name="pictures")
def eval_pictures(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Labelled pictures: a folder with index.jsonl.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="New folder for tables, JSON and plots.")] = None,
    config: ConfigOption = None,
    split: Annotated[str, typer.Option(help="Which split of the index.")] = "dev",
    source: Annotated[list[str] | None, typer.Option(help="Only this source; may be repeated.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many pictures of each source.")] = None,
    json: JsonOption = False,
) -> None:
    """Score the models and the whole reader on labelled pictures."""
    from vision.cli.eval import eval_command

    raise typer.Exit(eval_command(folder, out, config, split, source or (), limit, as_json=json))


@scores.command(name="tracks")
def eval_tracks(
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="Tracking truth in MOTChallenge's or KITTI's form.")],
    results: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Score these finished tracks, SEQ.txt in the form of the truth.")
    ] = None,
    detections: Annotated[
        str | None, typer.Option(metavar="NAME", help="Run the tracker on det/NAME.txt. Default: the only file there.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="New folder for the table and JSON.")] = None,
    config: ConfigOption = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Not all vehicles are labelled: score only tracks that cover one that is.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Score tracks with TrackEval: given ones, or those of the library's tracker on the folder's detections."""
    from vision.cli.eval_tracks import eval_tracks_command

    raise typer.Exit(eval_tracks_command(truth, results, detections, out, config, is_partial=partial, as_json=json))


@app.command()
def doctor(json: JsonOption = False) -> None:
    """Check this installation: versions, native code, models, devices."""
    from vision.cli.doctor import doctor_command

    raise typer.Exit(doctor_command(as_json=json))


@app.command()
def bench(
    mode: Annotated[BenchMode, typer.Argument(metavar="stages|streams|soak|kernels", help="What to measure.")],
    clip: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="VIDEO", help="Video; several: the cameras show them in turn. Default: a rendered street."
        ),
    ] = None,
    config: ConfigOption = None,
    streams: Annotated[int, typer.Option(min=1, help="Cameras to start with (streams) or to run (soak).")] = 1,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Use so much of the clip; kernels: seconds for each.")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.01, help="How long to soak.")] = 30.0,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the whole report as JSON.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots.")] = None,
) -> None:
    """Measure this machine: stages of a frame, how many cameras it carries, a long run, or the kernels."""
    from vision.cli.bench import bench_command

    raise typer.Exit(bench_command(mode.value, clip or [], config, streams, seconds, minutes, json, html))


camera = typer.Typer(
    name="camera", help="Set up a camera: can it read plates, and where are its lines?", no_args_is_help=True
)
app.add_typer(camera)
app.add_typer(watchlist)
app.add_typer(outbox)
app.add_typer(viid)
app.command()(serve)
app.add_typer(key)


@camera.command(name="check")
def camera_check(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Video of the camera.")],
    config: ConfigOption = None,
    start: Annotated[float, typer.Option(min=0, help="Start here, seconds.")] = 0.0,
    seconds: Annotated[float, typer.Option(min=0.1, help="Look at so many seconds.")] = 60.0,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the findings as JSON.")] = None,
) -> None:
    """Say in plain words whether a camera can read plates, and what to change."""
    from vision.cli.camera import check_command

    raise typer.Exit(check_command(source, config, start, seconds, json))


@camera.command(name="show")
def camera_show(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Video of the camera.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Picture to write, .png or .jpg.")],
    config: ConfigOption = None,
    at: Annotated[float, typer.Option(min=0, help="Take the frame at this second.")] = 0.0,
) -> None:
    """Draw masks, lanes, lines, zones and rulers on a frame, to place them."""
    from vision.cli.camera import show_command

    raise typer.Exit(show_command(source, out, config, at))


@app.command()
def models(json: JsonOption = False) -> None:
    """List the models with version, size, checksum and licence."""
    from vision.cli.models import models_command

    raise typer.Exit(models_command(as_json=json))


def show_version(value: bool) -> None:
    """Print the version and stop, for ``--version``."""
    if value:
        import vision

        typer.echo(f"platevision {vision.__version__}")
        raise typer.Exit(OK)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""
