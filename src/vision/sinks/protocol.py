"""What a platform plugs in with: a sink takes deliveries and says what became of each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from vision.errors import SinkError

LOG = logging.getLogger("vision.sinks")
BEHIND = "behind another one of this camera"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one sink.

    ``event`` is a CloudEvents 1.0 envelope as plain JSON and ``body`` the same, serialized once when it was stored:
    every attempt sends equal bytes. ``key`` is the event's id, which a receiver may use to drop doubles. ``number``
    counts the events of a camera for this sink from 1, one up each; it is kept with the event, so attempts share it.
    ``attempt`` is 1 at first; tries without an answer (`SinkError`, a killed process) do not count.
    """

    key: str
    camera: str
    number: int
    attempt: int
    event: Mapping[str, Any]
    body: bytes
    evidence: Callable[[str], bytes] = field(repr=False)  # content hash of a picture -> its JPEG; LookupError: gone


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a delivery.

    ``retry``: it may work later, not before ``wait_s`` if the other side named a time. ``refused``: it will never
    work; the event goes to the dead letters with ``detail``.
    """

    state: Literal["delivered", "retry", "refused"]
    detail: str = ""
    wait_s: float | None = None


class Sink(Protocol):
    """Where events go. One thread calls it; deliveries of a camera come in order.

    A sink that answers ``retry`` for a delivery sends no later one of that camera in the same call and answers
    ``retry`` for those, too, so that they stay in order: `one_by_one` does that.

    A sink is made by ``factory(name: str, settings: Mapping[str, Any]) -> Sink``, an entry point of the group
    ``vision.sinks`` whose name is the sink's ``type`` in a site file. A factory raises `ConfigError` for settings it
    does not understand and does not connect yet.
    """

    def send(self, deliveries: Sequence[Delivery]) -> Sequence[Answer]:
        """Try to deliver; one answer each, in order. Fewer answers: the others were not tried.

        Raises:
            SinkError: nothing was delivered, the platform is not there; all are tried again later. That is no
                attempt: a platform that is away for long turns nothing into dead letters.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


@runtime_checkable
class Opens(Protocol):
    """What a sink may have besides: something to do before its first delivery, such as to say that it is there."""

    def open(self) -> None:
        """Called by the sink's thread before anything is sent, again and again until it raises nothing.

        Raises:
            SinkError: the platform is not there.
        """
        ...


def pictures_of(delivery: Delivery, event: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The pictures that an event refers to, each with its reference inside ``event``; one that is gone is said."""
    data = event["data"]
    for part in data.get("pictures") or data.get("sighting", {}).get("pictures", ()):
        try:
            yield part, delivery.evidence(part["sha256"])
        except LookupError as err:
            LOG.warning("%s goes without its %s picture: %s", delivery.key, part["role"], err)


def one_by_one(deliveries: Sequence[Delivery], attempt: Callable[[Delivery], Answer]) -> list[Answer]:
    """Answers of a sink that sends one event at a time; a camera with a ``retry`` is left alone for the rest.

    If ``attempt`` raises `SinkError` after others were delivered, those answers alone come back.
    """
    answers: list[Answer] = []
    held: dict[str, float | None] = {}
    for delivery in deliveries:
        if delivery.camera in held:
            answers.append(Answer("retry", BEHIND, held[delivery.camera]))
            continue
        try:
            answer = attempt(delivery)
        except SinkError:
            if not any(a.state != "retry" for a in answers):
                raise
            return answers
        if answer.state == "retry":
            held[delivery.camera] = answer.wait_s
        answers.append(answer)
    return answers
