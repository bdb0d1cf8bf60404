"""What a platform wants differently: one table of settings per platform, and ready ones for the known kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from vision.settings import Section


class Profile(Section):
    """How requests to one platform look.

    ``content_type``: of every request. ``info_kind``, ``has_plate``, ``speed``: JSON types of these fields;
    ``has_plate = "one_two"`` is 1 and 2. ``knows_new_energy``: PlateClass 51 and 52 (else 99). ``plate_color_key``:
    the name of PlateColor. ``sub_images``: SubImageList holds ``SubImageInfoObject`` or is the list itself.
    ``images``: pictures inline, by address, or both. ``image_type_key``: repeat Type as ImageType.
    ``scene_type``: ImageType of the whole picture. ``roles``: which pictures are sent, in this order.
    ``image_bytes``: a JPEG above it is encoded anew, smaller. ``batch``, ``request_bytes``: limits of one request.
    ``no_plate``, ``unread_plate``, ``unread_char``: texts of PlateNo. ``extra``: fields with fixed values that the
    platform misses. ``empty_is_ok``: an answer 2xx without a body means success.
    """

    content_type: str = "application/VIID+JSON;charset=UTF-8"
    info_kind: Literal["int", "string"] = "int"
    has_plate: Literal["string", "bool", "int", "one_two"] = "string"
    speed: Literal["number", "string"] = "number"
    knows_new_energy: bool = True
    plate_color_key: Literal["PlateColor", "ColorType", "both"] = "PlateColor"
    sub_images: Literal["wrapped", "list"] = "wrapped"
    images: Literal["inline", "url", "both", "none"] = "inline"
    image_type_key: bool = False
    scene_type: Literal["01", "14"] = "01"
    roles: tuple[Literal["scene", "vehicle", "plate"], ...] = ("scene", "vehicle", "plate")
    image_bytes: Annotated[int, Field(ge=4096)] = 1_300_000  # 1.73 MB as base64: a parser seen fails above 1.8 MB
    batch: Annotated[int, Field(ge=1, le=1000)] = 10
    request_bytes: Annotated[int, Field(ge=8192)] = 16_000_000
    no_plate: str = "无车牌"
    unread_plate: str = "-"
    unread_char: Annotated[str, Field(max_length=1)] = "-"
    extra: Mapping[str, str | int | float | bool] = {}
    empty_is_ok: bool = False


# What differs from the defaults for the known kinds of platform, by what is particular about them.
# Source: field types of public implementations (vehicle object of GA/T 1400 in Java, C++, Go, Python and PHP).
PROFILES: Mapping[str, Mapping[str, Any]] = {
    "standard": {},
    "strings": {"info_kind": "string", "speed": "string"},
    "bools": {"info_kind": "string", "has_plate": "bool", "speed": "string", "sub_images": "list"},
    "plain-json": {"content_type": "application/json", "has_plate": "bool", "image_type_key": True},
    "color-type": {"content_type": "application/json", "plate_color_key": "both"},
    "one-two": {"info_kind": "string", "has_plate": "one_two", "scene_type": "14"},
    "before-2018": {"knows_new_energy": False},
    "wildcard": {"content_type": "application/*+JSON"},
}


def profile_of(name: str, changes: Mapping[str, Any]) -> Profile:
    """A ready profile with changes laid over it.

    Raises:
        ValueError: there is none of that name, or pydantic's ValidationError for a wrong value.
    """
    if name not in PROFILES:
        raise ValueError(f"profile: expected one of {', '.join(PROFILES)}, got {name!r}")
    return Profile.model_validate({**PROFILES[name], **changes})
