"""A disk that is really full: a small file system in memory, mounted for the test."""

import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.events.samples import sighting, site
from tests.outbox.helpers import WAIT_S, Receiver, fill, quick, until
from tests.sinks.deliveries import delivery
from vision.errors import SinkError
from vision.events.make import picture_part, sighting_event
from vision.events.model import parse_event
from vision.outbox.outbox import Outbox
from vision.sinks.jsonl import jsonl_sink

MB = 1 << 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_up(folder: Path) -> Path:
    """A file that takes all the room there is."""
    path = folder / "ballast"
    with path.open("wb", buffering=0) as file:
        for size in (65536, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return path


@pytest.mark.parametrize("has_pictures", [False, True])
def test_events_wait_in_memory_and_go_on(
    small: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, has_pictures: bool
) -> None:
    monkeypatch.setattr("vision.outbox.writer.RETRY_S", 0.02)
    sink = Receiver()
    sink.gate.clear()
    with caplog.at_level(logging.WARNING), Outbox(small / "box", [quick("one", sink)]) as outbox:
        keys = fill(outbox, 5)
        ballast = fill_up(small)
        for n in range(10, 60):
            data = b"\xff\xd8" + os.urandom(20_000)
            part = [picture_part("scene", data, 8, 8)] if has_pictures else []
            event = sighting_event(sighting(n), site(), part, now_ns=0)
            number = outbox.put(event, [data] if has_pictures else [])
            keys.append(event.id)
        until(lambda: outbox.trouble)
        assert not outbox.wait(number, 0.1)
        ballast.unlink()
        assert outbox.wait(number, WAIT_S)
        sink.gate.set()
        until(lambda: len(sink.got) == 55)
        assert sink.keys_of() == keys
        assert outbox.lost == 0
    assert "small/box: cannot write: " in caplog.text  # in SQLite's words, or in the system's
    assert "can be written again" in caplog.text
    assert not list(small.rglob("*.part"))


def test_lines_stay_whole_and_the_sink_is_away(small: Path) -> None:
    sink = jsonl_sink("log", {"folder": str(small / "out"), "pictures": True})
    assert [a.state for a in sink.send([delivery(1)])] == ["delivered"]
    ballast = fill_up(small)
    for _ in range(2):
        with pytest.raises(SinkError, match="No space left"):
            sink.send([delivery(n) for n in range(2, 40)])
    ballast.unlink()
    assert {a.state for a in sink.send([delivery(n) for n in range(2, 40)])} == {"delivered"}
    sink.close()
    lines = next((small / "out").glob("*.jsonl")).read_bytes().splitlines()
    assert [parse_event(line).id for line in lines] == [delivery(n).key for n in range(1, 40)]
