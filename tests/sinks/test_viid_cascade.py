"""The VIID sink below another platform: its subscriptions, and our notifications."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.events.samples import sighting, site
from tests.viid.samples import GATE, OWN, YARD, delivery, sink
from vision.events.make import sighting_event
from vision.outbox.outbox import Outbox
from vision.outbox.sender import Route
from vision.sinks.protocol import Delivery
from vision.sinks.viid import ViidSink
from vision.viid.mock import Mock


@pytest.fixture
def mock() -> Iterator[Mock]:
    one = Mock()
    yield one
    one.close()


def states(one: ViidSink, deliveries: list[Delivery]) -> list[str]:
    return [a.state for a in one.send(deliveries)]


def order(receive: str, **changes: Any) -> dict[str, Any]:
    fields = {
        "SubscribeID": "340200000000032026112309180000001", "Title": "车辆订阅", "SubscribeDetail": "13",
        "ResourceURI": GATE, "ResourceClass": 1, "BeginTime": "20201123091800", "EndTime": "20901123091800",
        "ReceiveAddr": receive, "OperateType": 0, "SubscribeStatus": 0, **changes,
    }  # fmt: skip
    return {"SubscribeListObject": {"SubscribeObject": [fields]}}


def subscribe(one: ViidSink, body: dict[str, Any], **kind: Any) -> int:
    assert one._web is not None
    reply = httpx.post(one._web.url + "/VIID/Subscribes", json=body, headers={"User-Identify": OWN}, **kind).json()
    status = reply["ResponseStatusListObject"]["ResponseStatusObject"][0]
    assert status["Id"] == "340200000000032026112309180000001"
    return int(status["StatusCode"])


def cascade(mock: Mock, **changes: Any) -> ViidSink:
    return sink(mock.url, role="cascade", listen="127.0.0.1:0", **changes)


def test_cascade_sends_what_was_subscribed_to(mock: Mock, tmp_path: Path) -> None:
    state = str(tmp_path / "orders.json")
    one = cascade(mock, state=state)
    try:
        assert states(one, [delivery(1)]) == ["delivered"]
        assert one.counts["no_subscriber"] == 1
        assert mock.arrivals.counts()["vehicles"] == 0
        assert subscribe(one, order(mock.url + "/VIID/SubscribeNotifications")) == 0
        assert states(one, [delivery(2), delivery(1, "yard"), delivery(3)]) == ["delivered"] * 3
        arrived = [a for _, a in mock.arrivals.snapshot()]
        assert [a.vehicle["DeviceID"] for a in arrived] == [GATE, GATE]
        assert {a.how for a in arrived} == {"SubscribeNotifications"}
    finally:
        one.close()
    later = cascade(mock, state=state)  # subscriptions survive a restart
    try:
        assert states(later, [delivery(4)]) == ["delivered"]
        assert mock.arrivals.counts()["vehicles"] == 3
        assert later._web is not None
        asked = httpx.delete(later._web.url + "/VIID/Subscribes?IDList=340200000000032026112309180000001")
        assert asked.json()["ResponseStatusListObject"]["ResponseStatusObject"][0]["StatusCode"] == 0
        assert states(later, [delivery(5)]) == ["delivered"]
        assert later.counts["no_subscriber"] == 1
    finally:
        later.close()
    assert json.loads(Path(state).read_text()) == []


def test_cascade_retries_only_who_does_not_have_it(mock: Mock) -> None:
    other = Mock(slow_s=0.1)
    one = cascade(mock)
    try:
        one.send([delivery(1)])
        other.registered[OWN] = time.monotonic()
        body = order(mock.url + "/VIID/SubscribeNotifications")
        assert subscribe(one, body) == 0
        assert one._web is not None
        second = order(other.url + "/VIID/SubscribeNotifications", SubscribeID="2", ResourceURI="")
        assert httpx.post(one._web.url + "/VIID/Subscribes", json=second).status_code == 200
        other.fail("busy")
        assert states(one, [delivery(2)]) == ["retry"]
        assert states(one, [delivery(2)]) == ["delivered"]
        assert mock.arrivals.counts() == other.arrivals.counts() == {"vehicles": 1, "repeats": 0}
    finally:
        one.close()
        other.close()


def test_the_test_platform_subscribes_when_we_register_and_the_outbox_opens_the_sink(tmp_path: Path) -> None:
    """Nothing is sent before: a site is there for its upper platform long before the first vehicle."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listen = f"127.0.0.1:{listener.getsockname()[1]}"
    upper = Mock(subscribe=f"http://{listen}")
    one = sink(upper.url, role="cascade", listen=listen, state=str(tmp_path / "orders.json"))
    try:
        with Outbox(tmp_path / "box", [Route("library", one, first_wait_s=0.02, longest_wait_s=0.1)]) as box:
            wait_for(lambda: one.subscriptions is not None and one.subscriptions.active(GATE, "", time.time_ns()))
            wait_for(lambda: "StatusCode 0" in upper.state()["subscription"])
            assert "POST /VIID/SubscribeNotifications" not in upper.requests
            for n in range(1, 6):
                box.put(sighting_event(sighting(n, "gate"), site(), [], now_ns=0))
            wait_for(lambda: upper.arrivals.counts()["vehicles"] == 5)
            upper.registered.clear()
            one.link.beat()  # registers anew: the same subscription, not a second one
            wait_for(lambda: one.link.n_registrations == 2)
            box.put(sighting_event(sighting(6, "gate"), site(), [], now_ns=0))
            wait_for(lambda: upper.arrivals.counts()["vehicles"] == 6)
    finally:
        upper.close()
    assert upper.arrivals.counts()["repeats"] == 0
    assert len(json.loads((tmp_path / "orders.json").read_text())) == 1


