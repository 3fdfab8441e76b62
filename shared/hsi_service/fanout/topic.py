"""A channel that clients of this process listen to: what reaches them, from where, and when."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from hsi.logs import Throttled
from hsi.schemas.cursor import Cursor
from hsi_service.bus.continuity import Position
from hsi_service.bus.history import CATCH_UP_SIZE, ChannelHistory, History, next_count
from hsi_service.bus.intake import Filter, Finding, Message, examine
from hsi_service.bus.probe import Probe
from hsi_service.bus.subscriber import Subscriber, Subscription
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.pages import Pages
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.signs import Signs
from hsi_service.metrics import Metrics
from hsi_service.supervision import Supervisor

logger = logging.getLogger(__name__)
_drops = Throttled(logger)
_faults = Throttled(logger)
_elsewhere = Throttled(logger, interval=3600.0)

MAX_TICKS = 8
"""Ticks of the event loop for which the first of a batch waits at most, while more keeps coming."""
SNAPSHOTS = frozenset({"system_status", "performance_update"})
"""Types of messages of which only the latest matters."""
DRAIN_PATIENCE = 1.0
"""Seconds, in all, that a topic which catches up waits for slow clients, so that they hold no other
client up."""


class Source(NamedTuple):
    """Where topics get their messages, and count them."""

    subscriber: Subscriber
    history: History
    metrics: Metrics
    supervisor: Supervisor
    pages: Pages
    probe: Probe | None = None


class Topic(ABC):
    """A channel, or the part of it that a filter lets through, and the clients that listen to it.

    Messages that arrive together are joined and written to each client once: a batch ends with the
    first tick of the event loop that brings nothing more. Writing to a thousand clients takes as
    long as hundreds of ticks, so a batch cut in two costs double, and an empty tick nothing.
    """

    tells_of_redis: ClassVar[bool] = True
    """Whether heartbeats and pongs say that Redis is heard, and what time it is there."""

    def __init__(self, channel: str, only: Filter | None, source: Source) -> None:
        """Begin without a subscription; `open` makes it.

        Args:
            channel: In Redis.
            only: The part of it that clients get; None: every message.
            source: This process's.

        """
        self.channel = channel
        self.only = only
        self.clients: set[Peer] = set()
        """All that are connected."""
        self.peers: set[Peer] = set()
        """Those that get what is broadcast."""
        self._source = source
        self._texts: dict[str | None, list[str]] = {}
        """Texts about to be written, by the kind of snapshot that they are."""
        self._more = False
        """Whether something came since the last tick."""
        self._subscription: Subscription | None = None
        self.signs = Signs(source.probe if self.tells_of_redis else None)

    def open(self) -> None:
        """Subscribe to the channel; messages may come at once."""
        self._subscription = self._source.subscriber.subscribe(self.channel, self)

    def close(self) -> None:
        """End the subscription: nobody listens any more."""
        if self._subscription:
            self._subscription.close()

    # From Redis.

    @abstractmethod
    def hear(self, payload: bytes) -> None:
        """Take a payload from the channel."""

    def _dropped(self, finding: Finding) -> None:
        """Log now and then that payloads are dropped, and why."""
        reason = str(finding.classification)
        _drops.warning("dropped a message", channel=self.channel, reason=reason)

    @abstractmethod
    def subscribed(self) -> None:
        """Record that messages are heard from now on; earlier ones may have been missed."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether a client that joins hears every later message."""

    @abstractmethod
    async def ready(self) -> None:
        """Wait until a client that joins hears every later message."""

    def heartbeat(self) -> Message | None:
        """Return a heartbeat; None: clients get theirs from another topic."""
        return self.signs.ping(self._resumable(), heard=self.is_heard())

    def pong(self, peer: Peer) -> Batch:
        """Return the answer to a client's ping, with the cursor if the client has all up to it."""
        cursor = self._resumable() if self.tells_of_redis and not peer.held else None
        if cursor:
            self.flush()
        return self.signs.pong(cursor, heard=self.is_heard())

    def is_heard(self) -> bool | None:
        """Return whether what is published reaches clients now; None: nothing is said of it."""
        heard = self.signs.is_heard()
        return heard and self.is_subscribed()

    def _resumable(self) -> str | None:
        """Return the cursor from which a client that has all may go on."""
        return None

    @abstractmethod
    def is_live(self) -> bool:
        """Return whether clients get what is published, as far as this process knows."""

    def is_subscribed(self) -> bool:
        """Return whether Redis has confirmed the subscription."""
        return self._subscription is not None and self._subscription.confirmed

    def cursor(self) -> str | None:
        """Return the cursor of the last message, if the channel has a history."""
        return None

    # To clients.

    def broadcast(self, messages: Iterable[Message], *, replaces: str | None = None) -> None:
        """Send messages to every client, joined with all others that come in one go.

        Args:
            messages: In order.
            replaces: The kind of snapshot that they are (`Batch`).

        """
        for message in filter(self.only, messages):
            if not self._texts:
                asyncio.get_running_loop().call_soon(self._flush_soon, MAX_TICKS)
            self._more = True
            if replaces is None:
                self._texts.setdefault(None, []).append(message.text)
            else:
                self._texts[replaces] = [message.text]

    def _flush_soon(self, ticks: int) -> None:
        """Write what waits once a tick brings nothing more, or after so many ticks."""
        if self._more and ticks:
            self._more = False
            asyncio.get_running_loop().call_soon(self._flush_soon, ticks - 1)
        else:
            self.flush()

    def flush(self) -> None:
        """Write what waits, now."""
        if not self._texts:
            return
        kinds, self._texts = self._texts, {}
        for replaces, texts in kinds.items():
            batch = Batch(texts, replaces=replaces)
            for peer in self.peers:
                try:
                    peer.write(batch)
                except Exception as error:  # noqa: BLE001 (one client's trouble is no other's)
                    _faults.warning("cannot write to a client", fault=repr(error))
            self._source.metrics.deliveries.inc(len(texts) * len(self.peers))

    def join(self, peer: Peer) -> None:
        """Send a client every message from here on."""
        self.flush()
        self.peers.add(peer)

    def leave(self, peer: Peer) -> None:
        """Forget a client."""
        self.clients.discard(peer)
        self.peers.discard(peer)


