"""Code tables: complete, and everything the library can say has a code of its own meaning."""

import json
import tomllib
from pathlib import Path

import pytest

import vision
from vision.plates.grammar import load_grammar
from vision.viid import codes
from vision.viid.codes import PLATE_CLASSES, plate_class, tables

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "viid"
MODELS = Path(__file__).resolve().parents[2] / "models"


def manifest(name: str) -> dict[str, dict[str, list[str] | dict[str, str]]]:
    return tomllib.loads((MODELS / name / "model.toml").read_text(encoding="utf-8"))


ATTRIBUTES, READER, DETECTOR = (
    manifest(n)["labels"] for n in ("vehicle_attributes", "plate_reader", "vehicle_detector")
)
KINDS = load_grammar("cn").kinds


def test_every_plate_of_the_grammar_has_a_class() -> None:
    for kind in KINDS:
        for color in kind.colors:
            assert color in codes.PLATE_COLORS
            for type_ in codes.VEHICLE_CLASSES:
                text = "粤Z1234港" if kind.name == "hong_kong_macau" else "x"
                found = plate_class(kind.name, color, text, type_)
                assert found in tables()["plate_class"]
                if type_ == "car" and kind.name not in ("emergency", "civil_aviation"):
                    assert found != codes.OTHER, kind.name
    named = {kind for kind, _ in PLATE_CLASSES} | {"hong_kong_macau"}
    assert named == {k.name for k in KINDS}


@pytest.mark.parametrize(
    ("kind", "color", "text", "type_", "expected"),
    [
        ("normal", "blue", "京A12345", "car", "02"),
        ("normal", "yellow", "京A12345", "truck", "01"),
        ("normal", "yellow", "京A12345", "motorcycle", "07"),
        ("normal", "blue", "京A12345", "tricycle", "99"),
        ("normal", "black", "京A12345", "car", "06"),
        ("new_energy_small", "green", "京AD12345", "car", "52"),
        ("new_energy_large", "green_yellow", "京A12345D", "bus", "51"),
        ("learner", "yellow", "京A1234学", "car", "16"),
        ("trailer", "yellow", "京A1234挂", "unknown", "15"),
        ("police", "white", "京A1234警", "car", "23"),
        ("police", "white", "京A1234警", "motorcycle", "24"),
        ("armed_police", "white", "WJ京12345", "truck", "31"),
        ("army", "white", "VA12345", "car", "32"),
        ("embassy", "black", "使123456", "car", "03"),
        ("consulate", "black", "沪A1234领", "car", "04"),
        ("hong_kong_macau", "black", "粤Z1234港", "car", "26"),
        ("hong_kong_macau", "black", "粤Z1234澳", "car", "27"),
        ("emergency", "white", "京X1234应急", "car", "99"),
        ("of another country", "red", "?", "car", "99"),
    ],
)
def test_plate_class(kind: str, color: str, text: str, type_: str, expected: str) -> None:
    assert plate_class(kind, color, text, type_) == expected


def test_platforms_that_do_not_know_new_energy() -> None:
    assert plate_class("new_energy_small", "green", "京AD12345", "car", knows_new_energy=False) == "99"
    assert plate_class("normal", "blue", "京A12345", "car", knows_new_energy=False) == "02"


def test_every_color_and_type_of_the_models_has_a_code() -> None:
    assert set(READER["colors"]) == set(codes.PLATE_COLORS)
    assert {*ATTRIBUTES["colors"], "unknown"} == set(codes.VEHICLE_COLORS)
    assert {*ATTRIBUTES["types"], *DETECTOR["classes"], "unknown"} == set(codes.VEHICLE_CLASSES)
    assert set(codes.VEHICLE_COLORS.values()) <= set(tables()["color"])
    assert set(codes.PLATE_COLORS.values()) <= set(tables()["color"])
    assert set(codes.VEHICLE_CLASSES.values()) <= set(tables()["vehicle_class"])
    assert set(codes.IMAGE_TYPES.values()) <= set(tables()["image_type"]) - codes.OCCUPANT_IMAGES


def test_codes_are_those_of_the_models_manifests() -> None:
    gat1400, ga16_4 = ATTRIBUTES["gat1400"], ATTRIBUTES["ga16_4"]
    assert isinstance(gat1400, dict)
    assert isinstance(ga16_4, dict)
    for color, code in gat1400.items():
        assert codes.VEHICLE_COLORS[color] == code
    for type_, code in ga16_4.items():
        assert codes.VEHICLE_CLASSES[type_] == code


def test_headings_have_opposites() -> None:
    for heading, other in (
        ("east", "west"),
        ("north", "south"),
        ("northeast", "southwest"),
        ("northwest", "southeast"),
    ):
        assert codes.OPPOSITE[codes.HEADINGS[heading]] == codes.HEADINGS[other]
        assert codes.OPPOSITE[codes.HEADINGS[other]] == codes.HEADINGS[heading]


def test_tables_ship() -> None:
    assert (Path(vision.__file__).parent / "viid" / "codes.toml").exists()
    assert {name: len(t) for name, t in tables().items()} == {
        "plate_class": 30, "color": 14, "image_type": 15, "direction": 9, "info_kind": 3, "status": 10,
        "subscribe_detail": 16, "resource_class": 6, "operate_type": 2, "subscribe_status": 4, "execute_operation": 3,
        "tollgate_usage": 3, "tollgate_status": 3, "cap_direction": 2, "event_sort": 37, "image_format": 16,
        "vehicle_brand": 109, "vehicle_color_depth": 2, "vehicle_class": 205,
    }  # fmt: skip


@pytest.mark.shared
@pytest.mark.skipif(not DATA.exists(), reason="no shared data beside the checkout")
def test_tables_are_those_collected() -> None:
    given = json.loads((DATA / "code_tables.json").read_text(encoding="utf-8"))
    names = {
        "PlateClassType": "plate_class", "ColorType": "color", "ImageType": "image_type", "HDirectionType": "direction",
        "InfoType": "info_kind", "SubscribeDetailType": "subscribe_detail", "ResourceClass": "resource_class",
        "OperateType": "operate_type", "SubscribeStatus": "subscribe_status", "TollgateUsage": "tollgate_usage",
        "EventSort": "event_sort", "VehicleBrandType": "vehicle_brand", "ImageFormatType": "image_format",
        "VehicleColorDepthType": "vehicle_color_depth", "ExecuteOperation": "execute_operation",
        "CapDirection": "cap_direction", "TollgateStatus": "tollgate_status",
    }  # fmt: skip
    # Of persons, things, cases, dispositions and devices, of which nothing is sent; of parts of ids; yes and no.
    others = {
        "QualityGradeType", "SecretLevelType", "DataSourceType", "FunctionType", "NetworkCode", "IndustryCode",
        "DispositionRangeType", "FilmColor", "Boolean", "TypeCode", "other_platform_colour_codes", "ConfirmStatusType",
    }  # fmt: skip
    assert set(given) == set(names) | others
    for theirs, ours in names.items():
        expected = {v["code"]: v["label"].strip() for v in given[theirs]["values"]}
        found = {code: codes.label_of(ours, code, chinese=True) for code in tables()[ours]}
        assert found == expected, ours
    classes = json.loads((DATA / "vehicle_class_ga16_4.json").read_text(encoding="utf-8"))["values"]
    assert tables()["vehicle_class"] == {v["code"]: v["label"] for v in classes}
    statuses = {v["code"] for v in given["ConfirmStatusType"]["values"]}
    assert set(tables()["status"]) == statuses | {"1"}
