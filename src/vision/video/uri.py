"""How a source is named to people: never with its password."""

from __future__ import annotations

import re
from pathlib import PurePath
from urllib.parse import urlsplit

# Passwords are often written as they are, with / # ? or @ in them. What stands before the last @ is taken for a login
# if the part up to the first of / # ? has a : or @; a path with @ behind a host with a port is then hidden as well.
LOGIN = re.compile(r"^([a-z][a-z0-9+.-]*://)(?=[^/?#]*[:@])(.*)@", re.IGNORECASE | re.DOTALL)
SECRETS = re.compile(r"(?i)((?:pass(?:wor|wr)?d?|pwd|psw|token|secret|key|auth|sig(?:nature)?)\w*?)=([^&/]*)")


def login_of(uri: str) -> tuple[str, ...]:
    """User and password as they stand in the address; empty if there are none."""
    match = LOGIN.match(uri)
    return tuple(match[2].partition(":")[::2]) if match else ()


def redact(uri: str) -> str:
    """The address with user and password replaced by ``***``, also in fields of its path and query."""
    if "://" not in uri:
        return uri
    return SECRETS.sub(r"\1=***", LOGIN.sub(r"\1***@", uri).partition("#")[0])


def stream_id_of(uri: str) -> str:
    """A short name for a source: the file's stem, or host and path of an address."""
    if "://" in uri:
        parts = urlsplit(redact(uri).replace("***@", ""))
        return re.sub(r"[^\w.-]+", "_", f"{parts.hostname or parts.scheme}{parts.path}").strip("_")
    return re.sub(r"[^\w.-]+", "_", PurePath(uri).stem).strip("_") or "source"
