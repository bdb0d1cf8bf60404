"""A sighting as the MotorVehicle object of GA/T 1400."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from vision.viid import codes
from vision.viid.ids import EventIds, event_ids
from vision.viid.pictures import Picture
from vision.viid.profile import Profile
from vision.viid.times import ns_of_text, stamp_of

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Device:
    """What a platform knows of a camera.

    ``nearer`` is the HDirectionType of vehicles that come nearer, empty if nobody said so; ``lanes`` the numbers of
    the scene's lanes, from the left in the direction of travel.
    """

    id: str
    tollgate: str = ""
    nearer: str = ""
    lanes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stamps:
    """Local times of a pass, yyyyMMddHHmmss; ``id`` is the one inside ids, which no clock of others may move."""

    id: str
    first: str
    last: str
    passed: str


def stamps_of(data: Mapping[str, Any], zone: tzinfo, offset_ns: int = 0) -> Stamps:
    """The times of a sighting.

    Args:
        data: what a sighting's event carries.
        offset_ns: added to all times but the one inside ids.

    Raises:
        ValueError: the source does not know UTC.
    """
    times = data["times"]
    if times is None:
        raise ValueError("the source does not know its time, and PassTime is mandatory")
    passed = ns_of_text(times["evidence"] or times["last"])
    first, last = ns_of_text(times["first"]), ns_of_text(times["last"])
    return Stamps(stamp_of(passed, zone), *(stamp_of(t + offset_ns, zone) for t in (first, last, passed)))


def vehicle_object(
    data: Mapping[str, Any],
    device: Device,
    number: int,
    stamps: Stamps,
    profile: Profile,
    pictures: Mapping[str, Picture],
    urls: Mapping[str, str],
) -> Json:
    """The MotorVehicle object of a sighting. It says nothing of occupants.

    Args:
        data: what a sighting's event carries.
        number: counts the events of this device, see `event_ids`.
        pictures: evidence by role, fitted to the platform.
        urls: addresses of the evidence by role, where it can be fetched.
    """
    ids = event_ids(device.id, stamps.id, number)
    scale = pictures["scene"].scale if "scene" in pictures else 1.0
    left, top, right, bottom = pixel_box(box_of(data), scale)
    vehicle = data["vehicle"] or {"type": "unknown", "color": "unknown"}
    near = next((urls[r] for r in ("vehicle", "scene") if r in urls), "")
    out: Json = {
        "MotorVehicleID": ids.object,
        "InfoKind": 1 if profile.info_kind == "int" else "1",
        "SourceID": ids.source,
        "TollgateID": device.tollgate,
        "DeviceID": device.id,
        "StorageUrl1": near,
        "StorageUrl2": urls.get("plate", ""),
        "StorageUrl3": urls.get("scene", ""),
        "LeftTopX": left,
        "LeftTopY": top,
        "RightBtmX": right,
        "RightBtmY": bottom,
        "MarkTime": stamps.passed,
        "AppearTime": stamps.first,
        "DisappearTime": stamps.last,
        "PassTime": stamps.passed,
        **plate_fields(data, vehicle["type"], profile),
        "VehicleClass": codes.VEHICLE_CLASSES.get(vehicle["type"], codes.OTHER_CLASS),
        "VehicleColor": codes.VEHICLE_COLORS.get(vehicle["color"], codes.OTHER),
        **passage_fields(data, device, profile),
    }
    images = image_list(ids, device, stamps, profile, pictures, urls)
    if images:
        out["SubImageList"] = images if profile.sub_images == "list" else {"SubImageInfoObject": images}
    return {**profile.extra, **out}


def plate_fields(data: Mapping[str, Any], vehicle_type: str, profile: Profile) -> Json:
    """What there is to say of the plate. A plate that was seen and not read is there: HasPlate is yes."""
    plate, evidence = data["plate"], data["evidence"]
    if plate is None:
        is_seen = data["n_reads"] > 0 or bool(evidence and evidence["plate_corners"])
        text, kind, color = profile.unread_plate if is_seen else profile.no_plate, codes.OTHER, codes.OTHER
        more: Json = {}
    else:
        is_seen, text = True, plate["text"].replace("?", profile.unread_char)
        kind = codes.plate_class(
            plate["kind"], plate["color"], plate["text"], vehicle_type, knows_new_energy=profile.knows_new_energy
        )
        color = codes.PLATE_COLORS.get(plate["color"], codes.OTHER)
        chars = ((c.replace("?", profile.unread_char), percent(score)) for c, score in plate["chars"])
        more = {
            "PlateReliability": str(percent(plate["score"])),
            "PlateCharReliability": ",".join(f"{c}-{share}" for c, share in chars),
        }
    has: dict[str, Any] = {"string": str(int(is_seen)), "bool": is_seen, "int": int(is_seen), "one_two": 2 - is_seen}
    keys = ("PlateColor", "ColorType") if profile.plate_color_key == "both" else (profile.plate_color_key,)
    return {
        "HasPlate": has[profile.has_plate],
        "PlateClass": kind,
        **dict.fromkeys(keys, color),
        "PlateNo": text,
        **more,
    }


def passage_fields(data: Mapping[str, Any], device: Device, profile: Profile) -> Json:
    """Lane, speed and compass direction, as far as they are known."""
    out: Json = {}
    lane, speed = data["passage"]["lane"], data["passage"]["speed"]
    if lane in device.lanes:
        out["LaneNo"] = device.lanes[lane]
    if speed is not None:
        kmh = round(speed["kmh"], 1)
        out["Speed"] = f"{kmh:g}" if profile.speed == "string" else kmh
    if device.nearer:
        heading = {"nearer": device.nearer, "farther": codes.OPPOSITE[device.nearer]}
        out["Direction"] = heading.get(data["direction"]["depth"], "9")
    return out


def image_list(
    ids: EventIds,
    device: Device,
    stamps: Stamps,
    profile: Profile,
    pictures: Mapping[str, Picture],
    urls: Mapping[str, str],
) -> list[Json]:
    """The pictures, in the profile's order."""
    out = []
    for role in profile.roles:
        if role not in pictures:
            continue
        picture, kind = pictures[role], profile.scene_type if role == "scene" else codes.IMAGE_TYPES[role]
        image: Json = {
            "ImageID": ids.images[role],
            "EventSort": codes.PLATE_EVENT,
            "DeviceID": device.id,
            "StoragePath": urls.get(role, "") if profile.images in ("url", "both") else "",
            "Type": kind,
            "FileFormat": "Jpeg",
            "ShotTime": stamps.passed,
            "Width": picture.width,
            "Height": picture.height,
        }
        if profile.image_type_key:
            image["ImageType"] = kind
        if profile.images in ("inline", "both"):
            image["Data"] = picture.base64
        out.append(image)
    return out


