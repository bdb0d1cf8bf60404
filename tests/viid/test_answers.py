"""Answers: every recorded form, and whatever else a server may say. Nothing crashes, nothing unsure counts as taken."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.viid.samples import delivery, sink
from vision.errors import SinkError
from vision.viid.answers import read_reply, verdicts
from vision.viid.client import Client, time_in
from vision.viid.times import zone_of

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "viid" / "examples"
shared = pytest.mark.skipif(not DATA.exists(), reason="no shared data beside the checkout")


def state(http: int, body: Any, n: int = 1) -> list[str]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return [v.state for v in verdicts(read_reply(http, raw), [f"id{i}" for i in range(n)])]


def entry(code: Any, id_: Any = None, text: str = "") -> dict[str, Any]:
    return {"Id": id_, "StatusCode": code, "StatusString": text}


def many(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"ResponseStatusListObject": {"ResponseStatusObject": list(entries)}}


@pytest.mark.shared
@shared
def test_recorded_answers() -> None:
    for case in json.loads((DATA / "responses.json").read_text(encoding="utf-8")):
        body = b"" if case["body"] is None else json.dumps(case["body"]).encode()
        reply = read_reply(case.get("http", 200), body)
        found = verdicts(reply, ["x"])[0]
        expected = {404: "unregistered", 401: "unregistered", 400: "retry"}.get(case.get("http", 0), "ok")
        if "保活失败" in body.decode("unicode_escape", "replace") or "unknown device" in case["from"]:
            expected = "unregistered"
        assert found.state == expected, case["from"]


@pytest.mark.shared
@shared
def test_recorded_times() -> None:
    zone = zone_of("+08:00")
    found = [time_in(case["body"], zone) for case in json.loads((DATA / "system_time_responses.json").read_text())]
    assert [f and f[1] for f in found] == ["stamp", "epoch", "iso"]


@pytest.mark.parametrize(
    ("http", "body", "n", "expected"),
    [
        (200, many(entry(0)), 3, ["ok"] * 3),  # one entry for all
        (200, many(entry("0", "id2")), 3, ["ok"] * 3),
        (200, many(entry(0, "id0"), entry(8, "id1"), entry(2, "id2")), 3, ["ok", "refused", "retry"]),
        (200, many(entry(8, "id2"), entry(0, "id1"), entry(0, "id0")), 3, ["ok", "ok", "refused"]),  # by id, not place
        (200, many(entry(0), entry(2), entry(0)), 3, ["ok", "retry", "ok"]),  # by place
        (200, many(entry(0, "id0"), entry(0, "id1")), 3, ["ok", "ok", "retry"]),  # nobody spoke of the third
        (200, many(entry(0, "other"), entry(0, "another")), 3, ["retry"] * 3),
        (200, {"ResponseStatusObject": entry(0)}, 2, ["ok", "ok"]),
        (200, {"ResponseStatus": entry("0"), "ItemCount": 2}, 2, ["ok", "ok"]),
        (200, {"responsestatuslistobject": {"x": [{"statusCode": 0}]}}, 1, ["ok"]),
        (200, many(entry(8)), 2, ["refused", "refused"]),
        (200, many(entry(4)), 1, ["refused"]),
        (200, many(entry(7)), 1, ["refused"]),
        (200, many(entry(1)), 1, ["retry"]),
        (200, many(entry(2)), 1, ["retry"]),
        (200, many(entry(3)), 1, ["retry"]),
        (200, many(entry(9)), 1, ["retry"]),
        (200, many(entry("500", text="请先注册")), 1, ["unregistered"]),
        (200, many(entry(-1)), 1, ["unregistered"]),
        (200, many(entry(1, text="please register first")), 1, ["unregistered"]),
        (200, many(entry(None)), 1, ["retry"]),
        (200, many(entry(True)), 1, ["retry"]),
        (200, many(entry(0.5)), 1, ["retry"]),
        (200, many(), 1, ["retry"]),
        (200, b"", 1, ["retry"]),
        (200, b"<html>", 1, ["retry"]),
        (200, b"null", 1, ["retry"]),
        (204, b"", 1, ["retry"]),
        (302, many(entry(0)), 1, ["retry"]),
        (401, b"", 2, ["unregistered"] * 2),
        (403, b"", 1, ["unregistered"]),
        (404, many(entry(0)), 1, ["unregistered"]),
        (400, b"", 1, ["retry"]),
        (400, many(entry(8)), 1, ["refused"]),
        (413, b"", 1, ["refused"]),
        (500, b"", 1, ["retry"]),
        (500, many(entry(0)), 1, ["retry"]),
        (503, b"busy", 1, ["retry"]),
        (200, json.dumps(many(entry(8, text="数据无效")), ensure_ascii=False).encode("gb18030"), 1, ["refused"]),
        (200, b"\xef\xbb\xbf" + json.dumps(many(entry(0))).encode(), 1, ["ok"]),
    ],
)
def test_answers(http: int, body: Any, n: int, expected: list[str]) -> None:
    assert state(http, body, n) == expected


def test_empty_answers_where_a_platform_gives_none() -> None:
    assert verdicts(read_reply(200, b""), ["x"], empty_is_ok=True)[0].state == "ok"
    assert verdicts(read_reply(500, b""), ["x"], empty_is_ok=True)[0].state == "retry"
    assert verdicts(read_reply(200, b"nonsense"), ["x"], empty_is_ok=True)[0].state == "retry"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["0", "id0"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["ResponseStatusListObject", "ResponseStatusObject", "ResponseStatus", "StatusCode", "statusCode", "Id",
             "StatusString", "SystemTimeObject", "LocalTime", "Time"]
        ) | st.text(max_size=5),
        inner,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip
bodies = st.binary(max_size=200) | json_values.map(lambda v: json.dumps(v).encode())


@settings(max_examples=400, deadline=None)
@given(st.integers(100, 599), bodies, st.integers(1, 4))
def test_any_answer_is_understood_or_doubted(http: int, body: bytes, n: int) -> None:
    reply = read_reply(http, body, {"retry-after": "x"})
    found = verdicts(reply, [f"id{i}" for i in range(n)])
    assert len(found) == n
    if not 200 <= http < 300 or not any(s.code == 0 for s in reply.statuses):
        assert all(v.state != "ok" for v in found)
    time_in(reply.value, zone_of("+08:00"))


header = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
challenges = st.sampled_from(
    [
        'Digest realm="x", nonce="y", qop="auth"', 'Digest realm="x"', "Digest", "digest ,,=", 'Basic realm="x"', "",
        'Digest realm="x", nonce="y", algorithm=UNKNOWN', 'Digest realm="x", nonce="y", qop="auth-int"',
        'Digest nonce="y", realm="x", qop="", opaque', 'Digest realm="x", nonce="y", algorithm=',
    ]
) | header.map(lambda text: f"Digest {text}")  # fmt: skip
replies = st.tuples(st.sampled_from([100, 200, 200, 204, 302, 400, 401, 401, 404, 413, 500, 503]), bodies, challenges)


def is_yes(http: int, body: bytes) -> bool:
    return 200 <= http < 300 and any(s.code == 0 for s in read_reply(http, body).statuses)


@settings(max_examples=300, deadline=None)
@given(st.lists(replies, min_size=1, max_size=8), st.integers(1, 5))
def test_a_server_that_says_anything_loses_nothing(script: list[tuple[int, bytes, str]], n: int) -> None:
    """Whatever comes: an answer for each event or SinkError; delivered only if the platform said yes to vehicles."""
    said: list[tuple[str, int, bytes]] = []

    def serve(request: httpx.Request) -> httpx.Response:
        http, body, challenge = script[len(said) % len(script)]
        said.append((request.url.path, http, body))
        return httpx.Response(max(http, 200), content=body, headers={"WWW-Authenticate": challenge})

    one = sink("http://platform", verify=False)  # no certificates to load
    one.link.client.close()
    one.link.client = Client("http://platform", one.settings.device_id, "x", transport=httpx.MockTransport(serve))
    one.link.keepalive_s = 3600
    deliveries = [delivery(i + 1, roles=("plate",)) for i in range(n)]
    try:
        answers = one.send(deliveries)
    except SinkError:
        answers = []
    finally:
        one.close()
    assert len(answers) <= n
    yes = [
        (path, http, body)
        for path, http, body in said
        if path.endswith("MotorVehicles")
        and 200 <= http < 300
        and any(s.code == 0 for s in read_reply(http, body).statuses)
    ]
    assert not any(a.state == "delivered" for a in answers) or yes
