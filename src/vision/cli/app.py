"""The commands and their options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vision.cli import OK

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
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


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
    json: JsonOption = False,
) -> None:
    """Run recorded video: events, tracks, evidence pictures and an annotated video."""
    from vision.cli.run import run_command

    code = run_command(sources, out, config, start, duration, fps, annotate=not no_annotate, as_json=json, early=early)
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


outbox = typer.Typer(
    name="outbox",
    help="Events that wait for a sink, and dead letters, of a `vision live` folder.",
    no_args_is_help=True,
)
app.add_typer(outbox)

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="The --out folder of `vision live`.")]
SinkOption = Annotated[str | None, typer.Option("--sink", help="Only those of this sink.")]
DeadOption = Annotated[bool, typer.Option("--dead", help="Dead letters instead of what waits.")]
KeysOption = Annotated[list[str] | None, typer.Option("--key", help="Only this event; may be repeated.")]


@outbox.command(name="ls")
def outbox_ls(
    folder: FolderArgument,
    sink: SinkOption = None,
    dead: DeadOption = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many lines.")] = 50,
    json: JsonOption = False,
) -> None:
    """List what waits or is dead, oldest first, and the totals of each sink."""
    from vision.cli.outbox import ls_command

    raise typer.Exit(ls_command(folder, sink, limit, is_dead=dead, as_json=json))


@outbox.command(name="requeue")
def outbox_requeue(folder: FolderArgument, sink: SinkOption = None, key: KeysOption = None) -> None:
    """Send dead letters again, with their numbers and in their old places."""
    from vision.cli.outbox import requeue_command

    raise typer.Exit(requeue_command(folder, sink, key or []))


@outbox.command(name="export")
def outbox_export(
    folder: FolderArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New file: an event a line, JSON.")],
    sink: SinkOption = None,
    dead: DeadOption = False,
    key: KeysOption = None,
) -> None:
    """Write what waits or is dead to a file; nothing is taken away."""
    from vision.cli.outbox import export_command

    raise typer.Exit(export_command(folder, out, sink, key or [], is_dead=dead))


@outbox.command(name="purge")
def outbox_purge(
    folder: FolderArgument,
    sink: SinkOption = None,
    dead: DeadOption = False,
    key: KeysOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say how many.")] = False,
) -> None:
    """Give up what waits or is dead. Counted as dropped."""
    from vision.cli.outbox import purge_command

    raise typer.Exit(purge_command(folder, sink, key or [], is_dead=dead, is_meant=yes))


viid = typer.Typer(
    name="viid", help="GA/T 1400 (VIID): a platform to test against, and a check of a real one.", no_args_is_help=True
)
app.add_typer(viid)


@viid.command(name="mock")
def viid_mock(
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where; port 0: a free one.")] = "127.0.0.1:7100",
    dialect: Annotated[str, typer.Option(help="How it speaks; see docs/how-to/viid.md.")] = "standard",
    user: Annotated[str | None, typer.Option(help="User of the digest. Default: any device's own id.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="Only this device may register; may be repeated.")] = None,
    nonce_s: Annotated[float | None, typer.Option("--nonce-s", min=0, help="Nonces live so many seconds.")] = None,
    clock_s: Annotated[float, typer.Option("--clock-s", help="Its clock is so many seconds ahead.")] = 0.0,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="NAME[=COUNT]", help="The next requests fail like this.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write each vehicle taken here; is continued.")
    ] = None,
    open_to_network: Annotated[
        bool, typer.Option("--open-to-network", help="Allow an address that others can reach.")
    ] = False,
) -> None:
    """Run a receiving platform to test against. Password: VIID_PASSWORD, else "vision". The page shows what came."""
    from vision.cli.viid import mock_command

    code = mock_command(
        listen, dialect, user, device or (), nonce_s, clock_s, fault or (), log, is_open=open_to_network
    )
    raise typer.Exit(code)


@viid.command(name="check")
def viid_check(
    url: Annotated[str, typer.Argument(metavar="URL", help="The platform, such as http://10.0.0.5:7100.")],
    device: Annotated[str, typer.Option(metavar="ID", help="The 20 digits to register as.")],
    user: Annotated[str, typer.Option(help="User of the digest. Default: the device.")] = "",
    profile: Annotated[str, typer.Option(help="What it wants differently; see docs/how-to/viid.md.")] = "standard",
    zone: Annotated[str, typer.Option(help="Its time zone.")] = "+08:00",
    timeout_s: Annotated[float, typer.Option("--timeout-s", min=0.1, help="Wait so long for an answer.")] = 5.0,
    ca_file: Annotated[Path | None, typer.Option("--ca-file", help="Certificates to trust, PEM.")] = None,
    send_vehicle: Annotated[
        bool, typer.Option("--send-vehicle", help="Also send a made-up vehicle; it stays there.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Walk a real platform through register .. unregister and say what is off. Password: VIID_PASSWORD."""
    from vision.cli.viid import check_command

    code = check_command(url, device, user, profile, zone, timeout_s, ca_file, send_vehicle=send_vehicle, as_json=json)
    raise typer.Exit(code)


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
