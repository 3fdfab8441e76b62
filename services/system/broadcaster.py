"""SystemBroadcaster: what is on /ws/system, and who says it (seed: System Status Broadcasting)."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

from hsi.logs import Throttled
from hsi.schemas import CircuitState, ServiceStatus, ServiceStatusData, channels
from hsi.schemas.base import now
from hsi.schemas.validation import encode
from hsi.tasks import cancel_and_wait
from hsi_service.bus.lease import Lease
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.topic import SnapshotTopic
from hsi_service.rhythm import wait_until_due
from hsi_service.skeleton.service import Service
from hsi_service.skeleton.session import Socket, Visit, serve_client
from services.system.breaker import CircuitBreaker
from services.system.collection import ROUND_TIMEOUT, CollectedStatus, StatusCollector
from services.system.echoes import Echoes
from services.system.health import HealthChange, HealthMonitor, HealthResult
from services.system.listening import BreakerPolicy
from services.system.publication import NoAnswerError, NotLeadingError, Publication
from services.system.report import BroadcasterReport, DegradedReport, LeaseReport, SystemMetrics
from services.system.settings import SystemSettings

logger = logging.getLogger(__name__)

LEASE = "system"
LEASE_TIME = 1.4
"""Intervals. Another takes over after 1.25 times that, so before the second status is missing."""
COLLECT_TIME = 0.6
"""Intervals that collecting may take, if `ROUND_TIMEOUT` allows, and Redis for an answer."""
PUBLISH_TIME = 0.2
STATUS = "system_status"


class PerformanceTopic(SnapshotTopic):
    """The performance figures, for clients that have statuses too."""

    def ping(self) -> None:
        """Leave heartbeats to the topic of statuses."""


class SystemBroadcaster:
    """Sends every client of this replica a status per interval, whoever collects it.

    One replica leads: it collects, sends its own clients the status, and publishes it for the
    others. A replica that cannot hear the leader collects for its own clients.
    """

    def __init__(self, service: Service, settings: SystemSettings) -> None:
        """Prepare; it runs with the service.

        Args:
            service: The replica.
            settings: How often, and where the figures come from.

        """
        self._service = service
        self._interval = interval = settings.broadcast_interval
        self._collector = StatusCollector(
            settings, limit=min(ROUND_TIMEOUT, COLLECT_TIME * interval)
        )
        self._collecting: asyncio.Task[CollectedStatus] | None = None
        self._lease = Lease(settings.redis_url, LEASE, duration=LEASE_TIME * interval)
        self._publication = Publication(
            settings.redis_url, self._lease, timeout=PUBLISH_TIME * interval
        )
        self._monitor = HealthMonitor()
        self._monitored = 0
        """The term (`Lease.taken`) for which the monitor has what the last leader left."""
        self._echoes = Echoes()
        self._sent_at: float | None = None
        self._policy = BreakerPolicy(
            recovery_timeout=settings.circuit_recovery_timeout, announce=self._announce
        )
        self._metrics = SystemMetrics(service.metrics, self.report)
        self._unpublished = Throttled(logger)
        self._faults = Throttled(logger)
        service.subscriber.connect_policy = self._policy
        service.reports["broadcaster"] = self.report
        service.on_drain(self._lease.give_up)
        service.run_background(self._lease.run, on_shutdown=self._lease.give_up)
        service.run_background(self.run, on_shutdown=self.aclose)

    # What others may ask.

    @property
    def circuit_breaker(self) -> CircuitBreaker:
        """The breaker of this replica's listener."""
        return self._policy.breaker

    def get_circuit_state(self) -> CircuitState:
        """Return the breaker's state."""
        return self.circuit_breaker.state

    def is_degraded(self) -> bool:
        """Tell whether updates may be delayed or unavailable."""
        return self._policy.degraded.is_degraded()

    def report(self) -> BroadcasterReport:
        """Return what it is at."""
        degraded = self._policy.degraded
        topic = self._topic()
        return BroadcasterReport(
            clients=len(topic.clients) if topic else 0,
            status_age_s=self._age(topic),
            alone=topic is not None and self._is_alone(topic),
            lease=LeaseReport(
                held=self._lease.held,
                remaining_s=round(self._lease.remaining(), 3),
                taken=self._lease.taken,
                unanswered=self._lease.unanswered,
            ),
            circuit_breaker=self.circuit_breaker.get_status(),
            degraded_mode=DegradedReport(
                degraded=degraded.is_degraded(),
                reason=degraded.reason,
                attempts=degraded.attempts,
                entered=degraded.entered,
                left=degraded.left,
            ),
            health=self._monitor.get_status(),
        )

    # A client.

    async def connect(self, socket: Socket) -> None:
        """Send a client the latest, and all that follows; returns when it has left."""

        def receive(peer: Peer) -> SystemVisit:
            hub = self._service.hub
            statuses = hub.enter(
                peer, channels.SYSTEM_STATUS, SnapshotTopic, only=self._echoes.is_news
            )
            performance = hub.enter(peer, channels.PERFORMANCE_UPDATE, PerformanceTopic)
            return SystemVisit(peer, self, statuses, performance)

        await serve_client(socket, self._service, receive)

    async def freshen(self, topic: SnapshotTopic) -> None:
        """See to it that the latest status is younger than an interval."""
        if not self._is_fresh(topic):
            found = await self._collect()
            if not self._is_fresh(topic):
                topic.keep(STATUS, encode(found.status).decode())

    def trouble(self) -> str | None:
        """Return what clients are told in degraded mode; None while there is nothing to tell."""
        announcement = self._policy.announcement
        return None if announcement is None else encode(announcement).decode()

    # Every interval.

    async def run(self) -> None:
        """Broadcast for ever."""
        while True:
            await wait_until_due(self._interval)
            try:
                await self._round()
            except Exception as error:  # noqa: BLE001 (one round that fails must not be the last)
                self._faults.warning("a round failed", fault=repr(error))

    async def _round(self) -> None:
        """Send a status, if it is this replica's turn and somebody listens."""
        topic = self._topic()
        if topic is None:
            if not (self._lease.held and await self._others_listen()):
                return
        elif not (self._lease.held or self._is_alone(topic)):
            return
        found = await self._collect()
        topic = self._topic()
        status = encode(found.status).decode()
        if self._lease.held:
            self._send(topic, status)
            if topic:
                self._echoes.expect(status)
            await self._publish(status, found.health)
        elif topic and self._is_alone(topic):
            self._send(topic, status)
            self._metrics.statuses.labels("local").inc()

    async def _others_listen(self) -> bool:
        try:
            return await self._publication.somebody_listens()
        except NoAnswerError as error:
            self._unpublished.warning("cannot ask whether anybody listens", trouble=str(error))
            return False

    def _send(self, topic: SnapshotTopic | None, status: str) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        if topic:
            topic.update(STATUS, status)

    async def _publish(self, status: str, health: Mapping[str, HealthResult]) -> None:
        """Publish a status, and what changed; our own clients have the status already."""
        term = self._lease.taken
        try:
            if self._monitored != term:
                self._monitor.adopt(await self._publication.health())
                self._monitored = term
            changes = [_message(change) for change in self._monitor.observe(health)]
            await self._publication.publish(
                [status.encode(), *changes], health=self._monitor.exported()
            )
        except (NoAnswerError, NotLeadingError) as error:
            # Whoever leads next goes on from what was last published, and tells what changed.
            self._monitored = 0
            self._metrics.unpublished.inc()
            self._unpublished.warning("a status is not published", trouble=_describe(error))
            return
        self._metrics.statuses.labels("published").inc()
        self._metrics.health_changes.inc(len(changes))
        # Clients of ours hear of a change as all do, by the channel; unless we cannot hear it.
        if changes and (topic := self._topic()) and not topic.is_live():
            topic.broadcast([change.decode() for change in changes])

    async def _collect(self) -> CollectedStatus:
        """Ask all sources, once for all who wait."""
        if self._collecting is None or self._collecting.done():
            self._collecting = asyncio.create_task(self._collector.collect(), name="collect")
            self._metrics.collections.inc()
        return await asyncio.shield(self._collecting)

    # What is known.

    def _topic(self) -> SnapshotTopic | None:
        """Return the topic of statuses; None while this replica has no clients."""
        topic = self._service.hub.topics.get((channels.SYSTEM_STATUS, self._echoes.is_news))
        return topic if isinstance(topic, SnapshotTopic) else None

    def _is_alone(self, topic: SnapshotTopic) -> bool:
        """Tell whether a leader's statuses cannot reach this replica."""
        return not topic.is_live() or self._lease.unanswered

    def _is_fresh(self, topic: SnapshotTopic) -> bool:
        latest = topic.latest.get(STATUS)
        return latest is not None and _since(latest.at) < self._interval

    def _age(self, topic: SnapshotTopic | None) -> float | None:
        latest = topic.latest.get(STATUS) if topic else None
        ages = [_since(at) for at in (self._sent_at, latest and latest.at) if at is not None]
        return round(min(ages), 3) if ages else None

    def _announce(self, message: ServiceStatus) -> None:
        """Tell all clients of this replica, and no others: each replica's listener is its own."""
        logger.warning(message.data.message, extra={"circuit": message.data.circuit_state})
        if topic := self._topic():
            topic.broadcast([encode(message).decode()])

    async def aclose(self) -> None:
        """Close all connections."""
        if self._collecting:
            await cancel_and_wait(self._collecting)
        await self._publication.aclose()
        await self._collector.aclose()


