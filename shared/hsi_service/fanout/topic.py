"""A channel that clients of this process listen to: what reaches them, from where, and when."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from hsi.logs import Throttled
from hsi.schemas.cursor import Cursor
from hsi_service.bus.continuity import Position
from hsi_service.bus.history import ChannelHistory
from hsi_service.bus.intake import Filter, Message, examine
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.feed import Feed, Feeds, Source, tell_dropped
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.signs import Signs

if TYPE_CHECKING:
    from hsi_service.bus.subscriber import Subscription

logger = logging.getLogger(__name__)
_faults = Throttled(logger)

MAX_TICKS = 8
"""Ticks of the event loop for which the first of a batch waits at most, while more keeps coming."""
SNAPSHOTS = frozenset({"system_status", "performance_update"})
"""Types of messages of which only the latest matters."""


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
        self.signs = Signs(source.probe if self.tells_of_redis else None)

    @abstractmethod
    def open(self) -> None:
        """Listen to the channel; messages may come at once."""

    @abstractmethod
    def close(self) -> None:
        """Listen no longer: no client is left."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether a client that joins hears every later message."""

    @abstractmethod
    async def ready(self) -> None:
        """Wait until a client that joins hears every later message."""

    def heartbeat(self) -> Message | None:
        """Return a heartbeat; None: clients get theirs from another topic."""
        return self.signs.ping(self._resumable(), heard=self.is_heard(), breaks=self.breaks)

    def pong(self, peer: Peer) -> Batch:
        """Return the answer to a client's ping, with the cursor if the client has all up to it."""
        cursor = self._resumable() if self.tells_of_redis and not peer.held else None
        if cursor:
            self.flush()
        return self.signs.pong(cursor, heard=self.is_heard(), breaks=self.breaks)

    def is_heard(self) -> bool | None:
        """Return whether what is published reaches clients now; None: nothing is said of it."""
        heard = self.signs.is_heard()
        return heard and self.is_subscribed()

    @property
    def breaks(self) -> int:
        """How often something may have been missed that no history has."""
        return 0

    def _resumable(self) -> str | None:
        """Return the cursor from which a client that has all may go on."""
        return None

    @abstractmethod
    def is_live(self) -> bool:
        """Return whether clients get what is published, as far as this process knows."""

    @abstractmethod
    def is_subscribed(self) -> bool:
        """Return whether Redis has confirmed the subscription."""

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
    """A channel that no client resumes: of its snapshots only the latest matters."""

    def __init__(self, channel: str, only: Filter | None, source: Source) -> None:
        super().__init__(channel, only, source)
        self.latest: dict[str, Snapshot] = {}
        """The latest snapshot of each kind."""
        self._subscription: Subscription | None = None

    def open(self) -> None:
        """Subscribe to the channel; messages may come at once."""
        self._subscription = self._source.subscriber.subscribe(self.channel, self)

    def close(self) -> None:
        """End the subscription: nobody listens any more."""
        if self._subscription:
            self._subscription.close()

    def is_subscribed(self) -> bool:
        """Return whether Redis has confirmed the subscription."""
        return self._subscription is not None and self._subscription.confirmed

    def hear(self, payload: bytes) -> None:
        """Take a payload: a snapshot, or a message that is sent once."""
        finding = examine(payload)
        self._source.metrics.messages.labels(finding.classification).inc()
        message = finding.message
        if message is None:
            tell_dropped(self.channel, finding)
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
    The position is the channel's, whatever of it the filter lets through.
    """

    def __init__(self, channel: str, only: Filter | None, source: Source) -> None:
        super().__init__(channel, only, source)
        self.feed: Feed = (source.feeds or Feeds()).of(channel, source)
        self.pages = source.pages

    def open(self) -> None:
        """Be fed what the channel brings; messages may come at once."""
        self.feed.add(self)

    def close(self) -> None:
        """Be fed no longer: nobody listens any more."""
        self.feed.remove(self)

    @property
    def position(self) -> Position:
        """Where the channel is, and so every client that has joined."""
        return self.feed.position

    @property
    def breaks(self) -> int:
        """As often as the channel's subscription was broken, or its history was another one."""
        return self.feed.breaks

    @property
    def history(self) -> ChannelHistory:
        """The channel's."""
        return self.feed.history

    def subscribed(self) -> None:
        """Read what may have been missed."""
        self.feed.subscribed()

    def is_subscribed(self) -> bool:
        """Return whether Redis has confirmed the subscription."""
        return self.feed.is_subscribed()

    def is_live(self) -> bool:
        """Return whether the position is the channel's, and nobody waits for the history."""
        return self.feed.is_caught_up() and self.history.is_readable

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
        await self.feed.ready()

    async def caught_up(self) -> None:
        """Wait until the position is the channel's."""
        await self.feed.caught_up()

    async def reached(self, cursor: Cursor) -> None:
        """Wait until this replica is at a client's cursor, if the history has it."""
        await self.feed.reached(cursor)
