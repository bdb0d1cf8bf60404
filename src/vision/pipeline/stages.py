"""The networks of the pipeline, loaded once and shared by all streams and photos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from vision.attributes.classifier import UNKNOWN, AttributeClassifier
from vision.detect.plates import PlateDetector
from vision.detect.refiner import PlateRefiner
from vision.detect.vehicles import VehicleDetector
from vision.errors import ModelMismatchError
from vision.infer.manifest import Manifest
from vision.infer.session import Session
from vision.infer.store import choose
from vision.pipeline.config import Config, StreamConfig
from vision.plates.grammar import load_grammar
from vision.plates.reader import PlateReader
from vision.types import F32, Box, Vehicle


@dataclass(frozen=True, slots=True)
class Stages:
    """Detectors, reader and classifier, with the sessions they run in."""

    vehicles: VehicleDetector
    plates: PlateDetector
    reader: PlateReader
    attributes: AttributeClassifier
    sessions: tuple[Session, ...]
    provider: str  # of onnxruntime, the one that really runs the networks
    coarse: F32  # (detector classes, attribute types): 1 where the type is a finer name for the class

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """What the models say of themselves."""
        return tuple(session.manifest for session in self.sessions)

    def warm_up(self, workers: int) -> None:
        """Run every network in so many threads at once, so that what a crowd will need is taken before frames come.

        Args:
            workers: threads that will use the networks.

        Raises:
            InferenceError: a network cannot run.
        """
        with ThreadPoolExecutor(workers) as threads:
            for session in self.sessions:
                list(threads.map(session.warm_up, [self.vehicles.side] * workers))


def load_stages(config: Config) -> Stages:
    """Load the models that the config names.

    Raises:
        ModelError, InferenceError: a model cannot be found, is corrupt, or does not fit its task or device.
    """
    models = config.models
    threads = models.threads or os.cpu_count() or 1
    device, precision = models.device, models.precision

    def load(name: str) -> Session:
        manifest = choose(name, precision=precision, device=device)
        return Session(manifest, device=device, threads=threads, cache=models.engine_cache)

    sessions = {
        "vehicles": load(models.vehicle_detector),
        "plates": load(models.plate_detector),
        **({"refiner": load(models.plate_refiner)} if models.plate_refiner else {}),
        "reader": load(models.plate_reader),
        "attributes": load(models.vehicle_attributes),
    }
    refiner = PlateRefiner(sessions["refiner"]) if "refiner" in sessions else None
    detect = config.detect
    vehicles = VehicleDetector(sessions["vehicles"], side=detect.vehicle_side, min_score=detect.vehicle_min_score)
    attributes = AttributeClassifier(sessions["attributes"])
    return Stages(
        vehicles=vehicles,
        plates=PlateDetector(sessions["plates"], refiner, min_score=detect.plate_min_score),
        reader=PlateReader(sessions["reader"], load_grammar(config.plates.grammar)),
        attributes=attributes,
        sessions=tuple(sessions.values()),
        provider=sessions["vehicles"].provider,
        coarse=coarse_of(sessions["attributes"].manifest, vehicles.classes, attributes.types),
    )


def adjusted(stages: Stages, config: StreamConfig) -> Stages:
    """The same networks with the settings of another stream.

    Raises:
        ConfigError: there is no such grammar.
    """
    detect = config.detect
    return replace(
        stages,
        vehicles=stages.vehicles.adjusted(side=detect.vehicle_side, min_score=detect.vehicle_min_score),
        plates=stages.plates.adjusted(min_score=detect.plate_min_score),
        reader=stages.reader.adjusted(load_grammar(config.plates.grammar)),
    )


def coarse_of(manifest: Manifest, classes: Sequence[str], types: Sequence[str]) -> F32:
    """(classes, types) float32: 1 where the manifest's ``labels.coarse`` calls the type a kind of the class.

    Raises:
        ModelMismatchError: a type's class is none of the detector's.
    """
    table = manifest.get("labels", "coarse")
    out = np.zeros((len(classes), len(types)), np.float32)
    for j, name in enumerate(types):
        if table.get(name) not in classes:
            raise ModelMismatchError(
                f"{manifest.name}: labels.coarse.{name}: expected one of {', '.join(classes)}, got {table.get(name)!r}"
            )
        out[classes.index(table[name]), j] = 1
    return out


def vehicle_of(
    stages: Stages, box: Box, score: float, class_probs: F32, types: F32 | None, colors: F32 | None
) -> Vehicle:
    """A vehicle from the detector's class probabilities and, if there are any, the attributes network's opinion.

    The detector sees the vehicle in its surroundings and decides between its classes together with the attributes
    network, which then names the finer type inside the class.

    Args:
        class_probs: (classes,) of the detector, a distribution.
        types, colors: (types,) and (colors,) distributions or None.
    """
    classes = stages.vehicles.classes
    if types is None or colors is None:
        best = int(class_probs.argmax())
        return Vehicle(box, classes[best], float(class_probs[best]), UNKNOWN, 0.0, score)
    # Product of the two opinions per type; a class without finer types keeps the detector's opinion alone.
    joint = (class_probs @ stages.coarse) * types
    has_types = stages.coarse.sum(1) > 0
    alone = np.where(has_types, 0.0, class_probs * 1e-2)
    total = float(joint.sum() + alone.sum())
    if total <= 0:
        best = int(class_probs.argmax())
        type_name, type_score = classes[best], float(class_probs[best])
    elif joint.max() >= alone.max():
        type_name, type_score = stages.attributes.types[int(joint.argmax())], float(joint.max()) / total
    else:
        type_name, type_score = classes[int(alone.argmax())], float(alone.max()) / total
    _, _, color, color_score = stages.attributes.decide(types, colors)
    return Vehicle(box, type_name, round(type_score, 4), color, round(color_score, 4), score)
