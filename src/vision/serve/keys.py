"""API keys: who may ask, and what is told to whom. Only a key's hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, ValidationError

from vision.errors import ConfigError, OutputError
from vision.events.times import seconds_text, time_ns_of
from vision.settings import Section

NAME = "keys.json"
PREFIX = "vision_"  # leaked keys are found by it
SECRET_BYTES = 32  # from the system's random numbers; so one round of SHA-256 is enough to keep them
NS = 1_000_000_000
DAY_NS = 86_400 * NS

# Each includes the ones before. status: cameras, counts, metrics; sightings: with masked plates; plates: their texts,
# search by them, and pictures, which show them.
Scope = Literal["status", "sightings", "plates"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


class Key(Section):
    """A key without its secret."""

    name: Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")]
    scope: Scope
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created: str
    expires: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether what needs a scope is told to its holder."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    def is_over(self, now_ns: int) -> bool:
        """Whether its time has run out."""
        return self.expires is not None and time_ns_of(self.expires) <= now_ns


class Keys(Section):
    """What stands in the file."""

    schema_: Annotated[Literal["vision.keys/1"], Field(alias="schema")] = "vision.keys/1"
    keys: tuple[Key, ...] = ()


class KeyFile:
    """The keys in a file, read again when it changed; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._keys: tuple[Key, ...] = ()

    def all(self) -> tuple[Key, ...]:
        """The keys as they are in the file now.

        Raises:
            ConfigError: there is no such file, or it holds something else.
        """
        with self._lock:
            try:
                status = self.path.stat()
                stamp = status.st_mtime_ns, status.st_size, status.st_ino
                if stamp != self._stamp:
                    self._keys = Keys.model_validate_json(self.path.read_bytes()).keys
                    self._stamp = stamp
            except OSError as err:
                raise ConfigError(f"{self.path}: expected keys (made by vision key add), got: {err.strerror}") from err
            except ValidationError as err:
                raise ConfigError(f"{self.path}: expected keys (made by vision key add), got something else") from err
            return self._keys

    def holder(self, secret: str, now_ns: int) -> Key | None:
        """The key with this secret, if there is one and its time has not run out.

        Every key is compared, each in constant time: how long it takes says nothing.

        Raises:
            ConfigError: as `all`.
        """
        digest = digest_of(secret)
        found = [key for key in self.all() if hmac.compare_digest(key.sha256, digest)]
        return found[0] if found and not found[0].is_over(now_ns) else None

    def add(self, name: str, scope: Scope, now_ns: int, days: float | None = None) -> str:
        """Make a key; returns its secret, which is kept nowhere.

        Raises:
            ConfigError: the name is taken or unfit, or as `all` if there is a file.
            OutputError: the file cannot be written.
        """
        keys = self.all() if self.path.exists() else ()
        if any(key.name == name for key in keys):
            raise ConfigError(f"name: expected one that no other key has, got {name!r}")
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        expires = None if days is None else seconds_text(now_ns + round(days * DAY_NS)) + "Z"
        try:
            key = Key(
                name=name, scope=scope, sha256=digest_of(secret), created=seconds_text(now_ns) + "Z", expires=expires
            )
        except ValidationError as err:
            raise ConfigError(f"name: expected 1 to 64 letters, digits, . _ -, got {name!r}") from err
        self._write((*keys, key))
        return secret

    def remove(self, name: str) -> None:
        """Take a key away; a running service knows at once.

        Raises:
            ConfigError: there is no such key, or as `all`.
            OutputError: the file cannot be written.
        """
        keys = self.all()
        if all(key.name != name for key in keys):
            raise ConfigError(f"name: expected one of {', '.join(k.name for k in keys) or 'none'}, got {name!r}")
        self._write(tuple(key for key in keys if key.name != name))

    def _write(self, keys: tuple[Key, ...]) -> None:
        text = json.dumps(Keys(keys=keys).model_dump(by_alias=True), ensure_ascii=False, indent=1) + "\n"
        part = self.path.with_suffix(f".part-{secrets.token_hex(4)}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(part, self.path)
        except OSError as err:
            part.unlink(missing_ok=True)
            raise OutputError(f"{self.path}: cannot write: {err.strerror}") from err


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
