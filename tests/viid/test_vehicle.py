"""The MotorVehicle object: schema, every profile's types, nothing about occupants, pictures that fit."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.events.samples import sighting, sightings, site
from tests.viid.samples import GATE, OWN, delivery, jpeg, sink
from vision.events.make import sighting_event
from vision.types import Passage, Sighting
from vision.viid import codes
from vision.viid.demands import MANDATORY, problems
from vision.viid.pictures import Picture, fit
from vision.viid.profile import PROFILES, Profile
from vision.viid.times import zone_of
from vision.viid.vehicle import Device, list_body, stamps_of, vehicle_object

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "viid"
CHINA = zone_of("+08:00")
shared = pytest.mark.skipif(not DATA.exists(), reason="no shared data beside the checkout")
device = Device(GATE, OWN, "3", {"lane 1": 1})


def made(
    seen: Sighting, profile: Profile | None = None, pictures: Mapping[str, Picture] | None = None
) -> dict[str, Any]:
    data = sighting_event(seen, site(), now_ns=0).plain()["data"]
    return vehicle_object(data, device, 5, stamps_of(data, CHINA), profile or Profile(), pictures or {}, {})


@cache
def all_pictures() -> dict[str, Picture]:
    return {role: fit(jpeg(role), 10**6) for role in ("scene", "vehicle", "plate")}


def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "motorvehicles.sender.schema.json").read_text(encoding="utf-8"))
    return found


def test_a_sighting_in_full() -> None:
    found = made(sighting(), pictures=all_pictures())
    images = found.pop("SubImageList")["SubImageInfoObject"]
    assert found == {
        "MotorVehicleID": found["SourceID"] + "0200021",
        "InfoKind": 1,
        "SourceID": GATE + "02" + "20231115061321" + "00020",
        "TollgateID": OWN,
        "DeviceID": GATE,
        "StorageUrl1": "",
        "StorageUrl2": "",
        "StorageUrl3": "",
        "LeftTopX": 10,
        "LeftTopY": 20,
        "RightBtmX": 110,
        "RightBtmY": 120,
        "MarkTime": "20231115061321",
        "AppearTime": "20231115061321",
        "DisappearTime": "20231115061322",
        "PassTime": "20231115061321",
        "HasPlate": "1",
        "PlateClass": "02",
        "PlateColor": "5",
        "PlateNo": "京A12345",
        "PlateReliability": "99",
        "PlateCharReliability": "京-99",
        "VehicleClass": "K33",
        "VehicleColor": "2",
        "LaneNo": 1,
        "Speed": 48.0,
        "Direction": "3",
    }
    assert [(i["Type"], i["Width"], i["Height"], i["ImageID"][-5:]) for i in images] == [
        ("01", 640, 360, "00020"), ("09", 160, 120, "00023"), ("02", 320, 96, "00022"),
    ]  # fmt: skip
    assert base64.b64decode(images[1]["Data"]) == jpeg("vehicle")


@pytest.mark.shared
@shared
@settings(max_examples=60, deadline=None)
@given(sightings.map(lambda s: replace(s, is_utc=True)))
def test_any_sighting_follows_the_schema(seen: Sighting) -> None:
    if seen.plate and len(seen.plate.text) > 15:
        seen = replace(seen, plate=replace(seen.plate, text=seen.plate.text[:15]))
    found = made(seen, pictures=all_pictures())
    jsonschema.Draft202012Validator(schema()).validate(json.loads(json.dumps(list_body([found]))))


@pytest.mark.shared
@shared
def test_what_the_sink_sends_follows_the_schema_and_looks_like_the_example() -> None:
    parcel = sink("http://127.0.0.1:9")._parcel(delivery())
    assert isinstance(parcel, tuple)
    vehicle = parcel[0].vehicle
    jsonschema.Draft202012Validator(schema()).validate(list_body([vehicle]))
    example = json.loads((DATA / "examples" / "motorvehicles_request_probe.json").read_text(encoding="utf-8"))["body"]
    theirs = example["MotorVehicleListObject"]["MotorVehicleObject"][0]
    assert set(theirs) <= set(vehicle)
    assert {k: type(v) for k, v in theirs.items()} == {k: type(vehicle[k]) for k in theirs}
    images = [v["SubImageList"]["SubImageInfoObject"][0] for v in (theirs, vehicle)]
    assert set(images[0]) == set(images[1])
    assert problems(theirs, Profile()) == []


@pytest.mark.shared
@shared
def test_mandatory_fields_are_those_of_the_schema_and_the_matrix() -> None:
    assert set(MANDATORY) == set(schema()["$defs"]["mv"]["required"])
    rows = json.loads((DATA / "motorvehicle_fields.json").read_text(encoding="utf-8"))["rows"]
    found = made(sighting(), pictures=all_pictures())
    assert {r[0] for r in rows if r[1].startswith("R")} <= set(found)
    known = {r[0].split(".")[0] for r in rows}
    assert set(found) <= known
    forbidden = {r[0] for r in rows if "DO NOT SEND" in r[7]}
    assert forbidden == set(codes.OCCUPANTS)
    assert forbidden == {k for k, v in schema()["$defs"]["mv"]["properties"].items() if v is False}


@pytest.mark.shared
@shared
def test_real_objects_lack_only_the_pass_time() -> None:
    given = json.loads((DATA / "examples" / "motorvehicle_objects_easydarwin_real.json").read_text(encoding="utf-8"))
    for theirs in given["objects"]:
        theirs = {k: v for k, v in theirs.items() if k not in ("ColorType", *codes.OCCUPANTS)}
        assert problems(theirs, Profile()) == ["PassTime: mandatory, is missing"]


@settings(max_examples=60, deadline=None)
@given(sightings.map(lambda s: replace(s, is_utc=True)), st.sampled_from(sorted(PROFILES)))
def test_nothing_is_said_about_occupants(seen: Sighting, name: str) -> None:
    profile = Profile.model_validate(PROFILES[name])
    found = made(seen, profile, all_pictures())
    assert not set(codes.OCCUPANTS) & set(found)
    assert problems(found, profile) == []  # says so, too, of occupants' pictures


def test_extra_fields_are_the_users_but_replace_nothing() -> None:
    found = made(sighting(), Profile(extra={"VehicleBrand": "0", "PlateNo": "x"}))
    assert (found["VehicleBrand"], found["PlateNo"]) == ("0", "京A12345")


def test_types_of_profiles() -> None:
    picture = all_pictures()
    strings = made(sighting(), Profile.model_validate(PROFILES["strings"]), picture)
    assert (strings["InfoKind"], strings["Speed"]) == ("1", "48")
    bools = made(sighting(), Profile.model_validate(PROFILES["bools"]), picture)
    assert bools["HasPlate"] is True
    assert isinstance(bools["SubImageList"], list)
    two = made(replace(sighting(), plate=None, reason="no_plate_seen", n_reads=0, evidence=None),
               Profile.model_validate(PROFILES["one-two"]))  # fmt: skip
    assert two["HasPlate"] == 2
    assert made(sighting(), Profile(has_plate="one_two"))["HasPlate"] == 1
    both = made(sighting(), Profile.model_validate(PROFILES["color-type"]))
    assert both["ColorType"] == both["PlateColor"] == "5"
    assert made(sighting(), Profile(image_type_key=True), picture)["SubImageList"]["SubImageInfoObject"][0][
        "ImageType"
    ] == "01"  # fmt: skip


def test_no_plate_and_a_plate_that_was_not_read() -> None:
    none = made(replace(sighting(), plate=None, reason="no_plate_seen", n_reads=0, evidence=None))
    assert (none["HasPlate"], none["PlateNo"], none["PlateClass"], none["PlateColor"]) == ("0", "无车牌", "99", "99")
    unread = made(replace(sighting(), plate=None, reason="blurred"))
    assert (unread["HasPlate"], unread["PlateNo"], unread["PlateClass"]) == ("1", "-", "99")
    part = made(sighting(text="京A1?345"))
    assert part["PlateNo"] == "京A1-345"


def test_direction_lane_and_speed_only_where_known() -> None:
    away = made(replace(sighting(), direction=replace(sighting().direction, depth="farther"), passage=Passage("x")))
    assert away["Direction"] == "4"
    assert "LaneNo" not in away
    assert "Speed" not in away
    data = sighting_event(sighting(), site(), now_ns=0).plain()["data"]
    bare = vehicle_object(data, Device(GATE), 1, stamps_of(data, CHINA), Profile(), {}, {})
    assert "Direction" not in bare
    assert "SubImageList" not in bare


def test_times_follow_the_platform_only_where_asked_and_ids_never() -> None:
    data = sighting_event(sighting(), site(), now_ns=0).plain()["data"]
    own, moved = stamps_of(data, CHINA), stamps_of(data, CHINA, 90 * 10**9)
    assert (own.passed, moved.passed) == ("20231115061321", "20231115061451")
    assert own.id == moved.id
    assert stamps_of(data, zone_of("+00:00")).passed == "20231114221321"


def test_a_source_without_a_clock_cannot_be_sent() -> None:
    data = sighting_event(replace(sighting(), is_utc=False), site(), now_ns=0).plain()["data"]
    with pytest.raises(ValueError, match="PassTime"):
        stamps_of(data, CHINA)


def test_large_pictures_get_smaller_and_boxes_with_them() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)
    large = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    less = fit(large, len(large) // 2)
    assert len(less.data) <= len(large) // 2
    small = fit(large, 40_000)
    assert len(small.data) <= 40_000
    assert small.scale < 1
    decoded = cv2.imdecode(np.frombuffer(small.data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert (decoded.shape[1], decoded.shape[0]) == (small.width, small.height)
    found = made(sighting(), pictures={"scene": small})
    assert found["RightBtmX"] == pytest.approx(110 * small.scale, abs=1)
    assert fit(large, 10**7).data is large


def test_png_becomes_jpeg_and_garbage_is_refused() -> None:
    png = cv2.imencode(".png", np.zeros((40, 60, 3), np.uint8))[1].tobytes()
    assert fit(png, 10**6).data.startswith(b"\xff\xd8")
    for bad in (b"", b"\xff\xd8 not a picture"):
        with pytest.raises(ValueError, match="expected a picture"):
            fit(bad, 10**6)


def test_pictures_by_address() -> None:
    parcel = sink(
        "http://127.0.0.1:9", picture_url="https://me/{role}/{sha256}.jpg", profile={"images": "url"}
    )._parcel(delivery())
    assert isinstance(parcel, tuple)
    vehicle = parcel[0].vehicle
    assert vehicle["StorageUrl1"].startswith("https://me/vehicle/")
    images = vehicle["SubImageList"]["SubImageInfoObject"]
    assert len(images) == 3
    assert all("Data" not in i and i["StoragePath"].startswith("https://me/") for i in images)
    assert len(vehicle["StorageUrl1"]) <= 256
