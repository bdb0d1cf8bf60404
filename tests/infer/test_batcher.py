"""Inputs of several threads that run together."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.infer.test_device import crops, n_wrong
from vision.infer.batcher import Batcher
from vision.infer.session import Session
from vision.infer.store import find


class Gate:
    """A run that stands at a gate until it is opened; notes what it was given."""

    def __init__(self) -> None:
        self.open, self.entered = threading.Event(), threading.Event()
        self.seen: list[tuple[int, ...]] = []

    def run(self, batch: NDArray[Any]) -> Sequence[NDArray[np.float32]]:
        self.seen.append(batch.shape)
        self.entered.set()
        assert self.open.wait(30)
        if (batch < 0).any():
            raise ValueError("negative")
        return [batch.sum(1), 2 * batch]


def ask_all(batcher: Batcher, gate: Gate, inputs: Sequence[NDArray[Any]]) -> list[Any]:
    """The first input runs alone; the others come while it stands at the gate, in order."""
    got: list[Any] = [None] * len(inputs)

    def work(i: int) -> None:
        try:
            got[i] = batcher.run(inputs[i])
        except ValueError as err:
            got[i] = err

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    threads[0].start()
    assert gate.entered.wait(30)
    for i, thread in enumerate(threads[1:], 1):
        thread.start()
        while sum(map(len, batcher._waiting.values())) < i and thread.is_alive():
            threading.Event().wait(0.001)
    gate.open.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    return got


def test_who_waits_while_a_run_goes_on_makes_the_next_one() -> None:
    gate = Gate()
    inputs = [np.full((1, 3), i, np.float32) for i in range(9)]
    got = ask_all(Batcher(gate.run), gate, inputs)
    for i, (total, double) in enumerate(got):
        assert total.tolist() == [3 * i]
        assert double.tolist() == [[2 * i] * 3]
    assert gate.seen == [(1, 3), (8, 3)]


def test_only_powers_of_two_and_not_too_many_run_together() -> None:
    gate = Gate()
    inputs = [np.full((n, 2), n, np.float32) for n in (1, 1, 1, 1, 1, 1, 3, 1, 40, 1, 1)]
    got = ask_all(Batcher(gate.run, most=8), gate, inputs)
    assert all(np.array_equal(out[1], 2 * given) for out, given in zip(got, inputs, strict=True))
    assert sum(shape[0] for shape in gate.seen) == sum(map(len, inputs))
    assert gate.seen[:2] == [(1, 2), (8, 2)]  # the five ones and the three after it
    assert all(n in (1, 2, 4, 8, 40) for n, _ in gate.seen)


def test_other_shapes_and_kinds_run_apart() -> None:
    gate = Gate()
    inputs: list[NDArray[Any]] = [
        np.zeros((1, n), kind) for n, kind in ((2, np.float32), (3, np.float32), (2, np.uint8))
    ]
    ask_all(Batcher(gate.run), gate, inputs)
    assert sorted(gate.seen) == [(1, 2), (1, 2), (1, 3)]


def test_an_error_reaches_everybody_who_took_part_and_no_one_else() -> None:
    gate = Gate()
    inputs = [np.full((1, 2), v, np.float32) for v in (1, 2, -1)]
    first, *others = ask_all(Batcher(gate.run), gate, inputs)
    assert first[0].tolist() == [2]
    assert [str(err) for err in others] == ["negative", "negative"]


@pytest.mark.parametrize("most", [1, 4, 16])
def test_many_threads_get_their_own_answers(most: int) -> None:
    session = Session(find("plate_reader"))
    batcher = Batcher(session.run, most)
    assert n_wrong(batcher.run, [session.run(crops(1, seed=i))[0] for i in range(8)], atol=1e-4) == 0
    assert not batcher._waiting
