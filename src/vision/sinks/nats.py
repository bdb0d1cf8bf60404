"""Events to a NATS JetStream; the stream drops doubles by their ``Nats-Msg-Id``."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Coroutine, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import Field

from vision.errors import SinkError
from vision.settings import parse
from vision.sinks.protocol import BEHIND, Answer, Delivery
from vision.sinks.server import Addresses, ServerSettings, library, short

Result = TypeVar("Result")
# Source: nats-server, server/errors.json: message size exceeds maximum allowed; maximum message size of the stream.
TOO_LARGE = (10054, 10122)
WAITS = Answer("retry", BEHIND)


class NatsSettings(ServerSettings):
    """Where and how.

    ``subject`` may hold ``{camera}`` and ``{type}``. ``create_stream`` makes the stream if it is missing: subjects of
    this sink, file storage, doubles known for ``dedup_s``. ``token`` and ``creds_file`` are other ways to log in.
    """

    servers: Addresses
    stream: Annotated[str, Field(pattern=r"^[\w-]{1,64}$")] = "VISION"
    subject: Annotated[str, Field(pattern=r"^[\w-]+(\.([\w-]+|\{camera\}|\{type\}))*$")] = "vision.{camera}.{type}"
    create_stream: bool = False
    dedup_s: Annotated[int, Field(ge=1, le=2_592_000)] = 86_400
    creds_file: Annotated[str, Field(min_length=1)] | None = None


def nats_sink(name: str, settings: Mapping[str, Any]) -> NatsSink:
    """A sink of type ``nats``.

    Raises:
        ConfigError: a setting is wrong, or the extra ``nats`` is not installed.
    """
    return NatsSink(name, parse(NatsSettings, settings, f"sink {name!r}"))


class NatsSink:
    """One connection, kept alive by a thread of its own: the library is asynchronous and answers pings there."""

    def __init__(self, name: str, settings: NatsSettings) -> None:
        settings.check_login(name)
        self.name, self.settings = name, settings
        self._nats = library("nats", name, "nats")
        self._errors = library("nats.errors", name, "nats")
        self._js = library("nats.js.errors", name, "nats")
        self._api = library("nats.js.api", name, "nats")
        hosts = [server.rpartition(":")[0].strip("[]") for server in settings.servers]
        self._tls = settings.context(name) if settings.encrypts(*hosts) else None
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._client: Any = None
        self._stream: Any = None
        self._denied: list[str] = []  # what the server said of permissions, which it sends apart from the answer

    def send(self, deliveries: Sequence[Delivery]) -> Sequence[Answer]:
        """Publish: cameras side by side, each camera's events one after the other.

        Raises:
            SinkError: the server cannot be reached, does not take the login, or has no such stream.
        """
        return self._run(self._send(deliveries))

    def close(self) -> None:
        """Let go of the connection."""
        if self._thread is not None:
            self._run(self._drop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None
        if not self._loop.is_closed():
            self._loop.close()

    def _run(self, job: Coroutine[Any, Any, Result]) -> Result:
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop.run_forever, name=f"sink {self.name}", daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(job, self._loop).result()

    async def _send(self, deliveries: Sequence[Delivery]) -> Sequence[Answer]:
        try:
            await self._connect()
        except Exception as err:  # the library also stumbles over words that no NATS says
            await self._drop()
            raise SinkError(f"sink {self.name!r}: nats: {short(err)}") from err
        cameras: dict[str, list[int]] = {}
        for i, delivery in enumerate(deliveries):
            cameras.setdefault(delivery.camera, []).append(i)
        answers: list[Answer] = [WAITS] * len(deliveries)

        async def in_turn(indices: list[int]) -> None:
            for i in indices:
                answers[i] = await self._publish(deliveries[i])
                if answers[i].state == "retry":
                    return

        await asyncio.gather(*(in_turn(indices) for indices in cameras.values()))
        if not self._client.is_connected:
            await self._drop()
        if answers and all(answer.state == "retry" for answer in answers):
            detail = next(answer.detail for answer in answers if answer is not WAITS)
            raise SinkError(f"sink {self.name!r}: nats: {detail}")
        return answers

    async def _publish(self, delivery: Delivery) -> Answer:
        subject = subject_of(self.settings.subject, delivery)
        headers = {
            "Nats-Msg-Id": delivery.key,
            "Nats-Expected-Stream": self.settings.stream,
            "Content-Type": "application/cloudevents+json; charset=UTF-8",
        }
        try:
            done = await self._stream.publish(subject, delivery.body, headers=headers, timeout=self.settings.timeout_s)
        except self._errors.MaxPayloadError:
            return Answer("refused", f"larger than the server's max_payload: {len(delivery.body)} bytes")
        except self._js.NoStreamResponseError:
            return Answer("retry", f"no stream takes the subject {subject}")
        except self._js.APIError as err:
            return Answer("refused" if err.err_code in TOO_LARGE else "retry", short(err.description))
        except Exception as err:  # silence, a loss, an answer that the library cannot read
            if any(f'"{subject}"' in text for text in self._denied):
                return Answer("refused", f"no permission to publish to {subject}")
            return Answer("retry", f"{type(err).__name__}: {short(err)}")
        return Answer("delivered", "was there already" if done.duplicate else "")

    async def _connect(self) -> None:
        if self._client is not None and self._client.is_connected:
            return
        await self._drop()
        s = self.settings
        scheme = "nats" if self._tls is None else "tls"
        self._denied.clear()
        self._client = await self._nats.connect(
            servers=[f"{scheme}://{server}" for server in s.servers],
            name=f"vision-{self.name}",
            user=s.user,
            password=s.secret(),
            user_credentials=s.creds_file,
            tls=self._tls,
            connect_timeout=s.timeout_s,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            error_cb=self._note,
        )
        self._stream = self._client.jetstream(timeout=s.timeout_s)
        if s.create_stream:
            config = self._api.StreamConfig(
                name=s.stream, subjects=[subjects_of(s.subject)], storage="file", duplicate_window=s.dedup_s
            )
            try:
                await self._stream.stream_info(s.stream)
            except self._js.NotFoundError:
                await self._stream.add_stream(config)

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None and not client.is_closed:
            await client.close()

    async def _note(self, err: Exception) -> None:
        if "permissions violation" in str(err).lower():
            self._denied.append(str(err))


def subject_of(template: str, delivery: Delivery) -> str:
    """The subject of an event; what has a meaning in subjects is replaced by ``_``."""
    places = {"camera": re.sub(r"[.*>\s\0]", "_", delivery.camera), "type": str(delivery.event["type"])}
    return re.sub(r"\{(\w+)\}", lambda match: places[match[1]], template)


def subjects_of(template: str) -> str:
    """The subjects that `subject_of` can make, in the server's form."""
    parts = template.split(".")
    return ".".join(
        ">" if part == "{type}" and i == len(parts) - 1 else "*" if part.startswith("{") else part
        for i, part in enumerate(parts)
    )
