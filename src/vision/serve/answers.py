"""What is answered."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from vision.archive.reader import CameraRow, HourRow
from vision.events.mask import masked
from vision.events.model import SightingData
from vision.events.times import time_text
from vision.serve.questions import LARGEST_PAGE

Next = Annotated[str | None, Field(description="cursor of the next page; null: this is the last")]
Moment = Annotated[str, Field(description="RFC 3339 UTC, nanoseconds")]
Count = Annotated[int, Field(ge=0)]


class SightingsAnswer(BaseModel):
    """A page of sightings, newest first."""

    items: Annotated[list[SightingData], Field(max_length=LARGEST_PAGE)]
    next: Next


class CameraAnswer(BaseModel):
    """A camera's state since a time. ``heard``: its newest event; a site that runs tells counts every minute or so."""

    id: str
    state: str
    since: Moment
    detail: str
    heard: Moment

    @classmethod
    def of(cls, row: CameraRow) -> CameraAnswer:
        """Of a row of the archive."""
        since, heard = time_text(row.since_ns), time_text(row.heard_ns)
        return cls(id=row.camera, state=row.state, since=since, detail=row.detail, heard=heard)


class CamerasAnswer(BaseModel):
    """All cameras."""

    items: list[CameraAnswer]


class HourAnswer(BaseModel):
    """What a camera saw in the hour that began at ``hour``: vehicles, how many were read, why not, frames by fate."""

    hour: Moment
    camera: str
    vehicles: Count
    read: Count
    unread: dict[str, Count]
    frames: dict[str, Count]

    @classmethod
    def of(cls, row: HourRow) -> HourAnswer:
        """Of a row of the archive."""
        return cls(
            hour=time_text(row.hour_ns),
            camera=row.camera,
            vehicles=row.vehicles,
            read=row.read,
            unread=dict(row.unread),
            frames=dict(row.frames),
        )


class StatisticsAnswer(BaseModel):
    """A page of hours, newest first."""

    items: Annotated[list[HourAnswer], Field(max_length=LARGEST_PAGE)]
    next: Next


class HealthAnswer(BaseModel):
    """``ok``."""

    status: str = "ok"


def without_plate(data: SightingData) -> SightingData:
    """The same sighting for those who may not read its plate: the text masked, its characters and runners-up gone."""
    if data.plate is None:
        return data
    plate = data.plate.model_copy(update={"text": masked(data.plate.text), "chars": (), "candidates": ()})
    return data.model_copy(update={"plate": plate})
