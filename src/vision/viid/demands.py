"""What the platform to test against finds wrong with a vehicle: mandatory fields, ids, codes, types of its dialect."""

from __future__ import annotations

from typing import Any

from vision.viid import codes
from vision.viid.ids import DEVICE, IMAGE, OBJECT, STAMP
from vision.viid.profile import Profile

MANDATORY = (
    "MotorVehicleID", "InfoKind", "SourceID", "DeviceID", "StorageUrl1", "LeftTopX", "LeftTopY", "RightBtmX",
    "RightBtmY", "PassTime", "HasPlate", "PlateNo", "VehicleColor",
)  # fmt: skip
TIMES = ("PassTime", "MarkTime", "AppearTime", "DisappearTime")
PIXELS = ("LeftTopX", "LeftTopY", "RightBtmX", "RightBtmY")


def problems(vehicle: Any, wants: Profile) -> list[str]:
    """Everything that is wrong with one MotorVehicle object; empty if nothing is."""
    if not isinstance(vehicle, dict):
        return [f"expected an object, got {type(vehicle).__name__}"]
    found = [f"{name}: mandatory, is missing" for name in MANDATORY if name not in vehicle]
    for name, form in (("MotorVehicleID", OBJECT), ("SourceID", IMAGE), ("DeviceID", DEVICE)):
        if name in vehicle and not (isinstance(vehicle[name], str) and form.fullmatch(vehicle[name])):
            found.append(f"{name}: expected {form_name(name)}, got {vehicle[name]!r}")
    found += [
        f"{name}: expected yyyyMMddHHmmss, got {vehicle[name]!r}"
        for name in TIMES
        if name in vehicle and not STAMP.fullmatch(str(vehicle[name]))
    ]
    for name in PIXELS:
        value = vehicle.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            found.append(f"{name}: expected pixels, got {value!r}")
    found += wrong_codes(vehicle, wants) + wrong_types(vehicle, wants) + wrong_images(vehicle, wants)
    found += [f"{name}: about occupants" for name in codes.OCCUPANTS if name in vehicle]
    return found


def form_name(field: str) -> str:
    """What an id looks like."""
    return {"MotorVehicleID": "48 digits", "SourceID": "41 digits", "DeviceID": "20 digits"}[field]


def wrong_codes(vehicle: dict[str, Any], wants: Profile) -> list[str]:
    """Codes that no table has."""
    tables = {"PlateClass": "plate_class", "PlateColor": "color", "ColorType": "color", "VehicleColor": "color"}
    tables |= {"VehicleClass": "vehicle_class", "Direction": "direction"}
    found = [
        f"{name}: {vehicle[name]!r} is no code of {table}"
        for name, table in tables.items()
        if name in vehicle and vehicle[name] not in codes.tables()[table]
    ]
    if not wants.knows_new_energy and vehicle.get("PlateClass") in ("51", "52"):
        found.append(f"PlateClass: {vehicle['PlateClass']!r} is not known here")
    return found


def wrong_types(vehicle: dict[str, Any], wants: Profile) -> list[str]:
    """Fields whose JSON type this platform does not read."""
    found = []
    kind, has, speed = vehicle.get("InfoKind"), vehicle.get("HasPlate"), vehicle.get("Speed")
    if "InfoKind" in vehicle and (kind not in ((0, 1, 2) if wants.info_kind == "int" else ("0", "1", "2"))):
        found.append(f"InfoKind: expected {wants.info_kind}, got {kind!r}")
    legal: tuple[Any, ...] = {"string": ("0", "1"), "bool": (True, False), "int": (0, 1), "one_two": (1, 2)}[
        wants.has_plate
    ]
    if "HasPlate" in vehicle and not any(has == v and type(has) is type(v) for v in legal):
        found.append(f"HasPlate: expected one of {legal}, got {has!r}")
    if speed is not None and isinstance(speed, str) != (wants.speed == "string"):
        found.append(f"Speed: expected a {wants.speed}, got {speed!r}")
    if wants.plate_color_key != "PlateColor" and "ColorType" not in vehicle:
        found.append("ColorType: is missing")
    return found


def wrong_images(vehicle: dict[str, Any], wants: Profile) -> list[str]:
    """What is wrong with SubImageList."""
    if "SubImageList" not in vehicle:
        return []
    images = images_of(vehicle)
    if isinstance(vehicle["SubImageList"], list) != (wants.sub_images == "list") or images is None:
        return [f"SubImageList: expected it {wants.sub_images}"]
    found = []
    for image in images:
        if not IMAGE.fullmatch(str(image.get("ImageID"))):
            found.append(f"ImageID: expected 41 digits, got {image.get('ImageID')!r}")
        found += [f"SubImageInfoObject.{n}: is missing" for n in ("DeviceID", "Type", "FileFormat") if n not in image]
        if image.get("Type") in codes.OCCUPANT_IMAGES:
            found.append(f"Type: {image['Type']!r} shows occupants")
    return found


def images_of(vehicle: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The pictures of a vehicle in either form; None if they are in none."""
    images = vehicle.get("SubImageList", [])
    if isinstance(images, dict):
        images = images.get("SubImageInfoObject", [])
    if not isinstance(images, list) or not all(isinstance(i, dict) for i in images):
        return None
    return images
