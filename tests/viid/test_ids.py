"""Identifiers: lengths, parts, one running number, the same at every attempt."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.viid.ids import DEVICE, IMAGE, MESSAGE, NOTIFICATION, OBJECT, checked_device, event_ids, message_id
from vision.viid.times import read_time, stamp_of, zone_of

DEVICE_ID = "34020000001320000002"
stamps = st.integers(0, 4_000_000_000).map(lambda s: stamp_of(s * 10**9, zone_of("+08:00")))
numbers = st.integers(0, 10**12)


@given(stamps, numbers)
def test_ids_have_their_parts(stamp: str, number: int) -> None:
    ids = event_ids(DEVICE_ID, stamp, number)
    vehicle = OBJECT.fullmatch(ids.object)
    assert vehicle
    assert len(ids.object) == 48
    assert vehicle["source"] == ids.source
    found = {role: IMAGE.fullmatch(text) for role, text in ids.images.items()}
    for match in found.values():
        assert match
        assert (match["device"], match["kind"], match["stamp"]) == (DEVICE_ID, "02", stamp)
    used = [vehicle["number"], *(m["number"] for m in found.values() if m)]
    assert len(set(used)) == 4


@given(stamps, numbers)
def test_ids_are_stable_over_attempts(stamp: str, number: int) -> None:
    assert event_ids(DEVICE_ID, stamp, number) == event_ids(DEVICE_ID, stamp, number)


def test_no_id_comes_twice_before_25000_events_of_one_second() -> None:
    made = [event_ids(DEVICE_ID, "20261123091800", n) for n in range(7, 25_007)]
    assert len({i.object for i in made}) == 25_000
    assert len({image for i in made for image in i.images.values()}) == 75_000
    assert event_ids(DEVICE_ID, "20261123091800", 25_007).object == made[0].object  # the number has five digits


def test_numbers_of_one_event_follow_each_other_like_those_of_cameras() -> None:
    ids = event_ids("45010101491327000176", "20231214180257", 16)
    assert ids.source == "45010101491327000176022023121418025700064"
    assert ids.object == "450101014913270001760220231214180257000640200065"
    assert ids.images["plate"] == "45010101491327000176022023121418025700066"


def test_device_has_five_parts() -> None:
    match = DEVICE.fullmatch("45010101491327000176")
    assert match
    assert match.groups() == ("45010101", "49", "132", "7", "000176")


@pytest.mark.parametrize("text", ["", "1" * 19, "1" * 21, "a" * 20, "1" * 19 + "\n", "１" * 20, None, 5])
def test_what_is_no_device_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=re.escape("expected 20 digits")):
        checked_device(text)


def test_bad_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="yyyyMMddHHmmss"):
        event_ids(DEVICE_ID, "2026-11-23", 1)
    with pytest.raises(ValueError, match="number"):
        event_ids(DEVICE_ID, "20261123091800", -1)
    with pytest.raises(ValueError, match="organization"):
        message_id("12", NOTIFICATION, "20261123091800", 1)


def test_notification_has_33_digits() -> None:
    id_ = message_id("340200000000", NOTIFICATION, "20261123091800", 100_001)
    assert id_ == "340200000000042026112309180000001"
    assert MESSAGE.fullmatch(id_)


def test_all_forms_of_time() -> None:
    zone = zone_of("+08:00")
    moment = 1_795_396_680
    forms: list[tuple[object, str]] = [
        ("20261123091800", "stamp"),
        (20261123091800, "stamp"),
        ("20261123091800000", "stamp"),
        (moment * 1000, "epoch"),
        (str(moment), "epoch"),
        ("2026-11-23T09:18:00+08:00", "iso"),
        ("2026-11-23T01:18:00Z", "iso"),
        ("2026-11-23 09:18:00", "iso"),
    ]
    for value, form in forms:
        assert read_time(value, zone) == (moment * 10**9, form)
    nonsense: list[object] = [None, True, "", "20261323091800", [], {}, "x", 1e300, float("nan"), "9" * 400]
    for value in nonsense:
        assert read_time(value, zone) is None


def test_zones() -> None:
    assert stamp_of(0, zone_of("+08:00")) == "19700101080000"
    assert stamp_of(0, zone_of("Asia/Shanghai")) == "19700101080000"
    assert stamp_of(0, zone_of("-0330")) == "19691231203000"
    for text in ("", "UTC+8", "+99:00", "../etc/passwd", "Nowhere/City"):
        with pytest.raises(ValueError, match="zone"):
            zone_of(text)
