"""Tells people that Redis is away, which cannot be told through Redis; and beats while all is well.

The replica that led last tells, by the rules that it has in memory: once when Redis was unheard for
so long, and once when it is back. Where that replica is gone, too, its heartbeat stops, and the
switch outside the house tells.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import httpx
from redis.exceptions import RedisError

from hsi.logs import Throttled
from hsi.redis_client import async_client
from hsi_service.bus.lease import Lease
from hsi_service.supervision import Supervisor
from services.notify.deliveries import Deliveries
from services.notify.follower import Pace
from services.notify.messages import Message
from services.notify.targets import DeliveryError, Target

logger = logging.getLogger(__name__)

LOOK = 2.0
"""Seconds between two questions to Redis, and the longest that it may take to answer."""
BEAT = 60.0
"""Seconds between two heartbeats."""
BEAT_TIMEOUT = 10.0


class RedisWatch:
    """Asks Redis whether it is there, and remembers who led when it last was."""

    def __init__(
        self,
        redis_url: str,
        lease: Lease,
        *,
        targets: Callable[[], Mapping[str, Target]],
        deliveries: Deliveries,
        supervisor: Supervisor,
        pace: Pace,
        patience: float,
        dashboard: str,
        look: float = LOOK,
    ) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            lease: This replica's.
            targets: Returns those that this replica knows, by name.
            deliveries: Of this replica.
            supervisor: Runs what tells.
            pace: Of tries.
            patience: Seconds for which Redis may be unheard.
            dashboard: `DASHBOARD_URL`.
            look: Seconds between two questions.

        """
        self._redis = async_client(redis_url, name="notify-watch", timeout=look)
        self._lease = lease
        self._targets = targets
        self._deliveries = deliveries
        self._supervisor = supervisor
        self._pace = pace
        self._patience = patience
        self._dashboard = dashboard
        self._look = look
        self._heard_at: float | None = None
        self._led = False
        self._away = asyncio.Event()
        self._back = asyncio.Event()
        self._back.set()

    @property
    def is_heard(self) -> bool:
        """Whether Redis was heard of late."""
        return self._heard_at is not None and time.monotonic() - self._heard_at < 3 * self._look

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._look)

    async def look(self) -> None:
        """Ask Redis once, and have people told of what that shows."""
        try:
            async with asyncio.timeout(self._look):
                await self._redis.ping()
        except (RedisError, OSError):  # TimeoutError is one
            self._unheard()
        else:
            self._heard_at = time.monotonic()
            # Without Redis nobody holds the lease for long: what counts is who did.
            self._led = self._lease.held
            if self._away.is_set():
                self._away.clear()
                self._back.set()

    def _unheard(self) -> None:
        if self._heard_at is None or not self._led or self._away.is_set():
            return
        if time.monotonic() - self._heard_at >= self._patience:
            logger.error("Redis is unheard; people are told", extra={"seconds": self._patience})
            self._back = asyncio.Event()
            self._away.set()
            since = datetime.now(UTC)
            for target in tuple(self._targets().values()):
                self._supervisor.spawn("news of Redis", self._tell(target, since, self._back))

    async def _tell(self, target: Target, since: datetime, back: asyncio.Event) -> None:
        """Tell a target that Redis is away, unless it comes back before; then that it is."""
        at = f"{since:%Y-%m-%dT%H:%M:%SZ}"
        away = self._message(
            "Nobody watches: Redis is not heard",
            f"For {self._patience:.0f} s, Redis has not been heard. Events are not told until it "
            "is back.",
            cursor=f"redis {at}",
        )
        telling = asyncio.ensure_future(self._try(target, away))
        waiting = asyncio.ensure_future(back.wait())
        try:
            await asyncio.wait({telling, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not (telling.done() and telling.result()):
                return
            await waiting
        finally:
            telling.cancel()
            waiting.cancel()
        again = self._message(
            "Redis is heard again",
            "What happened meanwhile is told now, as far as it reached Redis.",
            cursor=f"redis {at} over",
        )
        await self._try(target, again)

    async def _try(self, target: Target, message: Message) -> bool:
        """Deliver a message; return whether it was, and is among what the target wants."""
        rules, tries, began = target.rules, 0, time.monotonic()
        if not rules.wants("redis", "critical", None):
            return False
        if rules.is_quiet(datetime.now(UTC), "critical"):
            return False
        while True:
            try:
                await self._deliveries.deliver(target, message)
            except DeliveryError as error:
                tries += 1
                if error.gone or error.refused or time.monotonic() - began > self._pace.patience:
                    logger.error(  # noqa: TRY400 (a trace may hold the address)
                        "a target was not told of Redis",
                        extra={"target": target.name, "reason": error.reason},
                    )
                    return False
                await asyncio.sleep(self._pace.pause(tries, error.retry_after))
            else:
                return True

    def _message(self, title: str, body: str, *, cursor: str) -> Message:
        return Message(
            kind="redis",
            title=title,
            body=body,
            level="critical",
            url=self._dashboard,
            image_url=None,
            tag="redis",
            camera_id=None,
            at=datetime.now(UTC),
            cursor=cursor,
            source=None,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


class Heartbeat:
    """Asks a URL every minute while all is well."""

    def __init__(self, url: str, *, is_well: Callable[[], bool], interval: float = BEAT) -> None:
        """Take the URL.

        Args:
            url: http:// or https://; a secret.
            is_well: Whether this replica is the one to beat, and nothing is wrong.
            interval: Seconds between two beats.

        """
        self._url = url
        self._is_well = is_well
        self._interval = interval
        self._trouble = Throttled(logger)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            if self._is_well():
                await self.beat()
            await asyncio.sleep(self._interval)

    async def beat(self) -> None:
        """Ask once."""
        try:
            async with httpx.AsyncClient(follow_redirects=False, timeout=BEAT_TIMEOUT) as client:
                answer = await client.get(self._url)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # Its text may hold the address.
            self._trouble.warning("the heartbeat is not heard", trouble=type(error).__name__)
        else:
            if answer.status_code >= httpx.codes.BAD_REQUEST:
                self._trouble.warning("the heartbeat is refused", status=answer.status_code)
