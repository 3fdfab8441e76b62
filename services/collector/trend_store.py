"""Days of figures in Redis: the leader appends each bin when it is over, any replica reads them.

A bin is made of the hour of rounds that is in Redis, so no replica keeps one that is open: a new
leader, or one that starts again, makes what is missing of the same rounds. An entry's id is when
its bin began, so none is there twice.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from redis.asyncio import Redis

from hsi.schemas import channels
from hsi_service.bus.leader_script import LeaderScript
from hsi_service.bus.lease import Lease, Turn
from hsi_service.sources.latest_round import FIELD, point_of
from services.collector.reads import STREAM, Reads, answering
from services.collector.trend import RESOLUTIONS, Bin, TrendRange, bins, trend

ROUNDS_KEPT = 3600
"""Seconds of rounds that bins can be made of."""
_CLOCKS_DIFFER = 60
_APPEND = """
local replaced = 0
if ARGV[8] == '1' then
  replaced = redis.call('DEL', KEYS[3])
end
for entry = 9, #ARGV, 2 do
  local function add()
    local added = redis.pcall(
      'XADD', KEYS[3], 'MAXLEN', '=', ARGV[5], ARGV[entry], ARGV[6], ARGV[entry + 1])
    return type(added) == 'table' and added['err']
  end
  local problem = add()
  if problem and problem:find('WRONGTYPE') then
    redis.call('DEL', KEYS[3])
    replaced, problem = 1, add()
  end
  if problem and not problem:find('equal or smaller') then return redis.error_reply(problem) end
end
redis.call('EXPIRE', KEYS[3], ARGV[7])
return replaced
"""
"""A bin that is there already stays as it is."""


class TrendStore:
    """Keeps the trends, and reads them."""

    def __init__(self, redis: Redis, reads: Reads, lease: Lease) -> None:
        """Take the connections.

        Args:
            redis: For writing; its time limit is its own.
            reads: For reading.
            lease: This replica's.

        """
        self._clock = lease.redis_clock
        self._reads = reads
        self._append = LeaderScript(redis, lease, _APPEND)
        self._seen: dict[TrendRange, int] = {}
        """The bin that was open when each trend was looked after last."""
        self._cached: dict[TrendRange, tuple[object, bytes]] = {}
        self._locks = {name: asyncio.Lock() for name in RESOLUTIONS}

    async def keep(self, turn: Callable[[], Turn]) -> None:
        """Append the bins that are over, once after each of them; the leader's work.

        Args:
            turn: Gives the right to write once.

        Raises:
            NotLeadingError: Another replica leads by now, and does it.
            StoreError: Redis does not answer; it is done in a later round.

        """
        now = self._clock()
        for name, resolution in RESOLUTIONS.items():
            is_open = int(now // resolution.step)
            if self._seen.get(name) != is_open:
                await self._keep(name, now, turn)
                self._seen[name] = is_open

    async def _keep(self, name: TrendRange, now: float, turn: Callable[[], Turn]) -> None:
        key, resolution = channels.performance_trend(name), RESOLUTIONS[name]
        newest = await self._reads.newest_id(key)
        last = -1 if newest is None else int(newest.partition(b"-")[0]) // 1000
        # Of a time to come, nothing could be appended until then; or it is somebody else's.
        spoilt = last > now + ROUNDS_KEPT or (newest is not None and last % resolution.step != 0)
        earliest = int((now - ROUNDS_KEPT) // resolution.step) * resolution.step
        since = earliest if spoilt else max(earliest, last + 1)
        first = round((since - _CLOCKS_DIFFER) * 1000)
        entries = await self._reads.entries(channels.PERFORMANCE_HISTORY, "XRANGE", first, "+")
        points = self._reads.decoded(channels.PERFORMANCE_HISTORY, entries, point_of)
        found = bins(points, step=resolution.step, since=since, until=now)
        if not found and not spoilt:
            return
        pairs = [(f"{each.began * 1000}-0", msgspec.json.encode(each)) for each in found]
        async with answering():
            replaced = await self._append.run(
                turn(),
                keys=[key],
                arguments=[
                    resolution.bins,
                    FIELD,
                    2 * resolution.length,
                    int(spoilt),
                    *(part for pair in pairs for part in pair),
                ],
            )
        if replaced:
            self._reads.spoilt.found(key, f"{STREAM} of bins that are over; it was replaced")

    async def read(self, name: TrendRange) -> bytes:
        """Return a trend as JSON, made once for all who ask until there is more.

        Raises:
            StoreError: Redis does not answer.

        """
        key, resolution = channels.performance_trend(name), RESOLUTIONS[name]
        async with self._locks[name]:
            now = self._clock()
            state = await self._reads.newest_id(key), now // resolution.step
            if name not in self._cached or self._cached[name][0] != state:
                first = round((now - resolution.length) * 1000)
                last = round((now + _CLOCKS_DIFFER) * 1000)
                entries = await self._reads.entries(key, "XRANGE", first, last)
                found = self._reads.decoded(key, entries, _bin_of)
                self._cached[name] = state, msgspec.json.encode(trend(name, found))
            return self._cached[name][1]


_decoder = msgspec.json.Decoder(Bin)


def _bin_of(fields: dict[bytes, Any]) -> Bin:
    return _decoder.decode(fields.get(FIELD, b""))
