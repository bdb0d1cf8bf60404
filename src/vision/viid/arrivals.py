"""What arrived at the platform to test against: vehicles by id, doubles counted, pictures of the latest."""

from __future__ import annotations

import base64
import binascii
import json
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vision.errors import OutputError
from vision.viid.demands import images_of

KEPT = 200


@dataclass(slots=True)
class Arrival:
    """One vehicle, how often it came, and its pictures by Type."""

    vehicle: dict[str, Any]
    pictures: dict[str, bytes]
    at_s: float
    times: int = 1
    how: str = "MotorVehicles"


@dataclass(slots=True)
class Arrivals:
    """All ids that ever came; vehicles and pictures of the last `KEPT`.

    ``log``: a file that gets a JSON line for each vehicle taken, on disk before the answer goes out; what stands in
    it at the start counts as arrived, so that a platform that was killed knows doubles.

    Raises:
        OutputError: the file cannot be used.
    """

    log: Path | None = None
    latest: OrderedDict[str, Arrival] = field(default_factory=OrderedDict)
    seen: dict[str, int] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.log is None:
            return
        try:
            text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
            lines = text.splitlines()
            with self.log.open("a", encoding="utf-8") as file:
                file.write("\n" if text and not text.endswith("\n") else "")
        except (OSError, UnicodeDecodeError) as err:
            raise OutputError(f"{self.log}: cannot use: {err}") from err
        for line in lines:
            try:
                id_ = json.loads(line)["id"]
            except (ValueError, KeyError, TypeError):
                continue  # a line cut off when the platform was killed
            self._count(id_)

    def add(self, vehicles: list[dict[str, Any]], how: str) -> None:
        """Take vehicles; on disk, if there is a log, when this returns."""
        with self._lock:
            lines = []
            for vehicle in vehicles:
                id_ = vehicle["MotorVehicleID"]
                lines.append(json.dumps({"id": id_, "plate": vehicle.get("PlateNo"), "again": id_ in self.seen}))
                if self._count(id_) > 1 and id_ in self.latest:
                    self.latest[id_].times += 1
                    continue
                self.latest[id_] = Arrival(without_data(vehicle), pictures_of(vehicle), time.time(), how=how)
            while len(self.latest) > KEPT:
                self.latest.popitem(last=False)
            if self.log is not None:
                with self.log.open("a", encoding="utf-8") as file:
                    file.write("\n".join(lines) + "\n")
                    file.flush()
                    os.fsync(file.fileno())

    def refuse(self, text: str) -> None:
        """Remember why something was refused; the last hundred."""
        with self._lock:
            self.refused = [*self.refused[-99:], text]

    def clear(self) -> None:
        """Forget everything but the log."""
        with self._lock:
            self.latest.clear()
            self.seen.clear()
            self.order.clear()
            self.refused.clear()

    def snapshot(self) -> list[tuple[str, Arrival]]:
        """The latest, newest first."""
        with self._lock:
            return list(reversed(self.latest.items()))

    def counts(self) -> dict[str, int]:
        """Vehicles, and how many requests repeated one."""
        with self._lock:
            return {"vehicles": len(self.seen), "repeats": sum(self.seen.values()) - len(self.seen)}

    def _count(self, id_: str) -> int:
        if id_ not in self.seen:
            self.order.append(id_)
        self.seen[id_] = self.seen.get(id_, 0) + 1
        return self.seen[id_]


def without_data(vehicle: dict[str, Any]) -> dict[str, Any]:
    """The vehicle with the size of each picture instead of its base64."""

    def small(image: dict[str, Any]) -> dict[str, Any]:
        return {k: f"({len(str(v))} characters)" if k == "Data" else v for k, v in image.items()}

    out = dict(vehicle)
    images = images_of(vehicle)
    if images:
        out["SubImageList"] = [small(i) for i in images]
    return out


def pictures_of(vehicle: dict[str, Any]) -> dict[str, bytes]:
    """The JPEG bytes by Type; what is no base64 or no JPEG is left out."""
    out = {}
    for image in images_of(vehicle) or []:
        try:
            data = base64.b64decode(str(image.get("Data", "")), validate=True)
        except (ValueError, binascii.Error):
            continue
        if data.startswith(b"\xff\xd8"):
            out[str(image.get("Type"))] = data
    return out
