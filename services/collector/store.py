"""What the collector keeps in Redis: an hour of figures, and what is known of alerts."""

import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from msgspec import Raw, Struct
from redis.exceptions import RedisError, ResponseError

from hsi.redis_client import async_client, reason_of
from hsi.schemas import PerformanceUpdate, PerformanceUpdateData, channels
from hsi.schemas.validation import encode
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi_service.bus.leader_script import LeaderScript
from hsi_service.bus.lease import Lease, Turn
from hsi_service.sources.latest_round import FIELD, LatestRound, point_of
from hsi_service.sources.time_limited import SourceError
from services.collector.alerts import Firing
from services.collector.downsampling import MAX_POINTS, downsampled

logger = logging.getLogger(__name__)

HOUR = 3600
ANSWER_TIMEOUT = 1.0
"""Seconds for an answer."""
_SAVE = """
local function append()
  local added = redis.pcall('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], '*', ARGV[6], ARGV[7])
  return type(added) == 'table' and added['err']
end
local problem, replaced = append(), 0
if problem and (problem:find('WRONGTYPE') or problem:find('equal or smaller')
    or problem:find('exhausted')) then
  redis.call('DEL', KEYS[3])
  problem, replaced = append(), 1
end
if problem then return redis.error_reply(problem) end
redis.call('EXPIRE', KEYS[3], ARGV[8])
redis.call('SET', KEYS[4], ARGV[9], 'EX', ARGV[10])
return 2 * redis.call('PUBLISH', ARGV[11], ARGV[12]) + replaced
"""
"""Where nobody could append to the history any more, it is replaced."""
_CLOCKS_DIFFER = 60
_KEPT = 24 * HOUR
_STREAM = "expected a stream"
UNREADABLE = ValueError, RecursionError
"""What decoding raises: not of its schema, not UTF-8 or not JSON, or too deep."""


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
        self._spoilt = SpoiltKeys(logger)
        self._length = round(HOUR / interval) + 1
        self._latest = LatestRound(
            redis_url, name="collector", clock=self._clock, interval=interval
        )
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
            done = await self._save.run(
                turn,
                keys=[channels.PERFORMANCE_HISTORY, channels.PERFORMANCE_ALERTS],
                arguments=[
                    self._length,
                    FIELD,
                    msgspec.json.encode(data),
                    2 * HOUR,
                    msgspec.json.encode(memory),
                    _KEPT,
                    channels.PERFORMANCE_UPDATE,
                    update,
                ],
            )
        receivers, replaced = divmod(done, 2)
        if replaced:
            self._spoilt.found(channels.PERFORMANCE_HISTORY, f"{_STREAM}; it was replaced")
        return receivers

    async def alerts(self) -> AlertMemory | None:
        """Return what the last leader left; None if there was none, or it cannot be read.

        Raises:
            StoreError: Redis does not answer.

        """
        left = await self._read("GET", channels.PERFORMANCE_ALERTS, expected="expected a string")
        if left is None:
            return None
        try:
            return msgspec.json.decode(left, type=AlertMemory)
        except UNREADABLE as error:
            self._spoilt.found(channels.PERFORMANCE_ALERTS, f"{error}; it is replaced")
            return None

    async def latest(self) -> PerformanceUpdateData | None:
        """Return the newest figures that were kept; None if there are none of this time.

        Raises:
            StoreError: Redis does not answer.

        """
        try:
            found = await self._latest.read()
        except SourceError as error:
            raise StoreError(str(error)) from error
        return found.data if found else None

    async def history(self, seconds: float) -> list[PerformanceUpdateData]:
        """Return the figures of the last so many seconds, downsampled, oldest first.

        Raises:
            StoreError: Redis does not answer.

        """
        newest = await self._entries("XREVRANGE", "+", "-", "COUNT", 1)
        now = self._clock()
        state = newest and newest[0][0], now // (seconds / MAX_POINTS)
        if seconds not in self._cached or self._cached[seconds][0] != state:
            # Made once for all who ask until there is more.
            first = round((now - seconds - _CLOCKS_DIFFER) * 1000)
            entries = await self._entries("XRANGE", first, "+")
            points = downsampled(self._decoded(entries), seconds=seconds, now=now)
            self._cached[seconds] = state, points
        return self._cached[seconds][1]

    def _decoded(self, entries: list[Any]) -> list[PerformanceUpdateData]:
        """Return the points of some entries; what cannot be read is left out."""
        points = []
        for entry_id, fields in entries:
            try:
                points.append(point_of(fields))
            except UNREADABLE:
                self._spoilt.found(
                    channels.PERFORMANCE_HISTORY,
                    f"its entry {entry_id.decode()} cannot be read, and is left out",
                )
        return points

    async def _entries(self, command: str, *arguments: str | int) -> list[Any]:
        """Return entries of the history; none where its key holds something else."""
        found = await self._read(
            command, channels.PERFORMANCE_HISTORY, *arguments, expected=_STREAM
        )
        return found or []

    async def _read(self, command: str, key: str, *arguments: str | int, expected: str) -> Any:
        """Return Redis' answer; None where the key is of another type, which the leader replaces.

        Raises:
            StoreError: Redis does not answer.

        """
        async with _answering():
            try:
                return await self._reads.execute_command(  # type: ignore[no-untyped-call]  # so it is
                    command, key, *arguments
                )
            except ResponseError as error:
                if not is_wrong_type(error):
                    raise
                self._spoilt.found(key, f"{expected}; the leader replaces it")
                return None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._reads.aclose()
        await self._latest.aclose()


@contextlib.asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreError(reason_of(error)) from error
