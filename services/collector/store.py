"""What the collector keeps in Redis: an hour of figures, and alerts with their history."""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct
from redis.exceptions import RedisError, ResponseError

from hsi.redis_client import async_client, reason_of
from hsi.schemas import (
    PerformanceUpdate,
    PerformanceUpdateData,
    RaisedAlert,
    RaisedAlertData,
    channels,
)
from hsi.schemas.validation import encode
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi_service.bus.leader_script import LeaderScript
from hsi_service.bus.lease import Lease, Turn
from hsi_service.sources.latest_round import FIELD, LatestRound, point_of
from hsi_service.sources.time_limited import SourceError
from services.collector.downsampling import MAX_POINTS, downsampled
from services.collector.raised import Change

logger = logging.getLogger(__name__)

HOUR = 3600
ANSWER_TIMEOUT = 1.0
"""Seconds for an answer."""
_SAVE = """
local replaced = {}
local function append(key, length, value)
  local function add()
    local added = redis.pcall('XADD', key, 'MAXLEN', '~', length, '*', ARGV[6], value)
    return type(added) == 'table' and added['err']
  end
  local problem = add()
  if problem and (problem:find('WRONGTYPE') or problem:find('equal or smaller')
      or problem:find('exhausted')) then
    redis.call('DEL', key)
    replaced[key], problem = 1, add()
  end
  return problem
end
local problem = append(KEYS[3], ARGV[5], ARGV[7])
for change = 14, #ARGV do
  problem = problem or append(KEYS[5], ARGV[13], ARGV[change])
end
if problem then return redis.error_reply(problem) end
redis.call('EXPIRE', KEYS[3], ARGV[8])
redis.call('SET', KEYS[4], ARGV[9], 'EX', ARGV[10])
for change = 14, #ARGV do redis.call('PUBLISH', ARGV[11], ARGV[change]) end
return 4 * redis.call('PUBLISH', ARGV[11], ARGV[12])
  + 2 * (replaced[KEYS[5]] or 0) + (replaced[KEYS[3]] or 0)
"""
"""Where nobody could append to a history any more, it is replaced."""
MAX_ALERTS = 1000
"""Alerts that are told of at most."""
_CHANGES = 3 * MAX_ALERTS
"""Entries of their history: a begin, an end, and for each alert one change of its severity."""
_CLOCKS_DIFFER = 60
_KEPT = 24 * HOUR
_STREAM = "expected a stream"
UNREADABLE = ValueError, RecursionError
"""What decoding raises: not of its schema, not UTF-8 or not JSON, or too deep."""


T = TypeVar("T")


class StoreError(Exception):
    """Redis does not answer, or not with what was kept there; the text holds no secret."""


class AlertMemory(Struct):
    """What one leader leaves to the next."""

    as_of: datetime
    raised: dict[str, RaisedAlertData]
    """Active alerts that people were told of, by metric."""
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
        self._changes = msgspec.json.Decoder(RaisedAlert)
        self._latest = LatestRound(
            redis_url, name="collector", clock=self._clock, interval=interval
        )
        self._cached: dict[float, tuple[object, list[PerformanceUpdateData]]] = {}
        self._ended: tuple[object, list[RaisedAlertData]] = None, []

    async def save(
        self,
        turn: Turn,
        data: PerformanceUpdateData,
        memory: AlertMemory,
        changes: Sequence[Change] = (),
    ) -> int:
        """Keep a round's figures and alerts, and publish them; all or none.

        Args:
            turn: Of this round.
            data: The figures.
            memory: Of alerts.
            changes: What people are told of alerts.

        Returns:
            How many subscribers heard them.

        Raises:
            NotLeadingError: Another replica leads by now, or something newer was kept.
            StoreError: Redis does not answer; they are kept later, if nothing newer is before.

        """
        update = encode(PerformanceUpdate(data=data))
        told = [
            encode(RaisedAlert(data=change.alert, timestamp=data.timestamp)) for change in changes
        ]
        async with _answering():
            done = await self._save.run(
                turn,
                keys=[
                    channels.PERFORMANCE_HISTORY,
                    channels.PERFORMANCE_ALERTS,
                    channels.ALERTS_HISTORY,
                ],
                arguments=[
                    self._length,
                    FIELD,
                    msgspec.json.encode(data),
                    2 * HOUR,
                    msgspec.json.encode(memory),
                    _KEPT,
                    channels.PERFORMANCE_UPDATE,
                    update,
                    _CHANGES,
                    *told,
                ],
            )
        receivers, replaced = divmod(done, 4)
        for bit, key in ((1, channels.PERFORMANCE_HISTORY), (2, channels.ALERTS_HISTORY)):
            if replaced & bit:
                self._spoilt.found(key, f"{_STREAM}; it was replaced")
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

    async def ended(self) -> list[RaisedAlertData]:
        """Return the alerts that ended, as far as the history of alerts goes, the latest first.

        Raises:
            StoreError: Redis does not answer.

        """
        newest = await self._entries(channels.ALERTS_HISTORY, "XREVRANGE", "+", "-", "COUNT", 1)
        state = newest and newest[0][0]
        if self._ended[0] != state:
            # Made once for all who ask until there is more.
            entries = await self._entries(channels.ALERTS_HISTORY, "XREVRANGE", "+", "-")
            alerts = self._decoded(channels.ALERTS_HISTORY, entries, self._alert)
            self._ended = state, [alert for alert in alerts if alert.ended is not None]
        return self._ended[1]

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
        newest = await self._entries(
            channels.PERFORMANCE_HISTORY, "XREVRANGE", "+", "-", "COUNT", 1
        )
        now = self._clock()
        state = newest and newest[0][0], now // (seconds / MAX_POINTS)
        if seconds not in self._cached or self._cached[seconds][0] != state:
            # Made once for all who ask until there is more.
            first = round((now - seconds - _CLOCKS_DIFFER) * 1000)
            entries = await self._entries(channels.PERFORMANCE_HISTORY, "XRANGE", first, "+")
            found = self._decoded(channels.PERFORMANCE_HISTORY, entries, point_of)
            self._cached[seconds] = state, downsampled(found, seconds=seconds, now=now)
        return self._cached[seconds][1]

    def _decoded(
        self, key: str, entries: list[Any], decode: Callable[[dict[bytes, bytes]], T]
    ) -> list[T]:
        """Return what some entries hold; what cannot be read is left out."""
        decoded = []
        for entry_id, fields in entries:
            try:
                decoded.append(decode(fields))
            except UNREADABLE:
                self._spoilt.found(
                    key, f"its entry {entry_id.decode()} cannot be read, and is left out"
                )
        return decoded

    def _alert(self, fields: dict[bytes, bytes]) -> RaisedAlertData:
        return self._changes.decode(fields.get(FIELD, b"")).data

    async def _entries(self, key: str, command: str, *arguments: str | int) -> list[Any]:
        """Return entries of a history; none where its key holds something else."""
        return await self._read(command, key, *arguments, expected=_STREAM) or []

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
