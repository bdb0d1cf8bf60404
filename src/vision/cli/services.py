"""The commands about serving what was seen: ``vision serve`` and ``vision key``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision.cli.platforms import JsonOption

ArchiveArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of a sink of type archive.")]
KeysOption = Annotated[Path | None, typer.Option("--keys", metavar="FILE", help="Keys. Default: FOLDER/keys.json.")]


def serve(
    folder: ArchiveArgument,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where; port 0: a free one.")] = "127.0.0.1:7300",
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="FILE", help="Own certificate and its chain, PEM.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Its private key, PEM.")] = None,
    plain_http: Annotated[
        bool, typer.Option("--plain-http", help="Allow an address that others reach without TLS (behind a proxy).")
    ] = False,
    keys: KeysOption = None,
    audit: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Who was told plates is noted here. Default: FOLDER/audit.")
    ] = None,
    rate: Annotated[int, typer.Option(min=1, help="Requests a minute of one key.")] = 600,
) -> None:
    """Answer questions about an archive over HTTP (REST) until Ctrl-C."""
    from vision.cli.serve import serve_command

    raise typer.Exit(serve_command(folder, listen, tls_cert, tls_key, keys, audit, rate, is_plain=plain_http))


key = typer.Typer(name="key", help="Keys to what `vision serve` answers.", no_args_is_help=True)


@key.command(name="add")
def key_add(
    folder: ArchiveArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose; stands in the audit log.")],
    scope: Annotated[
        str, typer.Option(help="status (cameras, counts), sightings (masked plates, too) or plates (everything).")
    ] = "sightings",
    days: Annotated[float | None, typer.Option(min=0, max=36500, help="Valid so long. Default: for ever.")] = None,
    keys: KeysOption = None,
) -> None:
    """Make a key and print it, once."""
    from vision.cli.serve import add_command

    raise typer.Exit(add_command(folder, name, scope, days, keys))


@key.command(name="ls")
def key_ls(folder: ArchiveArgument, keys: KeysOption = None, json: JsonOption = False) -> None:
    """List keys: name, scope, made, valid until. Without their secrets, which nobody has."""
    from vision.cli.serve import ls_command

    raise typer.Exit(ls_command(folder, keys, as_json=json))


@key.command(name="rm")
def key_rm(
    folder: ArchiveArgument, name: Annotated[str, typer.Argument(metavar="NAME")], keys: KeysOption = None
) -> None:
    """Take a key away. A running service knows at once."""
    from vision.cli.serve import rm_command

    raise typer.Exit(rm_command(folder, name, keys))
