"""The event types: what goes in comes out, the envelope is CloudEvents, ids are fit for everything."""

import json
import re
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from tests.events.samples import NS, T0, events, one_of_each, sighting, site, times
from vision.events.make import key_of, sighting_event, site_part
from vision.events.model import TYPES, Event, json_schema, parse_event
from vision.events.record import record_of
from vision.events.times import milliseconds_text, time_ns_of, time_text

SCHEMA = Draft202012Validator(json_schema())
each = pytest.mark.parametrize("event", one_of_each(), ids=lambda e: e.type)


@given(events)
@settings(max_examples=300, deadline=None)
def test_what_goes_in_comes_out(event: Event) -> None:
    body = event.body()
    assert parse_event(body) == event
    assert parse_event(json.loads(body)).body() == body
    SCHEMA.validate(json.loads(body))
    assert re.fullmatch(r"[A-Za-z0-9_~%-]+", event.id)


def test_there_is_one_of_each_type() -> None:
    assert [e.type for e in one_of_each()] == list(TYPES)


@each
def test_the_cloudevents_library_reads_it(event: Event) -> None:
    message = HTTPMessage(headers={"content-type": "application/cloudevents+json"}, body=event.body())
    read = from_http_event(message, JSONFormat())
    assert read.get_specversion() == "1.0"
    assert (read.get_id(), read.get_source(), read.get_type()) == (event.id, event.source, event.type)
    assert read.get_subject() == event.subject
    moment = read.get_time()
    assert moment is not None
    assert abs(moment.timestamp() - time_ns_of(event.time) / NS) < 1e-3
    assert read.get_extension("partitionkey") == "gate"
    assert read.get_data() == json.loads(event.body())["data"]


@each
def test_the_schema_takes_what_is_sent_and_nothing_more(event: Event) -> None:
    value = json.loads(event.body())
    SCHEMA.validate(value)
    for wrong in ({**value, "extra": 1}, {**value, "type": "other"}, {k: v for k, v in value.items() if k != "id"}):
        assert not SCHEMA.is_valid(wrong)
        with pytest.raises(ValueError, match="got"):
            parse_event(wrong)


@each
def test_every_event_says_who_why_and_with_what(event: Event) -> None:
    data: dict[str, Any] = json.loads(event.body())["data"]
    found = data.get("site") or data["sighting"]["site"]
    assert found["purpose"] == "traffic statistics"
    assert found["models"][0]["sha256"] == "0a" * 32
    assert re.fullmatch("[0-9a-f]{64}", found["config_sha256"])


def test_an_id_stays_the_same_and_a_revision_is_another() -> None:
    one, again = (sighting_event(sighting(5), site(), now_ns=now) for now in (0, 5))
    later = sighting_event(sighting(5, revision=2), site(), now_ns=0)
    assert one.id == again.id == "gate-1700000005123-v5-r1"
    assert later.id == "gate-1700000005123-v5-r2"


def test_ids_of_different_cameras_stay_different() -> None:
    names = ["a.b", "a-b", "a_b", "a%2Eb", "东门", "a b", "a/b"]
    keys = [key_of(name, "r1") for name in names]
    assert len(set(keys)) == len(names)
    assert not any("." in key or not key.isascii() for key in keys)


def test_a_sighting_event_carries_the_record_and_exact_times() -> None:
    seen = sighting(5)
    data = json.loads(sighting_event(seen, site(), now_ns=0).body())["data"]
    record = record_of(seen).plain()
    assert {key: data[key] for key in record} == record
    assert time_ns_of(data["times"]["first"]) == seen.first_time_ns
    assert data["times"]["source"] == "stamp"
    assert data["times"]["error_ns"] == 500_000_000


def test_nothing_in_an_event_changes() -> None:
    event = one_of_each()[1]
    with pytest.raises(ValidationError):
        event.id = "other"


def test_the_config_hash_follows_the_settings_alone() -> None:
    one, same, other = (site_part("a", "b", "1", [], c) for c in ({"x": 1, "y": 2}, {"y": 2, "x": 1}, {"x": 2, "y": 2}))
    assert one.config_sha256 == same.config_sha256 != other.config_sha256


@given(times)
def test_times_lose_nothing(time_ns: int) -> None:
    assert time_ns_of(time_text(time_ns)) == time_ns
    assert time_ns_of(milliseconds_text(time_ns)) == time_ns // 1_000_000 * 1_000_000


def test_a_time_without_a_date_is_an_error() -> None:
    assert time_text(T0) == "2023-11-14T22:13:20.000000000Z"
    with pytest.raises(ValueError, match="expected YYYY-MM-DDThh:mm:ss"):
        time_ns_of("22:13:20Z")
