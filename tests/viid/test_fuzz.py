"""Whatever reaches the two servers of ours gets an answer: the one that takes subscriptions, and the test platform."""

import json
from email.message import Message
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.viid.samples import GATE, OWN, delivery, sink
from vision.viid import web
from vision.viid.dialects import DIALECTS
from vision.viid.mock import Mock
from vision.viid.subscriptions import NAMES, Subscriptions
from vision.viid.times import zone_of
from vision.viid.web import Request, Response, WebServer

HALF = "\ud800"  # JSON can name half a character; nothing can write it
texts = st.text(max_size=20) | st.sampled_from(
    [HALF, "13", "12,13", GATE, OWN, "0", "1", "http://127.0.0.1:9/x", "http://[", "//", "20200101000000", "id"]
)
KEYS = ["SubscribeListObject", "SubscribeObject", "RegisterObject", "DeviceID", "MotorVehicleListObject",
        "MotorVehicleObject", "MotorVehicleID", "SourceID", "SubImageList", "SubImageInfoObject", "Data", "Type",
        "InfoKind", "HasPlate", "Speed", "LeftTopX", "SubscribeNotificationListObject", "SubscribeNotificationObject",
        "MotorVehicleObjectList", *NAMES]  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=20,
)
# Orders and vehicles in their right places: what is deeper inside is reached, too.
orders = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, values)).map(
    lambda order: {"SubscribeListObject": {"SubscribeObject": [{"ReceiveAddr": "http://127.0.0.1:9/x", **order}]}}
)
vehicles = st.lists(st.dictionaries(st.sampled_from(KEYS), values, max_size=8), max_size=3).map(
    lambda objects: {"MotorVehicleListObject": {"MotorVehicleObject": objects}}
)
bodies = st.binary(max_size=60) | (values | orders | vehicles).map(lambda value: json.dumps(value).encode())
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE"])


def request(method: str, target: str, body: bytes, user: str = OWN) -> Request:
    headers = Message()
    headers["User-Identify"] = user
    return Request(method, target, headers, body, "127.0.0.1")


def check(response: Response) -> None:
    assert 200 <= response.status < 600
    if response.body:
        json.loads(response.body.decode("utf-8"))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(methods, st.sampled_from(["", "?IDList=a,b", "?IDList=%ff", "/x"]), bodies), max_size=5))
def test_subscriptions(tmp_path_factory: pytest.TempPathFactory, script: list[tuple[str, str, bytes]]) -> None:
    state, zone = tmp_path_factory.getbasetemp() / "fuzz-orders.json", zone_of("+08:00")
    state.unlink(missing_ok=True)
    one = Subscriptions(OWN, zone, frozenset({"127.0.0.1"}), state=state)
    for method, end, body in script:
        check(one.answer(request(method, f"/VIID/Subscribes{end}", body)))
    one.active(GATE, "", 0)
    again = Subscriptions(OWN, zone, frozenset({"127.0.0.1"}), state=state)
    assert again.active(GATE, "", 0) == one.active(GATE, "", 0)


class Bare(Mock):
    """The test platform without its port."""

    def __init__(self, dialect: str) -> None:
        self._upper = None
        super().__init__(dialect=dialect)
        self.close()


PLATFORMS = {name: Bare(name) for name in DIALECTS}
PATHS = ["/VIID/System/Register", "/VIID/System/UnRegister", "/VIID/System/Keepalive", "/VIID/System/Time",
         "/VIID/MotorVehicles", "/VIID/SubscribeNotifications", "/VIID", "/VIID/%ff"]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(PLATFORMS)), methods, st.sampled_from(PATHS), bodies, st.sampled_from([OWN, "", "x"]))
def test_the_test_platform(name: str, method: str, path: str, body: bytes, user: str) -> None:
    mock = PLATFORMS[name]
    mock.registered[OWN] = 1e12
    check(mock.answer(request(method, path, body, user)))
    page = mock.answer(request("GET", "/", b""))
    page.body.decode("utf-8")
    check(mock.answer(request("GET", "/mock/state", b"")))


def test_a_title_with_half_a_character_reaches_the_platform_without_it(tmp_path: Path) -> None:
    mock = Mock()
    one = sink(mock.url, role="cascade", listen="127.0.0.1:0", state=str(tmp_path / "orders.json"))
    try:
        one.open()
        assert one._web is not None
        order = {
            "SubscribeID": "1",
            "SubscribeDetail": "13",
            "Title": f"a{HALF}",
            "ReceiveAddr": f"{mock.url}/VIID/SubscribeNotifications",
        }
        body: dict[str, Any] = {"SubscribeListObject": {"SubscribeObject": [order]}}
        httpx.post(f"{one._web.url}/VIID/Subscribes", content=json.dumps(body)).raise_for_status()
        assert [a.state for a in one.send([delivery(1)])] == ["delivered"]
        assert mock.arrivals.counts()["vehicles"] == 1
    finally:
        one.close()
        mock.close()


def test_a_mistake_of_ours_is_answered_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Request) -> Response:
        raise KeyError("a mistake")

    server = WebServer("127.0.0.1", 0, broken, largest_body=10)
    try:
        assert httpx.get(server.url).status_code == 500
        assert httpx.post(server.url, content=b"x" * 11).status_code == 413
    finally:
        server.close()
    assert "a mistake" in caplog.text


def test_connections_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MOST_CONNECTIONS", 2)
    server = WebServer("127.0.0.1", 0, lambda _: Response())
    clients = [httpx.Client() for _ in range(3)]
    try:
        assert [c.get(server.url).status_code for c in clients[:2]] == [200, 200]
        with pytest.raises(httpx.TransportError):
            clients[2].get(server.url)
    finally:
        for client in clients:
            client.close()
        server.close()
