"""The server's half of HTTP digest, for the platform to test against.

Source: RFC 2617 section 3 (MD5, qop auth) and RFC 2069 (without qop).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Mapping
from typing import Literal

Login = Literal["ok", "none", "stale", "wrong"]
MOST_NONCES = 10_000
PAIR = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


class Digest:
    """Hands out nonces and checks what comes back.

    Args:
        users: password by user.
        nonce_s: a nonce dies after so many seconds.
        is_single_use: a nonce is good for one request; else its count must go up with each.
        has_qop: ask for qop="auth"; without it clients answer as in RFC 2069.
    """

    def __init__(
        self,
        users: Mapping[str, str],
        *,
        realm: str = "viid",
        nonce_s: float = 300.0,
        is_single_use: bool = False,
        has_qop: bool = True,
    ) -> None:
        self.users, self.realm = users, realm
        self.nonce_s, self.is_single_use, self.has_qop = nonce_s, is_single_use, has_qop
        self._nonces: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def challenge(self, *, is_stale: bool = False) -> str:
        """A WWW-Authenticate header with a new nonce, which ends in "=" as those of some platforms do."""
        nonce = secrets.token_hex(12) + "="
        with self._lock:
            while len(self._nonces) >= MOST_NONCES:
                self._nonces.pop(next(iter(self._nonces)))
            self._nonces[nonce] = time.monotonic(), 0
        qop = ', qop="auth", algorithm="MD5", opaque=""' if self.has_qop else ""
        return f'Digest realm="{self.realm}", nonce="{nonce}"{qop}' + (", stale=true" if is_stale else "")

    def login(self, method: str, target: str, header: str | None) -> tuple[Login, str]:
        """Whether an Authorization header opens, and for whom."""
        if not header or not header.lower().startswith("digest "):
            return "none", ""
        got = {name.lower(): quoted or plain for name, quoted, plain in PAIR.findall(header[7:])}
        user, nonce = got.get("username", ""), got.get("nonce", "")
        if user not in self.users or got.get("uri") != target:
            return "wrong", user
        if not hmac.compare_digest(self.response(method, got, self.users[user]), got.get("response", "").lower()):
            return "wrong", user
        return ("ok" if self._use(nonce, got.get("nc", "")) else "stale"), user

    def response(self, method: str, got: Mapping[str, str], password: str) -> str:
        """The right value of ``response``."""
        ha1 = md5(f"{got.get('username')}:{self.realm}:{password}")
        ha2 = md5(f"{method}:{got.get('uri')}")
        if "qop" in got:
            return md5(":".join((ha1, *(got.get(k, "") for k in ("nonce", "nc", "cnonce", "qop")), ha2)))
        return md5(f"{ha1}:{got.get('nonce')}:{ha2}")

    def _use(self, nonce: str, count: str) -> bool:
        with self._lock:
            made_s, last = self._nonces.get(nonce, (-1e9, 0))
            if time.monotonic() - made_s > self.nonce_s:
                self._nonces.pop(nonce, None)
                return False
            if self.is_single_use:
                del self._nonces[nonce]
                return True
            if not self.has_qop:
                return True
            n = int(count, 16) if re.fullmatch(r"[0-9a-fA-F]{8}", count) else 0
            if n <= last:
                return False
            self._nonces[nonce] = made_s, n
            return True


class AnyUser(dict[str, str]):
    """One password for every user that has a name."""

    def __init__(self, password: str) -> None:
        super().__init__()
        self._password = password

    def __contains__(self, user: object) -> bool:
        return bool(user)

    def __getitem__(self, user: str) -> str:
        return self._password


def md5(text: str) -> str:
    """MD5 in hexadecimal, as digest demands it."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
