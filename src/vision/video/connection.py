"""One connection to a camera: how FFmpeg is asked for it, and what its errors mean."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import av
import av.error
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from vision.errors import DecodeError, SourceError
from vision.video.uri import login_of, redact

LIBRARY_SHARE = 0.5  # FFmpeg gives up after twice the time it is told (docs/decisions/0014-live-sources.md)
# Between the segments of a playlist nothing comes. Source: RFC 8216 section 4.3.3.1, target durations are seconds.
HLS_EXTRA_S = 15.0
SCHEMES = {"rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "srt", "udp", "rtp"}


class SilentError(SourceError):
    """A connection that stands but gives no frame; ``cause`` is timeout or garbage."""

    def __init__(self, cause: str, text: str) -> None:
        super().__init__(text)
        self.cause = cause


def is_hls(uri: str) -> bool:
    """Whether the address is that of an HLS playlist."""
    return uri.startswith("http") and PurePosixPath(urlsplit(redact(uri)).path).suffix.lower() in {".m3u8", ".m3u"}


def frame_limit_s(uri: str, timeout_s: float) -> float:
    """How long a connection may stand without a frame."""
    return timeout_s + (HLS_EXTRA_S if is_hls(uri) else 0.0)


def connect(uri: str, *, transport: str, timeout_s: float, accel: HWAccel | None) -> InputContainer:
    """Open an address; each step of it takes half of ``timeout_s`` at most, and so does each read later.

    Raises:
        av.error.FFmpegError, OSError, RuntimeError, ValueError: it failed; see `cause_of` and `clean`.
    """
    # No frames held back to guess a frame rate: 0.35 instead of 1.15 s to the first one. Of RTSP pictures alone.
    options = {"fpsprobesize": "0"}
    if uri.startswith("rtsp"):
        options |= {"rtsp_transport": transport, "allowed_media_types": "video"}
    limit_s = frame_limit_s(uri, timeout_s) * LIBRARY_SHARE
    return av.open(
        uri,
        format="v4l2" if uri.startswith("/dev/video") else None,
        options=options,
        timeout=(timeout_s * LIBRARY_SHARE, limit_s),
        hwaccel=accel,
    )


CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (av.error.HTTPUnauthorizedError, "unauthorized"),
    (av.error.HTTPForbiddenError, "unauthorized"),
    (av.error.HTTPNotFoundError, "not_found"),
    (av.error.ExitError, "timeout"),
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (av.error.InvalidDataError, "garbage"),
    (DecodeError, "device"),
    (SourceError, "no_video"),
    (av.error.EOFError, "ended"),
)


def cause_of(err: BaseException) -> str:
    """One word for why a connection failed."""
    if isinstance(err, SilentError):
        return err.cause
    return next((cause for kind, cause in CAUSES if isinstance(err, kind)), "network")


def clean(text: str, uri: str) -> str:
    """The text on one line, without this address's user and password."""
    text = text.replace(uri, redact(uri))
    for secret in sorted(filter(None, login_of(uri)), key=len, reverse=True):
        text = text.replace(secret, "***").replace(unquote(secret), "***")
    return re.sub(r"\s+", " ", text)
