"""Ctrl-C is never lost, wherever it falls."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clip import demo_clip
from vision.cli.interrupts import interrupts
from vision.pipeline.record import Part, record
from vision.pipeline.runner import Pipeline


@pytest.fixture(autouse=True)
def not_ignored() -> Iterator[None]:
    """Tests may run as a job in the background, for which a shell lets SIGINT be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class PressesCtrlC:
    """Sends the signal while it is destroyed: Python prints and drops exceptions there."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(1000))  # the handler runs between two steps of this function


def test_an_interrupt_inside_a_destructor_stops_the_run(tmp_path: Path) -> None:
    pressed = []

    def progress(_name: str, done: int, _total: int | None) -> None:
        if done == 5:
            pressed.append(done)
            PressesCtrlC()

    with interrupts() as is_stopped:
        summary = record(Pipeline(), [str(demo_clip())], tmp_path / "out", Part(annotate=False), progress, is_stopped)
    assert pressed == [5]
    assert summary.interrupted
    assert summary.frames == 5


def test_a_second_press_raises_at_once() -> None:
    with interrupts() as is_stopped:
        os.kill(os.getpid(), signal.SIGTERM)
        assert is_stopped()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with interrupts():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts() as is_stopped:
        os.kill(os.getpid(), signal.SIGINT)
        assert not is_stopped()
