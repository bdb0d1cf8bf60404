"""How a source is named to people: never with its password."""

from __future__ import annotations

import re
from pathlib import PurePath
from urllib.parse import urlsplit, urlunsplit


def redact(uri: str) -> str:
    """The URI with user and password replaced by ``***`` (also in query fields that look like secrets)."""
    if "://" not in uri:
        return uri
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"***@{host}" if "@" in parts.netloc else host
    query = re.sub(r"(?i)(pass\w*|pwd|token|secret|key|auth)=[^&]*", r"\1=***", parts.query)
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def stream_id_of(uri: str) -> str:
    """A short name for a source: the file's stem, or host and path of an address."""
    if "://" in uri:
        parts = urlsplit(uri)
        return re.sub(r"[^\w.-]+", "_", f"{parts.hostname or parts.scheme}{parts.path}").strip("_")
    return re.sub(r"[^\w.-]+", "_", PurePath(uri).stem).strip("_") or "source"
