"""The one pub/sub connection of a process: supervised, and never deaf for long (R61).

A listener that dies quietly is this field's commonest fault. So the connection's life is ours to
watch: redis-py connects and authenticates, and parses what arrives; when to subscribe, when a
connection is taken for dead and when to connect again is decided here and nowhere else. redis-py's
own PubSub reconnects inside a read, and says nothing about it.

PINGs without an answer are counted, not timed: a process that was suspended reads what Redis said
meanwhile before it gives the connection up. Channels that are wanted are kept apart from those that
were asked for, so a thousand new ones are one or two commands, and an outage is no special case.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Protocol

from redis.asyncio.connection import AbstractConnection
from redis.backoff import EqualJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from hsi.logs import Throttled, redact
from hsi.redis_client import look_up_again, pubsub_pool
from hsi.tasks import cancel_and_wait
from hsi_service.bus.connect_policy import AlwaysConnect, ConnectPolicy
from hsi_service.bus.session import Session

logger = logging.getLogger(__name__)

PING_INTERVAL = 2.0
"""Seconds between PINGs on the subscribed connection."""
MAX_UNANSWERED_PINGS = 2
"""So a half-open connection is found within (2 + 1) * PING_INTERVAL seconds."""
CONNECT_TIMEOUT = 3.0
"""Seconds that connecting, or any one command before subscribing, may take."""
BACKOFF_BASE = 0.05
BACKOFF_CAP = 1.0
"""Seconds between attempts to connect: at first, and at most."""
ASK_AGAIN = 0.25
"""Seconds until the connect policy is asked again when it has said no."""
STABLE_AFTER = 10.0
"""Seconds that a connection must have lasted for its loss to be a new outage, not the same one."""
CHANNELS_PER_COMMAND = 500
MAX_TROUBLE = 200
MAX_REASONS = 5
"""Characters of an error that go into a log line; reasons that are logged of one outage."""


class ChannelListener(Protocol):
    """Hears a channel. Its methods must not block, and must not raise."""

    def hear(self, payload: bytes) -> None:
        """Take a payload, in the channel's order."""

    def subscribed(self) -> None:
        """Take note that Redis has confirmed the channel, at first and after each outage.

        Everything published from now on is heard, until the next call; before it, anything may
        have been missed.
        """


class BusState(StrEnum):
    """What the subscriber is at."""

    IDLE = "idle"
    """Nobody listens, so there is no connection."""
    CONNECTING = "connecting"
    """There are listeners, and they hear nothing."""
    LISTENING = "listening"
    """Connected, and every channel wanted was asked for."""


class Subscription:
    """One listener on one channel; `close` ends it."""

    __slots__ = ("_subscriber", "channel", "listener")

    def __init__(self, subscriber: "Subscriber", channel: str, listener: ChannelListener) -> None:
        self._subscriber = subscriber
        self.channel = channel
        self.listener = listener

    @property
    def confirmed(self) -> bool:
        """Whether Redis has confirmed it."""
        return self._subscriber.established(self.channel)

    async def established(self, timeout: float | None) -> bool:  # noqa: ASYNC109 (it is the whole point)
        """Wait until Redis has confirmed the subscription; tell whether it did in time.

        Args:
            timeout: Seconds to wait at most; None: for ever.

        """
        return await self._subscriber.wait_established(self.channel, timeout)

    def close(self) -> None:
        """Stop listening. The last listener of a channel ends its subscription."""
        self._subscriber.remove(self)


class _Idle(Exception):  # noqa: N818 (not an error: the reason to end a session)
    """Nobody listens any more."""


