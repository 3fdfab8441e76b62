"""What the collector keeps in Redis: an hour of figures, and what is known of alerts."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from msgspec import Raw, Struct
from redis.exceptions import RedisError

from hsi.redis_client import async_client, reason_of
from hsi.schemas import PerformanceUpdate, PerformanceUpdateData, channels
from hsi.schemas.validation import encode
from hsi_service.bus.leader_script import LeaderScript
from hsi_service.bus.lease import Lease, Turn
from services.collector.alerts import Firing
from services.collector.downsampling import MAX_POINTS, downsampled

HOUR = 3600
ANSWER_TIMEOUT = 1.0
"""Seconds for an answer."""
_SAVE = """
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], '*', ARGV[6], ARGV[7])
redis.call('EXPIRE', KEYS[3], ARGV[8])
redis.call('SET', KEYS[4], ARGV[9], 'EX', ARGV[10])
return redis.call('PUBLISH', ARGV[11], ARGV[12])
"""
_FIELD = b"data"
_CLOCKS_DIFFER = 60
_KEPT = 24 * HOUR


class StoreError(Exception):
    """Redis does not answer, or not with what was kept there; the text holds no secret."""


class AlertMemory(Struct):
    """What one leader leaves to the next."""

    told: Firing
    """Alerts that were counted and logged."""
    engine: Raw
    """What the engine exported."""


class Store:
    """Keeps it, and reads it."""

    def __init__(self, redis_url: str, lease: Lease, *, interval: float) -> None:
        """Connect on first use.

        Args:
            redis_url: redis://, rediss:// or unix://.
            lease: This replica's.
            interval: Seconds between two points.

        """
        self._clock = lease.redis_clock
        self._redis = async_client(redis_url, name="collector", timeout=ANSWER_TIMEOUT)
        self._reads = async_client(
            redis_url, name="collector-reads", timeout=ANSWER_TIMEOUT, read_only=True
        )
        self._save = LeaderScript(self._redis, lease, _SAVE)
        self._length = round(HOUR / interval) + 1
        self._interval = interval
        self._points = msgspec.json.Decoder(PerformanceUpdateData)
        self._cached: dict[float, tuple[object, list[PerformanceUpdateData]]] = {}

    async def save(self, turn: Turn, data: PerformanceUpdateData, memory: AlertMemory) -> int:
        """Keep a round's figures and alerts, and publish them; all or none.

        Args:
            turn: Of this round.
            data: The figures.
            memory: Of alerts.

        Returns:
            How many subscribers heard them.

        Raises:
            NotLeadingError: Another replica leads by now, or something newer was kept.
            StoreError: Redis does not answer; they are kept later, if nothing newer is before.

        """
        update = encode(PerformanceUpdate(data=data))
        async with _answering():
            return await self._save.run(
                turn,
                keys=[channels.PERFORMANCE_HISTORY, channels.PERFORMANCE_ALERTS],
                arguments=[
                    self._length,
                    _FIELD,
                    msgspec.json.encode(data),
                    2 * HOUR,
                    msgspec.json.encode(memory),
                    _KEPT,
                    channels.PERFORMANCE_UPDATE,
                    update,
                ],
            )

    async def alerts(self) -> AlertMemory | None:
        """Return what the last leader left; None if there was none, or it cannot be read.

        Raises:
            StoreError: Redis does not answer.

        """
        (left,) = await self._execute(("GET", channels.PERFORMANCE_ALERTS))
        if left is None:
            return None
        try:
            return msgspec.json.decode(left, type=AlertMemory)
        except msgspec.DecodeError:
            return None

    async def latest(self) -> PerformanceUpdateData | None:
        """Return the newest figures that were kept; None if there are none of this time.

        Raises:
            StoreError: Redis does not answer.

        """
        (entries,) = await self._execute(
            ("XREVRANGE", channels.PERFORMANCE_HISTORY, "+", "-", "COUNT", 1)
        )
        points = self._decoded(entries)
        if points and self._clock() - points[0].timestamp.timestamp() < 2 * self._interval:
            return points[0]
        return None

    async def history(self, seconds: float) -> list[PerformanceUpdateData]:
        """Return the figures of the last so many seconds, downsampled, oldest first.

        Raises:
            StoreError: Redis does not answer.

        """
        (newest,) = await self._execute(
            ("XREVRANGE", channels.PERFORMANCE_HISTORY, "+", "-", "COUNT", 1)
        )
        now = self._clock()
        state = newest and newest[0][0], now // (seconds / MAX_POINTS)
        if seconds not in self._cached or self._cached[seconds][0] != state:
            # Made once for all who ask until there is more.
            first = round((now - seconds - _CLOCKS_DIFFER) * 1000)
            (entries,) = await self._execute(("XRANGE", channels.PERFORMANCE_HISTORY, first, "+"))
            points = downsampled(self._decoded(entries), seconds=seconds, now=now)
            self._cached[seconds] = state, points
        return self._cached[seconds][1]

    def _decoded(self, entries: list[Any]) -> list[PerformanceUpdateData]:
        """Return the points of some entries; another version's that cannot be read are left out."""
        points = []
        for _, fields in entries:
            try:
                points.append(self._points.decode(fields.get(_FIELD, b"")))
            except msgspec.DecodeError:
                continue
        return points

    async def _execute(self, *commands: tuple[Any, ...]) -> list[Any]:
        async with _answering(), self._reads.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            replies: list[Any] = await pipeline.execute()
        return replies

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._reads.aclose()


@contextlib.asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreError(reason_of(error)) from error
