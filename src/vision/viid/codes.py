"""What the library says, in the codes of GA/T 1400. Nothing is claimed that was not seen: the rest is 99 or X99."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

OTHER, OTHER_CLASS, ANY = "99", "X99", "*"

# Plate kind and color -> PlateClass (GA 24.7) of a car's plate, and of a motorcycle's.
PLATE_CLASSES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("normal", "blue"): ("02", "08"),
    ("normal", "yellow"): ("01", "07"),
    ("normal", "black"): ("06", "12"),
    ("new_energy_small", ANY): ("52", OTHER),
    ("new_energy_large", ANY): ("51", OTHER),
    ("learner", ANY): ("16", "17"),
    ("trailer", ANY): ("15", OTHER),
    ("police", ANY): ("23", "24"),
    ("consulate", ANY): ("04", "10"),
    ("embassy", ANY): ("03", "09"),
    ("army", ANY): ("32", "32"),
    ("armed_police", ANY): ("31", "31"),
    ("emergency", ANY): (OTHER, OTHER),  # the table has no code for them
    ("civil_aviation", ANY): (OTHER, OTHER),
}
BORDER_CLASSES: Mapping[str, str] = {"港": "26", "澳": "27"}  # kind hong_kong_macau, by its last character
MOTORCYCLES = frozenset({"motorcycle"})
UNSURE = frozenset({"tricycle"})  # a motorcycle or a low-speed vehicle: its plate's class cannot be told by its color

PLATE_COLORS: Mapping[str, str] = {
    "black": "1", "white": "2", "blue": "5", "yellow": "6", "green": "9", "green_yellow": "9",
}  # fmt: skip
VEHICLE_COLORS: Mapping[str, str] = {
    "black": "1", "white": "2", "gray": "3", "red": "4", "blue": "5", "yellow": "6", "orange": "7", "brown": "8",
    "green": "9", "purple": "10", "pink": "12", "unknown": OTHER,
}  # fmt: skip
VEHICLE_CLASSES: Mapping[str, str] = {  # X99 where the size class, which the code contains, cannot be seen
    "car": "K33", "suv": "K32", "van": "K39", "pickup": "H31", "bus": "K11", "truck": OTHER_CLASS,
    "heavy_truck": "H10", "motorcycle": "M21", "tricycle": "M10", "unknown": OTHER_CLASS,
}  # fmt: skip
IMAGE_TYPES: Mapping[str, str] = {"scene": "01", "plate": "02", "vehicle": "09"}

# Where vehicles that come nearer are heading -> HDirectionType, and its opposite for those that go away.
HEADINGS: Mapping[str, str] = {
    "east": "1", "west": "2", "south": "3", "north": "4",
    "northeast": "5", "southwest": "6", "southeast": "7", "northwest": "8",
}  # fmt: skip
OPPOSITE: Mapping[str, str] = {"1": "2", "2": "1", "3": "4", "4": "3", "5": "6", "6": "5", "7": "8", "8": "7"}

VEHICLES_DETAIL = "13"  # SubscribeDetail: vehicles collected automatically
PLATE_EVENT = 16  # EventSort: plate recognition

# About occupants. Never sent: the library does not look at people.
OCCUPANTS = ("SafetyBelt", "Calling", "NumOfPassenger")
OCCUPANT_IMAGES = frozenset({"04", "05", "10", "11"})


@cache
def tables() -> dict[str, dict[str, str | list[str]]]:
    """All code tables that ship, by name: code -> text in Chinese, or in English and Chinese."""
    found: dict[str, dict[str, str | list[str]]] = tomllib.loads(
        (files("vision.viid") / "codes.toml").read_text(encoding="utf-8")
    )
    return found


def label_of(table: str, code: object, *, chinese: bool) -> str:
    """What a code means; empty where the table has no such code."""
    text = tables()[table].get(str(code), "")
    return text if isinstance(text, str) else text[chinese]


def plate_class(kind: str, color: str, text: str, vehicle_type: str, *, knows_new_energy: bool = True) -> str:
    """PlateClass of a plate; 99 for what the tables do not name.

    Args:
        knows_new_energy: the platform knows 51 and 52; if not, they become 99.
    """
    if kind == "hong_kong_macau":
        return BORDER_CLASSES.get(text[-1:], OTHER)
    if vehicle_type in UNSURE and kind == "normal":
        return OTHER
    pair = PLATE_CLASSES.get((kind, color)) or PLATE_CLASSES.get((kind, ANY), (OTHER, OTHER))
    found = pair[vehicle_type in MOTORCYCLES]
    return OTHER if found in ("51", "52") and not knows_new_energy else found
