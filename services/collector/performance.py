"""PerformanceCollector: collects always, publishes while it leads and somebody listens."""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET, Raw, Struct

from hsi.logs import Throttled
from hsi.schemas import PerformanceUpdateData, RaisedAlertData
from hsi.schemas.performance import AlertLimits, AlertSeen
from hsi_service.bus.leader_script import NotLeadingError
from hsi_service.bus.lease import Lease, Turn
from hsi_service.metrics import Metrics
from hsi_service.rhythm import wait_until_due
from services.collector.alerts import GpusOfMetrics, Values, exceeding, rules_with
from services.collector.collection import PerformanceSources
from services.collector.gauges import Gauges
from services.collector.raised import AlertEngine, Change, Firing, Raised
from services.collector.reads import UNREADABLE, StoreError
from services.collector.seen import with_marks
from services.collector.settings import CollectorSettings
from services.collector.store import MAX_ALERTS, AlertMemory, Store
from services.collector.trend import TrendRange

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


class AlertList(Struct):
    """Raised alerts."""

    as_of: datetime
    """The time of what is said of the active ones."""
    alerts: list[RaisedAlertData]
    """Active ones, then ended ones, the latest first; at most 1,000."""
    limits: dict[str, AlertLimits]
    """From where on each metric is an alert."""


class PerformanceCollector:
    """Asks all sources at every interval, on every replica (R47, R48).

    So each has figures for Prometheus, rates that go on when it takes over, and something to serve
    when Redis is away. One of them, by lease, keeps the histories, tells of alerts, and publishes.
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
        self._rules = rules_with(settings.alert_thresholds)
        self._engine = AlertEngine(self._rules, after=settings.alert_after)
        self._store = Store(settings.redis_url, self.lease, interval=self._interval)
        self._gauges = Gauges(
            metrics,
            lambda: self._latest,
            self._engine.firing,
            lambda: self._sources.redis_memory_limit,
        )
        self._trouble = Throttled(logger)
        self._latest: PerformanceUpdateData | None = None
        self._told: Raised | None = None
        """What people know of alerts, whichever replica told them; None while this one does not
        lead."""
        self._term = 0
        """The term in which that was found out."""
        self._unanswered: tuple[datetime, Sequence[Change]] | None = None
        """What Redis was asked to tell as of some moment, and has not said whether it did."""
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
        data, values, gpus = await self._sources.collect(redis_refuses=bool(self.lease.refused))
        data.timestamp = self._clock.now()
        data.alerts = exceeding(self._rules, values, gpus)
        self._engine.observe(values, self._clock())
        self._latest = data
        self._rounds += 1
        await asyncio.sleep(max(0.0, began + self._limit - time.monotonic()))
        if not self.lease.held:
            self._told = None
            return
        turn = self.lease.next_turn(slot)
        try:
            if self._told is None or self._unanswered or self._term != turn.term:
                self._told, self._term = await self._take_over(), turn.term
                self._engine.observe(values, self._clock())
            await self._tell(turn, data, values, gpus, self._told)
        except (StoreError, NotLeadingError) as error:
            data.raised = UNSET  # Nobody was told.
            self._trouble.warning("an update is not published", reason=str(error))
            return
        try:
            await self._store.trends.keep(self.lease.next_turn)
        except (StoreError, NotLeadingError) as error:
            self._trouble.warning("figures of days are not kept", reason=str(error))

    async def _take_over(self) -> Raised:
        """Go on from what the last leader left; return what people know of alerts."""
        left = await self._store.alerts()
        unanswered, self._unanswered = self._unanswered, None
        if left and unanswered and left.as_of == unanswered[0]:
            self._count(unanswered[1])
        if left is None:
            return self._told or {}  # it leads still, and Redis was wiped
        if not self._has_led:
            # Later, our own engine has followed all the time, and Redis may have been away.
            try:
                self._engine.adopt(bytes(left.engine))
            except UNREADABLE as error:
                logger.warning("the alerts that the last leader left cannot be read: %s", error)
        self._has_led = True
        return left.raised

    async def _tell(
        self,
        turn: Turn,
        data: PerformanceUpdateData,
        values: Values,
        gpus: GpusOfMetrics,
        told: Raised,
    ) -> None:
        raised, changes = self._engine.raised(told, values, data.timestamp.timestamp(), gpus)
        marks = await self._store.seen.marks() if raised else {}
        data.raised = with_marks(list(raised.values()), marks)
        memory = AlertMemory(
            as_of=data.timestamp, raised=dict(raised), engine=Raw(self._engine.exported())
        )
        self._unanswered = memory.as_of, changes
        listeners = await self._store.save(turn, data, memory, changes)
        self._unanswered = None
        self._has_led = True
        self._told = raised
        self._count(changes)
        if listeners:
            self._published += 1
            self._gauges.published.inc()

    def _count(self, changes: Sequence[Change]) -> None:
        """Count what people were told, and log it."""
        for change in changes:
            self._gauges.count(change)
            _log(change)

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

    async def trend(self, name: TrendRange) -> bytes:
        """Return the figures of a day or a week, a `PerformanceTrend` as JSON.

        Raises:
            StoreError: Redis does not answer.

        """
        return await self._store.trends.read(name)

    async def alerts(self, *, active: bool) -> AlertList | None:
        """Return the alerts that people were told of; None where no leader has left word of them.

        Args:
            active: Only those that have not ended.

        Raises:
            StoreError: Redis does not answer.

        """
        left = await self._store.alerts()
        if left is None:
            return None
        ended = [] if active else await self._store.ended()
        over = {alert.id for alert in ended}
        still = [alert for alert in left.raised.values() if alert.id not in over]
        limits = {
            metric: AlertLimits(warning=rule.warning, critical=rule.critical, unit=rule.unit)
            for metric, rule in self._rules.items()
        }
        alerts = with_marks([*still, *ended][:MAX_ALERTS], await self._store.seen.marks())
        return AlertList(as_of=left.as_of, alerts=alerts, limits=limits)

    async def mark_alert(self, alert_id: str, by: str) -> AlertSeen | None:
        """Record that somebody has seen an alert; return the first mark, or None: no such alert.

        Args:
            alert_id: Of an active alert, or of one that has ended.
            by: The name of the key; empty where none is asked for.

        Raises:
            StoreError: Redis does not answer.

        """
        if not await self._knows(alert_id):
            return None
        return await self._store.seen.mark(alert_id, AlertSeen(at=self._clock.now(), by=by))

    async def unmark_alert(self, alert_id: str) -> bool:
        """Take an alert's mark away; return whether there is such an alert.

        Raises:
            StoreError: Redis does not answer.

        """
        known = await self._knows(alert_id)
        if known:
            await self._store.seen.unmark(alert_id)
        return known

    async def _knows(self, alert_id: str) -> bool:
        found = await self.alerts(active=False)
        return found is not None and alert_id in {alert.id for alert in found.alerts}

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
    alert = change.alert
    logger.warning(
        "an alert %s",
        change.what,
        extra={
            "metric": alert.metric,
            "severity": alert.severity,
            "value": alert.value,
            "peak": alert.peak,
            "alert": alert.id,
        },
    )
