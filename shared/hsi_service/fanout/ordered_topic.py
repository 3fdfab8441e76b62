"""A channel with a history: every message once and in order, or the client is told otherwise."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError

from hsi.logs import Throttled
from hsi.schemas.close_codes import CloseCode
from hsi.schemas.cursor import Cursor
from hsi_service.bus.continuity import Position, Replay, resumed_text
from hsi_service.bus.history import next_count
from hsi_service.bus.intake import Finding
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.topic import Filter, Source, Topic

logger = logging.getLogger(__name__)
_faults = Throttled(logger)
_BACKOFF = EqualJitterBackoff(cap=1.0, base=0.02)
T = TypeVar("T")

DRAIN_PATIENCE = 1.0
"""Seconds, in all, that a healing topic waits for slow clients: they must not hold others up."""


class OrderedTopic(Topic):
    """A topic with a position in its channel's history.

    A client that resumes is replayed up to the position at which it joined, while what the topic
    sends waits in the client's own queue; healing after an outage is the same step for all.
    """

    def __init__(self, channel: str, only: Filter | None, source: Source) -> None:
        self.position = Position()
        self._history = source.history
        self._moved: asyncio.Event | None = None
        self._catching_up: asyncio.Task[None] | None = None
        super().__init__(channel, only, source)

    def end(self) -> None:
        """Nobody listens any more."""
        super().end()
        if self._catching_up:
            self._catching_up.cancel()

    # What Redis brings.

    def take(self, text: str, finding: Finding) -> None:  # noqa: ARG002 (a position asks for less)
        """Take a message: send it if it is the next one, else look what is missing."""
        self.broadcast(self.position.hear(text))
        self._notify_moved()
        self.catch_up_if_behind()

    def subscribed(self) -> None:
        """Hear from now on; what came before has to be looked up."""
        self.position.mark_stale()
        self.catch_up_if_behind()

    def catch_up_if_behind(self) -> None:
        """See to it that a healing is under way, if one is due."""
        if self.position.catching_up and (self._catching_up is None or self._catching_up.done()):
            self._catching_up = asyncio.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        """Read the history from the position on, until the position is the channel's again."""
        position, count = self.position, 1
        slow: set[Peer] = set()
        while position.catching_up:
            after = position.begin_read()
            page = await self._ask(lambda: self._history.read(self.channel, after, count))  # noqa: B023
            count = next_count(page.entries)
            if not page.found and position.known:
                self._metrics.gaps.inc()
                logger.warning(
                    "messages are missing: the history was wiped, rolled back or too short",
                    extra={"channel": self.channel, "after": str(after)},
                )
            self.broadcast(position.catch_up(page))
            self._notify_moved()
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
        return self.position.known and not self.position.catching_up

    # What goes to clients.

    def ping(self) -> str:
        """Return a heartbeat, which tells clients how far they have come."""
        return self.position.ping()

    def cursor(self) -> str | None:
        """Return how far it has come."""
        return str(self.position.head) if self.position.head else None

    async def ready(self) -> None:
        """Wait until the channel is heard and the position known."""
        while not self.position.known:
            await self._next_move().wait()

    def _notify_moved(self) -> None:
        if self._moved:
            self._moved.set()
            self._moved = None

    def _next_move(self) -> asyncio.Event:
        """Return what is set when the position moves next; to be had before one looks at it."""
        if self._moved is None:
            self._moved = asyncio.Event()
        return self._moved

    async def resume(self, peer: Peer, since: str) -> None:
        """Bring a client, which is held, from its cursor to where the topic is; let it join.

        Returns when it goes along. Waits for Redis as long as it takes.
        """
        await self.ready()
        await self._wait_until_reached(since)
        self.flush()
        replay = Replay(since=since, until=self.position.head)
        self.peers.add(peer)
        count = 1
        while not replay.done:
            page = await self._ask(
                lambda: self._history.read(self.channel, replay.after, count)  # noqa: B023
            )
            count = next_count(page.entries)
            peer.send(*filter(self.only, replay.page(page)))
            if replay.outrun:
                peer.close(CloseCode.TOO_SLOW, "slower than the history is long: come back")
                return
            await peer.drained()
        peer.release()

    async def _wait_until_reached(self, since: str) -> None:
        """Wait until this replica is where the client is, if it comes from one that was ahead."""
        cursor = Cursor.parse(since)
        while cursor and self.position.is_before(cursor):
            moved = self._next_move()
            if not await self._ask(lambda: self._history.has(self.channel, cursor)):
                return
            if self.position.is_before(cursor):
                await moved.wait()

    async def begin_with_the_last(self, peer: Peer, count: int) -> None:
        """Send a client, which is held, the last few and a first heartbeat; let it join.

        Args:
            peer: The client.
            count: How many messages at most, of those that are for it.

        """
        await self.ready()
        self.flush()
        self.peers.add(peer)
        head, heartbeat = self.position.head, self.position.ping()
        if head and count:
            # Where to begin is found on the way back; what is sent is read page by page on the way
            # forth, for it may be more than a client may let wait.
            after, size = await self._before_the_last(head, count), 1
            sent: Cursor | None = None
            while after is None or after < head:
                page = await self._ask(lambda: self._history.read(self.channel, after, size))  # noqa: B023
                if sent and not page.found:
                    # Trimmed faster than the client could follow: what is missing is missing here.
                    missing = resumed_text(recovered=False, replayed=page.remaining, since=sent)
                    peer.send(missing)
                entries = [entry for entry in page.entries if entry.cursor <= head]
                if not entries:
                    break
                peer.send(*filter(self.only, (entry.text for entry in entries)))
                after, size = entries[-1].cursor, next_count(entries)
                sent = after
                await peer.drained()
        peer.send(heartbeat)
        peer.release()

    async def _before_the_last(self, head: Cursor, count: int) -> Cursor | None:
        """Return what comes before the last `count` messages for a client; None: nothing."""
        first, size = Cursor(head.milliseconds, head.number + 1), 1
        while count >= 0:
            some = await self._ask(lambda: self._history.before(self.channel, first, size))  # noqa: B023
            if not some:
                return None
            for entry in some:
                first = entry.cursor
                if self.only is None or self.only(entry.text):
                    count -= 1
                if count < 0:
                    break
            size = next_count(some)
        return first
