"""A channel that clients of this process listen to: what reaches them, from where, and when."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError

from shared.bus import History, Subscriber
from shared.bus.history import next_count
from shared.close_codes import CloseCode
from shared.continuity import Cursor, Position, Replay
from shared.intake import DROPPED, examine
from shared.logging import Throttled
from shared.metrics import Metrics
from shared.peer import Peer

logger = logging.getLogger(__name__)
_dropped = Throttled(logger)
_faults = Throttled(logger)
_BACKOFF = EqualJitterBackoff(cap=1.0, base=0.02)
T = TypeVar("T")

DRAIN_PATIENCE = 1.0
"""Seconds, in all, that a healing topic waits for slow clients: they must not hold others up."""


class Topic:
    """A channel's listener, its position, and the clients that go along with it.

    A client that resumes is replayed up to the position at which it joined, while what the topic
    sends waits in the client's own queue; healing after an outage is the same step for all.
    """

    def __init__(
        self, channel: str, *, subscriber: Subscriber, history: History, metrics: Metrics
    ) -> None:
        self.channel = channel
        self.clients: set[Peer] = set()
        """All that are connected."""
        self.peers: set[Peer] = set()
        """Those that go along with the position."""
        self.position = Position()
        self._history = history
        self._metrics = metrics
        self._burst: list[str] = []
        self._moved: asyncio.Event | None = None
        self._healer: asyncio.Task[None] | None = None
        self.subscription = subscriber.subscribe(channel, self)

    def end(self) -> None:
        """Nobody listens any more."""
        self.subscription.close()
        if self._healer:
            self._healer.cancel()

    # What Redis brings.

    def hear(self, payload: bytes) -> None:
        """Take a message from the channel."""
        finding = examine(payload)
        self._metrics.messages.labels(finding.verdict).inc()
        if finding.verdict in DROPPED:
            _dropped.warning("dropped a message", channel=self.channel, reason=str(finding.verdict))
        if finding.text is not None:
            self.send(self.position.hear(finding.text))
            self.heal_if_need_be()

    def subscribed(self) -> None:
        """Hear from now on; what came before has to be looked up."""
        self.position.doubt()
        self.heal_if_need_be()

    def heal_if_need_be(self) -> None:
        """See to it that a healing is under way, if one is due."""
        if self.position.healing and (self._healer is None or self._healer.done()):
            self._healer = asyncio.create_task(self._heal())

    async def _heal(self) -> None:
        """Read the history from the position on, until the position is the channel's again."""
        position, count = self.position, 1
        slow: set[Peer] = set()
        while position.healing:
            after = position.begin_read()
            page = await self._ask(lambda: self._history.read(self.channel, after, count))  # noqa: B023
            count = next_count(page)
            if not page.found and position.known:
                self._metrics.gaps.inc()
                logger.warning(
                    "messages are missing: the history was wiped, rolled back or too short",
                    extra={"channel": self.channel, "after": str(after)},
                )
            self.send(position.heal(page))
            self.flush()
            if not page.ends:
                slow |= await self._wait_for_peers(self.peers - slow)

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """Ask Redis until it answers; the pauses have jitter and a cap."""
        failures = 0
        while True:
            try:
                return await question()
            except (RedisError, OSError) as error:
                logger.debug("cannot read the history of %s: %s", self.channel, error)
            except Exception as error:  # noqa: BLE001 (a fault of ours must not make it deaf)
                _faults.warning("cannot read a history", channel=self.channel, fault=repr(error))
            failures += 1
            await asyncio.sleep(_BACKOFF.compute(failures))

    async def _wait_for_peers(self, peers: set[Peer]) -> set[Peer]:
        """Wait until these have taken what they were sent; return those that were too slow."""
        draining = {asyncio.create_task(peer.drained()): peer for peer in peers}
        if not draining:
            return set()
        _, late = await asyncio.wait(draining, timeout=DRAIN_PATIENCE)
        for task in late:
            task.cancel()
        return {draining[task] for task in late}

    def is_live(self) -> bool:
        """Tell whether the position is the channel's, as far as this process knows."""
        return self.position.known and not self.position.healing

    # What goes to clients.

    def send(self, texts: list[str]) -> None:
        """Send texts to every peer, together with whatever else this tick brings."""
        if texts and not self._burst:
            asyncio.get_running_loop().call_soon(self.flush)
        self._burst.extend(texts)

    def flush(self) -> None:
        """Write what this tick brought, now."""
        if self._moved:
            self._moved.set()
            self._moved = None
        if not self._burst:
            return
        burst, self._burst = tuple(self._burst), []
        size = sum(map(len, burst))
        for peer in self.peers:
            peer.write(burst, size)
        self._metrics.deliveries.inc(len(burst) * len(self.peers))

    def join(self, peer: Peer) -> None:
        """Let a client go along from here on."""
        self.flush()
        self.peers.add(peer)

    def leave(self, peer: Peer) -> None:
        """Forget a client."""
        self.clients.discard(peer)
        self.peers.discard(peer)

    async def ready(self) -> None:
        """Wait until the channel is heard and the position known."""
        while not self.position.known:
            await self._next_move().wait()

    def _next_move(self) -> asyncio.Event:
        """Return what is set when the position moves next; to be had before one looks at it."""
        if self._moved is None:
            self._moved = asyncio.Event()
        return self._moved

    async def resume(self, peer: Peer, since: str) -> None:
        """Bring a client from its cursor to where the topic is, and let it join.

        Returns when it goes along. Waits for Redis as long as it takes.
        """
        await self.ready()
        await self._catch_up_with(since)
        self.flush()
        peer.hold()
        replay = Replay(since=since, until=self.position.head)
        self.peers.add(peer)
        count = 1
        while not replay.done:
            page = await self._ask(
                lambda: self._history.read(self.channel, replay.after, count)  # noqa: B023
            )
            count = next_count(page)
            peer.say(*replay.page(page))
            if replay.outrun:
                peer.close(CloseCode.TOO_SLOW, "slower than the history is long: come back")
                return
            await peer.drained()
        peer.release()

    async def _catch_up_with(self, since: str) -> None:
        """Wait until this replica is where the client is, if it comes from one that was ahead."""
        cursor = Cursor.parse(since)
        while cursor and self.position.is_before(cursor):
            moved = self._next_move()
            if not await self._ask(lambda: self._history.has(self.channel, cursor)):
                return
            if self.position.is_before(cursor):
                await moved.wait()

    async def begin_with_the_last(self, peer: Peer, count: int) -> None:
        """Send a client the last `count` messages and then a first heartbeat; let it join."""
        await self.ready()
        self.flush()
        peer.hold()
        self.peers.add(peer)
        head, heartbeat = self.position.head, self.position.ping()
        if head and count:
            entries = await self._ask(lambda: self._history.tail(self.channel, head, count))
            peer.say(*(entry.text for entry in entries))
        peer.say(heartbeat)
        peer.release()
