"""The REST service as its clients see it: questions, pages, pictures, errors, hardship."""

import socket
import sqlite3
import threading
from dataclasses import replace
from typing import Any

import pytest

from tests.archive.samples import jpeg, passes, seen
from tests.events.samples import NS, T0, sighting
from tests.serve.service import N_SIGHTINGS, Service, detail
from vision.archive.database import NAME
from vision.errors import OutputError
from vision.events.make import picture_part
from vision.events.times import time_text
from vision.serve.server import Place, Server

FIRST = picture_part("plate", jpeg(1), 1, 1).sha256


# -- questions -------------------------------------------------------------------------------------------------------


def test_filters(running: Service) -> None:
    def ids(**query: Any) -> list[str]:
        return [one["id"] for one in running.items("/v1/sightings", **query)]

    assert len(ids()) == N_SIGHTINGS
    assert ids(plate="京A00003") == ids(plate="京A0000?", to=time_text(T0 + 4 * NS), **{"from": time_text(T0 + 3 * NS)})
    assert ids(plate="沪B?1234") == [sighting(90).id]  # an unread character is one, too
    local = {"from": "2023-11-15T06:13:23.123456789+08:00", "to": "2023-11-14T22:13:24Z"}
    assert ids(**local) == [sighting(3, "yard").id]
    assert ids(camera="yard", color="white", type="car") == ids(camera="yard")
    assert ids(camera="nowhere") == ids(color="red") == []


def test_an_offset_whose_plus_was_not_encoded_is_understood(running: Service) -> None:
    path = "/v1/sightings?from=2023-11-15T06:13:23+08:00&to=2023-11-15T06:13:24+08:00"
    assert [one["id"] for one in running.get(path).json()["items"]] == [sighting(3, "yard").id]


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"limit": 0}, 422, "limit: expected greater than or equal to 1, got '0'"),
        ({"limit": 201}, 422, "limit: expected less than or equal to 200, got '201'"),
        ({"limit": "many"}, 422, "limit: expected a valid integer"),
        ({"from": "yesterday"}, 422, "from: expected a time such as 2026-01-31T13:00:00+08:00, got 'yesterday'"),
        ({"to": "2026-02-30T00:00:00Z"}, 422, "day is out of range for month"),
        ({"to": "2026-02-20T00:00:00"}, 422, "to: expected a time such as"),
        ({"plate": "京A 1"}, 422, "plate: expected to match pattern"),
        ({"colour": "red"}, 422, "colour: unknown, expected one of"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 400, "to: expected a time after from"),
        ({"cursor": "abc"}, 400, "cursor: expected the next of an answer to the same question"),
    ],
)
def test_a_wrong_question_is_told_what_was_expected(
    running: Service, query: dict[str, Any], status: int, said: str
) -> None:
    assert said in detail(running.get("/v1/sightings", **query), status)


def test_pages_stay_right_while_sightings_come(running: Service) -> None:
    found: list[str] = []
    query: dict[str, Any] = {"limit": 5}
    for newer in range(200, 300):
        answer = running.get("/v1/sightings", **query).json()
        found += [one["id"] for one in answer["items"]]
        assert len(answer["items"]) == 5 or answer["next"] is None
        if answer["next"] is None:
            break
        query["cursor"] = answer["next"]
        running.sink.send([seen(newer), passes(sighting(newer - 197, revision=9))])
    began = [sighting(90).id, *(sighting(n, ("gate", "yard")[n % 2]).id for n in range(N_SIGHTINGS - 1, 0, -1))]
    assert [own for own in found if own in began] == began
    assert len(found) == len(set(found))
    other = running.get("/v1/sightings", camera="gate", **query)
    assert "cursor: expected the next of an answer to the same question" in detail(other, 400)
    assert "cursor:" in detail(running.get("/v1/statistics", **query), 400)


def test_statistics_and_cameras(running: Service) -> None:
    hours = running.items("/v1/statistics", "status")
    assert sum(hour["vehicles"] for hour in hours) == 240
    assert all(hour["read"] + hour["unread"]["too_small"] == hour["vehicles"] for hour in hours)
    pages, cursor = [], None
    while True:
        answer = running.get("/v1/statistics", "status", limit=1, **({"cursor": cursor} if cursor else {})).json()
        pages += answer["items"]
        cursor = answer["next"]
        if cursor is None:
            break
    assert pages == hours
    gate, yard = running.items("/v1/cameras", "status")
    assert (gate["id"], gate["state"], gate["since"]) == ("gate", "streaming", time_text(T0))
    assert (yard["id"], yard["state"], yard["heard"]) == ("yard", "unknown", time_text(T0 + 12 * NS + 123_456_789))


def test_a_merged_sighting_leads_to_the_whole(running: Service) -> None:
    whole = replace(sighting(50), merged_ids=(sighting(1, "yard").id,))
    running.sink.send([passes(whole)])
    assert running.get(f"/v1/sightings/{sighting(1, 'yard').id}").json()["id"] == whole.id


