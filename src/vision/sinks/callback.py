"""Sink ``callback``: a Python function takes the events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from vision.errors import ConfigError, SinkError
from vision.settings import Section, parse
from vision.sinks.protocol import Answer, Delivery, one_by_one

Function = Callable[[Delivery], Answer | None]


class CallbackSettings(Section):
    """``call``: the function, ``package.module:name``."""

    call: str


class CallbackSink:
    """Calls a function with each delivery, in a thread of its own.

    The function returns None (or an `Answer`) when it has the event; `SinkError` means that its platform is not there,
    any other exception that this event is to be tried again.
    """

    def __init__(self, function: Function) -> None:
        self._function = function

    def send(self, deliveries: Sequence[Delivery]) -> list[Answer]:
        """Call the function; see `vision.sinks.protocol.Sink`.

        Raises:
            SinkError: the function raised it.
        """
        return one_by_one(deliveries, self._call)

    def close(self) -> None:
        """Nothing to let go of."""

    def _call(self, delivery: Delivery) -> Answer:
        try:
            return self._function(delivery) or Answer("delivered")
        except SinkError:
            raise
        except Exception as err:  # whatever a stranger's function does, no event gets lost
            return Answer("retry", f"{type(err).__name__}: {err}")


def callback_sink(name: str, settings: Mapping[str, Any]) -> CallbackSink:
    """The sink of a ``[[sink]]`` table.

    Raises:
        ConfigError: a setting is unknown or wrong, or there is no such function.
    """
    label = f"sink {name!r}"
    place = parse(CallbackSettings, settings, label).call
    module, _, attribute = place.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as err:
        raise ConfigError(f"{label}: call: expected package.module:function, got {place!r}: {err}") from err
    if not callable(found):
        raise ConfigError(f"{label}: call: expected a function, got {place!r}")
    return CallbackSink(found)
