"""Redis itself, by its INFO."""

from typing import Any

from msgspec import Struct
from redis.exceptions import RedisError

from hsi.redis_client import async_client, reason_of
from hsi_service.sources.time_limited import SourceError
from hsi_service.sources.validate import count

ANSWER_TIMEOUT = 1.0
"""Seconds for an answer."""


class RedisFigures(Struct, frozen=True, kw_only=True):
    """What Redis says of itself. What it does not say is None."""

    connected_clients: int | None
    blocked_clients: int | None
    memory_used: int | None
    """Bytes."""
    memory_limit: int | None = None
    """Bytes that its data may take (`maxmemory`); None: without end."""
    hits: int | None
    """Keys that were looked up and found, ever."""
    misses: int | None
    """Keys that were not, ever."""


class RedisInfo:
    """Asks Redis how it is."""

    def __init__(self, redis_url: str, *, name: str) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            name: Of the service, shown by Redis' CLIENT LIST.

        """
        self._redis = async_client(
            redis_url, name=f"{name}-info", timeout=ANSWER_TIMEOUT, read_only=True
        )

    async def read(self) -> RedisFigures:
        """Ask it.

        Raises:
            SourceError: Redis does not answer.

        """
        try:
            # Three of its sections, and not all: parsing them is what a reading costs.
            info = await self._redis.info("clients", "memory", "stats")
        except (RedisError, OSError) as error:
            raise SourceError(reason_of(error)) from error
        return redis_figures_of(info)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def redis_figures_of(info: Any) -> RedisFigures:
    """Read the answer to INFO."""
    said: dict[str, Any] = info if isinstance(info, dict) else {}
    return RedisFigures(
        connected_clients=count(said.get("connected_clients")),
        blocked_clients=count(said.get("blocked_clients")),
        memory_used=count(said.get("used_memory")),
        memory_limit=count(said.get("maxmemory")) or None,
        hits=count(said.get("keyspace_hits")),
        misses=count(said.get("keyspace_misses")),
    )