def test_the_test_platform_says_that_nobody_takes_its_subscription() -> None:
    upper = Mock(subscribe="http://127.0.0.1:1")
    one = sink(upper.url)
    try:
        one.open()
        wait_for(lambda: "refused" in upper.state()["subscription"])
        assert "subscription at http://127.0.0.1:1" in httpx.get(upper.url).text
    finally:
        one.close()
        upper.close()


def wait_for(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end_s, "it did not come to be"
        time.sleep(0.01)


def test_what_was_given_up_is_forgotten(mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outbox makes dead letters of what fails too often and does not tell the sink."""
    monkeypatch.setattr("vision.sinks.viid.MOST_SERVED", 3)
    monkeypatch.setattr("vision.viid.courier.MOST_FAILURES", 3)
    other = Mock()
    one = cascade(mock)
    try:
        one.open()
        other.registered[OWN] = time.monotonic()
        assert subscribe(one, order(mock.url + "/VIID/SubscribeNotifications")) == 0
        assert one._web is not None
        second = order(other.url + "/VIID/SubscribeNotifications", SubscribeID="2", ResourceURI="")
        httpx.post(one._web.url + "/VIID/Subscribes", json=second)
        other.fail("busy", 100)
        for n in range(1, 9):
            assert states(one, [delivery(n)]) == ["retry"]
        assert len(one._served) == len(one.courier._failures) == 3
        assert delivery(8).key in one._served
    finally:
        one.close()
        other.close()


def test_cascade_sends_to_no_other_host(mock: Mock) -> None:
    one = cascade(mock)
    try:
        one.send([delivery(1)])
        assert subscribe(one, order("http://10.1.2.3/VIID/SubscribeNotifications")) == 8
        assert subscribe(one, order("file:///etc/passwd")) == 8
    finally:
        one.close()


def test_cascade_takes_orders_of_its_platform_alone(mock: Mock) -> None:
    one = cascade(mock, platform_id=YARD)
    try:
        one.send([delivery(1)])
        assert one._web is not None
        body = order(mock.url + "/x")
        assert (
            httpx.post(one._web.url + "/VIID/Subscribes", json=body, headers={"User-Identify": OWN}).status_code == 403
        )
        assert httpx.post(one._web.url + "/VIID/Subscribes", json=body, headers={"User-Identify": YARD}).is_success
    finally:
        one.close()


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, True),
        ({"ResourceURI": ""}, True),
        ({"ResourceURI": OWN}, True),  # us
        ({"ResourceURI": "340200"}, True),  # the region
        ({"ResourceURI": "340300"}, False),
        ({"ResourceURI": f"{YARD};{GATE}"}, True),
        ({"ResourceURI": YARD}, False),
        ({"SubscribeDetail": "11,12"}, False),
        ({"SubscribeDetail": "12,13"}, True),
        ({"SubscribeStatus": 1}, False),
        ({"OperateType": 1}, False),
        ({"BeginTime": "2090-01-01 00:00:00"}, False),
        ({"EndTime": "20200101000000"}, False),
        ({"BeginTime": None, "EndTime": ""}, True),
    ],
)
def test_what_a_subscription_wants(mock: Mock, changes: dict[str, Any], wanted: bool) -> None:
    one = cascade(mock)
    try:
        one.link.ensure()
        one._listen()
        assert subscribe(one, order(mock.url, **changes)) == 0
        assert one.subscriptions is not None
        assert bool(one.subscriptions.active(GATE, "", time.time_ns())) is wanted
    finally:
        one.close()


@pytest.mark.parametrize("body", [b"", b"[]", b'{"SubscribeListObject": {}}', b"\xff", b"[" * 3000, b'{"x": 1}'])
def test_nonsense_from_the_upper_platform(mock: Mock, body: bytes) -> None:
    one = cascade(mock)
    try:
        one._listen()
        assert one._web is not None
        for method in ("POST", "PUT", "DELETE", "GET"):
            assert httpx.request(method, one._web.url + "/VIID/Subscribes", content=body).status_code == 200
        assert httpx.get(one._web.url + "/elsewhere").status_code == 404
    finally:
        one.close()
