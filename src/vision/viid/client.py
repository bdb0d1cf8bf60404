"""HTTP to one platform: digest, headers, every answer as a `Reply`; registering, keep-alive, time, vehicles."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import httpx

from vision.errors import SinkError
from vision.viid.answers import Reply, Verdict, lowered, read_reply, verdict_of, verdicts
from vision.viid.profile import Profile
from vision.viid.times import NS, read_time
from vision.viid.vehicle import Json, list_body

REGISTER, UNREGISTER = "/VIID/System/Register", "/VIID/System/UnRegister"
KEEPALIVE, TIME = "/VIID/System/Keepalive", "/VIID/System/Time"
VEHICLES = "/VIID/MotorVehicles"


@dataclass(frozen=True, slots=True)
class Clock:
    """The platform's clock: how far it is ahead of ours, how far off that may be, and the form it uses."""

    offset_ns: int
    error_ns: int
    form: str


class Client:
    """Speaks to one platform as one device. It keeps no state but the connection and the digest's nonce.

    Args:
        url: ``http://host:port``, before ``/VIID``.
        device: the 20 digits that we register as.
        user, password: for digest; user defaults to the device.
        verify: False, or with which authorities: how the server's certificate is checked.

    Raises:
        SinkError: by every request that gets no answer at all.
    """

    def __init__(
        self,
        url: str,
        device: str,
        password: str,
        *,
        user: str = "",
        profile: Profile | None = None,
        timeout_s: float = 5.0,
        verify: bool | ssl.SSLContext = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url, self.device = url.rstrip("/"), device
        self.profile = profile or Profile()
        self._auth = httpx.DigestAuth(user or device, password)
        self._http = httpx.Client(
            timeout=timeout_s, verify=verify, transport=transport, trust_env=False, follow_redirects=False
        )

    def register(self) -> Verdict:
        """Register: ok, or why not. A platform that wants digest gets it."""
        reply = self.post(REGISTER, {"RegisterObject": {"DeviceID": self.device}})
        return self.verdict(reply)

    def unregister(self) -> Verdict:
        """Say goodbye."""
        return self.verdict(self.post(UNREGISTER, {"UnRegisterObject": {"DeviceID": self.device}}))

    def keepalive(self) -> Verdict:
        """Say that we are here; anything but ok means: register anew."""
        return self.verdict(self.post(KEEPALIVE, {"KeepaliveObject": {"DeviceID": self.device}}))

    def clock(self, zone: tzinfo) -> Clock | None:
        """Ask for the platform's time; None if it does not say one that can be understood."""
        sent_ns = time.time_ns()
        reply = self.request("GET", TIME)
        got_ns = time.time_ns()
        found = time_in(reply.value, zone) if reply.is_2xx else None
        if found is None:
            return None
        rest_ns = 0 if found[0] % NS else NS // 2  # whole seconds: on average half a second was cut off
        return Clock(found[0] + rest_ns - (sent_ns + got_ns) // 2, rest_ns + (got_ns - sent_ns) // 2, found[1])

    def vehicles(self, objects: Sequence[Json]) -> tuple[list[Verdict], float | None]:
        """Send vehicles; a verdict for each, and the seconds to wait that the platform named."""
        reply = self.post(VEHICLES, list_body(list(objects)))
        ids = [o["MotorVehicleID"] for o in objects]
        return verdicts(reply, ids, empty_is_ok=self.profile.empty_is_ok), reply.wait_s

    def verdict(self, reply: Reply) -> Verdict:
        """What an answer to a single request says."""
        status = reply.statuses[0] if reply.statuses else None
        return verdict_of(reply, status, empty_is_ok=self.profile.empty_is_ok)

    def post(self, path: str, body: Mapping[str, Any], *, with_digest: bool = True) -> Reply:
        """POST JSON; ``path`` may be a whole address."""
        data = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        return self.request("POST", path, data, with_digest=with_digest)

    def request(self, method: str, path: str, body: bytes | None = None, *, with_digest: bool = True) -> Reply:
        """One request with our headers.

        Raises:
            SinkError: no answer came, or its challenge cannot be met.
        """
        address = path if "://" in path else self.url + path
        headers = {"User-Identify": self.device, "Accept": "application/json, application/*+json, */*"}
        if body is not None:
            headers["Content-Type"] = self.profile.content_type
        try:
            answer = self._http.request(
                method, address, content=body, headers=headers, auth=self._auth if with_digest else None
            )
        except httpx.TimeoutException as err:
            raise SinkError(f"{address}: no answer in time ({type(err).__name__})") from err
        except (httpx.HTTPError, httpx.InvalidURL) as err:
            raise SinkError(f"{address}: {err or type(err).__name__}") from err
        except (LookupError, NotImplementedError, ValueError) as err:  # a challenge that the digest does not know
            raise SinkError(f"{address}: cannot meet the server's challenge: {err!r}") from err
        return read_reply(answer.status_code, answer.content, answer.headers)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def time_in(value: Any, zone: tzinfo) -> tuple[int, str] | None:
    """The moment and its form in an answer to GET /VIID/System/Time."""
    for _ in range(3):
        if not isinstance(value, dict):
            return None
        keys = lowered(value)
        found = next((keys[k] for k in ("localtime", "time") if keys.get(k) is not None), None)
        if found is not None:
            return read_time(found, zone)
        value = keys.get("systemtimeobject", keys.get("systemtime"))
    return None
