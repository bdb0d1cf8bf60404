"""The commands about what others say and hear: ``vision watchlist``, ``vision outbox`` and ``vision viid``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]

watchlist = typer.Typer(name="watchlist", help="Files of plates to look for.", no_args_is_help=True)
ListArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The list, .csv or .jsonl.")]
GrammarOption = Annotated[str, typer.Option(help="Which texts are plates.")]


@watchlist.command(name="check")
def watchlist_check(file: ListArgument, grammar: GrammarOption = "cn", json: JsonOption = False) -> None:
    """Say what is wrong in a list line by line, and count its plates by kind. Exit code 2 if anything is wrong."""
    from vision.cli.watchlist import check_command

    raise typer.Exit(check_command(file, grammar, as_json=json))


@watchlist.command(name="hash")
def watchlist_hash(
    file: ListArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New file, .csv, with plate_hmac instead of plate.")],
    key_variable: Annotated[
        str, typer.Option("--key-variable", metavar="NAME", help="Environment variable that holds the key.")
    ] = "VISION_WATCHLIST_KEY",
    grammar: GrammarOption = "cn",
) -> None:
    """Write a list that names no plate: HMACs under a key, which the site needs, too."""
    from vision.cli.watchlist import hash_command

    raise typer.Exit(hash_command(file, out, key_variable, grammar))


outbox = typer.Typer(
    name="outbox",
    help="Events that wait for a sink, and dead letters, of a `vision live` folder.",
    no_args_is_help=True,
)
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
    subscribe: Annotated[
        str | None, typer.Option(metavar="URL", help="Subscribe there when a device registers: the cascade role.")
    ] = None,
    open_to_network: Annotated[
        bool, typer.Option("--open-to-network", help="Allow an address that others can reach.")
    ] = False,
) -> None:
    """Run a receiving platform to test against. Password: VIID_PASSWORD, else "vision". The page shows what came."""
    from vision.cli.viid import mock_command

    code = mock_command(
        listen, dialect, user, device or (), nonce_s, clock_s, fault or (), log, subscribe, is_open=open_to_network
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
