"""The outbox under hardship: kill -9 at any moment, a full disk, a damaged file."""

import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.outbox.helpers import WAIT_S, Receiver, fill, quick, until
from vision.errors import OutputError
from vision.outbox.database import NAME
from vision.outbox.outbox import Outbox
from vision.sinks.jsonl import JsonlSettings, JsonlSink

CHILD = """
import sys
from pathlib import Path
from tests.events.samples import final_event
from tests.outbox.helpers import quick
from vision.outbox.outbox import Outbox
from vision.sinks.jsonl import JsonlSettings, JsonlSink

folder, first = Path(sys.argv[1]), int(sys.argv[2])
sink = JsonlSink(JsonlSettings(folder=str(folder / "out")))
with Outbox(folder / "outbox", [quick("log", sink, batch=7)]) as outbox:
    print("ready", flush=True)
    for n in range(first, 10**9):
        assert outbox.wait(outbox.put(final_event(n, "ab"[n % 2])), 20)
        print(n, flush=True)
"""


def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    dice, told = random.Random(5), 0
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), str(told + 1)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(dice.randint(6, 40)):
            assert process.stdout.readline()
        time.sleep(dice.uniform(0.0, 0.03))  # anywhere between one event and the next
        os.kill(process.pid, signal.SIGKILL)
        said = process.communicate()[0].split()
        told = int(said[-1]) if said else told + 6
    assert told >= 4 * 6
    sink = JsonlSink(JsonlSettings(folder=str(tmp_path / "out")))
    with Outbox(tmp_path / "outbox", [quick("log", sink)]) as outbox:
        until(lambda: outbox.figures()["log"]["waiting"] == 0)
        assert outbox.drain(WAIT_S)
    text = "".join(p.read_text(encoding="utf-8") for p in sorted((tmp_path / "out").glob("*.jsonl")))
    found = [line.split('"id":"')[1].split('"')[0] for line in text.splitlines()]
    assert len(found) == len(set(found)), "doubled"
    numbers = [int(key.split("-v")[1].split("-")[0]) for key in found]
    assert set(range(1, told + 1)) <= set(numbers), "lost"
    for camera in (0, 1):
        of_camera = [n for n in numbers if n % 2 == camera]
        assert of_camera == sorted(of_camera)


def test_a_full_disk_is_said_events_wait_and_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vision.outbox.writer.RETRY_S", 0.02)
    sink = Receiver()
    sink.gate.clear()
    with Outbox(tmp_path, [quick("one", sink)]) as outbox:
        first = fill(outbox, 5)
        sql = outbox._writer._connection
        sql.execute(f"PRAGMA max_page_count={sql.execute('PRAGMA page_count').fetchone()[0]}")
        from tests.events.samples import final_event

        events = [final_event(n) for n in range(10, 80)]
        with caplog.at_level(logging.WARNING):
            for event in events:
                number = outbox.put(event)
            until(lambda: outbox.trouble)
            assert "full" in outbox.trouble
            assert not outbox.wait(number, 0.1)
            sql.execute("PRAGMA max_page_count=100000")
            assert outbox.wait(number, WAIT_S)
        assert "cannot write: database or disk is full; events wait in memory" in caplog.text
        assert "can be written again" in caplog.text
        sink.gate.set()
        until(lambda: len(sink.got) == 75)
        assert sink.keys_of() == first + [e.id for e in events]
        assert [d.number for d in sink.got] == list(range(1, 76))
        assert outbox.lost == 0


