"""What several threads want of one network, put together into few runs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 16  # pictures of one run that come from several callers

Run = Callable[[NDArray[Any]], Sequence[NDArray[np.float32]]]


@dataclass(slots=True, eq=False)
class Wish:
    """An input that waits, and what came of it."""

    batch: NDArray[Any]
    outputs: Sequence[NDArray[np.float32]] | None = None
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        """Whether it need not wait any longer."""
        return self.outputs is not None or self.error is not None


class Batcher:
    """Lets one run go at a time; what comes meanwhile joins the next one, so nobody waits for company.

    Inputs join that are alike but for their number. As many pictures as a power of two run together, ``most`` at most:
    a device that prepares itself for every shape (TensorRT) sees few of them.

    Args:
        run: takes an input, its first axis the batch, and gives outputs with the same first axis.
        most: pictures that are put together; a larger single input runs as it is.
    """

    def __init__(self, run: Run, most: int = MOST) -> None:
        self._run, self._most = run, most
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._waiting: dict[tuple[Any, ...], deque[Wish]] = {}

    def run(self, batch: NDArray[Any]) -> Sequence[NDArray[np.float32]]:
        """The outputs of this input, whatever it ran together with.

        Raises:
            Exception: what the run raised; everybody who took part gets it.
        """
        wish, key = Wish(batch), (batch.dtype, *batch.shape[1:])
        with self._lock:
            self._waiting.setdefault(key, deque()).append(wish)
        while not wish.is_done:
            with self._turn:
                if not wish.is_done:
                    self._serve(self._next(key))
        if wish.error is not None:
            raise wish.error
        assert wish.outputs is not None
        return wish.outputs

    def _next(self, key: tuple[Any, ...]) -> list[Wish]:
        """Who takes part in the next run: those who have waited longest."""
        with self._lock:
            waiting = self._waiting[key]
            total, sizes = 0, []
            for wish in waiting:
                total += len(wish.batch)
                if total > self._most:
                    break
                sizes.append(total)
            n = max((i for i, size in enumerate(sizes, 1) if size & (size - 1) == 0), default=1)
            taken = [waiting.popleft() for _ in range(n)]
            if not waiting:
                del self._waiting[key]
            return taken

    def _serve(self, wishes: list[Wish]) -> None:
        try:
            whole = wishes[0].batch if len(wishes) == 1 else np.concatenate([w.batch for w in wishes])
            outputs = self._run(whole)
        except Exception as err:
            for wish in wishes:
                wish.error = err
            return
        start = 0
        for wish in wishes:
            stop = start + len(wish.batch)
            wish.outputs = [out[start:stop] for out in outputs]
            start = stop
