"""UTC times as text and back, without losing a nanosecond."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime

NS = 1_000_000_000
FORM = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z")


def time_text(time_ns: int) -> str:
    """RFC 3339 UTC with nine places, such as ``2026-01-31T13:00:00.123456789Z``."""
    return f"{seconds_text(time_ns)}.{time_ns % NS:09d}Z"


def milliseconds_text(time_ns: int) -> str:
    """ISO 8601 UTC with milliseconds and Z."""
    return f"{seconds_text(time_ns)}.{time_ns // 1_000_000 % 1000:03d}Z"


def seconds_text(time_ns: int) -> str:
    """ISO 8601 without zone, whole seconds."""
    return f"{datetime.fromtimestamp(time_ns // NS, UTC):%Y-%m-%dT%H:%M:%S}"


def time_ns_of(text: str) -> int:
    """UTC nanoseconds of what `time_text` or `milliseconds_text` wrote.

    Raises:
        ValueError: it is no such time.
    """
    match = FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"time: expected YYYY-MM-DDThh:mm:ss[.fraction]Z, got {text!r}")
    year, month, day, hour, minute, second = (int(v) for v in match.groups()[:6])
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return timegm(moment.timetuple()) * NS + int((match[7] or "").ljust(9, "0"))