class Snapshot(NamedTuple):
    """What clients are shown until there is a newer one of its kind."""

    text: str
    at: float
    """When it came, in seconds of the event loop's clock."""


class SnapshotTopic(Topic):
    """A channel without a history, of whose snapshots only the latest matters."""

    def __init__(self, channel: str, only: Filter | None, source: Source) -> None:
        super().__init__(channel, only, source)
        self.latest: dict[str, Snapshot] = {}
        """The latest snapshot of each kind."""

    def hear(self, payload: bytes) -> None:
        """Take a payload: a snapshot, or a message that is sent once."""
        finding = examine(payload, may_be_stamped=False)
        self._source.metrics.messages.labels(finding.classification).inc()
        message = finding.message
        if message is None:
            self._dropped(finding)
        elif message.type in SNAPSHOTS:
            self.update(message.type, message.text)
        else:
            self.broadcast([message])

    def keep(self, kind: str, text: str) -> None:
        """Keep the latest snapshot of a kind, for clients that come from now on."""
        self.latest[kind] = Snapshot(text, asyncio.get_running_loop().time())

    def update(self, kind: str, text: str) -> None:
        """Send every client the latest snapshot of a kind."""
        self.keep(kind, text)
        self.broadcast([Message(text, kind)], replaces=kind)

    def subscribed(self) -> None:
        """Do nothing: a snapshot that was missed is out of date."""

    def is_ready(self) -> bool:
        """Return whether Redis has confirmed the channel."""
        return self.is_subscribed()

    async def ready(self) -> None:
        """Wait until Redis has confirmed the channel."""
        if self._subscription:
            await self._subscription.established(None)

    def is_live(self) -> bool:
        """Return whether Redis has confirmed the channel."""
        return self.is_subscribed()


