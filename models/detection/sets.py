"""Public data sets: where their files lie, what their labels mean, and their terms."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class YoloSet:
    """One set in YOLO text format.

    `labels`: our name per class id; "a|b" = one of the two, mostly the first; "vehicle" = type not known; "ignore".
    `copies`: pictures kept per stem (roboflow exports hold several noisy copies of one photo).
    `doubtful`: vehicles in the background have no box; the earlier version adds those that it is sure of, and there is
    no loss where it sees another. Boxes of the whole picture are mostly a vehicle's inside: no loss either.
    `empty`: pictures without vehicles, and only those in which neither teacher nor earlier version sees one are kept.
    `share`: of the pictures, so many are kept.
    `aspect`: width over height of most pictures before they were squeezed to squares; 0 if they were not.
    `complete`: every vehicle has a box; otherwise the teacher adds the missing ones. No `labels`: it names them all.
    """

    folders: tuple[str, ...]
    labels: tuple[str, ...]
    licence: str
    group: str
    copies: int = 1
    complete: bool = True
    dev_share: float = 0.0
    side: int = 720
    doubtful: bool = False
    in_pixels: bool = False  # labels are x1 y1 x2 y2 in pixels of the picture as published
    pattern: str = "*.jpg"
    empty: bool = False
    share: float = 1.0
    aspect: float = 0.0


CAR, TRUCK, BUS = "car|van", "truck|van", "bus|van"  # sets that have no class for vans
VEHICLE_SETS: dict[str, YoloSet] = {
    "nepal": YoloSet(
        ("vehicle_dataset/train",),
        (
            "car",
            "van",
            "tricycle",
            "motorcycle",
            "bus",
            "car",
            "tricycle",
            "van",
            "truck",
            "car|van",
            "van|bus",
            "motorcycle",
            "car",
            "tricycle",
            "vehicle",
            "truck",
            "truck",
            "van",
        ),
        "CC BY 4.0",
        "nepal",
        dev_share=0.06,
        doubtful=True,
        share=0.7,
    ),
    "highway": YoloSet(
        ("yolov9_custom_object_detection/Highway-Object-Detection-40/train",),
        (BUS, CAR, "motorcycle|tricycle", "ignore", TRUCK),
        "CC BY 4.0",
        "highway-rf40",
        copies=2,
    ),
    "manaus": YoloSet(
        tuple(f"datasets/Manaus_traffic-{v}/train" for v in (5, 4)),
        ("motorcycle", CAR, "ignore", "ignore", "truck|bus"),
        "CC BY 4.0",
        "manaus",
        copies=2,
        doubtful=True,
    ),
    "atl": YoloSet(("datasets/car/train",), ("motorcycle", BUS, CAR, TRUCK), "CC BY 4.0", "atl-v12", copies=2),
    "openimages": YoloSet(
        ("datasets/Vehicles/train",),
        ("van", BUS, CAR, "motorcycle", TRUCK),
        "images CC BY 2.0, boxes CC BY 4.0",
        "openimages",
        complete=False,
        doubtful=True,
    ),
    "adodrs": YoloSet(
        ("dataset/vehicle/train",),
        ("tricycle|van", "motorcycle", "bus", CAR, "van", "truck"),
        "CC BY 4.0",
        "adodrs",
        complete=False,
        doubtful=True,
    ),
    "ac3100": YoloSet(("data/vehicle/train",), ("motorcycle", "vehicle"), "CC BY 4.0", "ac3100", complete=False),
    "bangkok": YoloSet(
        ("Traffic-Dataset-1/train",), (BUS, CAR, "motorcycle|tricycle", TRUCK), "CC BY 4.0", "bangkok", complete=False
    ),
    "ambulances": YoloSet(
        ("ambulances-cars-dataset/train",),
        ("ignore", "ignore", "van", CAR),
        "images CC BY 2.0, labels CC BY 4.0",
        "ambulances",
        complete=False,
        doubtful=True,
        in_pixels=True,
    ),
    "busses": YoloSet(
        tuple(f"datasets/bus/{part}" for part in ("train", "valid", "test")),
        (BUS, TRUCK),
        "images CC BY 2.0, labels CC BY 4.0",
        "busses",
        complete=False,
        doubtful=True,
        share=0.45,
        aspect=4 / 3,
    ),
    "toll-road": YoloSet(
        tuple(f"vehicles-1/{part}" for part in ("train", "valid", "test")),
        (BUS, TRUCK, BUS, BUS, CAR, TRUCK, BUS, *[TRUCK] * 5),
        "CC BY 4.0",
        "toll-road",
        doubtful=True,
        share=0.15,
        aspect=16 / 9,
    ),
    "india": YoloSet(
        ("main/improvedataset/train",), ("motorcycle", BUS, CAR, "", ""), "CC BY 4.0", "india", doubtful=True
    ),
    # Walls, bins, shop fronts, hedges, people on pavements: what was taken for vehicles.
    "facades": YoloSet(("FacadeDatasetConverted",), (), "CC0 1.0", "facades", pattern="*/*.jpg", empty=True),
    "garbage": YoloSet(("train", "valid"), (), "CC BY 4.0", "garbage", empty=True, share=0.5),
    "trash-e": YoloSet(
        tuple(f"Dataset/{part}" for part in ("train", "valid", "test")), (), "CC BY 4.0", "trash-e", empty=True
    ),
    # Near Chinese cars, upright pictures: CHECKOUTS/ccpd is what `convert.py plates` made, without development plates.
    "ccpd": YoloSet((".",), (), "MIT (CCPD)", "ccpd", complete=False, pattern="ccpd_*.jpg"),
    "plates-eu-us": YoloSet(
        ("train",), ("", CAR), "images CC BY 2.0, labels CC BY 4.0", "plates-eu-us", complete=False
    ),
}

PLATE_SETS: dict[str, tuple[str, int, str]] = {  # folder pattern, pictures kept, licence
    "ccpd_base": ("data/CCPD2019/ccpd_base/*.jpg", 3500, "MIT (CCPD)"),
    "ccpd_green": ("dataset/*/images/*.jpg", 1400, "MIT (CCPD)"),
}

LINEAGE: dict[str, tuple[str, ...]] = {  # what the shipped weights have seen, for model.toml
    "plate_detector": (
        "CCPD base, 3500 photos (MIT)",
        "CCPD green, 1400 photos (MIT)",
        "robertlucian dashcam, 193 frames (MIT)",
        "plates of Europe and the US, 675 photos (images CC BY 2.0, labels CC BY 4.0)",
        "pictures whose plates are too small, as negatives: topview 362, road signs 700 (CC BY 4.0)",
        "3504 patches without plates of EasyPR's training data (Apache-2.0)",
        "plates drawn from glyphs of chinese_license_plate_generator (MIT)",
    ),
    "vehicle_detector": (
        "Nepali vehicles, 3300 pictures (CC BY 4.0)",
        "highway-object-detection-40, 2187 (CC BY 4.0)",
        "CCPD base and green, 2500 photos, boxes by the teachers of teacher.py (MIT)",
        "buses and trucks of Open Images, 4500 (images CC BY 2.0, labels CC BY 4.0)",
        "ambulances and cars, 700 (images CC BY 2.0, labels CC BY 4.0)",
        "Open Images vehicles, 627 (images CC BY 2.0, boxes CC BY 4.0)",
        "toll road, 590, and Indian streets, 278 (CC BY 4.0)",
        "ATL traffic v12, 468 (CC BY 4.0)",
        "Manaus traffic, 466 (CC BY 4.0)",
        "topview vehicles, 362 (CC BY 4.0)",
        "small road sets, 508 (images CC BY 2.0 or CC BY 4.0, labels CC BY 4.0)",
        "ADODRS vehicles, 1169 (CC BY 4.0)",
        "streets without vehicles, 907 (CC BY 4.0, CC0 1.0)",
    ),
}
