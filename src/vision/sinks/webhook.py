"""Sink ``webhook``: each event as a signed POST.

Source: Standard Webhooks 1.0.0 (headers, signature, 410, no redirects); CloudEvents 1.0 HTTP binding, structured mode;
RFC 9110 section 10.2.3 (Retry-After).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from pydantic import Field

from vision.errors import ConfigError, SinkError
from vision.settings import Section, parse
from vision.sinks.protocol import Answer, Delivery, one_by_one, pictures_of
from vision.sinks.server import trusting

REFUSED = (400, 413, 414, 415, 422)  # this event will never be taken
AWAY = (401, 403, 404, 405, 407, 408, 421, 425, 429, 502, 503, 504)  # no event is taken just now
LONGEST_WAIT_S = 86_400.0
SAID = 300  # bytes of an answer's body that are kept
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class WebhookSettings(Section):
    """Settings of a webhook.

    ``secrets`` sign in parallel while one is changed: ``whsec_`` and base64 of 24 to 64 bytes. ``inline`` puts the
    pictures into the event (base64). ``ca_file``: the authority of a private certificate.
    """

    url: Annotated[str, Field(repr=False)]
    secrets: Annotated[tuple[str, ...], Field(min_length=1, repr=False)]
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 20.0
    headers: Annotated[dict[str, str], Field(default_factory=dict, repr=False)]
    inline: bool = False
    allow_http: bool = False
    ca_file: str | None = None


class WebhookSink:
    """Posts events one by one. After the receiver said 410 Gone nothing is posted until the next start."""

    def __init__(self, settings: WebhookSettings, keys: Sequence[bytes], tls: ssl.SSLContext) -> None:
        self._settings, self._keys, self._tls = settings, keys, tls
        self._is_gone = False
        self._client: httpx.Client | None = None

    def send(self, deliveries: Sequence[Delivery]) -> list[Answer]:
        """Post; see `vision.sinks.protocol.Sink`.

        Raises:
            SinkError: nobody answers, or the receiver takes no event at all now.
        """
        return one_by_one(deliveries, self._post)

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _post(self, delivery: Delivery) -> Answer:
        if self._is_gone:
            return Answer("refused", "410 Gone: the receiver wants no more events; nothing was sent")
        body = with_pictures(delivery) if self._settings.inline else delivery.body
        headers = {
            **self._settings.headers,
            "content-type": "application/cloudevents+json; charset=utf-8",
            "user-agent": "platevision",
            **signed(delivery.key, int(time.time()), body, self._keys),
        }
        try:
            with self._opened().stream("POST", self._settings.url, content=body, headers=headers) as response:
                said = beginning(response, time.monotonic() + self._settings.timeout_s)
                return self._answer(response, said)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.PoolTimeout) as err:
            raise SinkError(f"no connection: {err or type(err).__name__}") from err
        except httpx.HTTPError as err:  # broke off, garbage, too slow: it may have the event or not
            return Answer("retry", f"{type(err).__name__}: {err}")

    def _answer(self, response: httpx.Response, said: str) -> Answer:
        status = response.status_code
        text = f"{status} {response.reason_phrase}{': ' + said if said else ''}"
        if 200 <= status < 300:
            return Answer("delivered", str(status))
        if status == 410:
            self._is_gone = True
            return Answer("refused", text)
        if status in REFUSED:
            return Answer("refused", text)
        wait_s = retry_after(response.headers.get("retry-after", ""), time.time())
        if status in AWAY or 300 <= status < 400:
            raise SinkError(text, wait_s=wait_s)
        return Answer("retry", text, wait_s)

    def _opened(self) -> httpx.Client:
        if self._client is None:
            self._client = httpx.Client(timeout=self._settings.timeout_s, follow_redirects=False, verify=self._tls)
        return self._client


def beginning(response: httpx.Response, until_s: float) -> str:
    """The first letters of an answer's body, for a person; the rest is not waited for."""
    data = b""
    for piece in response.iter_raw():
        data += piece
        if len(data) >= SAID or time.monotonic() > until_s:
            break
    return " ".join(data[:SAID].decode("utf-8", "replace").split())


def signed(key: str, now_s: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The three headers; ``v1,`` and base64 of HMAC-SHA256 over ``id.timestamp.body``, one for each secret."""
    content = f"{key}.{now_s}.".encode() + body
    marks = [base64.b64encode(hmac.new(one, content, hashlib.sha256).digest()).decode() for one in keys]
    return {
        "webhook-id": key,
        "webhook-timestamp": str(now_s),
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }


def retry_after(text: str, now_s: float) -> float | None:
    """Seconds to wait by a Retry-After header, at most a day; None if it says nothing."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), LONGEST_WAIT_S)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return min(max(0.0, moment.timestamp() - now_s), LONGEST_WAIT_S)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def with_pictures(delivery: Delivery) -> bytes:
    """The event with its pictures' bytes; a picture that is gone stays a reference."""
    event = json.loads(delivery.body)
    for picture, content in pictures_of(delivery, event):
        picture["data_base64"] = base64.b64encode(content).decode()
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def key_of_secret(secret: str, label: str) -> bytes:
    """The signing key in a secret.

    Raises:
        ConfigError: it is no base64 of 24 to 64 bytes; the text does not show it.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not 24 <= len(key) <= 64:
        raise ConfigError(f"{label}: secrets: expected whsec_ and base64 of 24 to 64 bytes, got something else")
    return key


def webhook_sink(name: str, settings: Mapping[str, Any]) -> WebhookSink:
    """The sink of a ``[[sink]]`` table.

    Raises:
        ConfigError: a setting is unknown or wrong.
    """
    label = f"sink {name!r}"
    found = parse(WebhookSettings, settings, label)
    address = urlsplit(found.url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ConfigError(f"{label}: url: expected https://HOST/..., got something else")
    if address.scheme == "http" and address.hostname not in LOOPBACK and not found.allow_http:
        raise ConfigError(f"{label}: url: expected https://, got http:// (allow_http = true permits it)")
    if not all(text.isascii() and text.isprintable() for pair in found.headers.items() for text in pair):
        raise ConfigError(f"{label}: headers: expected printable ASCII, got something else")
    keys = [key_of_secret(secret, label) for secret in found.secrets]
    return WebhookSink(found, keys, trusting(Path(found.ca_file) if found.ca_file else None, label))
