"""What the upper platform has subscribed to, kept on disk, and the server that takes it."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vision.errors import OutputError
from vision.viid.answers import json_of, lowered
from vision.viid.codes import VEHICLES_DETAIL
from vision.viid.times import read_time, stamp_of
from vision.viid.web import Request, Response

SUBSCRIBES = "/VIID/Subscribes"
NAMES = (
    "SubscribeID", "Title", "SubscribeDetail", "ResourceURI", "ResourceClass", "ApplicantName", "ApplicantOrg",
    "BeginTime", "EndTime", "ReceiveAddr", "Reason", "OperateType", "SubscribeStatus",
)  # fmt: skip
MOST = 1000


@dataclass(frozen=True, slots=True)
class Subscription:
    """One order of the upper platform. ``fields`` as they came, by their standard names."""

    id: str
    address: str
    fields: Mapping[str, Any]

    def wants(self, device: str, tollgate: str, own: str, now_ns: int, zone: tzinfo) -> bool:
        """Whether vehicles of a device are to be sent now.

        It asks for vehicles, is not canceled, began and has not ended, and names the device, its tollgate, us, a code
        that the device's id begins with (an administrative region), or nothing.
        """
        details = str(self.fields.get("SubscribeDetail", "")).replace(";", ",").split(",")
        if VEHICLES_DETAIL not in (d.strip() for d in details):
            return False
        if str(self.fields.get("OperateType", "0")) == "1" or str(self.fields.get("SubscribeStatus", "0")) in (
            "1",
            "2",
            "9",
        ):
            return False
        begin, end = (read_time(self.fields.get(k), zone) for k in ("BeginTime", "EndTime"))
        if (begin and now_ns < begin[0]) or (end and now_ns > end[0]):
            return False
        names = [n for n in str(self.fields.get("ResourceURI") or "").replace(";", ",").split(",") if n.strip()]
        return not names or any(
            n.strip() in (device, tollgate, own) or (len(n.strip()) in (2, 4, 6, 8) and device.startswith(n.strip()))
            for n in names
        )


class Subscriptions:
    """The orders of the upper platform; answers requests about them.

    Args:
        own: our id; ``platform``: who may subscribe, empty: anybody who reaches the port.
        hosts: where notifications may go; an order that names another host is refused.
        state: a file that keeps them over restarts.

    Raises:
        OutputError: the file is no such file or cannot be read.
    """

    def __init__(
        self, own: str, zone: tzinfo, hosts: frozenset[str], *, platform: str = "", state: Path | None = None
    ) -> None:
        self.own, self.zone, self.hosts, self.platform, self.state = own, zone, hosts, platform, state
        self._orders: dict[str, Subscription] = {}
        self._lock = threading.Lock()
        if state is not None and state.exists():
            try:
                found = json.loads(state.read_text(encoding="utf-8"))
                self._orders = {f["SubscribeID"]: Subscription(f["SubscribeID"], f["ReceiveAddr"], f) for f in found}
            except (OSError, ValueError, KeyError, TypeError) as err:
                raise OutputError(f"{state}: cannot read the subscriptions: {err}") from err

    def active(self, device: str, tollgate: str, now_ns: int) -> list[Subscription]:
        """Who wants vehicles of a device now, in the order of their subscriptions."""
        with self._lock:
            return [s for s in self._orders.values() if s.wants(device, tollgate, self.own, now_ns, self.zone)]

    def answer(self, request: Request) -> Response:
        """A request of the upper platform."""
        path = request.path
        if self.platform and request.headers.get("User-Identify", "") != self.platform:
            return self.say(path, [("", 4, "User-Identify is not the platform that may subscribe")], 403)
        if path == "/VIID/System/Keepalive" and request.method == "POST":
            return self.say(path, [(self.own, 0, "OK")])
        if path != SUBSCRIBES:
            return self.say(path, [("", 4, "not served here")], 404)
        if request.method == "GET":
            with self._lock:
                objects = [dict(s.fields) for s in self._orders.values()]
            return as_json({"SubscribeListObject": {"SubscribeObject": objects}})
        if request.method == "DELETE":
            ids = [i for i in request.query.get("IDList", "").split(",") if i]
            return self.say(path, self._delete(ids))
        objects_in = orders_in(json_of(request.body))
        if objects_in is None:
            return self.say(path, [("", 8, "expected SubscribeListObject.SubscribeObject")])
        return self.say(path, [self._put(o) for o in objects_in])

    def say(self, path: str, entries: list[tuple[str, int, str]], http: int = 200) -> Response:
        """Statuses, one for each order."""
        stamp = stamp_of(time.time_ns(), self.zone)
        statuses = [
            {"Id": id_, "RequestURL": path, "StatusCode": code, "StatusString": text, "LocalTime": stamp}
            for id_, code, text in entries
        ]
        if path == SUBSCRIBES:
            return as_json({"ResponseStatusListObject": {"ResponseStatusObject": statuses}}, http)
        return as_json({"ResponseStatusObject": statuses[0]}, http)

    def _put(self, value: Any) -> tuple[str, int, str]:
        """Take, change or cancel one order."""
        if not isinstance(value, dict):
            return "", 8, "expected an object"
        keys = lowered(value)
        fields = {n: keys[n.lower()] for n in NAMES if n.lower() in keys}
        id_ = str(fields.get("SubscribeID") or "")
        with self._lock:
            fields = {**(self._orders[id_].fields if id_ in self._orders else {}), **fields}
            address = str(fields.get("ReceiveAddr") or "")
            if not id_ or len(id_) > 64:
                return id_[:64], 8, "SubscribeID: expected one"
            if not self._may_receive(address):
                return id_, 8, f"ReceiveAddr: expected an address on {', '.join(sorted(self.hosts))}"
            if id_ not in self._orders and len(self._orders) >= MOST:
                return id_, 2, "too many subscriptions"
            self._orders[id_] = Subscription(id_, address, {**fields, "SubscribeID": id_, "ReceiveAddr": address})
            return id_, *self._save()

    def _delete(self, ids: list[str]) -> list[tuple[str, int, str]]:
        with self._lock:
            found = [(i, self._orders.pop(i, None)) for i in ids]
            code, text = self._save()
        return [(i, code if s else 4, text if s else "no such subscription") for i, s in found] or [
            ("", 4, "IDList: expected ids")
        ]

    def _may_receive(self, address: str) -> bool:
        try:
            parts = urlsplit(address)
            return parts.scheme in ("http", "https") and parts.hostname in self.hosts
        except ValueError:
            return False

    def _save(self) -> tuple[int, str]:
        if self.state is None:
            return 0, "OK"
        part = self.state.with_name(self.state.name + ".part")
        try:
            text = json.dumps([dict(s.fields) for s in self._orders.values()], ensure_ascii=False, indent=1)
            part.write_text(text, encoding="utf-8")
            os.replace(part, self.state)
        except OSError as err:
            return 3, f"cannot keep it: {err.strerror}"
        return 0, "OK"


def orders_in(value: Any) -> list[Any] | None:
    """The orders of a request: a list, or one alone."""
    for name in ("subscribelistobject", "subscribeobject"):
        if not isinstance(value, dict):
            return None
        value = lowered(value).get(name, value if name == "subscribelistobject" else None)
    if isinstance(value, dict):
        return [value]
    return value if isinstance(value, list) and value else None


def as_json(value: Any, http: int = 200) -> Response:
    """A response of JSON."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return Response(http, body, {"Content-Type": "application/VIID+JSON;charset=UTF-8"})
