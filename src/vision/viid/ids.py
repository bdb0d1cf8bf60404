"""The identifiers of GA/T 1400: devices, pictures, vehicles, subscriptions.

One running number per device, modulo 100,000, feeds pictures and vehicles alike. An event takes four of them in a row,
so a device would have to see 25,000 vehicles within one second before an id came twice.
Source: the split 8+2+3+1+6 of GB/T 28181 annex D; ids of cameras in service (scene, vehicle, plate numbered in turn).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

NUMBERS = 100_000  # five digits
PER_EVENT = 4  # scene, object, plate, vehicle
PLACES: Mapping[str, int] = {"scene": 0, "object": 1, "plate": 2, "vehicle": 3}

DEVICE = re.compile(r"(?P<area>\d{8})(?P<industry>\d{2})(?P<type>\d{3})(?P<network>\d)(?P<serial>\d{6})", re.ASCII)
IMAGE = re.compile(r"(?P<device>\d{20})(?P<kind>0[123]|99)(?P<stamp>\d{14})(?P<number>\d{5})", re.ASCII)
OBJECT = re.compile(r"(?P<source>\d{41})02(?P<number>\d{5})", re.ASCII)
MESSAGE = re.compile(r"(?P<organization>\d{12})(?P<kind>0[34])(?P<stamp>\d{14})(?P<number>\d{5})", re.ASCII)
STAMP = re.compile(r"(19|20)\d{12}", re.ASCII)

IMAGE_KIND, VEHICLE_KIND = "02", "02"
SUBSCRIPTION, NOTIFICATION = "03", "04"


@dataclass(frozen=True, slots=True)
class EventIds:
    """The ids of one event: the vehicle's (48 digits), and its pictures' by role (41 digits)."""

    object: str
    images: Mapping[str, str]

    @property
    def source(self) -> str:
        """The id of the picture that the vehicle was found in."""
        return self.images["scene"]


def checked_device(text: object) -> str:
    """A device id.

    Raises:
        ValueError: it is not 20 digits.
    """
    if not isinstance(text, str) or not DEVICE.fullmatch(text):
        raise ValueError(f"expected 20 digits (area 8, industry 2, type 3, network 1, number 6), got {text!r}")
    return text


def running(number: int, place: int) -> str:
    """The five digits of one id of the event with this number."""
    return f"{(number * PER_EVENT + place) % NUMBERS:05d}"


def image_id(device: str, stamp: str, number: int, role: str) -> str:
    """Id of a picture, 41 digits: device, 02, local time, number."""
    return checked_device(device) + IMAGE_KIND + checked_stamp(stamp) + running(number, PLACES[role])


def event_ids(device: str, stamp: str, number: int) -> EventIds:
    """All ids of one event: the same for the same arguments, so an attempt repeats them.

    Args:
        stamp: local time of the pass, yyyyMMddHHmmss.
        number: counts the events of this device, from 0.

    Raises:
        ValueError: the device id, the time or the number cannot be one.
    """
    if number < 0:
        raise ValueError(f"number: expected 0 or more, got {number}")
    images = {role: image_id(device, stamp, number, role) for role in ("scene", "plate", "vehicle")}
    return EventIds(images["scene"] + VEHICLE_KIND + running(number, PLACES["object"]), images)


def message_id(organization: str, kind: str, stamp: str, number: int) -> str:
    """Id of a subscription (03) or a notification (04), 33 digits: organization, kind, local time, number.

    Raises:
        ValueError: the organization code is not 12 digits, or another part cannot be one.
    """
    if not re.fullmatch(r"\d{12}", organization, re.ASCII) or kind not in (SUBSCRIPTION, NOTIFICATION):
        raise ValueError(f"organization: expected 12 digits, got {organization!r}")
    return organization + kind + checked_stamp(stamp) + f"{number % NUMBERS:05d}"


def checked_stamp(text: str) -> str:
    """A local time of 14 digits.

    Raises:
        ValueError: it is none.
    """
    if not STAMP.fullmatch(text):
        raise ValueError(f"time: expected yyyyMMddHHmmss, got {text!r}")
    return text
