"""Opens what a camera's address names."""

from __future__ import annotations

from vision.site.camera import Say, Source
from vision.site.paced import PacedFile
from vision.site.settings import CameraSettings
from vision.types import CameraStatus
from vision.video.live import LiveStatus, open_live

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

    return open_live(
        settings.url,
        stream_id=settings.id,
        transport=settings.transport,
        timeout_s=settings.timeout_s,
        first_wait_s=settings.first_wait_s,
        longest_wait_s=settings.longest_wait_s,
        device=settings.decode.device,
        on_status=said,
    )
