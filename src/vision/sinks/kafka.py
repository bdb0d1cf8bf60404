"""Events to Apache Kafka: an idempotent producer whose delivery reports are the answers."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from vision.errors import SinkError
from vision.settings import parse
from vision.sinks.protocol import Answer, Delivery
from vision.sinks.server import Addresses, ServerSettings, library, plate_of, short

# Source: Apache Kafka protocol, error codes; names as confluent-kafka gives them.
NEVER = (
    "MSG_SIZE_TOO_LARGE",
    "RECORD_LIST_TOO_LARGE",
    "INVALID_RECORD",
    "INVALID_TIMESTAMP",
    "TOPIC_EXCEPTION",  # the name is no topic's
    "POLICY_VIOLATION",
)
DENIED = ("TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED")


class KafkaSettings(ServerSettings):
    """Where and how.

    ``key`` decides the partition: events of one camera stay in order with ``camera``; ``plate`` gathers what was seen
    of one plate (its camera's key where none was read). ``content``: CloudEvents in headers (binary) or whole in the
    message (structured). ``sasl`` is the login's mechanism where there is a ``user``.
    """

    servers: Addresses
    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")] = "vision.events"
    key: Literal["camera", "plate"] = "camera"
    content: Literal["binary", "structured"] = "binary"
    sasl: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    max_bytes: Annotated[int, Field(ge=1000, le=1_000_000_000)] = 1_000_000


def kafka_sink(name: str, settings: Mapping[str, Any]) -> KafkaSink:
    """A sink of type ``kafka``.

    Raises:
        ConfigError: a setting is wrong, or the extra ``kafka`` is not installed.
    """
    return KafkaSink(name, parse(KafkaSettings, settings, f"sink {name!r}"))


class KafkaSink:
    """One producer; after a failure a new one, so that nothing of a lost attempt is sent later."""

    def __init__(self, name: str, settings: KafkaSettings) -> None:
        self.name, self.settings = name, settings
        self._library = library("confluent_kafka", name, "kafka")
        self._config = producer_config(name, settings)
        self._never = {getattr(self._library.KafkaError, code) for code in NEVER}
        self._denied = {getattr(self._library.KafkaError, code) for code in DENIED}
        self._withdrawn = {self._library.KafkaError._PURGE_QUEUE, self._library.KafkaError._PURGE_INFLIGHT}
        self._producer: Any = None
        self._trouble, self._is_denied = "", False

    def send(self, deliveries: Sequence[Delivery]) -> Sequence[Answer]:
        """Produce all, wait for their reports; what has none when the time is up is withdrawn and tried again.

        Raises:
            SinkError: the cluster cannot be reached, does not take the login or does not permit writing to the topic.
        """
        producer = self._connected()
        answers: list[Answer | None] = [None] * len(deliveries)
        for i, delivery in enumerate(deliveries):
            value, headers = message_of(delivery, self.settings.content)
            try:
                producer.produce(
                    self.settings.topic,
                    value=value,
                    key=key_of(delivery, self.settings.key).encode(),
                    headers=headers,
                    on_delivery=self._report(answers, i),
                )
            except BufferError:
                break  # the queue of the library is full: the rest is tried again
            except self._library.KafkaException as err:
                answers[i] = self._answer(err.args[0])
        self._wait(producer, answers)
        if None in answers or self._is_denied:
            self._drop()  # reports may still come in; a denied topic stays so for a producer that knows it
        if any(answers) or not answers:
            rest = Answer("retry", self._trouble or f"no report within {self.settings.timeout_s:g} s")
            return [answer or rest for answer in answers]
        raise SinkError(
            f"sink {self.name!r}: kafka: {self._trouble or f'no report within {self.settings.timeout_s:g} s'}"
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._drop()

    def _connected(self) -> Any:
        if self._producer is None:
            self._trouble, self._is_denied = "", False
            try:
                self._producer = self._library.Producer({**self._config, "error_cb": self._note})
            except self._library.KafkaException as err:
                raise SinkError(f"sink {self.name!r}: kafka: {short(err.args[0].str())}") from err
        return self._producer

    def _wait(self, producer: Any, answers: Sequence[Answer | None]) -> None:
        end = time.monotonic() + self.settings.timeout_s
        while len(producer) and (left := end - time.monotonic()) > 0:
            producer.poll(min(left, 0.1))
            if self._trouble.startswith("login refused"):
                return

    def _drop(self) -> None:
        """Withdraw what is queued or under way and forget the producer."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(1)
            self._producer = None

    def _report(self, answers: list[Answer | None], i: int) -> Callable[[Any, Any], None]:
        def report(error: Any, message: Any) -> None:
            if error is not None and error.code() in self._denied:
                self._trouble, self._is_denied = f"no permission: {short(error.str())}", True
            elif answers[i] is None and (error is None or error.code() not in self._withdrawn):
                answers[i] = Answer("delivered") if error is None else self._answer(error)

        return report

    def _answer(self, error: Any) -> Answer:
        state: Literal["retry", "refused"] = "refused" if error.code() in self._never else "retry"
        return Answer(state, f"{error.name()}: {short(error.str())}")

    def _note(self, error: Any) -> None:
        """Remember why nothing moves; librdkafka goes on trying by itself."""
        if self._trouble and error.code() == self._library.KafkaError._ALL_BROKERS_DOWN:
            return  # says less than what is known
        kind = "login refused" if error.code() == self._library.KafkaError._AUTHENTICATION else "no connection"
        self._trouble = f"{kind}: {short(error.str())}"


def producer_config(name: str, settings: KafkaSettings) -> dict[str, Any]:
    """The producer's configuration in librdkafka's names.

    One event a batch: a broker that refuses a batch for its size then means the event, never its neighbors.

    Raises:
        ConfigError: a certificate cannot be read, or a password without a user.
    """
    settings.check_login(name)
    config: dict[str, Any] = {
        "bootstrap.servers": ",".join(settings.servers),
        "client.id": f"vision-{name}",
        "enable.idempotence": True,
        "batch.num.messages": 1,
        "max.in.flight.requests.per.connection": 1,  # order and acknowledgement of each event on its own
        "linger.ms": 0,
        "message.max.bytes": settings.max_bytes,
        "message.timeout.ms": int((settings.timeout_s + 60) * 1000),  # we withdraw earlier, all at once
        "socket.timeout.ms": max(1000, int(settings.timeout_s * 1000)),
        "socket.connection.setup.timeout.ms": max(1000, int(settings.timeout_s * 1000)),
        "reconnect.backoff.max.ms": 1000,
        "log_level": 0,
    }
    encrypted = settings.encrypts(*(server.rpartition(":")[0].strip("[]") for server in settings.servers))
    if encrypted:
        settings.context(name)  # says which file is wrong, which librdkafka does not
        config["ssl.ca.location"] = str(settings.ca_file or ssl.get_default_verify_paths().cafile or "probe")
        config["ssl.endpoint.identification.algorithm"] = "https"
        if settings.cert_file:
            config["ssl.certificate.location"] = str(settings.cert_file)
            config["ssl.key.location"] = str(settings.key_file or settings.cert_file)
    if settings.user is not None:
        config |= {"sasl.mechanism": settings.sasl, "sasl.username": settings.user}
        config["sasl.password"] = settings.secret() or ""
    protocol = ("SASL_" if settings.user is not None else "") + ("SSL" if encrypted else "PLAINTEXT")
    return {**config, "security.protocol": protocol.lower()}


def key_of(delivery: Delivery, by: Literal["camera", "plate"]) -> str:
    """What decides the partition."""
    return (plate_of(delivery.event) if by == "plate" else None) or delivery.camera


def message_of(delivery: Delivery, content: Literal["binary", "structured"]) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Value and headers. Source: CloudEvents 1.0.2, Kafka protocol binding, sections 3.2 and 3.3."""
    if content == "structured":
        return delivery.body, [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    event = delivery.event
    headers = [
        (f"ce_{name}", str(value).encode())
        for name, value in event.items()
        if name not in ("data", "datacontenttype") and value is not None
    ]
    headers.append(("content-type", str(event.get("datacontenttype", "application/json")).encode()))
    return json.dumps(event["data"], ensure_ascii=False, separators=(",", ":")).encode(), headers