class OrderedTopic(Topic):
    """A channel with a history: every message once and in order, or clients are told otherwise.

    A client that resumes is replayed up to the position at which it joined, while later messages
    wait in the client's own queue; catching up after an outage is the same step for all clients.
    """

    def __init__(self, channel: str, only: Filter | None, source: Source) -> None:
        super().__init__(channel, only, source)
        self.position = Position()
        self.history = ChannelHistory(source.history, channel)
        self.pages = source.pages
        self._moved: asyncio.Event | None = None
        self._catching_up: asyncio.Task[None] | None = None
        self._is_elsewhere = False
        """Whether it was said that what is heard is not in the history."""
        self._is_catching_up = False
        """Whether that will look again; its task ends a little after its last look."""

    def close(self) -> None:
        """End the subscription, and the catching up."""
        super().close()
        if self._catching_up:
            self._catching_up.cancel()

    def hear(self, payload: bytes) -> None:
        """Take a payload: send it if it is the next message, else read what is missing."""
        finding = examine(payload)
        self._source.metrics.messages.labels(finding.classification).inc()
        if finding.message is None:
            self._dropped(finding)
            return
        self.broadcast(self.position.hear(finding.message))
        if self._moved:
            self._notify_moved()
        if self.position.catching_up:
            self.catch_up_if_behind()

    def subscribed(self) -> None:
        """Read what was missed; later messages are heard."""
        self.position.mark_stale()
        self.catch_up_if_behind()

    def catch_up_if_behind(self) -> None:
        """Start catching up, if it is due and not under way."""
        if self.position.catching_up and not self._is_catching_up:
            self._is_catching_up = True
            self._catching_up = self._source.supervisor.spawn_until_done(
                "catching up", self._catch_up
            )

    async def _catch_up(self) -> None:
        """Read the history from the position on, until the position is the channel's again."""
        position, count = self.position, 1
        slow: set[Peer] = set()
        while position.catching_up:
            after = position.begin_read()
            page = await self.history.read(after, count)
            count = next_count(page.entries, CATCH_UP_SIZE)
            if not position.known:
                # Nobody has watched the channel until now.
                await self.pages.verify(self.history)
            elif not page.found:
                self.pages.forget(self.channel)
                self._source.metrics.gaps.inc()
                logger.warning(
                    "messages are missing: the history was wiped, rolled back or too short",
                    extra={"channel": self.channel, "after": str(after or "the beginning")},
                )
            self.broadcast(position.catch_up(page))
            self._notify_moved()
            self.flush()
            if not page.ends:
                slow |= await _wait_for(self.peers - slow)
        self._is_catching_up = False
        if position.elsewhere and not self._is_elsewhere:
            _elsewhere.warning(
                "a message is not in the history that its cursor is of: its publisher writes to "
                "another database of this Redis (REDIS_URL), or the history was wiped",
                channel=self.channel,
            )
        self._is_elsewhere = position.elsewhere

    def is_caught_up(self) -> bool:
        """Return whether the position is the channel's, as far as this process knows."""
        return self.position.known and not self.position.catching_up

    def is_live(self) -> bool:
        """Return whether that is so, and no client waits for a history that cannot be read."""
        return self.is_caught_up() and self.history.is_readable

    def is_heard(self) -> bool | None:
        """Return that; what a history cannot be read for waits, too."""
        return super().is_heard() and self.history.is_readable

    def _resumable(self) -> str | None:
        return self.position.cursor()

    def cursor(self) -> str | None:
        """Return the position's cursor."""
        return str(self.position.head) if self.position.head else None

    def is_ready(self) -> bool:
        """Return whether the channel is heard and the position known."""
        return self.position.known

    async def ready(self) -> None:
        """Wait until the channel is heard and the position known."""
        while not self.position.known:
            await self._next_move().wait()

    async def caught_up(self) -> None:
        """Wait until the position is the channel's."""
        while not self.is_caught_up():
            await self._next_move().wait()

    async def reached(self, cursor: Cursor) -> None:
        """Wait until this replica is at a cursor that its client brings from one that was ahead.

        Returns at once when the history does not have the cursor.
        """
        while self.position.is_before(cursor):
            moved = self._next_move()
            if not await self.history.has(cursor):
                return
            if self.position.is_before(cursor):
                await moved.wait()

    def _notify_moved(self) -> None:
        if self._moved:
            self._moved.set()
            self._moved = None

    def _next_move(self) -> asyncio.Event:
        """Return the event that the position's next move sets; get it before looking at it."""
        if self._moved is None:
            self._moved = asyncio.Event()
        return self._moved


async def _wait_for(peers: set[Peer]) -> set[Peer]:
    """Wait until these peers have taken what they were sent; return those that were too slow."""
    draining = {asyncio.create_task(peer.drained()): peer for peer in peers}
    if not draining:
        return set()
    _, late = await asyncio.wait(draining, timeout=DRAIN_PATIENCE)
    for task in late:
        task.cancel()
    return {draining[task] for task in late}
