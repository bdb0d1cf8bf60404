"""The sinks jsonl and callback, and how a sink is found by its type."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.events.samples import JPEG
from tests.sinks.deliveries import delivery
from vision.errors import ConfigError, SinkError
from vision.events.model import parse_event
from vision.sinks.callback import CallbackSink, callback_sink
from vision.sinks.jsonl import jsonl_sink
from vision.sinks.protocol import Answer, Delivery, Sink
from vision.sinks.registry import make_sink, sink_types


def keys_in(folder: Path) -> list[str]:
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    return [json.loads(line)["id"] for line in lines]


def test_events_are_lines_of_files_that_begin_anew_by_size(tmp_path: Path) -> None:
    sink = jsonl_sink("log", {"folder": str(tmp_path), "max_mb": 0.01})
    sent = [delivery(n) for n in range(1, 31)]
    for i in range(0, 30, 10):
        assert {a.state for a in sink.send(sent[i : i + 10])} == {"delivered"}
    sink.close()
    assert keys_in(tmp_path) == [d.key for d in sent]
    files = sorted(tmp_path.iterdir())
    assert len(files) > 2
    assert files[0].name == f"events-{datetime.now(UTC):%Y%m%d}-001.jsonl"
    assert all(f.stat().st_size < 10_000 + len(sent[0].body) + 2 for f in files)
    for line in files[0].read_bytes().splitlines():
        parse_event(line)


def test_files_begin_anew_by_day(tmp_path: Path) -> None:
    (tmp_path / "events-20200101-004.jsonl").write_text("", encoding="utf-8")
    sink = jsonl_sink("log", {"folder": str(tmp_path)})
    sink.send([delivery()])
    sink.close()
    assert [f.name for f in sorted(tmp_path.iterdir())][1].endswith("-001.jsonl")


def test_what_is_in_a_file_is_not_written_again(tmp_path: Path) -> None:
    first = jsonl_sink("log", {"folder": str(tmp_path)})
    first.send([delivery(1), delivery(2)])
    first.close()
    path = next(tmp_path.iterdir())
    with path.open("ab") as file:
        file.write(delivery(3).body[:100])  # killed in the middle of a line
    second = jsonl_sink("log", {"folder": str(tmp_path)})
    assert len(second.send([delivery(2), delivery(3), delivery(3), delivery(4)])) == 4
    second.close()
    assert keys_in(tmp_path) == [delivery(n).key for n in (1, 2, 3, 4)]


def test_a_thousand_files_of_a_day_and_files_of_others(tmp_path: Path) -> None:
    day = f"{datetime.now(UTC):%Y%m%d}"
    for name in (
        f"events-{day}-999.jsonl",
        f"events-{day}-1000.jsonl",
        f"events-{day}-x.jsonl",
        "events-of-mine.jsonl",
    ):
        (tmp_path / name).write_bytes(b"x" * 20_000 + b"\n")
    sink = jsonl_sink("log", {"folder": str(tmp_path), "max_mb": 0.01})
    sink.send([delivery()])
    sink.close()
    assert (tmp_path / f"events-{day}-1001.jsonl").read_bytes() == delivery().body + b"\n"


def test_what_is_answered_is_on_disk_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    real = os.fsync

    def fsync(fd: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{fd}")))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    sink = jsonl_sink("log", {"folder": str(tmp_path), "pictures": True})
    sink.send([delivery()])
    sink.close()
    picture, line = next(tmp_path.glob("pictures/??/*.jpg")), next(tmp_path.glob("*.jsonl"))
    assert {picture.with_suffix(".part"), picture.parent, line, tmp_path} <= set(synced)


def test_pictures_beside_the_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = jsonl_sink("log", {"folder": str(tmp_path), "pictures": True})
    assert [a.state for a in sink.send([delivery(1), delivery(2, is_gone=True)])] == ["delivered"] * 2
    sink.close()
    sha256 = delivery().event["data"]["pictures"][0]["sha256"]
    assert (tmp_path / "pictures" / sha256[:2] / f"{sha256}.jpg").read_bytes() == JPEG
    assert (
        f"{delivery(2).key} goes without its {delivery().event['data']['pictures'][0]['role']} picture" in caplog.text
    )


def test_a_folder_that_cannot_be_written_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    sink = jsonl_sink("log", {"folder": str(tmp_path / "file" / "below")})
    with pytest.raises(SinkError):
        sink.send([delivery()])
    sink.close()


def seen_by(delivery: Delivery) -> Answer | None:
    if delivery.number == 2:
        raise ValueError("not this one")
    return Answer("refused", "no") if delivery.number == 4 else None


def test_a_function_takes_events() -> None:
    sink = callback_sink("mine", {"call": f"{__name__}:seen_by"})
    answers = sink.send([delivery(1), delivery(2), delivery(3), delivery(4, "yard")])
    assert [a.state for a in answers] == ["delivered", "retry", "retry", "refused"]
    assert answers[1].detail == "ValueError: not this one"
    sink.close()


def test_a_function_may_say_that_its_platform_is_away() -> None:
    def away(_: Delivery) -> None:
        raise SinkError("away", wait_s=5)

    with pytest.raises(SinkError, match="away"):
        CallbackSink(away).send([delivery()])


@pytest.mark.parametrize("place", ["nowhere", "no.such.module:f", f"{__name__}:nothing", f"{__name__}:JPEG", ":", ""])
def test_a_function_that_is_not_there_is_one_line(place: str) -> None:
    with pytest.raises(ConfigError, match="sink 'mine': call: expected"):
        callback_sink("mine", {"call": place})


def test_sinks_are_found_by_their_type(tmp_path: Path) -> None:
    assert {"jsonl", "callback", "webhook"} <= set(sink_types())
    sink: Sink = make_sink("jsonl", "log", {"folder": str(tmp_path)})
    sink.close()
    with pytest.raises(
        ConfigError, match=r"sink 'x': type: expected one of archive, callback, .*jsonl.*, got 'jsonll'"
    ):
        make_sink("jsonll", "x", {})
    with pytest.raises(ConfigError, match="sink 'x': fold: unknown key, expected one of folder"):
        make_sink("jsonl", "x", {"folder": "a", "fold": 1})
