"""Who is told what by the REST service: keys, scopes, masked plates, the audit log."""

import json
import logging
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.archive.samples import jpeg
from tests.events.samples import NS, sighting
from tests.serve.service import Service, detail, noted, service
from vision.archive.database import NAME
from vision.events.make import picture_part

KEYED = ("/v1/sightings", "/v1/sightings/x", f"/v1/pictures/{'a' * 64}", "/v1/cameras", "/v1/statistics", "/metrics")
FIRST = picture_part("plate", jpeg(1), 1, 1).sha256


# -- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", KEYED)
def test_without_a_right_key_nothing_is_told(running: Service, path: str) -> None:
    answer = running.get(path, None)
    assert detail(answer, 401) == "Authorization: expected Bearer and a key, got none"
    assert answer.headers["www-authenticate"] == "Bearer"
    right = running.secrets["plates"]
    for wrong in ("vision_wrong", right[:-1], right + "x", right.upper(), running.keys.all()[2].sha256, "ключ"):
        running.secrets["wrong"] = wrong
        if wrong.isascii():
            assert "got one that is unknown or expired" in detail(running.get(path, "wrong"), 401)
    assert noted(running) == []


def test_a_key_is_told_what_its_scope_says(running: Service) -> None:
    allowed = {
        path: [scope for scope in running.secrets if running.get(path, scope).status_code in (200, 404)]
        for path in KEYED
    }
    assert allowed == {
        **{path: ["sightings", "plates"] for path in KEYED[:2]},
        KEYED[2]: ["plates"],
        **{path: ["status", "sightings", "plates"] for path in KEYED[3:]},
    }
    said = detail(running.get("/v1/sightings", "status"), 403)
    assert said == "scope: expected a key with sightings, got one with status"


def test_keys_may_end_and_be_taken_away_while_it_runs(running: Service) -> None:
    running.secrets["short"] = running.keys.add("short", "status", time.time_ns() - 10 * 86_400 * NS, days=9)
    running.secrets["new"] = running.keys.add("new", "status", time.time_ns(), days=1)
    assert [running.get("/v1/cameras", one).status_code for one in ("short", "new")] == [401, 200]
    running.keys.remove("new")
    assert running.get("/v1/cameras", "new").status_code == 401
    running.keys.path.write_text("{}broken", encoding="utf-8")
    assert "its log says why" in detail(running.get("/v1/cameras", "status"), 503)
    assert running.get("/health/ready", None).status_code == 503
    assert running.get("/health/live", None).status_code == 200


@pytest.fixture
def log() -> Iterator[StringIO]:
    """All that a program hears that listens to every log, at every level."""
    text, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(text), root.level
    # What the test's own client logs is not the service's.
    handler.addFilter(lambda record: not record.name.startswith(("httpx", "httpcore")))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.setLevel(level)
    root.removeHandler(handler)


def test_no_secret_is_kept_or_logged(running: Service, log: StringIO, capfd: Any) -> None:
    for scope in running.secrets:
        for path in KEYED:
            running.get(path, scope, plate="京A00001")
    (running.folder / NAME).rename(running.folder / "away.db")
    assert running.get("/v1/sightings").status_code == 503
    written = [p.read_bytes() for p in running.folder.rglob("*") if p.is_file() and ".db" not in p.name]
    out, err = capfd.readouterr()
    ours = log.getvalue()
    assert "expected the folder of a sink of type archive" in ours
    for text in (*running.secrets.values(), "A00001", "%E4%BA%ACA"):
        assert text not in ours + out + err
        assert not any(text.encode() in content for content in written)
    assert (running.folder / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_key_that_asks_too_often_has_to_wait(tmp_path: Path) -> None:
    with service(tmp_path, rate=5) as running:
        codes = [running.get("/v1/cameras", "status").status_code for _ in range(5)]
        late = running.get("/v1/cameras", "status")
        other = running.get("/v1/cameras", "plates")
    assert codes == [200] * 5
    assert detail(late, 429) == "rate: expected at most 5 requests a minute of one key"
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert other.status_code == 200


# -- plates ----------------------------------------------------------------------------------------------------------


def test_plates_are_masked_unless_the_key_may_read_them(running: Service) -> None:
    text = running.get("/v1/sightings", "sightings").text
    one = running.get(f"/v1/sightings/{sighting(1, 'yard').id}", "sightings")
    assert "A0000" not in text + one.text
    assert one.json()["plate"]["text"] == "京A•••••"
    assert (one.json()["plate"]["chars"], one.json()["plate"]["candidates"]) == ([], [])
    assert {s["plate"]["text"] for s in json.loads(text)["items"]} == {"京A•••••", "沪B•••••"}
    assert noted(running) == []
    assert "expected a key with plates" in detail(running.get("/v1/sightings", "sightings", plate="京A00001"), 403)


def test_every_plate_that_is_told_is_noted_without_the_plate(running: Service) -> None:
    own = sighting(1, "yard").id
    running.items("/v1/sightings", plate="京a·0000?", camera="yard")
    running.get(f"/v1/sightings/{own}")
    running.get(f"/v1/pictures/{FIRST}")
    running.items("/v1/sightings", plate="京A99999")  # nothing is told
    lines = noted(running)
    assert [(line["route"], line["n"]) for line in lines] == [
        ("/v1/sightings", 5), ("/v1/sightings/{id}", 1), ("/v1/pictures/{sha256}", 1)
    ]  # fmt: skip
    assert lines[0]["asked"] == {"camera": "yard", "limit": 50, "plate": "pattern"}
    assert (lines[1]["ids"], lines[2]["ids"]) == ([own], [FIRST])
    assert {(line["key"], line["client"]) for line in lines} == {("plates", "127.0.0.1")}
    assert "A0000" not in json.dumps(lines, ensure_ascii=False)
    metrics = running.get("/metrics").text
    assert 'vision_rest_plates_total{key="plates"} 7.0' in metrics


def test_what_cannot_be_noted_is_not_told(running: Service) -> None:
    audit = running.folder / "audit"
    for file in audit.iterdir():
        file.unlink()
    audit.rmdir()
    audit.write_text("in the way", encoding="utf-8")
    for path in ("/v1/sightings", f"/v1/sightings/{sighting(1, 'yard').id}", f"/v1/pictures/{FIRST}"):
        answer = running.get(path)
        assert "its log says why" in detail(answer, 503)
        assert "A0000" not in answer.text
        assert jpeg(1) not in answer.content
    assert running.get("/v1/sightings", "sightings").status_code == 200
