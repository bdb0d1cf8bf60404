"""A plate in the form in which ONVIF devices publish it over MQTT.

Source: ONVIF Core specification 25.12, "Event broker" (onvif-ej: topic and JSON payload), and Analytics Service
specification 25.12, license plate recognition rule; types of its elements: metadatastream.xsd 25.12.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

RULE = "LicensePlateRecognition"
TOPIC = "RuleEngine/Recognition/LicensePlate"
TYPES = {
    "car": "Car",
    "van": "Car",
    "bus": "Bus",
    "truck": "Truck",
    "motorcycle": "Motorcycle",
    "tricycle": "Motorcycle",
}
PLATE_TYPES = {
    "normal": "Normal",
    "new_energy_small": "Normal",
    "new_energy_large": "Normal",
    "police": "Police",
    "embassy": "Diplomat",
    "consulate": "Diplomat",
}


def onvif_message(event: Mapping[str, Any], prefix: str, country: str | None) -> tuple[str, bytes] | None:
    """Topic and payload of an event; None where it has no plate, which ONVIF's event requires.

    An element's text stands under ``#`` where it has a likelihood beside it: the specification leaves that open.

    Args:
        prefix: first part of the topic.
        country: ISO 3166-1 alpha-2, of all plates; None leaves it out.
    """
    sighting = event["data"].get("sighting", event["data"])
    if not sighting.get("plate"):
        return None
    camera = str(sighting["stream_id"])
    payload = {
        "UtcTime": event["time"],
        "Source": {"VideoSource": camera, "Rule": RULE},
        "Data": data_of(sighting, country),
    }
    topic = f"{prefix}/onvif-ej/{TOPIC}/&{re.sub(r'[+#/]', '_', camera)}/{RULE}"
    return topic, json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def data_of(sighting: Mapping[str, Any], country: str | None) -> dict[str, Any]:
    """The data of the event, in the order of the rule's description."""
    plate, vehicle, speed = sighting["plate"], sighting["vehicle"], sighting["passage"]["speed"]
    info: dict[str, Any] = {"PlateNumber": likely(plate["text"], plate["score"])}
    if plate["kind"] in PLATE_TYPES:
        info["PlateType"] = likely(PLATE_TYPES[plate["kind"]], plate["score"])
    if country:
        info["CountryCode"] = {"#": country}
    if re.match(r"[\u4e00-\u9fff]", plate["text"]):
        info["IssuingEntity"] = likely(plate["chars"][0][0], plate["chars"][0][1])
    data: dict[str, Any] = {"Likelihood": plate["score"]}
    if sighting["track_ids"]:
        data["ObjectId"] = {"@ObjectId": sighting["track_ids"][0], "@UUID": sighting["id"]}
    data["LicensePlateInfo"] = info
    if vehicle and vehicle["type"] in TYPES:
        data["VehicleInfo"] = {"Type": likely(TYPES[vehicle["type"]], vehicle["type_score"])}
    if speed:
        data["Speed"] = round(speed["kmh"] / 3.6, 2)  # metres per second
    return data


def likely(text: str, score: float) -> dict[str, Any]:
    """A ``tt:StringLikelihood``."""
    return {"@Likelihood": score, "#": text}
