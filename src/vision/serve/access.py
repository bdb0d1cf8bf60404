"""Who asks: the key of a request, what it may, how often, and what is noted of what it was told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.exceptions import HTTPException

from vision.serve.audit import Audit
from vision.serve.keys import Key, KeyFile, Scope
from vision.serve.metrics import Metrics

BEARER = HTTPBearer(auto_error=False, scheme_name="key", description="A key made by `vision key add`.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]


class Access:
    """Checks keys and writes the audit log.

    Args:
        keys: who may ask.
        audit: where it is noted that plates were told.
        metrics: where that is counted.
        rate: requests that a key may make in a minute.
    """

    def __init__(self, keys: KeyFile, audit: Audit, metrics: Metrics, rate: int) -> None:
        self._keys, self._audit, self._metrics = keys, audit, metrics
        self._rate = RateLimitItemPerMinute(rate)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def needs(self, scope: Scope) -> Callable[..., Key]:
        """A dependency: the key of a request, if it has the scope."""

        def key_of(bearer: Bearer) -> Key:
            key = self._keys.holder(bearer.credentials, time.time_ns()) if bearer else None
            if key is None:
                said = "none" if bearer is None else "one that is unknown or expired"
                detail = f"Authorization: expected Bearer and a key, got {said}"
                raise HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})
            if not self._limiter.hit(self._rate, key.name):
                until_s = self._limiter.get_window_stats(self._rate, key.name).reset_time
                wait_s = max(1, round(until_s - time.time()))
                detail = f"rate: expected at most {self._rate.amount} requests a minute of one key"
                raise HTTPException(429, detail, {"Retry-After": str(wait_s)})
            require(key, scope)
            return key

        return key_of

    def told(self, request: Request, key: Key, ids: Sequence[str], **asked: Any) -> None:
        """Note that plates (or pictures, which show them) are told; before they are.

        Raises:
            OutputError: it cannot be noted: then they must not be told.
        """
        if not ids:
            return
        values = {
            "key": key.name,
            "client": request.client.host if request.client else None,
            "route": route_of(request),
            "asked": asked,
            "n": len(ids),
            "ids": list(ids),
        }
        self._audit.write(values)
        self._metrics.count_plates(key.name, len(ids))


def require(key: Key, scope: Scope) -> None:
    """Refuse a key without a scope."""
    if not key.may(scope):
        raise HTTPException(403, f"scope: expected a key with {scope}, got one with {key.scope}")


def route_of(request: Request) -> str:
    """The route's pattern, never what stood in the address."""
    return str(getattr(request.scope.get("route"), "path", "none"))
