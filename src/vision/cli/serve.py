"""``vision serve`` and ``vision key``: an archive over HTTP, and the keys to it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from vision.archive.reader import open_archive
from vision.cli import OK
from vision.cli.language import is_chinese
from vision.cli.say import note
from vision.cli.say import out as say_out
from vision.errors import ConfigError
from vision.serve.keys import NAME, SCOPES, KeyFile

AUDIT = "audit"


def serve_command(
    folder: Path, listen: str, cert: Path | None, key: Path | None, keys: Path | None, audit: Path | None, rate: int,
    *, is_plain: bool,
) -> int:  # fmt: skip
    """Serve an archive until Ctrl-C."""
    try:
        from vision.serve.app import make_app
        from vision.serve.audit import Audit
        from vision.serve.server import Place, Server
    except ImportError as err:
        raise ConfigError(f"vision serve: {err.name} is not installed: pip install 'platevision[rest]'") from err
    place = Place(listen, cert, key, is_plain)
    with open_archive(folder) as archive:
        archive.check()
    file = KeyFile(keys or folder / NAME)
    n_keys = len(file.all())
    server = Server(make_app(folder, file, Audit(audit or folder / AUDIT), rate=rate), place)
    say_out(server.url)
    note(f"按 Ctrl-C 停止;密钥 {n_keys} 个" if is_chinese() else f"Ctrl-C stops it; keys: {n_keys}")
    server.run()
    return OK


def add_command(folder: Path, name: str, scope: str, days: float | None, keys: Path | None) -> int:
    """Make a key and print it."""
    found = next((one for one in SCOPES if one == scope), None)
    if found is None:
        raise ConfigError(f"--scope: expected one of {', '.join(SCOPES)}, got {scope!r}")
    if keys is None and not folder.is_dir():
        raise ConfigError(f"{folder}: expected the folder of a sink of type archive, found none")
    secret = KeyFile(keys or folder / NAME).add(name, found, time.time_ns(), days)
    say_out(secret)
    note("此密钥只显示这一次" if is_chinese() else "this key is shown once, and kept nowhere")
    return OK


def ls_command(folder: Path, keys: Path | None, *, as_json: bool) -> int:
    """List keys, without their secrets."""
    found = KeyFile(keys or folder / NAME).all()
    if as_json:
        rows = [key.model_dump(exclude={"sha256"}) for key in found]
        say_out(json.dumps({"schema": "vision.keys/1", "keys": rows}, ensure_ascii=False))
        return OK
    for key in found:
        say_out(f"{key.name}  {key.scope}  {key.created}  {key.expires or '-'}")
    return OK


def rm_command(folder: Path, name: str, keys: Path | None) -> int:
    """Take a key away."""
    KeyFile(keys or folder / NAME).remove(name)
    return OK
