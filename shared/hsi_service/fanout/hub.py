"""Who listens to what in this process, and the way from a channel to all of them.

The hub never awaits a client: it examines a message once, joins what arrives in one go, and writes
it to each peer once. What a peer does with it is the peer's business, so a slow client costs the
others nothing (R29).
"""

import asyncio
import gc
import itertools
import logging
import random
from collections.abc import Iterator
from typing import TypeVar

from redis.exceptions import RedisError

from hsi.schemas.close_codes import CloseCode
from hsi_service.bus.history import History
from hsi_service.bus.intake import Filter
from hsi_service.bus.probe import Probe
from hsi_service.bus.subscriber import Subscriber
from hsi_service.fanout.feed import Feed, Feeds, Source
from hsi_service.fanout.memory import Budget, Memory
from hsi_service.fanout.pages import Pages
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.topic import Topic
from hsi_service.metrics import Metrics
from hsi_service.supervision import Supervisor

logger = logging.getLogger(__name__)

COMPARE_INTERVAL = 4.0
"""Seconds between looks at the histories; two of them find one that was wiped."""
SWEEP_INTERVAL = 1.0
"""Seconds between looks at the clients."""
MIN_LEFT = 1000
"""Clients that have left before it is worth while to look for what remains of them."""
CLOSES_PER_SECOND = 20
"""How finely a drain is paced: clients are closed in this many portions a second."""


T = TypeVar("T", bound=Topic)


class Hub:
    """All clients and topics of this process (R28). A topic exists while a client listens to it."""

    def __init__(
        self,
        subscriber: Subscriber,
        history: History,
        metrics: Metrics,
        supervisor: Supervisor,
        budget: Budget | None = None,
        *,
        probe: Probe | None = None,
    ) -> None:
        """Begin without a client.

        Args:
            subscriber: This process's, as the others are.
            history: Where histories are read.
            metrics: Where clients and what waits for them is counted.
            supervisor: Of what topics do in the background.
            budget: How much may wait for clients.
            probe: Says whether Redis is heard; None: nobody is told.

        """
        self.metrics = metrics
        self.clients: set[Peer] = set()
        self.topics: dict[tuple[str, Filter | None], Topic] = {}
        """By channel and by what is let through of it."""
        self._left = 0
        """Clients that left since their remains were last collected."""
        self.memory = Memory(budget)
        self.pages = Pages()
        self.feeds = Feeds()
        """What is heard of each channel with a history that somebody listens to."""
        self._source = Source(
            subscriber, history, metrics, supervisor, self.pages, probe, self.feeds
        )
        metrics.watch(metrics.connections, self.__len__)
        metrics.watch(metrics.slow, lambda: sum(peer.unsent > 0 for peer in self.clients))
        metrics.watch(metrics.unsent, lambda: self.memory.used(self.clients))

    def __len__(self) -> int:
        """Return how many clients are connected."""
        return len(self.clients)

    def enter(self, peer: Peer, channel: str, kind: type[T], only: Filter | None = None) -> T:
        """Take a client in; it is sent what the topic sends once it joins.

        Args:
            peer: The client.
            channel: What it listens to.
            kind: What topic the channel is; always the same for a channel.
            only: What it gets of the channel; equal filters share a topic.

        """
        topic = self.topics.get((channel, only))
        if topic is None:
            topic = self.topics[channel, only] = kind(channel, only, self._source)
            topic.open()
        if not isinstance(topic, kind):
            raise TypeError(f"{channel} is a {type(topic).__name__}, not a {kind.__name__}")
        if peer not in self.clients:
            peer.account = self.memory.account_of(peer.client)
            self.clients.add(peer)
        topic.clients.add(peer)
        return topic

    def leave(self, peer: Peer, *topics: Topic) -> None:
        """Forget a client; the last one of a topic ends it."""
        self.clients.discard(peer)
        peer.drop_all()
        self._left += 1
        for topic in topics:
            topic.leave(peer)
            if not topic.clients and self.topics.get((topic.channel, topic.only)) is topic:
                del self.topics[topic.channel, topic.only]
                topic.close()

    async def beat(self, interval: float) -> None:
        """Send heartbeats, every `interval` seconds (R5)."""
        while True:
            await asyncio.sleep(interval)
            for topic in self.topics.values():
                self._beat(topic)

    def _beat(self, topic: Topic) -> None:
        try:
            if (heartbeat := topic.heartbeat()) is not None:
                topic.broadcast([heartbeat])
        except Exception as error:  # noqa: BLE001 (one topic's fault is no other's)
            self._source.supervisor.went_on(error)

    async def sweep(self) -> None:
        """Close clients that are stalled, too heavy, or connected for too long; until cancelled.

        Tell the others when Redis is heard no longer, or again: the next heartbeat may be far. And
        let go of those that left: their connections are cycles, which Python only looks for when it
        makes something new. A look costs what there is, so it comes once as many have left.
        """
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            now = clock()
            for peer in tuple(self.clients):
                try:
                    peer.check(now)
                except Exception as error:  # noqa: BLE001 (one client's fault is no other's)
                    self._source.supervisor.went_on(error)
            self.memory.relieve([peer for peer in self.clients if peer.unsent])
            self.pages.expire(now)
            for topic in self.topics.values():
                if topic.signs.has_changed(heard=topic.is_heard()):
                    self._beat(topic)
            if self._left > max(len(self.clients), MIN_LEFT):
                self._left = 0
                gc.collect()

    async def compare_with_histories(self) -> None:
        """Find, for good, the history that went back or on without a message that was heard.

        Whether the channel is heard is the probe's to find. This finds what nobody publishes: a
        history that was wiped. One that differs from its feed twice is read again.
        """
        behind: dict[Feed, object] = {}
        """Where feeds were at the last look that were elsewhere than their history then."""
        while True:
            await asyncio.sleep(COMPARE_INTERVAL)
            feeds = [feed for feed in self.feeds if feed.is_caught_up()]
            try:
                lasts = await self._source.history.last([feed.channel for feed in feeds])
            except (RedisError, OSError) as error:
                logger.debug("cannot compare positions with histories: %s", error)
                behind = {}
                continue
            before, behind = behind, {}
            for feed, last in zip(feeds, lasts, strict=True):
                head = feed.position.head
                is_behind = last != head
                differs = is_behind and before.get(feed, last) == head
                feed.compare(last, differs=differs)
                if is_behind and not differs:
                    behind[feed] = head

    async def drain(self, window: float) -> None:
        """Close all clients with 1012, evenly over `window` seconds.

        In random order, so that it is no client's lot always to be the first.
        """
        peers = list(self.clients)
        random.shuffle(peers)
        for pause, portion in paced(peers, window):
            for peer in portion:
                peer.close(CloseCode.RESTART, "restart: come back")
            await asyncio.sleep(pause)


def paced(peers: list[Peer], window: float) -> Iterator[tuple[float, tuple[Peer, ...]]]:
    """Split `peers` evenly over `window` seconds; yield pauses and what to close before each."""
    portions = min(len(peers), max(1, round(window * CLOSES_PER_SECOND)))
    if not portions:
        return
    bounds = [len(peers) * step // portions for step in range(portions + 1)]
    for start, stop in itertools.pairwise(bounds):
        yield window / portions, tuple(peers[start:stop])
