"""The VIID sink against the test platform: every dialect, every fault, both roles; nothing lost or doubled."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.events.samples import one_of_each, sighting, site
from tests.viid.samples import GATE, OWN, SIZES, YARD, delivery, jpeg, sink
from vision.errors import ConfigError, SinkError
from vision.events.make import picture_part, sighting_event
from vision.outbox.outbox import Outbox
from vision.outbox.sender import Route
from vision.sinks.protocol import Delivery
from vision.sinks.registry import make_sink
from vision.sinks.viid import ViidSink
from vision.viid.dialects import DIALECTS
from vision.viid.mock import FAULTS, Mock
from vision.viid.web import Request, Response, WebServer


@pytest.fixture
def mock() -> Iterator[Mock]:
    one = Mock(slow_s=60.0)  # until the test is over
    yield one
    one.close()


def states(one: ViidSink, deliveries: list[Delivery]) -> list[str]:
    return [a.state for a in one.send(deliveries)]


def test_registered_as_an_entry_point() -> None:
    one = make_sink("viid", "library", {"url": "http://127.0.0.1:9", "device_id": OWN, "password": "x"})
    assert isinstance(one, ViidSink)
    one.close()


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_dialect(name: str) -> None:
    """Registers, sends, is forgotten, comes back, is refused what is wrong, repeats without a double."""
    mock = Mock(dialect=name)
    one = sink(mock.url, profile=DIALECTS[name].profile)
    try:
        batch = [delivery(n) for n in range(1, 4)] + [delivery(1, "yard")]
        assert states(one, batch) == ["delivered"] * 4
        assert mock.arrivals.counts() == {"vehicles": 4, "repeats": 0}
        assert one.link.clock is not None
        assert abs(one.link.clock.offset_ns) < 2e9
        mock.registered.clear()
        assert states(one, [delivery(4)]) == ["delivered"]
        assert one.link.n_registrations == 2
        mock.registered.clear()
        one.link.beat()  # a keep-alive notices, too
        assert one.link.n_registrations == 3
        assert states(one, batch) == ["delivered"] * 4
        assert mock.arrivals.counts() == {"vehicles": 5, "repeats": 4}
    finally:
        one.close()
        mock.close()
    assert mock.registered == {}  # it said goodbye


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_dialect_says_no(name: str) -> None:
    mock = Mock(dialect=name, devices=[GATE])
    one = sink(mock.url)
    wrong = sink(mock.url, password="other")
    try:
        for tried in (one, wrong):
            with pytest.raises(SinkError, match="registration refused"):
                tried.send([delivery()])
    finally:
        one.close()
        wrong.close()
        mock.close()
    assert mock.arrivals.counts()["vehicles"] == 0


def test_a_profile_that_does_not_suit_is_refused_with_the_reason() -> None:
    mock = Mock(dialect="before-2018")
    plate = replace(sighting().plate, text="京AD12345", kind="new_energy_small", color="green")  # type: ignore[type-var]
    seen = replace(sighting(), plate=plate)
    one, suited = sink(mock.url), sink(mock.url, profile="before-2018")
    try:
        answers = one.send([delivery(1, seen=seen), delivery(2)])
        assert [a.state for a in answers] == ["refused", "delivered"]
        assert "PlateClass: '52' is not known here" in answers[0].detail
        assert states(suited, [delivery(3, seen=seen)]) == ["delivered"]
    finally:
        one.close()
        suited.close()
        mock.close()


def test_one_bad_vehicle_takes_no_other_with_it() -> None:
    """Where a platform answers a request as a whole, a refusal of several is tried one by one."""
    mock = Mock(dialect="single")
    one = sink(mock.url, profile="plain-json")
    other = [delivery(n) for n in range(1, 5)]
    try:
        parcels = one._parcel
        broken = other[2].key

        def parcel(d: Delivery) -> Any:
            made = parcels(d)
            if d.key == broken:
                made[0].vehicle["VehicleColor"] = "no code"  # type: ignore[index]
            return made

        one._parcel = parcel  # type: ignore[method-assign, assignment]
        answers = one.send(other)
    finally:
        one.close()
        mock.close()
    assert [a.state for a in answers] == ["delivered", "delivered", "refused", "delivered"]
    assert mock.arrivals.counts() == {"vehicles": 3, "repeats": 0}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault(mock: Mock, fault: str) -> None:
    """After the fault everything is there once, except what was refused."""
    one = sink(mock.url)
    batch = [delivery(n) for n in range(1, 4)]
    mock.fail(fault, 4 if fault == "invalid" else 1)  # the whole, then each alone
    try:
        try:
            first = states(one, batch)
        except SinkError:
            first = []
        expected = {
            "busy": ["retry"] * 3, "restarting": ["retry"] * 3, "invalid": ["refused"] * 3, "http-500": ["retry"] * 3,
            "nonsense": ["retry"] * 3, "slow": [], "lost": [], "forget": ["delivered"] * 3,
        }  # fmt: skip
        assert first == expected[fault]
        second = states(one, batch)
    finally:
        one.close()
    assert second == ["delivered"] * 3
    assert mock.arrivals.counts() == {"vehicles": 3, "repeats": 3 if fault in ("lost", "forget") else 0}


def test_a_camera_with_a_retry_waits_and_the_others_go_on(mock: Mock) -> None:
    one = sink(mock.url, profile={"batch": 1})
    batch = [delivery(1), delivery(1, "yard"), delivery(2), delivery(2, "yard")]
    try:
        mock.fail("busy")
        assert states(one, batch) == ["retry", "delivered", "retry", "delivered"]
        assert states(one, [batch[0], batch[2]]) == ["delivered"] * 2
    finally:
        one.close()
    ours = [i for i in mock.arrivals.order if i.startswith(GATE)]
    assert [i[-5:] for i in ours] == ["00005", "00009"]


def test_what_makes_trouble_travels_alone(mock: Mock) -> None:
    one = sink(mock.url)
    batch = [delivery(n) for n in range(1, 4)]
    try:
        mock.fail("http-500", 2)
        assert states(one, batch) == ["retry"] * 3
        assert states(one, batch) == ["retry"] * 3
        before = mock.requests.count("POST /VIID/MotorVehicles")
        assert states(one, batch) == ["delivered"] * 3
        assert mock.requests.count("POST /VIID/MotorVehicles") - before == 3
    finally:
        one.close()


def test_batches_keep_to_the_limits(mock: Mock) -> None:
    one = sink(mock.url, profile={"batch": 4})
    small = sink(mock.url, profile={"request_bytes": 8192})
    try:
        assert states(one, [delivery(n) for n in range(1, 11)]) == ["delivered"] * 10
        assert mock.requests.count("POST /VIID/MotorVehicles") == 3
        assert states(small, [delivery(n) for n in range(1, 4)]) == ["delivered"] * 3
        assert mock.requests.count("POST /VIID/MotorVehicles") == 6
    finally:
        one.close()
        small.close()


def test_other_events_and_unknown_cameras(mock: Mock) -> None:
    one = sink(mock.url)
    events = one_of_each()

    def gone(sha256: str) -> bytes:
        raise LookupError(sha256)

    deliveries = [Delivery(e.id, "gate", n, 1, e.plain(), e.body(), gone) for n, e in enumerate(events, 1)]
    try:
        answers = one.send([*deliveries, delivery(1, "shed"), delivery(1, YARD)])
    finally:
        one.close()
    assert [a.state for a in answers] == ["delivered"] * 5 + ["refused", "delivered"]
    assert "device id for camera 'shed'" in answers[5].detail
    assert one.counts["no_object"] == 4
    assert one.counts["no_picture"] == 1
    assert mock.arrivals.counts()["vehicles"] == 2  # the final sighting, and one of a camera called by its digits


def test_link_down_after_three_failures_and_everything_comes_later() -> None:
    mock = Mock()
    one = sink(mock.url)
    batch = [delivery(n) for n in range(1, 4)]
    try:
        assert states(one, batch[:1]) == ["delivered"]
        mock.close()
        for n in range(3):
            assert one.link.is_registered, n
            with pytest.raises(SinkError):
                one.send(batch)
        assert not one.link.is_registered
        again = Mock(port=int(mock.url.rpartition(":")[2]))
        try:
            assert states(one, batch) == ["delivered"] * 3
            assert one.link.n_registrations == 2
            assert again.arrivals.counts()["vehicles"] == 3
        finally:
            one.close()
            again.close()
    finally:
        mock.close()


def test_keeps_alive_by_itself(mock: Mock) -> None:
    one = sink(mock.url, keepalive_s=0.05, clock_s=0.01)
    try:
        one.send([delivery()])
        until_s = time.monotonic() + 60
        while mock.requests.count("POST /VIID/System/Keepalive") < 3 and time.monotonic() < until_s:
            time.sleep(0.02)
        mock.registered.clear()
        while not mock.registered and time.monotonic() < until_s:
            time.sleep(0.02)
    finally:
        one.close()
    assert mock.requests.count("POST /VIID/System/Keepalive") >= 3
    assert mock.requests.count("GET /VIID/System/Time") >= 2
    assert one.link.n_registrations >= 2


def test_the_platforms_clock_is_measured_and_followed_only_where_asked() -> None:
    mock = Mock(clock_s=3600.0)
    own, follows = sink(mock.url), sink(mock.url, follow_clock=True)
    try:
        own.send([delivery(1)])
        follows.send([delivery(9)])  # measures
        follows.send([delivery(1, "yard")])
        found = {a.vehicle["DeviceID"]: a.vehicle for _, a in mock.arrivals.snapshot()}
    finally:
        own.close()
        follows.close()
        mock.close()
    assert own.link.clock is not None
    assert own.link.clock.offset_ns == pytest.approx(3600e9, abs=1.5e9)
    assert found[YARD]["PassTime"][8:10] == "07"
    assert found[YARD]["SourceID"][30:32] == "06"  # ids keep our time


# ------------------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"url": "ftp://x"}, "url: expected http"),
        ({"url": "http://user:secret@x"}, "without user, password"),
        ({"device_id": "123"}, "device_id: expected 20 digits"),
        ({"password": 5}, "password"),
        ({"zone": "Mars"}, "zone"),
        ({"profile": "unheard-of"}, "profile: expected one of standard"),
        ({"profile": {"base": "strings", "batch": 0}}, "batch"),
        ({"profile": {"colour": 1}}, "colour: unknown key"),
        ({"cameras": {"a": GATE, "b": GATE}}, f"got {GATE} twice"),
        ({"cameras": {"a": "7"}}, "cameras.a.device_id"),
        ({"unheard": 1}, "unheard: unknown key"),
        ({"listen": "7101"}, "listen"),
        ({"role": "boss"}, "role"),
        ({"ca_file": "/no/such.pem"}, "cannot read the certificates of /no/such.pem"),
    ],
)
def test_wrong_settings_are_named(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sink("http://127.0.0.1:9", **changes) if "url" not in changes else sink(**changes)
    assert "sink 'library'" in str(caught.value)
    assert text in str(caught.value)
    assert "secret" not in str(caught.value)


# ------------------------------------------------------------------------------------------------- outbox


def test_through_the_outbox_with_a_platform_that_goes_away(tmp_path: Path) -> None:
    """Killed in the middle, started again with its log: everything is there, and nothing has two ids."""

    log = tmp_path / "taken.jsonl"
    mock = Mock(log=log)
    port = int(mock.url.rpartition(":")[2])
    one = sink(mock.url)
    pictures = [jpeg("scene"), jpeg("plate")]
    parts = [picture_part(r, d, *SIZES[r]) for r, d in zip(("scene", "plate"), pictures, strict=True)]  # type: ignore[arg-type]
    with Outbox(tmp_path / "box", [Route("library", one, first_wait_s=0.02, longest_wait_s=0.1, batch=7)]) as box:
        for n in range(1, 61):
            camera = ("gate", "yard")[n % 2]
            box.put(sighting_event(sighting(n, camera), site(), parts, now_ns=0), pictures)
            if n == 20:
                box.drain(10)
                mock.fail("lost", 2)
            if n == 40:
                box.drain(2)
                mock.close()
        time.sleep(0.3)
        again = Mock(port=port, log=log)
        until_s = time.monotonic() + 30
        while len(again.arrivals.seen) < 60 and time.monotonic() < until_s:
            time.sleep(0.05)
        box.drain(10)
        figures = box.figures()["library"]
    one.close()
    again.close()
    assert len(again.arrivals.seen) == 60
    assert figures["delivered"] == 60
    assert figures["dead"] == figures["waiting"] == 0
    for device in (GATE, YARD):
        numbers = [int(i[-5:]) for i in again.arrivals.order if i.startswith(device)]
        assert numbers == sorted(numbers)
        assert len(numbers) == 30


def test_a_web_server_that_cannot_listen_says_so() -> None:
    def answer(_: Request) -> Response:
        return Response()

    first = WebServer("127.0.0.1", 0, answer)
    try:
        with pytest.raises(SinkError, match="cannot listen"):
            WebServer("127.0.0.1", first.port, answer)
    finally:
        first.close()
