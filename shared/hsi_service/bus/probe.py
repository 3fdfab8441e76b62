"""A replica's message to itself: finds the subscription that hears nothing, whatever the reason.

A subscription can be lost without an error: something on the way mutes it while PINGs are answered,
or the server was demoted, and publishers are elsewhere by now. So every two seconds the replica
publishes on a channel of its own, over a connection for which the address was looked up, and must
hear it on its subscription. One that is missing means that others may be, so histories are read;
after three the subscription begins again. What cannot be published says nothing.

With it goes a write that changes nothing, which Redis refuses for the reasons for which it refuses
any other, and with the same words.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable

from redis.exceptions import NoPermissionError, RedisError

from hsi.logs import Throttled
from hsi.redis_client import async_client, refusal
from hsi.schemas import channels
from hsi_service.bus.subscriber import BusState, Subscriber

logger = logging.getLogger(__name__)

INTERVAL = 2.0
"""Seconds between two probes; one that was not heard by the next is a miss."""
MAX_MISSES = 3
"""So a subscription that hears nothing is found within (3 + 1) * INTERVAL seconds."""
TIMEOUT = 1.5
"""Seconds that each step may take: to connect, and to publish."""
DENIED_PAUSE = 60.0
"""Seconds after which a replica that may not probe tries again."""


class Probe:
    """Publishes to its replica, and listens."""

    def __init__(
        self, redis_url: str, subscriber: Subscriber, *, name: str, on_deaf: Callable[[], None]
    ) -> None:
        """Prepare; `run` does the work.

        Args:
            redis_url: redis://, rediss:// or unix://.
            subscriber: The replica's.
            name: Shown by Redis' CLIENT LIST.
            on_deaf: Called each time that the subscription is found to hear nothing.

        """
        self.channel = channels.probe(secrets.token_hex(8))
        self.found = 0
        """Times that the subscription was found to hear nothing."""
        self.writes_refused: str | None = None
        """Why Redis refuses writes, in its own words; None while it takes them, or nobody knows."""
        self._subscriber = subscriber
        self._on_deaf = on_deaf
        self._redis = async_client(redis_url, name=f"{name}-probe", timeout=TIMEOUT)
        self._may_listen = False
        self._misses = 0
        self._awaited = False
        """Whether a probe was published that was not heard yet."""
        self._trouble = Throttled(logger)

    def hear(self, payload: bytes) -> None:  # noqa: ARG002 (whatever it holds)
        """Take a probe, of whatever round: the subscription hears."""
        self._misses, self._awaited = 0, False

    def subscribed(self) -> None:
        """Take note that Redis has confirmed the channel."""

    async def run(self) -> None:
        """Probe until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self._probe()
            finally:
                # The next one looks the address up.
                await self._redis.connection_pool.disconnect()

    async def _probe(self) -> None:
        subscriber = self._subscriber
        if subscriber.state is not BusState.LISTENING:
            self._misses, self._awaited, self.writes_refused = 0, False, None
            return
        try:
            if not self._may_listen:
                await self._begin()
            elif subscriber.established(self.channel):
                self._check()
                await self._publish()
        except NoPermissionError as error:
            self._trouble.warning(
                "this replica may not probe its subscription: its user of Redis needs the rules "
                "for probe:* (users.acl)",
                reason=str(error),
            )
            await asyncio.sleep(DENIED_PAUSE)
        except (RedisError, OSError) as error:
            logger.debug("cannot probe: %s", error)

    async def _begin(self) -> None:
        """Listen to the channel, if this replica's user may: else all others would be lost."""
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(self.channel)
            await pubsub.get_message(timeout=TIMEOUT)
        self._may_listen = True
        self._subscriber.accompany(self.channel, self)

    async def _publish(self) -> None:
        async with self._redis.pipeline(transaction=False) as commands:
            commands.publish(self.channel, "")
            commands.set(self.channel, "", xx=True)  # There is no such key: nothing is written.
            awaited, self._awaited = self._awaited, True  # It may be heard before Redis answers.
            try:
                published, written = await commands.execute(raise_on_error=False)
                if isinstance(published, Exception):
                    raise published
            except (RedisError, OSError):
                self._awaited = awaited
                raise
        refused = refusal(written) if isinstance(written, Exception) else None
        if refused and not self.writes_refused:
            logger.warning("Redis refuses writes", extra={"reason": refused})
        elif self.writes_refused and not refused:
            logger.info("Redis takes writes again")
        self.writes_refused = refused

    def _check(self) -> None:
        """Judge by whether the last probe came; begin the subscription again after three misses."""
        if not self._awaited:
            return
        self._awaited = False
        self._misses += 1
        self._subscriber.may_have_missed()
        if self._misses >= MAX_MISSES:
            self._misses = 0
            self.found += 1
            self._on_deaf()
            self._subscriber.reconnect(
                f"it does not hear what it publishes: {MAX_MISSES} of its own messages are missing"
            )

    async def aclose(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
