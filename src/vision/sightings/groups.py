"""Which records are one pass: connected by plates, by equal texts, or by one being the last part of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vision.sightings.records import PlateRecord, VehicleRecord
from vision.sightings.rules import same_plate
from vision.types import PlateText

TextOf = Callable[[PlateRecord], PlateText | None]
Group = tuple[list[VehicleRecord], list[PlateRecord]]


def groups_of(vehicles: Sequence[VehicleRecord], plates: Sequence[PlateRecord], text_of: TextOf) -> list[Group]:
    """Connected records: plates with their vehicles and equal plates, leaving vehicles with their last parts.

    Args:
        text_of: the believed text of a plate record, None without one.
    """
    texts = [text_of(p) for p in plates]
    index = {v.key: i for i, v in enumerate(vehicles)}
    base = len(vehicles)
    parent = list(range(base + len(plates)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, plate in enumerate(plates):
        for key in plate.vehicles():
            if key in index:
                parent[find(base + i)] = find(index[key])
        for j in range(i):
            a, b = texts[i], texts[j]
            if a and b and same_plate(a, b):
                parent[find(base + i)] = find(base + j)
    leaving = [(i, v) for i, v in enumerate(vehicles) if v.is_at_edge]
    for i, part in leaving:
        for j, whole in leaving:
            if whole.leaves_as(part):
                parent[find(i)] = find(j)
    groups: dict[int, Group] = {}
    for i, vehicle in enumerate(vehicles):
        groups.setdefault(find(i), ([], []))[0].append(vehicle)
    for i, plate in enumerate(plates):
        groups.setdefault(find(base + i), ([], []))[1].append(plate)
    return list(groups.values())


def clusters_of(plates: Sequence[PlateRecord], text_of: TextOf) -> tuple[list[list[PlateRecord]], list[PlateRecord]]:
    """The plates of one group: those that say the same together, surest first, and those without a believed text."""
    clusters: list[list[PlateRecord]] = []
    unread: list[PlateRecord] = []
    for plate in sorted(plates, key=lambda p: -(p.fusion.plate.score if p.fusion.plate else 0.0)):
        text = text_of(plate)
        if text is None:
            unread.append(plate)
            continue
        for cluster in clusters:
            other = text_of(cluster[0])
            if other and same_plate(text, other):
                cluster.append(plate)
                break
        else:
            clusters.append([plate])
    return clusters, unread


def owners_of(vehicles: Sequence[VehicleRecord], clusters: Sequence[list[PlateRecord]]) -> list[list[VehicleRecord]]:
    """The vehicles of each cluster: every vehicle goes where most looks at its plate are."""
    owners: list[list[VehicleRecord]] = [[] for _ in clusters]
    for vehicle in vehicles if clusters else ():
        votes = [sum(p.votes.of(vehicle.key) for p in cluster) for cluster in clusters]
        owners[votes.index(max(votes))].append(vehicle)
    return owners