class Subscriber:
    """Hears channels, each while it has a listener, for as many as like, over one connection."""

    def __init__(self, redis_url: str, *, name: str, on_outage: Callable[[], None]) -> None:
        """Prepare; `run` does the work.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            name: Shown by Redis' CLIENT LIST.
            on_outage: Called each time that Redis is lost or cannot be reached.

        """
        self._pool = pubsub_pool(redis_url, name=f"{name}-subscriber", timeout=CONNECT_TIMEOUT)
        self.connect_policy: ConnectPolicy = AlwaysConnect()
        """Whom it asks before it connects."""
        self._on_outage = on_outage
        self._listeners: dict[bytes, list[ChannelListener]] = {}
        self._companions: dict[bytes, list[ChannelListener]] = {}
        """Listeners that are there while others are."""
        self._changed = asyncio.Event()
        self._session = Session()
        self._listening: asyncio.Task[None] | None = None
        self._why_anew = ""
        self._backoff = EqualJitterBackoff(cap=BACKOFF_CAP, base=BACKOFF_BASE)
        self._faults = Throttled(logger)
        self._told: set[str] = set()
        """Reasons of this outage that were logged."""
        self.state = BusState.IDLE
        self.trouble: str | None = None
        """Why Redis is not heard, without credentials; None while it is, or nobody listens."""
        self.outages = 0
        self.lag: float | None = None
        """Round trip of the last PING, in seconds; None while there is no connection."""
        self.heard_until = 0.0
        """When the last PING was sent that was answered, in seconds of the event loop's clock: what
        Redis published before that has been heard, or was lost on the way."""
        self.listening_since = -math.inf
        """When Redis last confirmed all that is wanted, by the same clock."""

    @property
    def ping_refused(self) -> RedisError | None:
        """With what Redis answered the last PING; None: with PONG, or it was not asked."""
        return self._session.ping_refused

    def subscribe(self, channel: str, listener: ChannelListener) -> Subscription:
        """Add a listener. It hears the channel from when Redis confirms, and after every outage."""
        name = channel.encode()
        self._listeners.setdefault(name, []).append(listener)
        self._changed.set()
        if self._session.subscriptions.confirmed(name):
            listener.subscribed()
        return Subscription(self, channel, listener)

    def accompany(self, channel: str, listener: ChannelListener) -> None:
        """Add a listener for good, which hears its channel while there are others."""
        self._companions[channel.encode()] = [listener]
        self._changed.set()

    def reconnect(self, why: str) -> None:
        """Give up the connection: it is found to be deaf, though nothing else is wrong with it."""
        if self._listening:
            self._why_anew = why
            self._listening.cancel()

    def may_have_missed(self) -> None:
        """Catch up with all that is listened to: something did not come that should have."""
        for name, listeners in tuple(self._listeners.items()):
            if self._session.subscriptions.confirmed(name):
                for listener in tuple(listeners):
                    listener.subscribed()

    def remove(self, subscription: Subscription) -> None:
        """Remove a listener; do nothing if it was removed already."""
        name = subscription.channel.encode()
        listeners = self._listeners.get(name, [])
        if subscription.listener in listeners:
            listeners.remove(subscription.listener)
        if not listeners:
            self._listeners.pop(name, None)
        self._changed.set()

    def listeners(self) -> dict[str, int]:
        """Return how many listeners each channel has."""
        return {name.decode(): len(listeners) for name, listeners in self._listeners.items()}

    def established(self, channel: str) -> bool:
        """Tell whether Redis has confirmed the subscription to `channel`."""
        return self._session.subscriptions.confirmed(channel.encode())

    async def wait_established(self, channel: str, timeout: float | None) -> bool:  # noqa: ASYNC109 (as above)
        """Wait for that, `timeout` seconds at most; tell whether it came."""
        name = channel.encode()
        try:
            async with asyncio.timeout(timeout):
                while not self._session.subscriptions.confirmed(name):
                    await self._session.news.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Listen, whatever happens to Redis, until cancelled; may be run again after a fault."""
        failures = 0
        while True:
            while not self._listeners:
                self.state, self.trouble = BusState.IDLE, None
                self._changed.clear()
                await self._changed.wait()
            self.state = BusState.CONNECTING
            if not self.connect_policy.may_connect():
                await asyncio.sleep(ASK_AGAIN)
                continue
            # A task of its own: whatever ends it, a stray cancellation left behind by a timeout
            # included, ends this connection and not our trying.
            listening = self._listening = asyncio.create_task(self._listen())
            try:
                await asyncio.wait({listening})
            except asyncio.CancelledError:
                self.connect_policy.left()  # Else the attempt would hold its place for good.
                raise
            finally:
                await cancel_and_wait(listening)
                stable = self._session.age(time.monotonic()) > STABLE_AFTER
                self._end_session()
            error = _error_of(listening)
            trouble = error and f"{type(error).__name__}: {error}".removesuffix(": ")[:MAX_TROUBLE]
            if self._why_anew:
                trouble, self._why_anew = self._why_anew, ""
            if error is None:
                failures = 0
                self.connect_policy.left()
                continue
            self.connect_policy.failed(refused=isinstance(error, ResponseError))
            look_up_again()  # Whom others ask may be as lost, and answer all the same.
            self.outages += 1
            self._on_outage()
            if not isinstance(error, RedisError | OSError | asyncio.CancelledError):
                raise error  # A fault of this code: the supervisor logs it, and starts again.
            failures = 1 if stable else failures + 1
            self._tell(str(trouble), is_new=failures == 1)
            await asyncio.sleep(self._backoff.compute(failures))

    def _tell(self, trouble: str, *, is_new: bool) -> None:
        """Log why Redis is not heard: each reason of an outage once, and few of many."""
        self.trouble = redact(trouble)
        if is_new:
            self._told = set()
        elif trouble in self._told or len(self._told) >= MAX_REASONS:
            return
        self._told.add(trouble)
        logger.warning(
            "%s to Redis; retrying, at least every %.0f s",
            "lost the subscription" if is_new else "still no subscription",
            BACKOFF_CAP + CONNECT_TIMEOUT,
            extra={"trouble": trouble},
        )

    def _end_session(self) -> None:
        ended, self._session = self._session, Session()
        ended.tell()
        self.lag = None
        if self._listeners:
            self.state = BusState.CONNECTING

    async def _listen(self) -> None:
        """Connect, subscribe, and hand out what arrives until something ends it."""
        # redis-py leaves these two untyped.
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_listeners(connection))
                tasks.create_task(self._keepalive(connection))
                tasks.create_task(self._read(connection))
        finally:
            await connection.disconnect(nowait=True)

    async def _follow_listeners(self, connection: AbstractConnection) -> None:
        """Make what Redis was asked for follow what is wanted."""
        session, asked = self._session, self._session.subscriptions
        while True:
            self._changed.clear()
            if not self._listeners:
                # At once: a listener that comes while the connection is being closed must not take
                # what that connection was told for its own.
                self._end_session()
                raise _Idle
            wanted = self._listeners.keys() | self._companions.keys()
            for some in _slices(asked.names - wanted, CHANNELS_PER_COMMAND):
                session.unsubscribing(some)
                await connection.send_command("UNSUBSCRIBE", *some, check_health=False)
            for some in _slices(wanted - asked.names, CHANNELS_PER_COMMAND):
                session.subscribing(some)
                await connection.send_command("SUBSCRIBE", *some, check_health=False)
            await self._changed.wait()

    async def _keepalive(self, connection: AbstractConnection) -> None:
        """Find the connection that is dead without an error.

        Unanswered PINGs are counted, not seconds: after this process itself has slept, what Redis
        said meanwhile waits in the socket and is read before the next PING falls due.
        """
        session = self._session
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(PING_INTERVAL)
            if session.unanswered_pings >= MAX_UNANSWERED_PINGS:
                raise RedisConnectionError(
                    f"no answer to {session.unanswered_pings} PINGs, {PING_INTERVAL:.0f} s apart",
                )
            session.pinging(clock())
            await connection.send_command("PING", check_health=False)

    async def _read(self, connection: AbstractConnection) -> None:
        session, listeners, companions = self._session, self._listeners, self._companions
        # While replies are buffered this awaits without yielding, so that messages which arrive
        # together are handed out together, within one tick of the loop.
        while True:
            try:
                reply: Any = await connection.read_response(
                    timeout=math.inf, disconnect_on_error=False
                )
            except RedisError as error:
                if (sent_at := session.refused(error)) is None:
                    raise
                # Redis refuses PINGs while it refuses writes; what is published comes all the same.
                session.unanswered_pings, self.heard_until = 0, sent_at
                continue
            session.unanswered_pings = 0
            match reply:
                case [b"message", channel, payload]:
                    for listener in tuple(listeners.get(channel) or companions.get(channel) or ()):
                        try:
                            listener.hear(payload)
                        except Exception as error:  # noqa: BLE001 (the stream must go on)
                            self._faults.warning("a listener failed", fault=repr(error))
                case [b"subscribe", channel, _]:
                    self._confirmed(session, channel)
                case [b"pong", _] | b"PONG":
                    self.heard_until = session.ponged()
                    self.lag = asyncio.get_running_loop().time() - self.heard_until
                case [b"unsubscribe", _, _]:
                    session.left()
                case _:
                    raise RedisConnectionError(f"unexpected reply {str(reply)[:80]}")

    def _confirmed(self, session: Session, channel: bytes) -> None:
        session.confirm(channel, time.monotonic())
        if session.subscriptions.confirmed(channel):
            for listener in tuple(self._listeners.get(channel, ())):
                listener.subscribed()
        if self.state is not BusState.LISTENING and session.subscriptions.complete(self._listeners):
            self.state, self.trouble = BusState.LISTENING, None
            self.listening_since = asyncio.get_running_loop().time()
            self.connect_policy.heard()
            logger.info("subscribed to Redis", extra={"channels": len(self._listeners)})


def _error_of(listening: "asyncio.Task[None]") -> BaseException | None:
    """Return what ended a connection; None if that was because nobody listens any more."""
    if listening.cancelled():
        return asyncio.CancelledError()
    error = listening.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]  # What happened; the others are its echoes.
    return None if isinstance(error, _Idle) else error


def _slices(names: Iterable[bytes], size: int) -> Iterable[list[bytes]]:
    ordered = sorted(names)
    return (ordered[start : start + size] for start in range(0, len(ordered), size))