def test_more_than_memory_holds_is_lost_counted_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.events.samples import final_event, match, sighting, site
    from vision.events.make import match_event

    monkeypatch.setattr("vision.outbox.writer.WAITING", 30)
    monkeypatch.setattr("vision.outbox.writer.RETRY_S", 0.02)
    sink = Receiver()
    sink.gate.clear()
    with Outbox(tmp_path, [quick("one", sink)]) as outbox:
        fill(outbox, 1)
        sql = outbox._writer._connection
        sql.execute(f"PRAGMA max_page_count={sql.execute('PRAGMA page_count').fetchone()[0]}")
        alarm = match_event(match(sighting(900)), site(), now_ns=0)
        with caplog.at_level(logging.ERROR):
            outbox.put(alarm)
            until(lambda: outbox.trouble)
            numbers = [outbox.put(final_event(n)) for n in range(10, 110)]
        assert "events lost so far: the disk takes nothing" in caplog.text
        sql.execute("PRAGMA max_page_count=100000")
        assert outbox.wait(numbers[-1], WAIT_S)
        sink.gate.set()
        until(lambda: outbox.figures()["one"]["waiting"] == 0)
        assert len(sink.got) + outbox.lost == 102
        assert 0 < outbox.lost <= 72  # how many the writer has in its hands just then, it decides
        assert alarm.id in [d.key for d in sink.got]
        assert final_event(109).id in [d.key for d in sink.got]


def damage(path: Path) -> None:
    """Overwrite the pages behind the first."""
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("kind", ["pages", "no database", "empty"])
def test_a_damaged_file_is_put_aside_and_a_new_one_begins(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    sink = Receiver()
    with Outbox(tmp_path, [quick("one", sink)]) as outbox:
        fill(outbox, 50)
        until(lambda: len(sink.got) == 50)
    path = tmp_path / NAME
    if kind == "pages":
        damage(path)
    else:
        path.write_bytes(b"no database at all, " * 300 if kind == "no database" else b"")
    kept = path.read_bytes()
    with caplog.at_level(logging.ERROR), Outbox(tmp_path, [quick("one", sink)]) as outbox:
        keys = fill(outbox, 10, first=100)
        until(lambda: len(sink.got) == 60)
        assert sink.keys_of()[50:] == keys
    aside = list(tmp_path.glob("outbox.damaged-*.db"))
    if kind == "empty":  # a file that was just created is no damage
        assert not aside
    else:
        assert [a.read_bytes() for a in aside] == [kept]
        assert f"kept as {aside[0].name}, a new one begins" in caplog.text


def test_damage_that_shows_while_it_runs_loses_no_new_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = Receiver()
    sink.gate.clear()
    with caplog.at_level(logging.ERROR), Outbox(tmp_path, [quick("one", sink)]) as outbox:
        fill(outbox, 400)
        outbox._writer._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = (tmp_path / NAME).stat().st_size
        with (tmp_path / NAME).open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(size - 4096))
        outbox._writer._connection.execute("PRAGMA shrink_memory")
        late = fill(outbox, 30, first=1000)
        sink.gate.set()
        until(lambda: set(late) <= set(sink.keys_of()))
        assert [k for k in sink.keys_of() if k in set(late)] == late
        assert outbox.counts["renewals"] == 1
        assert list(tmp_path.glob("outbox.damaged-*.db"))
    assert "damaged" in caplog.text


def test_numbers_go_on_after_damage_where_they_can_be_read(tmp_path: Path) -> None:
    sink = Receiver()
    with Outbox(tmp_path, [quick("one", sink)]) as outbox:
        fill(outbox, 9)
        until(lambda: len(sink.got) == 9)
    connection = sqlite3.connect(tmp_path / NAME)
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()[0]
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with (tmp_path / NAME).open("r+b") as file:
        file.seek(4096 * (root - 1))
        file.write(b"\xff" * 4096)
    with Outbox(tmp_path, [quick("one", sink)]) as outbox:
        fill(outbox, 1, first=50)
        until(lambda: len(sink.got) == 10)
        assert outbox.counts["renewals"] == 1
    assert sink.got[-1].number == 10


def test_a_file_of_another_program_or_version_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / NAME)
    connection.execute("CREATE TABLE other(x)")
    connection.close()
    with pytest.raises(OutputError, match="expected an outbox of version 1, got version 0"):
        Outbox(tmp_path, [])
