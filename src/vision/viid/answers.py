"""What platforms answer, in all the forms that were seen, and what it means for what was sent.

Nothing here raises: an answer that cannot be understood is an answer that says neither yes nor no.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vision.viid.codes import label_of

REFUSED = frozenset({4, 5, 6, 7, 8})  # invalid operation, format or content: the same bytes will never be taken
UNREGISTERED_HTTP = frozenset({401, 403, 404})
REGISTER_WORDS = ("注册", "register", "unauthor")
TOO_LARGE = 413
LONGEST_TEXT = 100_000

State = Literal["ok", "retry", "refused", "unregistered"]


@dataclass(frozen=True, slots=True)
class Status:
    """One ResponseStatus: the id it is about (empty: not said), its code (None: no number) and its text."""

    id: str
    code: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means for one thing that was sent, and why."""

    state: State
    detail: str = ""
    then: State = "retry"  # of "unregistered": what it is if a new registration did not help


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer: code, the statuses in it, all its JSON (None: there is none), seconds to wait, text, headers."""

    http: int
    statuses: tuple[Status, ...]
    value: Any = None
    wait_s: float | None = None
    text: str = ""
    challenge: str = ""
    content_type: str = ""

    @property
    def is_empty(self) -> bool:
        """There is no body."""
        return not self.text.strip()

    @property
    def is_2xx(self) -> bool:
        """The HTTP part says yes."""
        return 200 <= self.http < 300


def read_reply(http: int, body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
    """The answer, whatever it looks like."""
    value, heads = json_of(body), headers or {}
    return Reply(
        http=http,
        statuses=tuple(statuses_in(value)),
        value=value,
        wait_s=wait_of(heads.get("retry-after")),
        text=body[:LONGEST_TEXT].decode("utf-8", "replace"),
        challenge=heads.get("www-authenticate", ""),
        content_type=heads.get("content-type", ""),
    )


def json_of(body: bytes) -> Any:
    """The JSON of a body in UTF-8, or in GB 18030 from platforms that write their texts so; None if it is none."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return whole(json.loads(body.decode(encoding)))
        except (ValueError, RecursionError):
            continue
    return None


def whole(value: Any) -> Any:
    """The same without half characters (lone surrogates), which JSON can name and nothing can write."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [whole(item) for item in value]
    return {whole(k): whole(v) for k, v in value.items()} if isinstance(value, dict) else value


def statuses_in(value: Any, depth: int = 0) -> Iterator[Status]:
    """Every object with a StatusCode, in order, in any wrapping and any case of letters."""
    if depth > 6:
        return
    if isinstance(value, list):
        for item in value:
            yield from statuses_in(item, depth + 1)
    elif isinstance(value, dict):
        keys = lowered(value)
        if "statuscode" in keys:
            yield Status(text_of(keys.get("id")), int_of(keys["statuscode"]), text_of(keys.get("statusstring")))
        else:
            for item in value.values():
                yield from statuses_in(item, depth + 1)


def lowered(value: Mapping[str, Any]) -> dict[str, Any]:
    """The same with keys in small letters."""
    return {str(k).lower(): v for k, v in value.items()}


def text_of(value: Any) -> str:
    """Text of a field that may be null or a number."""
    return "" if value is None or isinstance(value, (dict, list)) else str(value)[:300]


def int_of(value: Any) -> int | None:
    """A code that came as a number or as text; None if it is neither."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


def wait_of(text: str | None) -> float | None:
    """Seconds of a Retry-After header; None for a date or nonsense."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return min(seconds, 86_400.0) if seconds >= 0 else None


def verdict_of(reply: Reply, status: Status | None, *, empty_is_ok: bool = False) -> Verdict:
    """What an answer with this status says of one thing."""
    detail = describe(reply, status)
    code = status.code if status else None
    if reply.is_2xx and (code == 0 or (status is None and reply.is_empty and empty_is_ok)):
        return Verdict("ok")
    state: State = "refused" if code in REFUSED or reply.http == TOO_LARGE else "retry"
    asks = status is not None and any(word in status.text.lower() for word in REGISTER_WORDS)
    strange = code is not None and not 0 <= code <= 9  # a platform's own code: one answers 500 to strangers
    if reply.http in UNREGISTERED_HTTP or asks or strange:
        return Verdict("unregistered", detail, state)
    if status is None and reply.is_2xx:
        detail += ": no StatusCode"
    return Verdict(state, detail)


def verdicts(reply: Reply, ids: Sequence[str], *, empty_is_ok: bool = False) -> list[Verdict]:
    """One verdict for each thing sent, in order.

    A status belongs to the thing whose id it names. If as many came as were sent and none names another, they stand
    in order; one alone speaks for all. A thing that no status speaks of is to be sent again.
    """
    known = {s.id: s for s in reply.statuses if s.id in ids}
    if len(reply.statuses) == 1 and (len(ids) == 1 or not known):
        return [verdict_of(reply, reply.statuses[0], empty_is_ok=empty_is_ok)] * len(ids)
    if not known and len(reply.statuses) == len(ids):
        return [verdict_of(reply, s, empty_is_ok=empty_is_ok) for s in reply.statuses]
    if len(reply.statuses) == 1 and reply.statuses[0].code == 0 and reply.is_2xx:
        return [Verdict("ok")] * len(ids)  # one entry for the whole list, named after its first or last
    if not reply.statuses:
        return [verdict_of(reply, None, empty_is_ok=empty_is_ok)] * len(ids)
    silent = Verdict("retry", f"HTTP {reply.http}: the answer does not speak of this vehicle")
    return [verdict_of(reply, known[i], empty_is_ok=empty_is_ok) if i in known else silent for i in ids]


def describe(reply: Reply, status: Status | None) -> str:
    """An answer in one line."""
    if status is None:
        return f"HTTP {reply.http}" + (", empty" if reply.is_empty else "")
    name = label_of("status", status.code, chinese=False)
    parts = [f"HTTP {reply.http}", f"StatusCode {status.code}" + (f" ({name})" if name else ""), status.text]
    return ", ".join(" ".join(p.split()) for p in parts if p)
