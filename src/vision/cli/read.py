"""``vision read``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from vision.cli import OK, SOURCE_FAILED
from vision.cli.say import error, note, out
from vision.errors import OutputError, SourceError
from vision.pipeline.runner import Pipeline
from vision.sinks.event import photo_of
from vision.types import Frame, Photo
from vision.video.images import read_image


def read_command(photos: Sequence[str], config: Path | None, annotate: Path | None, *, as_json: bool) -> int:
    """Read the photos, one line each on stdout; photos that cannot be read are named on stderr, exit code 3."""
    pipeline = Pipeline(config)
    if annotate is not None:
        try:
            annotate.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise OutputError(f"{annotate}: cannot create: {err.strerror}") from err
    vehicles = plates = failed = 0
    for file in photos:
        try:
            frame = read_image(file)
        except SourceError as err:
            error(str(err))
            failed += 1
            continue
        photo = pipeline.read(frame)
        vehicles += len(photo.vehicles)
        plates += len(photo.plates)
        out(json.dumps(photo_of(file, photo), ensure_ascii=False) if as_json else line_of(file, photo))
        if annotate is not None:
            draw(frame, photo, annotate / f"{Path(file).stem}.jpg")
    note(f"photos {len(photos) - failed}  vehicles {vehicles}  plates {plates}  failed {failed}")
    return SOURCE_FAILED if failed else OK


def line_of(file: str, photo: Photo) -> str:
    """One photo for people: file, then plates with color, kind and score."""
    plates = [f"{r.plate.text} ({r.plate.color}, {r.plate.kind}, {r.plate.score:.2f})" for r in photo.plates]
    return f"{file}: {', '.join(plates) if plates else 'no plate read'}"


def draw(frame: Frame, photo: Photo, path: Path) -> None:
    """Write an annotated copy of a photo.

    Raises:
        OutputError: it cannot be written.
    """
    import cv2

    from vision.kernels import to_bgr
    from vision.report.draw import draw_plate, draw_vehicle

    image = to_bgr(frame.planes).copy()
    for vehicle in photo.vehicles:
        draw_vehicle(image, vehicle.box, f"{vehicle.type} {vehicle.color}")
    for read in photo.plates:
        draw_plate(image, read.corners, f"{read.plate.text} {read.plate.score:.2f}")
    ok, data = cv2.imencode(".jpg", image)
    try:
        if not ok:
            raise OutputError(f"{path}: cannot encode the picture")
        path.write_bytes(data.tobytes())
    except OSError as err:
        raise OutputError(f"{path}: cannot write: {err.strerror}") from err