# -- pictures --------------------------------------------------------------------------------------------------------


def test_pictures_by_their_hash(running: Service) -> None:
    answer = running.get(f"/v1/pictures/{FIRST}")
    assert (answer.content, answer.headers["content-type"]) == (jpeg(1), "image/jpeg")
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert "sha256: expected that of a picture that is kept" in detail(running.get(f"/v1/pictures/{'0' * 64}"), 404)


@pytest.mark.parametrize(
    "name",
    [
        "../keys.json", "..%2fkeys.json", "%2e%2e/%2e%2e/etc/passwd", "..%5c..%5ckeys.json", "....//keys.json",
        "/etc/passwd", "%2Fetc%2Fpasswd", "keys.json", FIRST + "%00", FIRST.upper(), FIRST[:63], FIRST + "/../x",
        "8d/" + FIRST + ".jpg", "*", "?" * 64, "%25" * 64,
    ],
)  # fmt: skip
def test_no_other_file_is_told(running: Service, name: str) -> None:
    """As raw bytes: a client library would tidy the path up."""
    host, _, port = running.url.removeprefix("http://").partition(":")
    for path in ("/v1/pictures/", "/v1/sightings/", "/"):
        head = f"GET {path}{name} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
        with socket.create_connection((host, int(port)), timeout=30) as wire:
            wire.sendall(f"{head}Authorization: Bearer {running.secrets['plates']}\r\n\r\n".encode())
            answer = b"".join(iter(lambda: wire.recv(65536), b""))
        assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 422")), answer
        assert b'sha256":' not in answer
        assert b"root:" not in answer


# -- hardship --------------------------------------------------------------------------------------------------------


def test_an_archive_that_goes_is_said_and_comes_back(running: Service, caplog: pytest.LogCaptureFixture) -> None:
    path, away = running.folder / NAME, running.folder / "away.db"
    running.sink.close()
    path.rename(away)
    assert "its log says why" in detail(running.get("/v1/sightings"), 503)
    assert running.get("/health/ready", None).status_code == 503
    assert "found no archive.db" in caplog.text
    path.write_bytes(b"this is no database, " * 500)
    assert str(running.folder) not in detail(running.get("/v1/sightings"), 503)
    assert "cannot read: file is not a database" in caplog.text
    assert "vision_archive_up 0.0" in running.get("/metrics").text
    away.rename(path)
    assert running.get("/health/ready", None).json() == {"status": "ok"}
    assert len(running.items("/v1/sightings")) == N_SIGHTINGS


def test_a_question_that_takes_too_long_is_ended(running: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.archive.reader.SLOW_S", 0.0)
    monkeypatch.setattr("vision.archive.reader.STEPS", 1)
    said = detail(running.get("/v1/sightings"), 400)
    assert said == "expected a narrower question, such as a time range, got one for 0 s"


def test_what_is_too_old_is_not_told(running: Service) -> None:
    connection = sqlite3.connect(running.folder / NAME, isolation_level=None)
    connection.execute("UPDATE sightings SET entered_ns = ? WHERE camera = 'yard'", (T0,))
    connection.close()
    assert {one["stream_id"] for one in running.items("/v1/sightings")} == {"gate"}
    assert running.get(f"/v1/sightings/{sighting(1, 'yard').id}").status_code == 404
    assert running.get(f"/v1/pictures/{FIRST}").status_code == 404


def test_it_answers_while_the_sink_writes(running: Service) -> None:
    ending = threading.Event()

    def fill() -> None:
        n = 1000
        while not ending.is_set():
            running.sink.send([seen(n + i) for i in range(20)])
            n += 20

    writer = threading.Thread(target=fill)
    writer.start()
    try:
        lengths = [len(running.items("/v1/sightings", limit=200)) for _ in range(20)]
    finally:
        ending.set()
        writer.join()
    assert lengths == sorted(lengths)
    assert lengths[-1] > N_SIGHTINGS


def test_metrics_are_those_of_prometheus(running: Service) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    running.get("/v1/sightings", None)
    running.get("/nothing/京A12345")
    running.get("/v1/cameras")
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(running.get("/metrics", "status").text)
        for sample in family.samples
    }
    assert samples["vision_archive_up",] == 1
    assert samples["vision_archive_sightings",] == N_SIGHTINGS
    assert samples["vision_rest_requests_total", "/v1/cameras", "200"] == 1
    assert samples["vision_rest_requests_total", "/v1/sightings", "401"] == 1
    assert samples["vision_rest_requests_total", "404", "none"] == 1
    assert samples["vision_archive_heard_timestamp_seconds", "yard"] > T0 / NS


def test_a_taken_port_is_one_line(running: Service) -> None:
    with pytest.raises(OutputError, match=r"--listen: 127.0.0.1:\d+: cannot listen: Address already in use"):
        Server(None, Place(running.url.removeprefix("http://")))
