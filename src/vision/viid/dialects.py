"""How platforms differ in what they answer and in what they take: the switches of the platform to test against.

Source: answers recorded from, and read in, public implementations of GA/T 1400.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from vision.viid.profile import PROFILES, Profile

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to speak.

    ``shape``: what answers a list of vehicles: a list with an entry each, one entry for all, a single object, or the
    root ``ResponseStatus``. ``names_ids``: entries say which vehicle they are about. ``unknown``: what a device that is
    not registered hears. ``wrong_password``: HTTP status for it. ``profile``: the client's profile that suits.
    """

    about: str
    profile: str = "standard"
    code: Literal["int", "string"] = "int"
    shape: Literal["list", "one", "single", "root"] = "list"
    names_ids: bool = True
    lower_case: bool = False
    time: Literal["stamp", "epoch", "iso"] = "stamp"
    unknown: Literal["401", "200-500", "404-0"] = "401"
    wrong_password: int = 401
    content_type: str = "application/VIID+JSON;charset=UTF-8"
    has_qop: bool = True
    is_single_use: bool = False
    nonce_s: float = 300.0

    @property
    def wants(self) -> Profile:
        """What it takes."""
        return Profile.model_validate(PROFILES[self.profile])

    def statuses(self, path: str, entries: Sequence[tuple[str, int, str]], stamp: str) -> Json:
        """The JSON of an answer: ``entries`` are id, code and text for each thing that came."""
        made = [self._entry(path, *entry, stamp) for entry in entries]
        if self.shape == "root":
            return self._cased({"ResponseStatus": worst(made), "ItemCount": len(made)})
        if path.startswith("/VIID/System/") or self.shape == "single":
            return self._cased({"ResponseStatusObject": worst(made)})
        chosen = [worst(made)] if self.shape == "one" else made
        return self._cased({"ResponseStatusListObject": {"ResponseStatusObject": chosen}})

    def clock(self, server: str, moment: datetime) -> Json:
        """The JSON of an answer to GET /VIID/System/Time."""
        if self.time == "iso":
            return {
                "ResponseStatus": {"StatusCode": 0, "StatusString": "OK"},
                "Time": moment.isoformat(timespec="seconds"),
            }
        local: str | int = f"{moment:%Y%m%d%H%M%S}" if self.time == "stamp" else int(moment.timestamp() * 1000)
        return self._cased(
            {"SystemTimeObject": {"VIIDServerID": server, "TimeMode": "0", "LocalTime": local, "TimeZone": "UTC+8"}}
        )

    def _entry(self, path: str, id_: str, code: int, text: str, stamp: str) -> Json:
        return {
            "Id": id_ if self.names_ids else None,
            "RequestURL": path,
            "StatusCode": code if self.code == "int" else str(code),
            "StatusString": text,
            "LocalTime": stamp,
        }

    def _cased(self, value: Json) -> Json:
        """Keys of the innermost objects in small letters where the dialect does so."""
        if not self.lower_case:
            return value
        return {k: lowered(v) for k, v in value.items()}


def worst(entries: Sequence[Json]) -> Json:
    """The first entry that is not OK, else the first."""
    return next((e for e in entries if str(e["StatusCode"]) != "0"), entries[0])


def lowered(value: Any) -> Any:
    """``StatusCode`` becomes ``statusCode`` in all objects that have one."""
    if isinstance(value, list):
        return [lowered(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "StatusCode" not in value and "LocalTime" not in value:
        return {k: lowered(v) for k, v in value.items()}
    return {k[:1].lower() + k[1:]: v for k, v in value.items()}


DIALECTS: Mapping[str, Dialect] = {
    "standard": Dialect("integers, a list with an entry for each vehicle"),
    "string-codes": Dialect(
        'StatusCode "0" as text, no Id, time in milliseconds, HTTP 200 with "500" for strangers',
        profile="strings", code="string", names_ids=False, time="epoch", unknown="200-500",
    ),
    "not-found-zero": Dialect(
        "HTTP 404 with StatusCode 0 for strangers, HTTP 400 for a wrong password, HasPlate true or false, a bare list "
        "of pictures",
        profile="bools", unknown="404-0", wrong_password=400,
    ),
    "one-for-all": Dialect(
        "one entry for all vehicles of a request, codes as text", code="string", shape="one", names_ids=False,
        wrong_password=400, content_type="application/json",
    ),
    "single": Dialect(
        "a single object instead of a list, application/json, HasPlate true or false",
        profile="plain-json", shape="single", names_ids=False, content_type="application/json",
    ),
    "lower-case": Dialect("statusCode in small letters, digest without qop", lower_case=True, has_qop=False,
                          profile="wildcard"),
    "response-status": Dialect(
        "root ResponseStatus, RFC 3339 time, nonces for one request and 30 s",
        shape="root", time="iso", is_single_use=True, nonce_s=30.0, content_type="application/json",
    ),
    "color-type": Dialect(
        "PlateColor is called ColorType, application/json", profile="color-type", content_type="application/json"
    ),
    "before-2018": Dialect("does not know the plate classes 51 and 52", profile="before-2018"),
    "one-two": Dialect("HasPlate is 1 or 2, InfoKind is text, the whole picture is Type 14", profile="one-two"),
}  # fmt: skip
