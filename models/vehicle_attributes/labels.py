"""The vocabulary of the vehicle-attributes network: types, colors, and what each public set's class name allows."""

from __future__ import annotations

TYPES: tuple[str, ...] = (
    "car", "suv", "van", "pickup", "bus", "truck", "heavy_truck", "motorcycle", "tricycle",
)  # fmt: skip
COLORS: tuple[str, ...] = (
    "black", "white", "gray", "red", "blue", "yellow", "orange", "brown", "green", "purple", "pink", "unknown",
)  # fmt: skip
UNKNOWN_COLOR = COLORS.index("unknown")

# Detector class of each type, and its class code in GA/T 16.4 ("X99", other, where the size class cannot be seen).
COARSE: dict[str, str] = {
    "car": "car", "suv": "car", "van": "van", "pickup": "truck", "bus": "bus", "truck": "truck",
    "heavy_truck": "truck", "motorcycle": "motorcycle", "tricycle": "tricycle",
}  # fmt: skip
GA16_4: dict[str, str] = {
    "car": "K33", "suv": "K32", "van": "K39", "pickup": "H31", "bus": "K11", "truck": "X99",
    "heavy_truck": "H10", "motorcycle": "M21", "tricycle": "M10",
}  # fmt: skip
# GA/T 1400 ColorType. Its code 11 (cyan) is not learned: GA 24.8 has no such body color and no data showed it.
GAT1400: dict[str, str] = {
    "black": "1", "white": "2", "gray": "3", "red": "4", "blue": "5", "yellow": "6", "orange": "7", "brown": "8",
    "green": "9", "purple": "10", "pink": "12", "unknown": "99",
}  # fmt: skip

# How likely each type is where a set's class name leaves several open (most "cars" are no vans).
PRIOR: dict[str, float] = {
    "car": 1.0, "suv": 0.7, "van": 0.15, "pickup": 0.2, "bus": 0.5, "truck": 1.0, "heavy_truck": 1.0,
    "motorcycle": 1.0, "tricycle": 0.3,
}  # fmt: skip

_LIGHT = ("car", "suv", "van", "pickup")
_LORRY = ("truck", "heavy_truck", "pickup")

# What a set's class name allows. Several types mean: one of these, the set does not say which (partial label).
ALLOWED: dict[tuple[str, str], tuple[str, ...]] = {
    ("zenodo-types", "bike"): ("motorcycle", "tricycle"),
    ("zenodo-types", "car"): ("car", "suv"),
    ("zenodo-types", "juggernaut"): ("heavy_truck",),
    ("zenodo-types", "minibus"): ("van",),
    ("zenodo-types", "pickup"): ("pickup",),
    ("zenodo-types", "truck"): ("truck",),
    ("highway", "bus"): ("bus",),
    ("highway", "car"): _LIGHT,
    ("highway", "motorbike"): ("motorcycle",),
    ("highway", "motorcycle"): ("motorcycle",),
    ("highway", "truck"): _LORRY,
    ("manaus", "car"): _LIGHT,
    ("manaus", "motorcycle"): ("motorcycle",),
    ("manaus", "truck"): (*_LORRY, "bus"),
    ("atl-v12", "bus"): ("bus", "van"),
    ("atl-v12", "car"): _LIGHT,
    ("atl-v12", "motorcycle"): ("motorcycle",),
    ("atl-v12", "truck"): (*_LORRY, "van"),
    ("openimages", "bus"): ("bus",),
    ("openimages", "car"): _LIGHT,
    ("openimages", "motorcycle"): ("motorcycle",),
    ("openimages", "truck"): _LORRY,
    ("ccpd", "vehicle"): _LIGHT,
    ("nepal", "SUV"): ("suv",),
    ("nepal", "ambulance"): ("van", "suv"),
    ("nepal", "auto_rickshaw"): ("tricycle",),
    ("nepal", "bike"): ("motorcycle",),
    ("nepal", "bus"): ("bus",),
    ("nepal", "car"): ("car",),
    ("nepal", "e-rickshaw"): ("tricycle",),
    ("nepal", "micro_bus"): ("van",),
    ("nepal", "mini_truck"): ("truck",),
    ("nepal", "police_vehicle"): ("pickup", "suv", "van", "truck"),
    ("nepal", "school_bus"): ("bus", "van"),
    ("nepal", "scooter"): ("motorcycle",),
    ("nepal", "taxi"): ("car",),
    ("nepal", "tempo"): ("tricycle",),
    ("nepal", "transport_vehicle"): ("pickup",),
    ("nepal", "truck"): ("truck", "heavy_truck"),
    ("nepal", "van"): ("van",),
}

# Sets read through `models/detection/convert.py`, which names classes as the detector does.
CONVERTED: tuple[str, ...] = ("adodrs", "ambulances", "bangkok")
_CONVERTED_NAMES: dict[str, tuple[str, ...]] = {
    "car": _LIGHT, "car|van": _LIGHT, "van": ("van",), "bus": ("bus",), "bus|van": ("bus", "van"),
    "truck": _LORRY, "truck|van": (*_LORRY, "van"), "truck|bus": (*_LORRY, "bus"),
    "motorcycle": ("motorcycle",), "motorcycle|tricycle": ("motorcycle", "tricycle"),
    "tricycle": ("tricycle",), "tricycle|van": ("tricycle", "van"),
}  # fmt: skip
ALLOWED.update({(source, name): types for source in CONVERTED for name, types in _CONVERTED_NAMES.items()})
