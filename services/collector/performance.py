"""PerformanceCollector: collects always, publishes while it leads and somebody listens."""

import asyncio
import logging
import time

from msgspec import Raw, Struct

from hsi.logs import Throttled
from hsi.schemas import PerformanceUpdateData
from hsi_service.bus.leader_script import NotLeadingError
from hsi_service.bus.lease import Lease, Turn
from hsi_service.metrics import Metrics
from hsi_service.rhythm import wait_until_due
from services.collector.alerts import AlertEngine, Change, Firing, changes, rules_with
from services.collector.collection import PerformanceSources
from services.collector.gauges import Gauges
from services.collector.settings import CollectorSettings
from services.collector.store import UNREADABLE, AlertMemory, Store, StoreError

logger = logging.getLogger(__name__)

ROUND_SHARE = 0.3
"""Part of the interval that a round may take."""
LEASE_SHARE = 0.5
"""Part of the interval that the lease lasts: whoever dies is followed within two intervals."""


class CollectorReport(Struct):
    """What the collector is at, for `/status`."""

    leads: bool
    term: int
    """In which this replica leads, or led last; 0 if it never has."""
    clock_skew_s: float | None
    """Seconds by which this machine's clock is ahead of Redis'; None until that was measured."""
    rounds: int
    published: int
    last_round: str | None
    """When the latest figures were collected."""
    alerts: Firing
    """Active alerts: how serious, by metric."""
    redis_refuses: str | None
    """Why Redis refuses the lease, in its words: READONLY, OOM, …; null where it does not."""


class PerformanceCollector:
    """Asks all sources at every interval, on every replica (R47, R48).

    So each has figures for Prometheus, rates that go on when it takes over, and something to serve
    when Redis is away. One of them, by lease, keeps the history, tells of alerts, and publishes.
    """

    def __init__(self, settings: CollectorSettings, metrics: Metrics) -> None:
        """Prepare; `run` does the work.

        Args:
            settings: Where the sources are, and what is an alert.
            metrics: Where figures are shown.

        """
        self._interval = settings.broadcast_interval
        self._limit = self._interval * ROUND_SHARE
        self.lease = Lease(settings.redis_url, "collector", duration=self._interval * LEASE_SHARE)
        self._clock = self.lease.redis_clock
        self._sources = PerformanceSources(settings, limit=self._limit)
        self._engine = AlertEngine(
            rules_with(settings.alert_thresholds), after=settings.alert_after
        )
        self._store = Store(settings.redis_url, self.lease, interval=self._interval)
        self._gauges = Gauges(
            metrics,
            lambda: self._latest,
            self._engine.firing,
            lambda: self._sources.redis_memory_limit,
        )
        self._trouble = Throttled(logger)
        self._latest: PerformanceUpdateData | None = None
        self._told: Firing | None = None
        """What was told of alerts, by whoever leads; None while that is not us."""
        self._term = 0
        """The term in which that was found out."""
        self._has_led = False
        self._rounds = 0
        self._published = 0

    async def run(self) -> None:
        """Collect, for ever."""
        while True:
            await self.round(await wait_until_due(self._interval, self._clock))

    async def round(self, slot: int | None = None) -> None:
        """Collect once, and publish when the round's time is over: so updates come evenly.

        Args:
            slot: For which it is, if for one: none is published twice for a slot.

        """
        began = time.monotonic()
        data, values = await self._sources.collect(redis_refuses=bool(self.lease.refused))
        data.timestamp = self._clock.now()
        data.alerts = self._engine.observe(values, self._clock())
        self._latest = data
        self._rounds += 1
        await asyncio.sleep(max(0.0, began + self._limit - time.monotonic()))
        if not self.lease.held:
            self._told = None
            return
        turn = self.lease.next_turn(slot)
        try:
            if self._told is None or self._term != turn.term:
                self._told, self._term = await self._take_over(), turn.term
                data.alerts = self._engine.observe(values, self._clock())
            await self._tell(turn, data, self._told)
        except (StoreError, NotLeadingError) as error:
            self._trouble.warning("an update is not published", reason=str(error))

    async def _take_over(self) -> Firing:
        """Go on from what the last leader left; return what was told of alerts."""
        left = await self._store.alerts()
        if left is None:
            return self._told or {}  # it leads still, and Redis was wiped
        if not self._has_led:
            # Later, our own engine has followed all the time, and Redis may have been away.
            try:
                self._engine.adopt(bytes(left.engine))
            except UNREADABLE as error:
                logger.warning("the alerts that the last leader left cannot be read: %s", error)
        self._has_led = True
        return left.told

    async def _tell(self, turn: Turn, data: PerformanceUpdateData, told: Firing) -> None:
        firing = self._engine.firing()
        memory = AlertMemory(told=firing, engine=Raw(self._engine.exported()))
        listeners = await self._store.save(turn, data, memory)
        self._has_led = True
        self._told = firing
        for change in changes(told, firing):
            self._gauges.count(change)
            _log(change)
        if listeners:
            self._published += 1
            self._gauges.published.inc()

    async def latest(self) -> PerformanceUpdateData | None:
        """Return the newest figures: the leader's, or our own where those cannot be had."""
        if not self.lease.held:
            try:
                kept = await self._store.latest()
            except StoreError as error:
                self._trouble.warning("the leader's figures cannot be read", reason=str(error))
            else:
                if kept is not None:
                    return kept
        return self._latest

    async def history(self, seconds: float) -> list[PerformanceUpdateData]:
        """Return the figures of the last so many seconds as at most 60 points, oldest first.

        Raises:
            StoreError: Redis does not answer.

        """
        return await self._store.history(seconds)

    def report(self) -> CollectorReport:
        """Tell what it is at."""
        return CollectorReport(
            leads=self.lease.held,
            term=self.lease.term,
            clock_skew_s=None if self._clock.skew is None else round(self._clock.skew, 3),
            rounds=self._rounds,
            published=self._published,
            last_round=None if self._latest is None else self._latest.timestamp.isoformat(),
            alerts=self._engine.firing(),
            redis_refuses=self.lease.refused,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._sources.aclose()
        await self._store.aclose()


def _log(change: Change) -> None:
    logger.warning(
        "an alert is firing" if change.firing else "an alert is resolved",
        extra={"metric": change.metric, "severity": change.severity},
    )
