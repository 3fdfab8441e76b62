"""What a process hears of a channel with a history: once, however many parts of it are listened to.

A topic for each filter stands above its channel's feed: all of them share one subscription and one
position, so each is exactly as far as the others, and a message is looked at once.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from hsi.logs import Throttled
from hsi.schemas.cursor import Cursor
from hsi_service.bus.continuity import Position
from hsi_service.bus.history import CATCH_UP_SIZE, ChannelHistory, History, next_count
from hsi_service.bus.intake import Filter, Finding, Message, examine, examined
from hsi_service.bus.probe import Probe
from hsi_service.bus.subscriber import Subscriber, Subscription
from hsi_service.fanout.pages import Pages
from hsi_service.fanout.peer import Peer
from hsi_service.metrics import Metrics
from hsi_service.supervision import Supervisor

logger = logging.getLogger(__name__)
_drops = Throttled(logger)
_elsewhere = Throttled(logger, interval=3600.0)

DRAIN_PATIENCE = 1.0
"""Seconds, in all, that a feed which catches up waits for slow clients, so that they hold no other
client up."""


class Source(NamedTuple):
    """Where topics get their messages, and count them."""

    subscriber: Subscriber
    history: History
    metrics: Metrics
    supervisor: Supervisor
    pages: Pages
    probe: Probe | None = None
    feeds: "Feeds | None" = None
    """Those of the process; None: it has no channel with a history."""


class Fed(Protocol):
    """A topic, as its feed sees it."""

    only: Filter | None
    peers: set[Peer]

    def broadcast(self, messages: Iterable[Message]) -> None:
        """Send messages to every client."""

    def flush(self) -> None:
        """Write what waits, now."""


class Feeds:
    """The feeds of a process. One exists while a topic stands above it."""

    def __init__(self) -> None:
        self._feeds: dict[str, Feed] = {}

    def __iter__(self) -> "Iterator[Feed]":
        """Yield all of them."""
        return iter(tuple(self._feeds.values()))

    def get(self, channel: str) -> "Feed | None":
        """Return a channel's feed; None: nobody listens."""
        return self._feeds.get(channel)

    def of(self, channel: str, source: Source) -> "Feed":
        """Return a channel's feed, a new one if nobody listens yet."""
        feed = self._feeds.get(channel)
        if feed is None:
            feed = self._feeds[channel] = Feed(channel, source)
        return feed

    def forget(self, feed: "Feed") -> None:
        """Let one go that has ended."""
        if self._feeds.get(feed.channel) is feed:
            del self._feeds[feed.channel]


