"""A replica's message to itself: finds the subscription that hears nothing, whatever the reason.

A subscription can be lost without an error: something on the way mutes it while PINGs are answered,
or the server was demoted, and publishers are elsewhere by now. So every two seconds the replica
publishes on a channel of its own, over a connection for which the address was looked up, and must
hear it on its subscription. One that is missing means that others may be, so histories are read;
after three the subscription begins again. What cannot be published says nothing.

With it goes a write that changes nothing, which Redis refuses for the reasons for which it refuses
any other, and with the same words; and a question for the time by Redis' clock.
"""

import asyncio
import contextlib
import logging
import math
import secrets
import time
from collections.abc import Callable
from datetime import datetime

from redis.exceptions import NoPermissionError, RedisError, ResponseError

from hsi.logs import Throttled, redact
from hsi.redis_client import async_client, is_wrong_server, reason_of, refusal
from hsi.schemas import channels
from hsi_service.bus.lease import clock
from hsi_service.bus.subscriber import BusState, Subscriber
from hsi_service.redis_clock import RedisClock

logger = logging.getLogger(__name__)

INTERVAL = 2.0
"""Seconds between two probes."""
MAX_MISSES = 3
"""So a subscription that hears nothing is found in about (3 + 1) * INTERVAL seconds."""
PROVEN_FOR = MAX_MISSES + 1
"""Intervals for which it is believed that the subscription hears, after it was seen to: by then one
that hears nothing is found, and a slow replica has been heard all the same."""
TIMEOUT = 1.5
"""Seconds that each step may take: to connect, and to publish."""
DENIED_PAUSE = 5.0
"""Seconds after which a replica that may not probe tries again."""


class Probe:
    """Publishes to its replica, and listens."""

    def __init__(
        self, redis_url: str, subscriber: Subscriber, *, name: str, on_deaf: Callable[[], None]
    ) -> None:
        """Prepare; `run` does the work.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
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
        self._published_at: float | None = None
        """When the probe was published that was not heard yet, by the event loop's clock."""
        self._is_heard = False
        self._heard_at = -math.inf
        """When a probe was last heard, by the event loop's clock."""
        self._clock = RedisClock(steady=clock, wall=time.time)
        self._why: str | None = None
        """Why the last probe could not be published, or did not come."""
        self._denials, self._failures = Throttled(logger), Throttled(logger)

    @property
    def trouble(self) -> str | None:
        """Why nobody knows that this replica hears Redis, without credentials.

        None: that is known, or there is no connection that could hear.
        """
        if self._subscriber.state is not BusState.LISTENING or self.is_heard():
            return None
        return self._why or "no probe came yet"

    def is_heard(self) -> bool:
        """Return whether this replica hears Redis now, as far as it can tell.

        Proof is a probe that was heard, or a subscription that Redis has just confirmed.
        """
        if self._subscriber.state is not BusState.LISTENING:
            return False
        proven = max(self._heard_at, self._subscriber.listening_since)
        return asyncio.get_running_loop().time() - proven < PROVEN_FOR * INTERVAL

    def now(self) -> datetime | None:
        """Return the time (UTC) by Redis' clock; None until Redis was asked for it."""
        return None if self._clock.skew is None else self._clock.now()

    def hear(self, payload: bytes) -> None:  # noqa: ARG002 (whatever it holds)
        """Take a probe, of whatever round: the subscription hears."""
        self._misses, self._published_at, self._is_heard = 0, None, True
        self._heard_at = asyncio.get_running_loop().time()
        self._why = None

    def subscribed(self) -> None:
        """Do nothing: what matters is what comes."""

    async def run(self) -> None:
        """Probe until cancelled."""
        while True:
            try:
                await self._probe()
            finally:
                # The next one looks the address up.
                await self._redis.connection_pool.disconnect()
            if trouble := self.trouble:
                self._failures.warning("it is not known whether Redis is heard", reason=trouble)
                self._leave_wrong_server()
            await asyncio.sleep(INTERVAL)

    async def _probe(self) -> None:
        subscriber = self._subscriber
        if subscriber.state is not BusState.LISTENING:
            self._misses, self._published_at, self.writes_refused = 0, None, None
        try:
            if self._clock.skew is None:
                await self._ask_for_the_time()
            if subscriber.state is not BusState.LISTENING:
                return
            if not self._may_listen:
                await self._begin()
            elif subscriber.established(self.channel):
                self._check()
                if self._published_at is None:
                    await self._publish()
        except NoPermissionError as error:
            self._why = redact(f"NoPermissionError: {error}; users.acl has the rules for probe:*")
            self._denials.warning(
                "this replica may not probe its subscription: its user of Redis needs the rules "
                "for probe:* (users.acl)",
                reason=str(error),
            )
            await asyncio.sleep(DENIED_PAUSE)
        except (RedisError, OSError) as error:
            self._why = reason_of(error)
            logger.debug("cannot probe: %s", error)

    async def _begin(self) -> None:
        """Listen to the channel, if this replica's user may: else all others would be lost."""
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(self.channel)
            await pubsub.get_message(timeout=TIMEOUT)
        self._may_listen = True
        self._subscriber.accompany(self.channel, self)

    async def _ask_for_the_time(self) -> None:
        asked_at = clock()
        with contextlib.suppress(ResponseError):  # Clients are not told it, and that is all.
            self._told_the_time(await self._redis.time(), asked_at)

    def _told_the_time(self, told: tuple[int, int], asked_at: float) -> None:
        seconds, micros = told
        now = seconds + micros / 1_000_000
        self._clock.measured(now, asked_at=asked_at, answered_at=clock())

    async def _publish(self) -> None:
        async with self._redis.pipeline(transaction=False) as commands:
            commands.publish(self.channel, "")
            commands.set(self.channel, "", xx=True)  # There is no such key: nothing is written.
            commands.time()
            self._is_heard = False
            asked_at = clock()
            published, written, told = await commands.execute(raise_on_error=False)
        if not isinstance(told, Exception):
            self._told_the_time(told, asked_at)
        if isinstance(published, Exception):
            raise published
        if not self._is_heard:
            self._published_at = asyncio.get_running_loop().time()
        refused = refusal(written) if isinstance(written, Exception) else None
        if refused and not self.writes_refused:
            logger.warning("Redis refuses writes", extra={"reason": refused})
        elif self.writes_refused and not refused:
            logger.info("Redis takes writes again")
        self.writes_refused = refused

    def _check(self) -> None:
        """Judge by whether the last probe came; begin the subscription again after three misses.

        A PING that was sent after it and answered before it means that it does not come any more.
        """
        if self._published_at is None or self._published_at >= self._subscriber.heard_until:
            return
        self._published_at = None
        self._misses += 1
        self._why = "it does not hear what it publishes"
        self._subscriber.may_have_missed()
        # A server that says itself that it is the wrong one gets no second chance.
        if self._misses >= (1 if self._is_at_wrong_server() else MAX_MISSES):
            misses = self._misses
            self._misses = 0
            self.found += 1
            self._on_deaf()
            self._subscriber.reconnect(
                f"it does not hear what it publishes: own messages missing: {misses}"
            )

    def _is_at_wrong_server(self) -> bool:
        error = self._subscriber.ping_refused
        return error is not None and is_wrong_server(error)

    def _leave_wrong_server(self) -> None:
        """Begin again where the server says that it is the wrong one, and nothing proves else."""
        if self._is_at_wrong_server():
            self._subscriber.reconnect(f"the server is not the right one: {self._why}")

    async def aclose(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
