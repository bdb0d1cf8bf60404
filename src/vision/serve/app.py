"""The REST service: its routes. What each answers is in `answers`, what may be asked in `questions`."""

# Annotations are not postponed here: FastAPI has to see those of functions within a function.
import time
from collections.abc import Awaitable, Callable
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from vision import __version__
from vision.archive.reader import open_archive
from vision.events.model import SightingData
from vision.serve.access import Access, require, route_of
from vision.serve.answers import (
    CameraAnswer,
    CamerasAnswer,
    HealthAnswer,
    HourAnswer,
    SightingsAnswer,
    StatisticsAnswer,
    without_plate,
)
from vision.serve.audit import Audit
from vision.serve.keys import Key, KeyFile
from vision.serve.metrics import MEDIA_TYPE, Metrics
from vision.serve.problems import SCHEMA, answer_errors, documented
from vision.serve.questions import SightingsQuestion, StatisticsQuestion

KEYED = documented(401, 403, 429, 503)
LISTED = {**KEYED, **documented(400, 422)}
HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
ABOUT = "Sightings, pictures, cameras and counts of the last days. A key's scope: status, sightings or plates."


def make_app(folder: FilePath, keys: KeyFile, audit: Audit, *, rate: int = 600) -> FastAPI:
    """The service over an archive.

    Args:
        folder: of the archive.
        keys: who may ask.
        audit: where it is noted that plates were told.
        rate: requests that a key may make in a minute.
    """
    # Its own pages of documentation would load scripts from the network.
    app = FastAPI(
        title="platevision",
        version=__version__,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    metrics = Metrics(folder)
    access = Access(keys, audit, metrics, rate)
    StatusKey = Annotated[Key, Depends(access.needs("status"))]  # noqa: N806
    SightingsKey = Annotated[Key, Depends(access.needs("sightings"))]  # noqa: N806
    PlatesKey = Annotated[Key, Depends(access.needs("plates"))]  # noqa: N806
    answer_errors(app)

    @app.middleware("http")
    async def watched(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        began_s = time.perf_counter()
        answer = await call(request)
        answer.headers.update(HEADERS)
        metrics.count(route_of(request), answer.status_code, time.perf_counter() - began_s)
        return answer

    @app.get("/v1/sightings", responses=LISTED, tags=["sightings"])
    def list_sightings(
        asked: Annotated[SightingsQuestion, Query()], key: SightingsKey, request: Request
    ) -> SightingsAnswer:
        """Sightings, newest first. Plates are masked unless the key has the scope plates, which `plate` needs."""
        if asked.plate is not None:
            require(key, "plates")
        with open_archive(folder) as archive:
            rows = archive.sightings(asked.search(), asked.after(), asked.limit + 1)
        found = [SightingData.model_validate_json(data) for _, data in rows[: asked.limit]]
        if key.may("plates"):
            access.told(request, key, [one.id for one in found if one.plate], **asked.told())
        else:
            found = [without_plate(one) for one in found]
        more = asked.next(rows[asked.limit - 1][0]) if len(rows) > asked.limit else None
        return SightingsAnswer(items=found, next=more)

    @app.get("/v1/sightings/{id}", responses={**KEYED, **documented(404, 422)}, tags=["sightings"])
    def get_sighting(
        id: Annotated[str, Path(min_length=1, max_length=512)], key: SightingsKey, request: Request
    ) -> SightingData:
        """One sighting in its newest revision; of an early one that became part of another, that other one."""
        with open_archive(folder) as archive:
            data = archive.sighting(id)
        if data is None:
            raise HTTPException(404, "id: expected that of a sighting that is kept, got another one")
        found = SightingData.model_validate_json(data)
        if not key.may("plates"):
            return without_plate(found)
        access.told(request, key, [found.id] if found.plate else [])
        return found

    @app.get(
        "/v1/pictures/{sha256}",
        responses={
            **KEYED, **documented(404, 422),
            200: {"description": "JPEG", "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        },
        response_class=Response,
        tags=["sightings"],
    )  # fmt: skip
    def get_picture(
        sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$")], key: PlatesKey, request: Request
    ) -> Response:
        """An evidence picture by the hash of its content. It shows the plate: needs the scope plates."""
        with open_archive(folder) as archive:
            content = archive.picture(sha256)
        if content is None:
            raise HTTPException(404, "sha256: expected that of a picture that is kept, got another one")
        access.told(request, key, [sha256])
        return Response(content, media_type="image/jpeg")

    @app.get("/v1/cameras", responses=KEYED, tags=["status"])
    def list_cameras(_: StatusKey) -> CamerasAnswer:
        """The newest state of every camera."""
        with open_archive(folder) as archive:
            return CamerasAnswer(items=[CameraAnswer.of(row) for row in archive.cameras()])

    @app.get("/v1/statistics", responses=LISTED, tags=["status"])
    def list_statistics(asked: Annotated[StatisticsQuestion, Query()], _: StatusKey) -> StatisticsAnswer:
        """Counts by hour and camera, newest first."""
        with open_archive(folder) as archive:
            rows = archive.statistics(asked.search(), asked.after(), asked.limit + 1)
        last = rows[asked.limit - 1] if len(rows) > asked.limit else None
        more = asked.next((last.hour_ns, last.camera)) if last else None
        return StatisticsAnswer(items=[HourAnswer.of(row) for row in rows[: asked.limit]], next=more)

    @app.get(
        "/metrics",
        responses={**KEYED, 200: {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        response_class=Response,
        tags=["status"],
    )
    def show_metrics(_: StatusKey) -> Response:
        """Metrics for Prometheus."""
        return Response(metrics.text(), media_type=MEDIA_TYPE)

    @app.get("/health/live", tags=["health"])
    def live() -> HealthAnswer:
        """The service runs."""
        return HealthAnswer()

    @app.get("/health/ready", responses=documented(503), tags=["health"])
    def ready() -> HealthAnswer:
        """The archive and the keys can be read."""
        keys.all()
        with open_archive(folder) as archive:
            archive.check()
        return HealthAnswer()

    def described() -> dict[str, Any]:
        if not app.openapi_schema:
            schema = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
            schema["components"]["schemas"]["Problem"] = SCHEMA
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
    return app
