"""SystemBroadcaster: what is on /ws/system, and who says it (R30)."""

import asyncio
import logging
from collections.abc import Sequence

from hsi.logs import Throttled
from hsi.schemas import (
    PerformanceUpdate,
    ServiceStatus,
    SystemStatus,
    WebSocketCircuitState,
    channels,
)
from hsi.schemas.validation import encode
from hsi.tasks import cancel_and_wait
from hsi_service.bus.intake import Message
from hsi_service.bus.lease import Lease, clock
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.topic import SnapshotTopic
from hsi_service.rhythm import wait_until_due
from hsi_service.skeleton.one_per_process import OnePerProcess
from hsi_service.skeleton.service import Service
from hsi_service.skeleton.session import Session, Socket, serve_client
from services.system.changes import NOTHING_OBSERVED, Change, Observed
from services.system.circuit_breaker import WebSocketCircuitBreaker
from services.system.collection import ROUND_TIMEOUT, CollectedStatus, StatusCollector
from services.system.connect_policy import BreakerPolicy
from services.system.latest_performance import LatestPerformance
from services.system.leading import Leading
from services.system.publication import NoAnswerError, Publication
from services.system.report import BroadcasterReport, DegradedReport, LeaseReport, SystemMetrics
from services.system.settings import SystemSettings
from services.system.shown import ShownStatuses
from services.system.topics import PERFORMANCE, STATUS, PerformanceTopic, StatusTopic

logger = logging.getLogger(__name__)

LEASE = "system"
LEASE_TIME = 1.4
"""Intervals. Another takes over after 1.25 times that, so before the second status is missing."""
COLLECT_TIME = 0.6
"""Intervals that collecting may take, if `ROUND_TIMEOUT` allows, and Redis for an answer."""
PUBLISH_TIME = 0.2

process_broadcaster: OnePerProcess["SystemBroadcaster"] = OnePerProcess("system broadcaster")


def get_system_broadcaster() -> "SystemBroadcaster":
    """Return this process's broadcaster, which `create_system_app` made.

    Raises:
        RuntimeError: No application was made in this process, or its broadcaster was stopped.

    """
    return process_broadcaster.get()


async def stop_system_broadcaster() -> None:
    """Stop this process's broadcaster, and forget it.

    Raises:
        RuntimeError: There is none.

    """
    await process_broadcaster.get().stop()
    process_broadcaster.clear()


