"""What the collector found last, for statuses and for a client before whom nobody was here."""

import asyncio
from collections.abc import Callable

from hsi_service.fanout.topic import SnapshotTopic
from hsi_service.sources import Reading, TimeLimited
from hsi_service.sources.latest_round import CURRENT_FOR, LatestRound, Round
from services.system.settings import SystemSettings
from services.system.topics import PERFORMANCE


class LatestPerformance:
    """Asks Redis for it, once for all who ask at the same time."""

    def __init__(
        self, settings: SystemSettings, *, clock: Callable[[], float], limit: float
    ) -> None:
        """Connect on first use.

        Args:
            settings: Where Redis is, and the interval, which is the collector's too.
            clock: Redis' time, in seconds since 1970.
            limit: Seconds that reading it may take: those of the round of which it is a part.

        """
        self._interval = interval = settings.broadcast_interval
        self._round = LatestRound(settings.redis_url, name="system", clock=clock, interval=interval)
        self._source = TimeLimited("performance history", self._round.read, limit=limit)
        self._asking: asyncio.Task[Reading[Round | None]] | None = None

    async def read(self) -> Reading[Round | None]:
        """Return the collector's latest round; None within if none says how things are now."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._source.read(), name="latest performance")
        return await asyncio.shield(self._asking)

    async def freshen(self, topic: SnapshotTopic) -> None:
        """See to it that what clients are shown first says how things are now, or is not shown."""
        if self._is_current(topic):
            return
        found = (await self.read()).value if topic.is_live() else None
        if self._is_current(topic):  # It came meanwhile.
            return
        topic.latest.pop(PERFORMANCE, None)
        if found:
            topic.keep(PERFORMANCE, found.message)

    def _is_current(self, topic: SnapshotTopic) -> bool:
        latest = topic.latest.get(PERFORMANCE)
        age = latest and asyncio.get_running_loop().time() - latest.at
        return age is not None and age < CURRENT_FOR * self._interval

    async def aclose(self) -> None:
        """Close the connections."""
        await self._source.aclose()
        await self._round.aclose()
