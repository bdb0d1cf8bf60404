"""The ONVIF form of a plate, checked against ONVIF's own schema where that lies beside the checkout."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.events.samples import one_of_each
from vision.sinks.onvif import PLATE_TYPES, TYPES, data_of, onvif_message

# metadatastream.xsd and common.xsd of ONVIF's specifications, 25.12 (wsdl/ver10/schema)
BESIDE = Path(__file__).parents[3] / "shared" / "data" / "viid" / "onvif"
SCHEMAS = Path(os.environ.get("VISION_ONVIF_SCHEMAS", BESIDE))
XS, TT = "{http://www.w3.org/2001/XMLSchema}", "http://www.onvif.org/ver10/schema"
shared = pytest.mark.shared
is_asked_for = "VISION_ONVIF_SCHEMAS" in os.environ  # then a missing file is no reason to skip
needs_schema = pytest.mark.skipif(not (SCHEMAS.exists() or is_asked_for), reason=f"no schema at {SCHEMAS}")
ELEMENTS = {"LicensePlateInfo": "LicensePlateInfo", "VehicleInfo": "VehicleInfo", "ObjectId": "ObjectId"}


def types() -> dict[str, Any]:
    """The named types of ONVIF's schema files."""
    found = {}
    for path in sorted(SCHEMAS.glob("*.xsd")):
        for node in etree.parse(str(path)).getroot():
            if node.tag in (f"{XS}complexType", f"{XS}simpleType"):
                found[node.get("name")] = node
    assert found, f"no schema at {SCHEMAS}"
    return found


def schema() -> Any:
    """A schema of the event's elements: their types and the types that those use, without room for other elements.

    That room (xs:any) is what makes the files XSD 1.1, which libxml2 does not know; without it they are stricter.
    """
    known, wanted, used = types(), list(ELEMENTS.values()), {}
    while wanted:
        name = wanted.pop()
        if name not in used and name in known:
            used[name] = known[name]
            for node in known[name].iter(etree.Element):
                for key in ("type", "base"):
                    kind = node.get(key, "")
                    wanted += [kind.removeprefix("tt:")] if kind.startswith("tt:") else []
    root = etree.Element(
        f"{XS}schema", {"targetNamespace": TT, "elementFormDefault": "qualified"}, nsmap={"xs": XS[1:-1], "tt": TT}
    )
    root.extend(used.values())
    for node in list(root.iter(f"{XS}any")):
        node.getparent().remove(node)
    for name, kind in ELEMENTS.items():
        etree.SubElement(root, f"{XS}element", {"name": name, "type": f"tt:{kind}"})
    return etree.XMLSchema(root)


def element_of(name: str, value: Any) -> Any:
    """The XML that a JSON value stands for: ``@`` before attributes, ``#`` for text beside them."""
    node = etree.Element(f"{{{TT}}}{name}")
    for key, inner in value.items():
        if key.startswith("@"):
            node.set(key[1:], str(inner))
        elif key == "#":
            node.text = inner
        else:
            node.append(element_of(key, inner))
    return node


def payload(i: int) -> dict[str, Any]:
    message = onvif_message(one_of_each()[i].plain(), "site", "CN")
    assert message is not None
    found: dict[str, Any] = json.loads(message[1])
    return found


def test_the_whole_payload() -> None:
    assert payload(1) == {
        "UtcTime": "2023-11-14T22:13:22.123456789Z",
        "Source": {"VideoSource": "gate", "Rule": "LicensePlateRecognition"},
        "Data": {
            "Likelihood": 0.9877,
            "ObjectId": {"@ObjectId": 1, "@UUID": "gate-1700000001123-v1"},
            "LicensePlateInfo": {
                "PlateNumber": {"@Likelihood": 0.9877, "#": "京A12345"},
                "PlateType": {"@Likelihood": 0.9877, "#": "Normal"},
                "CountryCode": {"#": "CN"},
                "IssuingEntity": {"@Likelihood": 0.99, "#": "京"},
            },
            "VehicleInfo": {"Type": {"@Likelihood": 0.9, "#": "Car"}},
            "Speed": 13.33,
        },
    }


def test_a_match_is_sent_as_its_sighting_and_no_plate_as_nothing() -> None:
    assert payload(2)["Data"]["LicensePlateInfo"]["PlateNumber"]["#"] == "京A12345"
    assert [onvif_message(e.plain(), "site", None) is None for e in one_of_each()] == [False] * 3 + [True] * 2


def test_the_topic() -> None:
    event = one_of_each()[0].plain()
    event["data"]["stream_id"] = "a/b+"
    message = onvif_message(event, "x/y", None)
    assert message is not None
    assert message[0] == "x/y/onvif-ej/RuleEngine/Recognition/LicensePlate/&a_b_/LicensePlateRecognition"
    assert "CountryCode" not in json.loads(message[1])["Data"]["LicensePlateInfo"]


@shared
@needs_schema
@pytest.mark.parametrize("i", [0, 1, 2])
def test_its_elements_are_valid(i: int) -> None:
    checker, data = schema(), payload(i)["Data"]
    for name in ELEMENTS:
        checker.assertValid(element_of(name, data[name]))
    assert not checker.validate(element_of("LicensePlateInfo", {"PlateType": {"#": "Normal"}}))  # it can say no


@shared
@needs_schema
def test_every_kind_of_plate_and_vehicle_is_valid() -> None:
    checker, sighting = schema(), one_of_each()[1].plain()["data"]
    for kind in (*PLATE_TYPES, "army", "of another country"):
        for type_ in (*TYPES, "unknown"):
            plate = {**sighting["plate"], "kind": kind, "score": 1e-7, "text": "?" if type_ == "bus" else "京A12345"}
            vehicle = {**sighting["vehicle"], "type": type_, "type_score": 1.0}
            data = data_of({**sighting, "plate": plate, "vehicle": vehicle}, None if type_ == "van" else "CN")
            for name in ELEMENTS.keys() & data.keys():
                checker.assertValid(element_of(name, data[name]))


@shared
@needs_schema
def test_its_words_are_onvifs() -> None:
    known = types()

    def words(name: str) -> set[str]:
        return {node.get("value") for node in known[name].iter(f"{XS}enumeration")}

    assert set(PLATE_TYPES.values()) <= words("PlateType")
    assert set(TYPES.values()) <= words("VehicleType")