class SystemBroadcaster:
    """Sends every client of this replica a status per interval, whoever collects it.

    One replica leads: it collects, sends its own clients the status, and publishes it for the
    others. A replica that cannot hear the leader collects for its own clients (R44).
    """

    def __init__(self, service: Service, settings: SystemSettings) -> None:
        """Prepare; it runs with the service.

        Args:
            service: The replica.
            settings: How often, and where the figures come from.

        """
        self._service = service
        self._interval = interval = settings.broadcast_interval
        self._running = False
        self.lease = Lease(settings.redis_url, LEASE, duration=LEASE_TIME * interval)
        self._clock = self.lease.redis_clock
        self._shown = ShownStatuses(interval, clock=self._clock, steady=clock)
        limit = min(ROUND_TIMEOUT, COLLECT_TIME * interval)
        self._performance = LatestPerformance(settings, clock=self._clock, limit=limit)
        self._collector = StatusCollector(
            settings,
            limit=limit,
            now=self._clock.now,
            performance=self._performance,
        )
        self._collecting: asyncio.Task[CollectedStatus] | None = None
        self._publication = Publication(
            settings.redis_url, self.lease, timeout=PUBLISH_TIME * interval
        )
        self._metrics = SystemMetrics(service.metrics, self.report)
        self._leading = Leading(
            self.lease,
            self._publication,
            self._metrics,
            now=self._clock.now,
            on_told=self._told,
        )
        self._sent_at: float | None = None
        self.connect_policy = BreakerPolicy(
            recovery_timeout=settings.circuit_recovery_timeout, announce=self._announce
        )
        self._trouble = Throttled(logger)

    async def start(self) -> None:
        """Begin to broadcast, with the circuit closed; the service calls it at startup."""
        self.circuit_breaker.reset()
        self._running = True

    async def stop(self) -> None:
        """Stop broadcasting: give the lease up and close all connections.

        The service calls it at shutdown. Another replica leads then; this one does not start again.
        """
        self._running = False
        await self.lease.give_up()
        if self._collecting:
            await cancel_and_wait(self._collecting)
        await self._publication.aclose()
        await self._collector.aclose()

    # What others may ask.

    @property
    def circuit_breaker(self) -> WebSocketCircuitBreaker:
        """The breaker of this replica's listener."""
        return self.connect_policy.breaker

    def get_circuit_state(self) -> WebSocketCircuitState:
        """Return the breaker's state."""
        return self.circuit_breaker.state

    def is_degraded(self) -> bool:
        """Tell whether updates may be delayed or unavailable."""
        return self.connect_policy.degraded.is_degraded()

    def report(self) -> BroadcasterReport:
        """Return what it is at."""
        degraded = self.connect_policy.degraded
        topic = self._topic()
        return BroadcasterReport(
            clients=len(topic.clients) if topic else 0,
            status_age_s=self._age(topic),
            alone=topic is not None and self._is_alone(topic),
            clock_skew_s=None if self._clock.skew is None else round(self._clock.skew, 3),
            lease=LeaseReport(
                held=self.lease.held,
                term=self.lease.term,
                remaining_s=round(self.lease.remaining(), 3),
                taken=self.lease.taken,
                unanswered=self.lease.unanswered,
                refused=self.lease.refused,
            ),
            circuit_breaker=self.circuit_breaker.get_status(),
            degraded_mode=DegradedReport(
                degraded=degraded.is_degraded(),
                reason=degraded.reason,
                attempts=degraded.attempts,
                entered=degraded.entered,
                left=degraded.left,
            ),
            health=self._leading.health(),
        )

    # A client.

    async def connect(self, socket: Socket) -> None:
        """Send a client the latest status and figures, and all that follow.

        Args:
            socket: The client, before its handshake is answered.

        """
        await serve_client(socket, self.session())

    def session(self) -> "SystemSession":
        """Return what serves one client."""
        return SystemSession(self, self._service)

    def topics_for(self, peer: Peer) -> Sequence[SnapshotTopic]:
        """Return the topics of statuses and of performance figures, with one more client."""
        hub = self._service.hub
        statuses = hub.enter(peer, channels.SYSTEM_STATUS, StatusTopic)
        if statuses.accepts is None:
            self._shown.begin()
            statuses.accepts, statuses.on_echo = self._accepts, self._shown.echoed
        return statuses, hub.enter(peer, channels.PERFORMANCE_UPDATE, PerformanceTopic)

    async def freshen(self, topic: SnapshotTopic) -> None:
        """See to it that the latest status, or the latest figures, say how things are now."""
        if not isinstance(topic, StatusTopic):
            await self._performance.freshen(topic)
        elif not self._is_fresh(topic):
            found = await self._collect()
            if not self._is_fresh(topic):
                topic.keep(STATUS, encode(found.status).decode())

    def trouble(self) -> str | None:
        """Return what clients are told in degraded mode; None while there is nothing to tell."""
        announcement = self.connect_policy.announcement
        return None if announcement is None else encode(announcement).decode()

    # Every interval.

    async def run(self) -> None:
        """Broadcast for ever."""
        while True:
            slot = await wait_until_due(self._interval, self._clock)
            if self._running:
                await self._round(slot)

    async def _round(self, slot: int) -> None:
        """Send a status, if it is this replica's turn and somebody listens.

        The leader looks at services and cameras all the same, and tells what has changed. Whether
        clients have the slot's status already is asked last: collecting takes its time.
        """
        topic = self._topic()
        if not self.lease.held:
            self._leading.rest()
        if topic is None:
            if not self.lease.held:
                return
            if not await self._others_listen():
                await self._observe(slot)
                return
        elif not (self.lease.held or self._is_alone(topic)):
            return
        found = await self._collect()
        if self._shown.is_due(slot, leads=self._leading.is_settled):
            await self.broadcast_status(found.status, observed=found.observed, slot=slot)

    async def _observe(self, slot: int) -> None:
        """Look at what changes are told of, and at nothing else: nobody listens."""
        observed = await self._collector.observe(redis_refuses=self._refusal())
        if self.lease.held:
            await self._leading.publish(slot, None, observed)

    async def broadcast_status(
        self,
        status: SystemStatus,
        *,
        observed: Observed = NOTHING_OBSERVED,
        slot: int | None = None,
    ) -> None:
        """Send a status to this replica's clients first, then publish it for the others.

        Only the replica that leads publishes. One that neither leads nor serves its clients alone
        sends nothing: the leader's status comes to them.

        Args:
            status: What was collected.
            observed: How services and cameras are; for changes that are told once.
            slot: For which it is, if for one: none is published twice for a slot.

        """
        topic, text = self._topic(), encode(status)
        leads = self.lease.held
        if not leads and (topic is None or not self._is_alone(topic)):
            return
        self._sent_at = asyncio.get_running_loop().time()
        if topic:
            self._shown.sent(status.timestamp.timestamp())
            topic.show(text)
        if leads:
            if topic:
                topic.expect(text)
            if await self._leading.publish(slot, text, observed):
                self._metrics.statuses.labels("published").inc()
        else:
            self._metrics.statuses.labels("local").inc()

    def broadcast_performance(self, update: PerformanceUpdate) -> None:
        """Send performance figures to this replica's clients (R49).

        The collector publishes those for all replicas, which forward them as they hear them.

        Args:
            update: The figures.

        """
        topic = self._service.hub.topics.get((channels.PERFORMANCE_UPDATE, None))
        if isinstance(topic, PerformanceTopic):
            topic.update(PERFORMANCE, encode(update).decode())

    async def _others_listen(self) -> bool:
        try:
            return await self._publication.somebody_listens()
        except NoAnswerError as error:
            self._trouble.warning("cannot ask whether anybody listens", trouble=str(error))
            return False

    async def _collect(self) -> CollectedStatus:
        """Ask all sources, once for all who wait."""
        if self._collecting is None or self._collecting.done():
            self._collecting = asyncio.create_task(
                self._collector.collect(redis_refuses=self._refusal()), name="collect"
            )
            self._metrics.collections.inc()
        return await asyncio.shield(self._collecting)

    def _refusal(self) -> str | None:
        """Return why Redis refuses writes, where it does."""
        return self.lease.refused or self._service.probe.writes_refused

    # What is known.

    def _topic(self) -> StatusTopic | None:
        """Return the topic of statuses; None while this replica has no clients."""
        topic = self._service.hub.topics.get((channels.SYSTEM_STATUS, None))
        return topic if isinstance(topic, StatusTopic) else None

    def _is_alone(self, topic: SnapshotTopic) -> bool:
        """Return whether a leader's statuses do not reach this replica."""
        return self._shown.is_alone(certain=not topic.is_live() or self.lease.unanswered)

    def _accepts(self, collected_at: float | None) -> bool:
        return self._shown.hears(collected_at, leads=self.lease.held)

    def _is_fresh(self, topic: SnapshotTopic) -> bool:
        latest = topic.latest.get(STATUS)
        return latest is not None and _since(latest.at) < self._interval

    def _age(self, topic: SnapshotTopic | None) -> float | None:
        latest = topic.latest.get(STATUS) if topic else None
        ages = [_since(at) for at in (self._sent_at, latest and latest.at) if at is not None]
        return round(min(ages), 3) if ages else None

    def _told(self, changes: Sequence[Change]) -> None:
        """Let clients know of changes that were told, though this replica cannot hear Redis."""
        # The channel brings a change to our own clients too, unless this replica cannot hear it.
        if (topic := self._topic()) and not topic.is_live():
            topic.broadcast([Message(change.message) for change in changes])

    def _announce(self, message: ServiceStatus) -> None:
        """Tell all clients of this replica, and no others: each replica's listener is its own."""
        logger.warning(message.data.message, extra={"circuit": message.data.circuit_state})
        if topic := self._topic():
            topic.broadcast([Message(encode(message).decode(), "service_status")])


class SystemSession(Session):
    """A client that listens to statuses and performance figures."""

    __slots__ = ("_broadcaster", "_snapshots")

    def __init__(self, broadcaster: SystemBroadcaster, service: Service) -> None:
        super().__init__(service)
        self._broadcaster = broadcaster
        self._snapshots: Sequence[SnapshotTopic] = ()

    def enter(self, peer: Peer) -> None:
        """Take the client in."""
        self.topics = self._snapshots = self._broadcaster.topics_for(peer)

    def is_ready(self) -> bool:
        """Return whether both channels are heard, or that is known to take its time."""
        return self._broadcaster.is_degraded() or super().is_ready()

    async def begin(self, peer: Peer) -> None:
        """Send the client the latest, then all that follows."""
        await asyncio.gather(*map(self._broadcaster.freshen, self._snapshots))
        # At one go, so that nothing comes between the latest and what follows.
        peer.send(*(latest.text for topic in self._snapshots for latest in topic.latest.values()))
        if trouble := self._broadcaster.trouble():
            peer.send(trouble)
        for topic in self._snapshots:
            topic.join(peer)
        peer.release()


def _since(at: float) -> float:
    return asyncio.get_running_loop().time() - at
