"""What tests of the outbox share: sinks that do as they are told, and waiting."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.events.samples import final_event
from vision.outbox.outbox import Outbox
from vision.outbox.sender import Route
from vision.sinks.protocol import Answer, Delivery, Sink, one_by_one

WAIT_S = 20.0


class Receiver:
    """Keeps what it is sent; ``decide`` says what becomes of each delivery (default: delivered)."""

    def __init__(self, decide: Callable[[Delivery], Answer] | None = None) -> None:
        self.got: list[Delivery] = []
        self.tried: list[Delivery] = []
        self.decide = decide or (lambda _: Answer("delivered"))
        self.is_closed = False
        self.gate = threading.Event()
        self.gate.set()

    def send(self, deliveries: Sequence[Delivery]) -> list[Answer]:
        self.gate.wait(WAIT_S)
        return one_by_one(deliveries, self._one)

    def _one(self, delivery: Delivery) -> Answer:
        self.tried.append(delivery)
        answer = self.decide(delivery)
        if answer.state == "delivered":
            self.got.append(delivery)
        return answer

    def close(self) -> None:
        self.is_closed = True

    def keys_of(self, camera: str | None = None) -> list[str]:
        return [d.key for d in self.got if camera in (None, d.camera)]


def quick(name: str, sink: Sink, **more: object) -> Route:
    """A route that waits milliseconds."""
    settings: dict[str, object] = {"first_wait_s": 0.002, "longest_wait_s": 0.02, **more}
    return Route(name, sink, **settings)  # type: ignore[arg-type]


def until(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s, "it did not come to be"
        time.sleep(0.005)


def fill(outbox: Outbox, n: int, *cameras: str, first: int = 1) -> list[str]:
    """Put n events, the cameras in turn; returns their keys."""
    names = cameras or ("gate",)
    events = [final_event(i, names[i % len(names)]) for i in range(first, first + n)]
    for event in events:
        number = outbox.put(event)
    assert outbox.wait(number, WAIT_S)
    return [event.id for event in events]


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*.jpg")}