class Feed:
    """A channel with a history: every message once and in order, or topics are told otherwise."""

    def __init__(self, channel: str, source: Source) -> None:
        """Begin without a subscription; the first topic makes it.

        Args:
            channel: In Redis.
            source: This process's.

        """
        self.channel = channel
        self.position = Position()
        self.history = ChannelHistory(source.history, channel)
        self.topics: list[Fed] = []
        self.breaks = 0
        """How often something may have been missed since the first subscription: what is in the
        history is read, and clients are told to ask for the rest."""
        self._has_begun = False
        self._source = source
        self._has_filter = False
        """Whether a topic gets a part of the channel alone."""
        self._subscription: Subscription | None = None
        self._moved: asyncio.Event | None = None
        self._catching_up: asyncio.Task[None] | None = None
        self._is_elsewhere = False
        """Whether it was said that what is heard is not in the history."""
        self._is_catching_up = False
        """Whether that will look again; its task ends a little after its last look."""

    def add(self, topic: Fed) -> None:
        """Feed a topic from here on; the first one subscribes."""
        self.topics.append(topic)
        self._note_filters()
        if self._subscription is None:
            self._subscription = self._source.subscriber.subscribe(self.channel, self)

    def remove(self, topic: Fed) -> None:
        """Feed a topic no longer; the last one ends the subscription, and the catching up."""
        if topic in self.topics:
            self.topics.remove(topic)
            self._note_filters()
        if self.topics:
            return
        if self._subscription:
            self._subscription.close()
        if self._catching_up:
            self._catching_up.cancel()
        if self._source.feeds is not None:
            self._source.feeds.forget(self)

    def _note_filters(self) -> None:
        self._has_filter = any(topic.only for topic in self.topics)

    # From Redis.

    def is_subscribed(self) -> bool:
        """Return whether Redis has confirmed the subscription."""
        return self._subscription is not None and self._subscription.confirmed

    def hear(self, payload: bytes) -> None:
        """Take a payload: send it if it is the next message, else read what is missing."""
        finding = examine(payload)
        self._source.metrics.messages.labels(finding.classification).inc()
        if finding.message is None:
            tell_dropped(self.channel, finding)
            return
        self._broadcast(self.position.hear(finding.message))
        if self._moved:
            self._notify_moved()
        if self.position.catching_up:
            self.catch_up_if_behind()

    def _broadcast(self, messages: list[Message]) -> None:
        if self._has_filter:
            messages = [examined(message) for message in messages]
        for topic in self.topics:
            topic.broadcast(messages)

    def subscribed(self) -> None:
        """Read what was missed; later messages are heard."""
        self.breaks += self._has_begun
        self._has_begun = True
        self.position.mark_stale()
        self.catch_up_if_behind()

    def compare(self, last: Cursor | None, *, differs: bool) -> None:
        """Take the last message that the history has; read it again where it differs for good."""
        self.position.confirm(last)
        if differs:
            self.position.mark_stale(differs=True)
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
        position, count, pages = self.position, 1, self._source.pages
        slow: set[Peer] = set()
        while position.catching_up:
            after = position.begin_read()
            page = await self.history.read(after, count)
            count = next_count(page.entries, CATCH_UP_SIZE)
            if not position.known:
                # Nobody has watched the channel until now.
                await pages.verify(self.history)
            elif not page.found and not position.needs_confirming(page):
                pages.forget(self.channel)
                self._source.metrics.gaps.inc()
                logger.warning(
                    "messages are missing: the history was wiped, rolled back or too short",
                    extra={"channel": self.channel, "after": str(after or "the beginning")},
                )
            self._broadcast(position.catch_up(page))
            self._notify_moved()
            for topic in self.topics:
                topic.flush()
            if not page.ends:
                peers = {peer for topic in self.topics for peer in topic.peers}
                slow |= await _wait_for(peers - slow)
        self._is_catching_up = False
        if position.elsewhere and not self._is_elsewhere:
            _elsewhere.warning(
                "a message is not in the history that its cursor is of: its publisher writes to "
                "another database of this Redis (REDIS_URL), or the history was wiped",
                channel=self.channel,
            )
        self._is_elsewhere = position.elsewhere

    # Where it is.

    def is_caught_up(self) -> bool:
        """Return whether the position is the channel's, as far as this process knows."""
        return self.position.known and not self.position.catching_up

    def is_heard(self) -> bool | None:
        """Return whether what is published is heard now; None: nobody can tell."""
        heard = self._source.probe.is_heard() if self._source.probe else None
        return heard and self.is_subscribed() and self.history.is_readable

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


def tell_dropped(channel: str, finding: Finding) -> None:
    """Log now and then that payloads are dropped, and why."""
    _drops.warning("dropped a message", channel=channel, reason=str(finding.classification))


async def _wait_for(peers: set[Peer]) -> set[Peer]:
    """Wait until these peers have taken what they were sent; return those that were too slow."""
    draining = {asyncio.create_task(peer.drained()): peer for peer in peers}
    if not draining:
        return set()
    _, late = await asyncio.wait(draining, timeout=DRAIN_PATIENCE)
    for task in late:
        task.cancel()
    return {draining[task] for task in late}
