"""Opens what a camera's address names."""

from __future__ import annotations

from typing import Any

from vision.errors import SourceError
from vision.site.camera import Say
from vision.site.paced import PacedFile
from vision.site.settings import CameraSettings
from vision.types import CameraStatus
from vision.video.live import LiveSource, open_live
from vision.video.main_stream import MainStream
from vision.video.pair import PairSource
from vision.video.status import LiveStatus, Source
from vision.video.uri import redact

LOOP = "loop:"


def open_camera(settings: CameraSettings, say: Say) -> Source:
    """The camera's source: live, or with ``loop:FILE`` a recorded video played over and over in real time.

    Raises:
        SourceError, ConfigError: the address can never work.
    """
    if settings.url.startswith(LOOP):
        return PacedFile(settings.url.removeprefix(LOOP), stream_id=settings.id, device=settings.decode.device, say=say)

    def said(status: LiveStatus) -> None:
        say(CameraStatus(settings.id, status.since_ns, status.state, status.detail))

    options: dict[str, Any] = {
        "stream_id": settings.id,
        "transport": settings.transport,
        "timeout_s": settings.timeout_s,
        "first_wait_s": settings.first_wait_s,
        "longest_wait_s": settings.longest_wait_s,
    }
    source = open_live(settings.url, device=settings.decode.device, on_status=said, **options)
    if settings.main_url is None:
        return source
    if not isinstance(source, LiveSource):
        raise SourceError(f"main_url: expected a url that is a stream, got {redact(settings.url)}")

    def said_main(status: LiveStatus) -> None:
        text = f"main stream {status.state}" + (f": {status.detail}" if status.detail else "")
        say(CameraStatus(settings.id, status.since_ns, source.status.state, text))

    return PairSource(source, MainStream(settings.main_url, on_status=said_main, **options))
