"""Adds the vehicles that incomplete labels leave out, with OpenVINO's detectors (Apache-2.0) as teachers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from detection.decode import U8, Runner, detect, iou_matrix
from detection.records import VEHICLE_NAMES


class Teacher:
    """OpenVINO vehicle detectors (Apache-2.0): boxes of vehicles that the labels leave out."""

    def __init__(self, folder: Path) -> None:
        import openvino as ov

        core = ov.Core()
        core.set_property("CPU", {"INFERENCE_NUM_THREADS": 1})
        names = {"vehicle-detection-0200": None, "person-vehicle-bike-detection-crossroad-0078": 2}
        self.nets = [(core.compile_model(str(folder / f"{n}.xml"), "CPU"), label) for n, label in names.items()]

    def __call__(self, image: U8) -> list[tuple[float, list[float]]]:
        """(score, box in pixels) of every vehicle over .25."""
        h, w = image.shape[:2]
        found: list[tuple[float, list[float]]] = []
        for net, label in self.nets:
            _, _, nh, nw = net.input(0).shape
            blob = cv2.resize(image, (nw, nh), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)[None].astype(np.float32)
            for _, kind, score, *box in net(blob)[net.output(0)].reshape(-1, 7):
                if score > 0.25 and (label is None or int(kind) == label):
                    found.append((float(score), [float(v * s) for v, s in zip(box, (w, h, w, h), strict=True)]))
        found.sort(key=lambda f: -f[0])
        kept: list[tuple[float, list[float]]] = []
        for f in found:
            if not kept or iou_matrix(np.float32([f[1]]), np.float32([k[1] for k in kept])).max() < 0.45:
                kept.append(f)
        return kept


def is_known(box: list[float], known: np.ndarray) -> bool:
    """Whether a box is one of the `known` ones (n, 4) or mostly inside one."""
    if not len(known):
        return False
    b = np.float32([box])
    lo, hi = np.maximum(known[:, :2], b[:, :2]), np.minimum(known[:, 2:], b[:, 2:])
    inside = np.clip(hi - lo, 0, None).prod(-1) / max(float(np.prod(b[0, 2:] - b[0, :2])), 1e-6)
    return bool(iou_matrix(b, known).max() > 0.3 or inside.max() > 0.7)


def complete_boxes(image: U8, boxes: list[list[Any]], teacher: Teacher) -> list[list[Any]]:
    """Adds what the teacher sees: sure boxes as vehicles of unknown type, the others as areas without loss."""
    known = np.array([b[1:] for b in boxes], np.float32).reshape(-1, 4)
    return [
        ["vehicle" if score > 0.6 else "ignore", *(round(v, 1) for v in box)]
        for score, box in teacher(image)
        if not is_known(box, known)
    ]


DOUBTFUL = 0.25  # mean score over the views from which there is no loss; below it, it is background
SURE = 0.45  # mean score over the views from which an unlabelled vehicle is taught


def seen_in_views(image: U8, run: Runner, classes: int) -> list[tuple[float, list[float]]]:
    """(mean score, box in pixels) of what an earlier network sees in the picture or its mirror image.

    A view in which it sees nothing there counts 0: what only one of two shows has half of its score.
    """
    w = image.shape[1]
    found: list[tuple[list[float], list[float]]] = []  # box, score by view
    for i, mirrored in enumerate((False, True)):
        seen = detect(run, cv2.flip(image, 1) if mirrored else image, (384, 640), 4, classes, 0.2, 0.5)
        for box, score in zip(seen.boxes.tolist(), seen.scores.tolist(), strict=True):
            at = [w - box[2], box[1], w - box[0], box[3]] if mirrored else box
            overlaps = iou_matrix(np.float32([at]), np.float32([f[0] for f in found]))[0] if found else np.zeros(1)
            if found and overlaps.max() > 0.5:
                scores = found[int(overlaps.argmax())][1]
            else:
                scores = [0.0, 0.0]
                found.append((at, scores))
            scores[i] = max(scores[i], score)
    return [(sum(scores) / 2, box) for box, scores in found]


def doubtful_boxes(image: U8, boxes: list[list[Any]], run: Runner, classes: int) -> list[list[Any]]:
    """Where an earlier version of the network sees a vehicle that has no label: one of unknown type, or no loss.

    Labels leave out the vehicles in the background and behind others; taught as background, they were what the network
    missed.  Only boxes under half of the picture: larger ones are mistakes, nobody forgets to label those.
    """
    h, w = image.shape[:2]
    known = np.array([b[1:] for b in boxes if b[0] != "ignore"], np.float32).reshape(-1, 4)
    return [
        ["vehicle" if score > SURE else "ignore", *(round(v, 1) for v in box)]
        for score, box in seen_in_views(image, run, classes)
        if score > DOUBTFUL and max((box[2] - box[0]) / w, (box[3] - box[1]) / h) < 0.5 and not is_known(box, known)
    ]


def is_vehicle_there(image: U8, teacher: Teacher | None, run: Runner | None) -> bool:
    """Whether a teacher sees anything, or an earlier version of the network something that it is very sure of."""
    if teacher is not None and teacher(image):
        return True
    seen = seen_in_views(image, run, len(VEHICLE_NAMES)) if run is not None else []
    return any(score > 0.6 for score, _ in seen)