class SystemVisit(Visit):
    """A client that came for statuses and performance figures."""

    def __init__(
        self,
        peer: Peer,
        broadcaster: SystemBroadcaster,
        statuses: SnapshotTopic,
        performance: SnapshotTopic,
    ) -> None:
        self.topics = self._snapshots = [statuses, performance]
        self._peer = peer
        self._broadcaster = broadcaster

    async def ready(self) -> None:
        """Wait until both channels are heard, unless that is known to take its time."""
        if not self._broadcaster.is_degraded():
            await super().ready()

    def begin(self) -> Coroutine[Any, Any, None]:
        """Send the client the latest, then all that follows."""
        return self._send_latest()

    async def _send_latest(self) -> None:
        await self._broadcaster.freshen(self._snapshots[0])
        # At one go, so that nothing is said between the latest and what follows.
        self._peer.send(
            *(latest.text for topic in self._snapshots for latest in topic.latest.values())
        )
        if trouble := self._broadcaster.trouble():
            self._peer.send(trouble)
        for topic in self._snapshots:
            topic.join(self._peer)
        self._peer.release()


def _message(change: HealthChange) -> bytes:
    return encode(
        ServiceStatus(
            data=ServiceStatusData(
                service=change.service, status=change.health, message=change.message
            ),
            timestamp=now(),
        )
    )


def _since(at: float) -> float:
    return asyncio.get_running_loop().time() - at


def _describe(error: Exception) -> str:
    return str(error) or "another replica leads by now"
