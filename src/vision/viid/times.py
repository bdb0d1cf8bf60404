"""Local times without a zone, as GA/T 1400 writes them, and the forms that platforms answer with."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

CHINA = "+08:00"
NS = 1_000_000_000


def zone_of(text: str) -> tzinfo:
    """A time zone: ``+08:00``, or a name such as ``Asia/Shanghai`` where the machine has the tables.

    Raises:
        ValueError: it is neither.
    """
    match = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", text, re.ASCII)
    if match:
        minutes = int(match[2]) * 60 + int(match[3])
        if minutes < 24 * 60 and int(match[3]) < 60:
            return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))
    try:
        return ZoneInfo(text)
    except (OSError, ValueError, KeyError) as err:
        raise ValueError(f"expected a zone such as +08:00 or Asia/Shanghai, got {text!r}") from err


def stamp_of(time_ns: int, zone: tzinfo) -> str:
    """UTC nanoseconds as local yyyyMMddHHmmss; the part of a second is cut off."""
    return f"{datetime.fromtimestamp(time_ns // NS, zone):%Y%m%d%H%M%S}"


def ns_of_text(text: str) -> int:
    """UTC nanoseconds of an ISO 8601 time with a zone.

    Raises:
        ValueError: it is none.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time: expected a zone, got {text!r}")
    return _ns(moment)


def read_time(value: object, zone: tzinfo) -> tuple[int, str] | None:
    """The moment that a platform names, as UTC nanoseconds, and the form it used; None if it is no time.

    Forms: ``stamp`` (14 digits, local), ``epoch`` (milliseconds or seconds), ``iso`` (with or without a zone).
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = value.strip() if isinstance(value, str) else f"{value:.0f}"
    try:
        if re.fullmatch(r"(19|20)\d{12}(\d{3})?", text, re.ASCII):
            moment = datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=zone)
            return _ns(moment) + int(text[14:] or 0) * 1_000_000, "stamp"
        if re.fullmatch(r"\d{13}", text, re.ASCII):
            return int(text) * 1_000_000, "epoch"
        if re.fullmatch(r"\d{10}", text, re.ASCII):
            return int(text) * NS, "epoch"
        moment = datetime.fromisoformat(text)
        return _ns(moment if moment.tzinfo else moment.replace(tzinfo=zone)), "iso"
    except (ValueError, OverflowError, OSError):
        return None


def _ns(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
