"""What the collector keeps in Redis: an hour of figures, and alerts with their history.

Days of figures are `trends` (trend_store.py).
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Raw, Struct

from hsi.redis_client import async_client
from hsi.schemas import (
    PerformanceUpdate,
    PerformanceUpdateData,
    RaisedAlert,
    RaisedAlertData,
    channels,
)
from hsi.schemas.validation import encode
from hsi_service.bus.leader_script import LeaderScript
from hsi_service.bus.lease import Lease, Turn
from hsi_service.sources.latest_round import FIELD, LatestRound, point_of
from hsi_service.sources.time_limited import SourceError
from services.collector.downsampling import MAX_POINTS, downsampled
from services.collector.raised import Change
from services.collector.reads import STREAM, UNREADABLE, Reads, StoreError, answering
from services.collector.seen import SeenAlerts
from services.collector.trend_store import TrendStore

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
            redis_url: As `hsi.redis_url.parse` takes it.
            lease: This replica's.
            interval: Seconds between two points.

        """
        self._clock = lease.redis_clock
        self._redis = async_client(redis_url, name="collector", timeout=ANSWER_TIMEOUT)
        self._reading = async_client(
            redis_url, name="collector-reads", timeout=ANSWER_TIMEOUT, read_only=True
        )
        self._reads = Reads(self._reading)
        self._save = LeaderScript(self._redis, lease, _SAVE)
        self.trends = TrendStore(self._redis, self._reads, lease)
        self.seen = SeenAlerts(self._redis, self._reads)
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
        async with answering():
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
                self._reads.spoilt.found(key, f"{STREAM}; it was replaced")
        return receivers

    async def alerts(self) -> AlertMemory | None:
        """Return what the last leader left; None if there was none, or it cannot be read.

        Raises:
            StoreError: Redis does not answer.

        """
        left = await self._reads.value(
            "GET", channels.PERFORMANCE_ALERTS, expected="expected a string"
        )
        if left is None:
            return None
        try:
            return msgspec.json.decode(left, type=AlertMemory)
        except UNREADABLE as error:
            self._reads.spoilt.found(channels.PERFORMANCE_ALERTS, f"{error}; it is replaced")
            return None

    async def ended(self) -> list[RaisedAlertData]:
        """Return the alerts that ended, as far as the history of alerts goes, the latest first.

        Raises:
            StoreError: Redis does not answer.

        """
        state = await self._reads.newest_id(channels.ALERTS_HISTORY)
        if self._ended[0] != state:
            # Made once for all who ask until there is more.
            entries = await self._reads.entries(channels.ALERTS_HISTORY, "XREVRANGE", "+", "-")
            alerts = self._reads.decoded(channels.ALERTS_HISTORY, entries, self._alert)
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
        newest = await self._reads.newest_id(channels.PERFORMANCE_HISTORY)
        now = self._clock()
        state = newest, now // (seconds / MAX_POINTS)
        if seconds not in self._cached or self._cached[seconds][0] != state:
            # Made once for all who ask until there is more.
            first = round((now - seconds - _CLOCKS_DIFFER) * 1000)
            entries = await self._reads.entries(channels.PERFORMANCE_HISTORY, "XRANGE", first, "+")
            found = self._reads.decoded(channels.PERFORMANCE_HISTORY, entries, point_of)
            self._cached[seconds] = state, downsampled(found, seconds=seconds, now=now)
        return self._cached[seconds][1]

    def _alert(self, fields: dict[bytes, bytes]) -> RaisedAlertData:
        return self._changes.decode(fields.get(FIELD, b"")).data

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._reading.aclose()
        await self._latest.aclose()