def box_of(data: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Where the vehicle is in the scene picture: its box, else its plate's, else where it was last."""
    evidence = data["evidence"]
    if evidence and evidence["vehicle_box"]:
        x1, y1, x2, y2 = evidence["vehicle_box"]
    elif evidence and evidence["plate_corners"]:
        xs, ys = zip(*evidence["plate_corners"], strict=True)
        x1, y1, x2, y2 = min(xs), min(ys), max(xs), max(ys)
    else:
        x1, y1, x2, y2 = data["boxes"]["last"]
    return x1, y1, x2, y2


def pixel_box(box: tuple[float, float, float, float], scale: float) -> tuple[int, int, int, int]:
    """A box in whole pixels of a picture that is ``scale`` times as large, never negative."""
    x1, y1, x2, y2 = (max(0.0, v * scale) for v in box)
    return math.floor(x1), math.floor(y1), math.ceil(x2), math.ceil(y2)


def percent(score: float) -> int:
    """A score as 0..100."""
    return max(0, min(100, round(100 * score)))


def list_body(objects: list[Json]) -> Json:
    """The body of POST /VIID/MotorVehicles."""
    return {"MotorVehicleListObject": {"MotorVehicleObject": objects}}


def notification_body(notification: str, subscription: str, title: str, stamp: str, objects: list[Json]) -> Json:
    """The body of one subscription's notification. Here the list is called ObjectList, not ListObject."""
    return {
        "SubscribeNotificationListObject": {
            "SubscribeNotificationObject": [
                {
                    "NotificationID": notification,
                    "SubscribeID": subscription,
                    "Title": title,
                    "TriggerTime": stamp,
                    "InfoIDs": ",".join(o["MotorVehicleID"] for o in objects),
                    "ExecuteOperation": 1,
                    "MotorVehicleObjectList": {"MotorVehicleObject": objects},
                }
            ]
        }
    }
