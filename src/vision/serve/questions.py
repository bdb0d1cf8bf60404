"""What may be asked: query parameters, times, and the cursor that leads to the next page."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from calendar import timegm
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vision.archive.reader import Place, Search
from vision.match.plates import normalized

NS = 1_000_000_000
MOST_NS = 2**63 - 1  # what SQLite's integers hold: the years 1677 to 2262
LARGEST_PAGE = 200
# Source: RFC 3339, 5.6. A plus that was not percent-encoded arrives as a space, which is taken as one.
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+\- ])([01]\d|2[0-3]):([0-5]\d))"
)


class QuestionError(ValueError):
    """A question whose parts fit their forms, but not each other."""


def checked_time(text: str) -> str:
    """The text if it is a time."""
    time_ns(text)
    return text


Time = Annotated[
    str,
    AfterValidator(checked_time),
    Field(max_length=64, json_schema_extra={"format": "date-time"}, examples=["2026-01-31T13:00:00+08:00"]),
]


class ListQuestion(BaseModel):
    """What both lists can be asked for: newest first, page by page."""

    model_config = ConfigDict(extra="forbid")

    camera: Annotated[str | None, Field(min_length=1, max_length=64, description="its id")] = None
    from_: Annotated[Time | None, Field(alias="from", description="not before, RFC 3339")] = None
    to: Annotated[Time | None, Field(description="before, RFC 3339")] = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE, description="at most so many in an answer")] = 50
    cursor: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z0-9_-]{1,4000}$", description="`next` of the page before; the rest as asked there"),
    ] = None

    def search(self) -> Search:
        """As the archive takes it.

        Raises:
            QuestionError: the time range is empty.
        """
        from_ns = time_ns(self.from_) if self.from_ else None
        to_ns = time_ns(self.to) if self.to else None
        if from_ns is not None and to_ns is not None and from_ns >= to_ns:
            raise QuestionError(f"to: expected a time after from, got {self.to!r}")
        return Search(camera=self.camera, from_ns=from_ns, to_ns=to_ns)

    def after(self) -> Place | None:
        """The place that the cursor names.

        Raises:
            QuestionError: it was not given out for this question.
        """
        if self.cursor is None:
            return None
        try:
            time, name, mark = json.loads(base64.urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4)))
        except (ValueError, TypeError, binascii.Error):
            time = name = mark = None
        is_place = isinstance(time, int) and abs(time) <= MOST_NS and isinstance(name, str)
        if not is_place or mark != self.mark():
            raise QuestionError("cursor: expected the next of an answer to the same question, got another text")
        return time, name

    def next(self, place: Place) -> str:
        """The cursor that names a place."""
        text = json.dumps([*place, self.mark()], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def mark(self) -> str:
        """What is the same for every page of one question."""
        asked = self.model_dump(mode="json", exclude={"cursor", "limit"})
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


class StatisticsQuestion(ListQuestion):
    """Counts by hour and camera; hours that begin in the time range."""


Word = Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]


class SightingsQuestion(ListQuestion):
    """Sightings; the begin of the pass is in the time range."""

    plate: Annotated[
        str | None,
        Field(
            pattern=r"^[^\s*\[\]\x00-\x1f]{1,32}$",
            description="exact, or with `?` for any one character; small letters and a dot don't matter",
            examples=["京A12345", "京A?2345"],
        ),
    ] = None
    type: Annotated[Word | None, Field(description="of the vehicle, such as truck")] = None
    color: Annotated[Word | None, Field(description="of the vehicle, such as white")] = None

    def search(self) -> Search:
        """As the archive takes it.

        Raises:
            QuestionError: the time range is empty.
        """
        base = super().search()
        return Search(
            base.camera, base.from_ns, base.to_ns, normalized(self.plate) if self.plate else None, self.type, self.color
        )

    def told(self) -> dict[str, Any]:
        """The question for the audit log: of the plate only how it was asked for."""
        asked = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"cursor", "plate"})
        if self.plate is not None:
            asked["plate"] = "pattern" if "?" in self.plate else "exact"
        return asked


def time_ns(text: str) -> int:
    """UTC nanoseconds of an RFC 3339 time, which may name an offset; beyond what 64 bits hold: the nearest.

    Raises:
        ValueError: it is none.
    """
    match = TIME.fullmatch(text)
    if match is None:
        raise ValueError("expected a time such as 2026-01-31T13:00:00+08:00")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59))  # 60 is a leap second
    except ValueError as err:
        raise ValueError(f"expected a time such as 2026-01-31T13:00:00+08:00 ({err})") from err
    if second > 60:
        raise ValueError("expected a time such as 2026-01-31T13:00:00+08:00 (second must be in 0..60)")
    sign, hours, minutes = match[8] or "+", int(match[9] or 0), int(match[10] or 0)
    offset_s = (-1 if sign == "-" else 1) * (hours * 3600 + minutes * 60)
    seconds = timegm(moment.timetuple()) + (second == 60) - offset_s
    return max(-MOST_NS, min(MOST_NS, seconds * NS + int((match[7] or "")[:9].ljust(9, "0"))))
