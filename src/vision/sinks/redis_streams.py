"""Events to a Redis stream: one entry each, doubled sends dropped by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from vision.errors import SinkError
from vision.settings import parse
from vision.sinks.protocol import Answer, Delivery
from vision.sinks.server import Host, Port, ServerSettings, library, short

# All or nothing for one batch. Keys are noted after their entries: what fails half way is doubled, never lost.
ADD = """
local maxlen, seconds, added = ARGV[1], ARGV[2], {}
for i = 2, #KEYS do
    local known = seconds ~= '0' and redis.call('EXISTS', KEYS[i]) == 1
    added[i - 1] = known and 0 or 1
    if not known then
        local entry = {'XADD', KEYS[1], '*'}
        if maxlen ~= '0' then entry = {'XADD', KEYS[1], 'MAXLEN', '~', maxlen, '*'} end
        for k = 8 * (i - 2) + 3, 8 * (i - 2) + 10 do entry[#entry + 1] = ARGV[k] end
        redis.call(unpack(entry))
        if seconds ~= '0' then redis.call('SET', KEYS[i], 1, 'EX', seconds) end
    end
end
return added
"""


class RedisSettings(ServerSettings):
    """Where and how.

    ``maxlen``: about so many entries are kept, 0 keeps all. ``dedup_s``: a key sent again within this time is not
    added again, 0 adds every attempt.
    """

    host: Host
    port: Port = 6379
    database: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    stream: Annotated[str, Field(pattern=r"^[^\s{}]{1,200}$")] = "vision:events"
    maxlen: Annotated[int, Field(ge=0)] = 100_000
    dedup_s: Annotated[int, Field(ge=0, le=31_536_000)] = 86_400


def redis_sink(name: str, settings: Mapping[str, Any]) -> RedisSink:
    """A sink of type ``redis``.

    Raises:
        ConfigError: a setting is wrong, or the extra ``redis`` is not installed.
    """
    return RedisSink(name, parse(RedisSettings, settings, f"sink {name!r}"))


class RedisSink:
    """One connection; the library opens it when it is first needed and again after a loss."""

    def __init__(self, name: str, settings: RedisSettings) -> None:
        self.name, self.settings = name, settings
        self._redis = library("redis", name, "redis")
        encrypted = settings.encrypts(settings.host)
        tls = {
            "ssl": True,
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,
            "ssl_ca_certs": str(settings.ca_file) if settings.ca_file else None,
            "ssl_certfile": str(settings.cert_file) if settings.cert_file else None,
            "ssl_keyfile": str(settings.key_file) if settings.key_file else None,
        }
        if encrypted:
            settings.context(name)  # says which file is wrong before anything is sent
        self._client = self._redis.Redis(
            host=settings.host,
            port=settings.port,
            db=settings.database,
            username=settings.user,
            password=settings.secret(),
            socket_timeout=settings.timeout_s,
            socket_connect_timeout=settings.timeout_s,
            retry=None,
            **(tls if encrypted else {}),
        )

    def send(self, deliveries: Sequence[Delivery]) -> Sequence[Answer]:
        """Add all in one round trip.

        Raises:
            SinkError: the server cannot be reached, does not take the login or permit the commands, has something else
                under the key, or was lost on the way; what it had added by then is known to it by key.
        """
        s = self.settings
        keys = [f"{{{s.stream}}}:key:{delivery.key}" for delivery in deliveries]  # one hash slot of a cluster
        fields = [field for delivery in deliveries for field in fields_of(delivery)]
        try:
            added = self._client.eval(ADD, 1 + len(keys), s.stream, *keys, s.maxlen, s.dedup_s, *fields)
        except (self._redis.RedisError, OSError) as err:
            raise SinkError(f"sink {self.name!r}: redis: {short(err)}") from err
        except Exception as err:  # the library stumbled over words that no Redis says
            self._client.connection_pool.disconnect()
            raise SinkError(f"sink {self.name!r}: redis: not understood: {type(err).__name__}: {short(err)}") from err
        if not isinstance(added, list) or len(added) != len(deliveries):
            raise SinkError(
                f"sink {self.name!r}: redis: not understood: expected {len(deliveries)} answers, got {added!r:.99}"
            )
        return [Answer("delivered", "" if new else "was there already") for new in added]

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


def fields_of(delivery: Delivery) -> list[str | bytes]:
    """Names and values of an entry, in turn."""
    return ["key", delivery.key, "camera", delivery.camera, "type", str(delivery.event["type"]), "event", delivery.body]
