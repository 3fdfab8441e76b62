"""Leading: what the replica that leads finds, publishes and tells, listeners or not.

Each change is told once, whichever replica leads and whenever one dies. Redis is given what is
settled and the changes that made it so, in one step with the status; then the changes are published
with history, each with a key of its own; then Redis is told that they were. The next leader goes on
from what stands there, and tells again what may not have been told: what Redis has, it refuses by
the key, for two minutes.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from hsi.logs import Throttled
from hsi.schemas.base import ServiceHealth
from hsi_service.bus.leader_script import NotLeadingError
from hsi_service.bus.lease import Lease
from services.system.changes import Change, Knowledge, Left, Observed
from services.system.publication import AT_ONCE, NoAnswerError, Publication
from services.system.report import SystemMetrics

logger = logging.getLogger(__name__)

KNOWN_FOR = 3600.0
"""Seconds for which a leader's knowledge is worth more than none, where Redis has lost its own."""


class Leading:
    """One replica's part in leading. Its methods do not raise where Redis fails."""

    def __init__(
        self,
        lease: Lease,
        publication: Publication,
        metrics: SystemMetrics,
        *,
        now: Callable[[], datetime],
        on_told: Callable[[Sequence[Change]], None],
    ) -> None:
        """Know nothing yet.

        Args:
            lease: This replica's.
            publication: The way to Redis.
            metrics: What is counted.
            now: Redis' time (UTC).
            on_told: Called with changes that were just told.

        """
        self._lease = lease
        self._publication = publication
        self._metrics = metrics
        self._now = now
        self._on_told = on_told
        self._knowledge = Knowledge()
        self._left: Left | None = None
        """What Redis has; None: nobody knows."""
        self._term = 0
        """The term in which it goes on from what the last leader left; 0: in none."""
        self._written_at: float | None = None
        self._trouble = Throttled(logger)
        metrics.watch_untold(lambda: len(self._knowledge.untold))

    @property
    def is_settled(self) -> bool:
        """Whether this replica leads, and has before this round."""
        return self._lease.held and self._term == self._lease.term

    def health(self) -> dict[str, ServiceHealth]:
        """Return the health of services that is settled, as far as this replica followed it."""
        return self._knowledge.health.get_status()

    def rest(self) -> None:
        """Record that another replica may lead."""
        self._term = 0

    async def publish(self, slot: int | None, status: bytes | None, observed: Observed) -> bool:
        """Publish a status, if there is one, and tell what has changed.

        Args:
            slot: For which it is, if for one.
            status: For the clients of other replicas; None: nobody listens.
            observed: What was found.

        Returns:
            Whether Redis has it.

        """
        try:
            await self._adopt()
            at = self._now()
            services, cameras = self._knowledge.observe(observed, at)
            await self._write(slot, [] if status is None else [status])
            self._metrics.health_changes.inc(services)
            self._metrics.camera_changes.inc(cameras)
        except (NoAnswerError, NotLeadingError) as error:
            # The next leader goes on from what was last written, and tells what changed.
            self._term = 0
            self._metrics.unpublished.inc()
            self._trouble.warning(
                "a round of the system's leader is not published", trouble=str(error)
            )
            return False
        try:
            await self._tell()
        except (NoAnswerError, NotLeadingError) as error:
            # They stand in Redis: this replica tells them in its next round, or the next leader.
            self._trouble.warning("changes are not told yet", trouble=str(error))
        return True

    async def _adopt(self) -> None:
        """Go on from what the last leader left, unless this replica was it."""
        if self._term == self._lease.term:
            return
        left = await self._publication.left()
        if left != Left(None, None, None) or not self._is_known():
            self._knowledge.adopt(left)
        self._left = left
        self._term = self._lease.term

    def _is_known(self) -> bool:
        """Return whether what this replica knows is better than nothing: Redis was wiped."""
        at = self._written_at
        return at is not None and time.monotonic() - at < KNOWN_FOR

    async def _write(self, slot: int | None, messages: Sequence[bytes]) -> None:
        """Publish messages and leave what is known, if there is anything new in it."""
        left = self._knowledge.exported()
        if messages or left != self._left:
            self._left = None
            await self._publication.publish(self._lease.next_turn(slot), messages, left=left)
            self._left = left
        self._written_at = time.monotonic()

    async def _tell(self) -> None:
        """Tell the changes that wait, in order."""
        while changes := self._knowledge.untold[:AT_ONCE]:
            await self._publication.tell(changes)
            self._knowledge.told(changes)
            self._on_told(changes)
            await self._write(None, [])
