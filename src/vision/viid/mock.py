"""A platform to test against: it registers with digest, takes vehicles, speaks every known dialect, fails on demand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from vision.errors import ConfigError
from vision.viid.answers import json_of, lowered
from vision.viid.arrivals import Arrivals
from vision.viid.client import KEEPALIVE, REGISTER, TIME, UNREGISTER, VEHICLES
from vision.viid.demands import problems
from vision.viid.dialects import DIALECTS
from vision.viid.digest import AnyUser, Digest
from vision.viid.page import page
from vision.viid.times import CHINA, zone_of
from vision.viid.upper import Subscriber
from vision.viid.web import Request, Response, WebServer

SERVER_ID = "34020000005030000001"
NOTIFICATIONS = "/VIID/SubscribeNotifications"
FAULTS = {  # name: what happens to the next requests that carry vehicles
    "busy": "StatusCode 2",
    "restarting": "StatusCode 9",
    "invalid": "StatusCode 8: nothing is taken",
    "http-500": "HTTP 500 without a body",
    "nonsense": "HTTP 200 with a page of HTML",
    "slow": "no answer; nothing is taken",
    "lost": "the vehicles are taken, the answer is lost",
    "forget": "all registrations are forgotten",
}
LAPSE_S = 300.0


class Mock:
    """Listens until it is closed.

    Args:
        dialect: a name in `DIALECTS`.
        user, password: what digest wants; user None: any device's own id.
        devices: the ids that may register; empty: all.
        nonce_s: overrides how long the dialect's nonces live.
        clock_s: how far its clock is ahead.
        slow_s: how long the fault ``slow`` keeps a client waiting.
        log: see `Arrivals`.
        subscribe: ``http://host:port`` of a lower platform, whose vehicles it subscribes to at each registration.

    Raises:
        ConfigError: there is no such dialect.
        SinkError: the port is taken.
        OutputError: the log cannot be used.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        dialect: str = "standard",
        user: str | None = None,
        password: str = "vision",
        devices: Sequence[str] = (),
        nonce_s: float | None = None,
        clock_s: float = 0.0,
        slow_s: float = 8.0,
        log: Path | None = None,
        subscribe: str = "",
    ) -> None:
        self.user, self.password, self.devices = user, password, frozenset(devices)
        self.nonce_s, self.clock_s, self.slow_s = nonce_s, clock_s, slow_s
        self.arrivals = Arrivals(log)
        self.registered: dict[str, float] = {}
        self.requests: list[str] = []  # of the control connection, for the page and for tests
        self.faults: list[str] = []
        self._lock = threading.Lock()
        self._upper: Subscriber | None = None
        self.speak(dialect)
        self._web = WebServer(host, port, self.answer)
        self.url = self._web.url
        if subscribe:
            self._upper = Subscriber(subscribe, SERVER_ID, self.url + NOTIFICATIONS, self.dialect.wants)

    def speak(self, name: str) -> None:
        """Change the dialect; nonces that are out stay valid in none."""
        if name not in DIALECTS:
            raise ConfigError(f"dialect: expected one of {', '.join(DIALECTS)}, got {name!r}")
        self.dialect_name, self.dialect = name, DIALECTS[name]
        users = {self.user: self.password} if self.user is not None else AnyUser(self.password)
        self.digest = Digest(
            users,
            nonce_s=self.dialect.nonce_s if self.nonce_s is None else self.nonce_s,
            is_single_use=self.dialect.is_single_use,
            has_qop=self.dialect.has_qop,
        )

    def fail(self, fault: str, count: int = 1) -> None:
        """Let the next ``count`` requests with vehicles fail.

        Raises:
            ConfigError: there is no such fault.
        """
        if fault not in FAULTS:
            raise ConfigError(f"fault: expected one of {', '.join(FAULTS)}, got {fault!r}")
        with self._lock:
            self.faults += [fault] * max(0, min(count, 10_000))

    def close(self) -> None:
        """Stop listening."""
        self._web.close()
        if self._upper is not None:
            self._upper.close()

    def answer(self, request: Request) -> Response:
        """One request of a client or of somebody who looks at the page."""
        path = request.path
        if path.startswith("/VIID"):
            with self._lock:
                self.requests = [*self.requests[-499:], f"{request.method} {path}"]
            return self.viid(request, path)
        if path.startswith("/mock/set") and request.method == "POST":
            return self.control(request)
        if path == "/mock/state":
            return json_response(self.state(), "application/json")
        if path == "/mock/picture":
            arrival = self.arrivals.latest.get(request.query.get("id", ""))
            data = arrival.pictures.get(request.query.get("type", "")) if arrival else None
            kind = {"Content-Type": "image/jpeg", "X-Content-Type-Options": "nosniff"}
            return Response(200, data, kind) if data else Response(404)
        if path == "/":
            wants = request.headers.get("Accept-Language", "")
            chinese = request.query.get("lang", wants[:2]) == "zh"
            text = page(self.state(), self.arrivals.snapshot(), DIALECTS, FAULTS, chinese=chinese)
            policy = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; form-action 'self'"
            kind = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
            return Response(200, text.encode(), kind)
        return Response(404)

    def viid(self, request: Request, path: str) -> Response:
        """The interface itself."""
        value = json_of(request.body) if request.body else None
        if path == REGISTER:
            return self.register(request, value)
        device = request.headers.get("User-Identify", "")
        if time.monotonic() - self.registered.get(device, -1e9) > LAPSE_S:
            return self.stranger(path, device)
        self.registered[device] = time.monotonic()
        if path == TIME:
            return self.say(self.dialect.clock(SERVER_ID, self.now()))
        if path == KEEPALIVE:
            return self.reply(path, [(device, 0, "OK")])
        if path == UNREGISTER:
            self.registered.pop(device, None)
            return self.reply(path, [(device, 0, "OK")])
        if path in (VEHICLES, NOTIFICATIONS) and request.method == "POST":
            return self.vehicles(path, value)
        return Response(404)

    def register(self, request: Request, value: Any) -> Response:
        """Digest first, then the device."""
        login, _ = self.digest.login(request.method, request.target, request.headers.get("Authorization"))
        if login in ("none", "stale"):
            challenge = self.digest.challenge(is_stale=login == "stale")
            return Response(401, b"", {"WWW-Authenticate": challenge})
        if login == "wrong":
            kind = {"WWW-Authenticate": self.digest.challenge()} if self.dialect.wrong_password == 401 else {}
            return Response(self.dialect.wrong_password, b"", kind)
        device = part(value, "registerobject", "deviceid")
        if not isinstance(device, str):
            return self.reply(REGISTER, [("", 8, "RegisterObject.DeviceID is missing")])
        if self.devices and device not in self.devices:
            return self.stranger(REGISTER, device)
        self.registered[device] = time.monotonic()
        if self._upper is not None:
            self._upper.order()
        return self.reply(REGISTER, [(device, 0, "OK")])

    def stranger(self, path: str, device: str) -> Response:
        """What a device hears that is not registered, or may not be."""
        if self.dialect.unknown == "200-500":
            return self.reply(path, [(device, 500, "请先注册")])
        if self.dialect.unknown == "404-0" and path != KEEPALIVE:
            return self.reply(path, [(device, 0, "无此设备ID")], http=404)
        return Response(401, b"", {"WWW-Authenticate": self.digest.challenge()})

    def vehicles(self, path: str, value: Any) -> Response:
        """Check vehicles one by one and take the good ones."""
        with self._lock:
            fault = self.faults.pop(0) if self.faults else ""
        objects = vehicles_in(value)
        if objects is None:
            self.arrivals.refuse(f"{path}: no list of MotorVehicleObject")
            return self.reply(path, [("", 8, "no list of MotorVehicleObject")])
        entries, good = [], []
        for item in objects:
            wrong = problems(item, self.dialect.wants)
            id_ = str(item.get("MotorVehicleID", "")) if isinstance(item, dict) else ""
            entries.append((id_, 8 if wrong else 0, "; ".join(wrong) or "OK"))
            if wrong:
                self.arrivals.refuse(f"{id_}: {'; '.join(wrong)}")
            else:
                good.append(item)
        if self.dialect.shape != "list" and len(good) < len(objects):
            good = []  # one word for all: all or none
        if fault and fault != "lost":
            return self.broken(fault, path, entries)
        self.arrivals.add(good, path.rpartition("/")[2])
        return Response(hang_up=True) if fault else self.reply(path, entries)

    def broken(self, fault: str, path: str, entries: Sequence[tuple[str, int, str]]) -> Response:
        """A fault on demand; nothing was taken."""
        codes = {"busy": (2, "busy"), "restarting": (9, "restarting"), "invalid": (8, "invalid")}
        if fault in codes:
            return self.reply(path, [(id_, *codes[fault]) for id_, _, _ in entries])
        if fault == "forget":
            self.registered.clear()
            return self.stranger(path, "")
        if fault == "nonsense":
            return Response(200, "<html>登录</html>".encode(), {"Content-Type": "text/html"})
        return Response(500) if fault == "http-500" else Response(delay_s=self.slow_s, hang_up=True)

    def reply(self, path: str, entries: Sequence[tuple[str, int, str]], http: int = 200) -> Response:
        """Statuses in the dialect."""
        value = self.dialect.statuses(path, entries or [("", 8, "empty list")], f"{self.now():%Y%m%d%H%M%S}")
        return self.say(value, http)

    def say(self, value: Any, http: int = 200) -> Response:
        """JSON with the dialect's content type."""
        return json_response(value, self.dialect.content_type, http)

    def now(self) -> datetime:
        """The platform's local time."""
        return datetime.fromtimestamp(time.time() + self.clock_s, zone_of(CHINA))

    def control(self, request: Request) -> Response:
        """The forms of the page: dialect, fault and count, clear."""
        form = {k: v[-1] for k, v in parse_qs(request.body.decode(errors="replace")).items()}
        try:
            if form.get("dialect"):
                self.speak(form["dialect"])
            if form.get("fault"):
                self.fail(form["fault"], int(form.get("count", "1")))
        except ValueError as err:  # ConfigError is one
            return Response(400, str(err).encode(), {"Content-Type": "text/plain; charset=utf-8"})
        if form.get("clear"):
            self.arrivals.clear()
        back = "/?lang=zh" if form.get("lang") == "zh" else "/?lang=en"
        return Response(303, b"", {"Location": back})

    def state(self) -> dict[str, Any]:
        """Everything countable."""
        return {
            "schema": "vision.viid-mock/1",
            "url": self.url,
            "dialect": self.dialect_name,
            "profile": self.dialect.profile,
            **self.arrivals.counts(),
            "registered": sorted(self.registered),
            "subscription": f"{self._upper.lower}: {self._upper.said}" if self._upper else "",
            "faults": list(self.faults),
            "refused": list(self.arrivals.refused),
            "ids": list(self.arrivals.order[-1000:]),
        }


def vehicles_in(value: Any) -> list[Any] | None:
    """The MotorVehicle objects of a request in either role; None if it holds no such list."""
    found = part(value, "motorvehiclelistobject", "motorvehicleobject")
    if found is None:
        notes = part(value, "subscribenotificationlistobject", "subscribenotificationobject")
        if not isinstance(notes, list):
            return None
        lists = [part(n, "motorvehicleobjectlist", "motorvehicleobject") for n in notes]
        return [v for items in lists for v in items] if all(isinstance(i, list) for i in lists) else None
    return found if isinstance(found, list) else None


def part(value: Any, *names: str) -> Any:
    """A value inside objects, by names in small letters; None if it is not there."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = lowered(value).get(name)
    return value


def json_response(value: Any, content_type: str, http: int = 200) -> Response:
    """A response of JSON."""
    return Response(http, json.dumps(value, ensure_ascii=False).encode(), {"Content-Type": content_type})
