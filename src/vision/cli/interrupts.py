"""Ctrl-C and SIGTERM as a question asked between frames, not an exception in the middle of one."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether one of the signals has come; a second one raises KeyboardInterrupt at once.

    A signal that the parent had set to be ignored stays ignored, as shells do for jobs in the background.
    An exception out of a signal handler can land anywhere: in a half-written line, or in a callback of a native
    library or the garbage collector, where Python prints and drops it and the program runs on.
    """
    is_stopped = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal is_stopped
        if is_stopped:
            raise KeyboardInterrupt
        is_stopped = True

    before = {s: signal.signal(s, stop) for s in SIGNALS if signal.getsignal(s) != signal.SIG_IGN}
    try:
        yield lambda: is_stopped
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)
