"""What nobody plans for: sinks with mistakes, events that cannot be written, answers that cannot be stored."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.events.samples import JPEG, final_event, sighting, site
from tests.outbox.helpers import WAIT_S, Receiver, files, fill, quick, until
from vision.disk.pictures import Pictures
from vision.errors import SinkError
from vision.events.make import picture_part, sighting_event
from vision.outbox.database import NAME
from vision.outbox.outbox import Outbox
from vision.outbox.store import open_store
from vision.outbox.writer import Put
from vision.sinks.protocol import Answer, Delivery


class Says(Receiver):
    """Answers what it is told to, whatever that is."""

    def __init__(self, answer: Callable[[Sequence[Delivery]], Any]) -> None:
        super().__init__()
        self.answer = answer

    def send(self, deliveries: Sequence[Delivery]) -> Any:
        return self.answer(deliveries)


@pytest.mark.parametrize(
    "answer",
    [
        lambda deliveries: None,
        lambda deliveries: ["delivered"] * len(deliveries),
        lambda deliveries: [None] * len(deliveries),
        lambda deliveries: [Answer("ok")] * len(deliveries),  # type: ignore[arg-type]
        lambda deliveries: [Answer("retry", None)] * len(deliveries),  # type: ignore[arg-type]
        lambda deliveries: [Answer("refused", "\ud800 \udfff")] * len(deliveries),
        lambda deliveries: [Answer("retry", "\ud800")] * len(deliveries),
    ],
)
def test_what_a_sink_should_not_answer_is_an_attempt_and_then_a_dead_letter(tmp_path: Path, answer: Any) -> None:
    with Outbox(tmp_path, [quick("one", Says(answer), max_attempts=3)]) as outbox:
        fill(outbox, 2)
        until(lambda: outbox.figures()["one"]["dead"] == 2)
        assert outbox.figures()["one"]["waiting"] == 0


def test_answers_that_come_one_by_one_are_answers(tmp_path: Path) -> None:
    sink = Says(lambda deliveries: (Answer("delivered") for _ in deliveries))
    with Outbox(tmp_path, [quick("one", sink)]) as outbox:
        fill(outbox, 5)
        until(lambda: outbox.figures()["one"]["delivered"] == 5)
        assert outbox.figures()["one"]["errors"] == 0


def test_an_outage_whose_text_cannot_be_stored_is_said_in_one_that_can(tmp_path: Path) -> None:
    def away(_: Sequence[Delivery]) -> Any:
        raise SinkError("gone \ud800")

    with Outbox(tmp_path, [quick("one", Says(away))]) as outbox:
        fill(outbox, 1)
        until(lambda: outbox.figures()["one"]["trouble"])
        assert outbox.figures()["one"]["trouble"] == "gone ?"


def test_an_event_that_cannot_be_written_is_counted_and_its_wait_says_no(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        id, partitionkey, type = "broken", "gate", final_event(1).type

        def body(self) -> bytes:
            raise ValueError("a mistake")

    sink = Receiver()
    with Outbox(tmp_path, [quick("one", sink)]) as outbox:
        number = outbox.put(Broken())  # type: ignore[arg-type]
        keys = fill(outbox, 3)
        assert not outbox.wait(number, WAIT_S)
        until(lambda: sink.keys_of() == keys)
        assert outbox.lost == 1
    assert "broken cannot be written and is given up" in caplog.text


def test_behind_an_event_that_has_to_wait_none_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(tmp_path, [])
    outbox.close()
    puts = [Put(final_event(n), (), ()) for n in (1, 2, 3)]
    tried: list[list[Any]] = []

    def commit(changes: Sequence[Any]) -> None:
        tried.append(list(changes))
        if len(changes) > 1:
            raise ValueError("one of them is wrong")
        if changes == [puts[1]]:
            raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(outbox._writer, "_commit", commit)
    assert not outbox._writer._tried(list(enumerate(puts)))
    assert tried == [puts, puts[:1], puts[1:2]]


def test_pictures_in_memory_have_a_limit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.outbox.writer.WAITING_BYTES", 10 * len(JPEG))
    monkeypatch.setattr("vision.outbox.writer.RETRY_S", 0.02)
    sink = Receiver()
    sink.gate.clear()
    part = [picture_part("scene", JPEG, 8, 8)]
    with Outbox(tmp_path, [quick("one", sink)]) as outbox:
        fill(outbox, 1)
        sql = outbox._writer._connection
        sql.execute(f"PRAGMA max_page_count={sql.execute('PRAGMA page_count').fetchone()[0]}")
        outbox.put(final_event(2))
        until(lambda: outbox.trouble)
        for n in range(3, 103):
            number = outbox.put(sighting_event(sighting(n), site(), part, now_ns=0), [JPEG])
        assert 80 <= outbox.lost <= 91  # the writer may hold some in its hands just then
        sql.execute("PRAGMA max_page_count=100000")
        assert outbox.wait(number, WAIT_S)
        sink.gate.set()
        until(lambda: outbox.figures()["one"]["waiting"] == 0)
        assert len(sink.got) + outbox.lost == 102


def test_an_event_after_the_end_is_counted_as_lost(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, [])
    outbox.close()
    assert not outbox.wait(outbox.put(final_event(1)), WAIT_S)
    assert outbox.lost == 1


def test_pieces_of_pictures_that_a_killed_program_left_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "pictures" / "ab"
    folder.mkdir(parents=True)
    for name in ("ab12.part", "ab12.jpg"):
        (folder / name).write_bytes(b"half")
    with Outbox(tmp_path, [quick("one", Receiver())]) as outbox:
        fill(outbox, 1)
        until(lambda: not files(tmp_path))
        assert not list(folder.iterdir())


def test_a_picture_that_cannot_be_read_just_now_is_not_gone(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path)
    with pytest.raises(LookupError):
        pictures.get("ab12")
    pictures.path("ab12").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        pictures.get("ab12")


def test_damage_that_a_sender_meets_first_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n_failures = 1

    def broken_once(path: Path) -> Any:
        nonlocal n_failures
        if n_failures:
            n_failures -= 1
            err = sqlite3.DatabaseError("database disk image is malformed")
            err.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise err
        return open_store(path)

    monkeypatch.setattr("vision.outbox.sender.open_store", broken_once)
    sink = Receiver()
    with Outbox(tmp_path, [quick("one", sink)]) as outbox:
        until(lambda: outbox.counts["renewals"] == 1)
        keys = fill(outbox, 3)
        until(lambda: sink.keys_of() == keys)


def test_a_sink_that_does_not_end_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    is_in, is_over = threading.Event(), threading.Event()

    def hang(deliveries: Sequence[Delivery]) -> list[Answer]:
        is_in.set()
        is_over.wait(WAIT_S)
        return [Answer("delivered")] * len(deliveries)

    outbox = Outbox(tmp_path, [quick("slow", Says(hang))])
    fill(outbox, 1)
    assert is_in.wait(WAIT_S)
    outbox.close(0.1)
    is_over.set()
    assert "sink slow: still busy" in caplog.text


def test_trouble_is_shown_as_long_as_a_camera_waits(tmp_path: Path) -> None:
    def answer(deliveries: Sequence[Delivery]) -> list[Answer]:
        return [Answer("retry", "busy", 1000.0) if d.camera == "a" else Answer("delivered") for d in deliveries]

    with Outbox(tmp_path, [quick("one", Says(answer))]) as outbox:
        fill(outbox, 2, "a", "b")
        until(lambda: outbox.figures()["one"]["trouble"] == "busy")
        fill(outbox, 20, "b", first=10)
        until(lambda: outbox.figures()["one"]["delivered"] == 21)
        assert outbox.figures()["one"]["trouble"] == "busy"


def test_nothing_is_sent_before_a_sink_has_opened(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Opens(Receiver):
        def __init__(self) -> None:
            super().__init__()
            self.failures: list[Exception] = [SinkError("not yet"), ValueError("a mistake"), SinkError("nor now")]
            self.n_sent_before = 0
            self.opened = threading.Event()

        def open(self) -> None:
            self.n_sent_before += len(self.tried)
            if self.failures:
                raise self.failures.pop(0)
            self.opened.set()

    sink = Opens()
    with caplog.at_level(logging.WARNING), Outbox(tmp_path, [quick("one", sink)]) as outbox:
        assert sink.opened.wait(WAIT_S)  # without a delivery
        keys = fill(outbox, 3)
        until(lambda: sink.keys_of() == keys)
        figures = outbox.figures()["one"]
    assert sink.n_sent_before == 0
    assert (figures["outages"], figures["errors"]) == (2, 1)
    assert ["not yet" in caplog.text, "ValueError: a mistake" in caplog.text] == [True, True]


def test_another_program_that_holds_the_database_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vision.outbox.writer.RETRY_S", 0.02)
    sink = Receiver()
    with Outbox(tmp_path, [quick("one", sink)]) as outbox:
        keys = fill(outbox, 3)
        assert outbox.drain(WAIT_S)
        outbox._writer._connection.execute("PRAGMA busy_timeout=50")  # ten seconds otherwise
        other = sqlite3.connect(tmp_path / NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        number = outbox.put(final_event(10))
        until(lambda: outbox.trouble)
        assert not outbox.wait(number, 0.1)
        assert outbox.figures()["one"]["delivered"] == 3  # reading goes on
        other.execute("ROLLBACK")
        other.close()
        assert outbox.wait(number, WAIT_S)
        until(lambda: sink.keys_of() == [*keys, final_event(10).id])
        assert outbox.lost == 0
    assert "database is locked; events wait in memory" in caplog.text
