"""Who listens to what in this process, and the way from a channel to all of them.

The hub never awaits a client: it examines a message once, joins what arrives within one tick of
the event loop, and writes it to each peer once. What a peer does with it is the peer's business,
so a slow client costs the others nothing.
"""

import asyncio
import itertools
import logging
import random
from collections.abc import Iterator

from redis.exceptions import RedisError

from shared.bus import History, Subscriber
from shared.close_codes import CloseCode
from shared.metrics import Metrics
from shared.peer import Peer
from shared.topic import Topic

logger = logging.getLogger(__name__)

DOUBT_INTERVAL = 4.0
"""Seconds between looks; two of them find a lost subscription."""
CLOSES_PER_SECOND = 20
"""How finely a drain is paced: clients are closed in this many portions a second."""


class Hub:
    """All topics of this process. A topic exists while a client listens to it."""

    def __init__(self, subscriber: Subscriber, history: History, metrics: Metrics) -> None:
        self.metrics = metrics
        self.topics: dict[str, Topic] = {}
        self._subscriber = subscriber
        self._history = history
        metrics.watch(metrics.connections, self.__len__)

    def __len__(self) -> int:
        """Return how many clients are connected."""
        return sum(len(topic.clients) for topic in self.topics.values())

    def enter(self, peer: Peer, channel: str) -> Topic:
        """Take a client in; it goes along with the topic once it joins."""
        topic = self.topics.get(channel)
        if topic is None:
            topic = self.topics[channel] = Topic(
                channel,
                subscriber=self._subscriber,
                history=self._history,
                metrics=self.metrics,
            )
        topic.clients.add(peer)
        return topic

    def leave(self, peer: Peer, topic: Topic) -> None:
        """Forget a client; the last one ends the topic."""
        topic.leave(peer)
        if not topic.clients and self.topics.get(topic.channel) is topic:
            del self.topics[topic.channel]
            topic.end()

    async def beat(self, interval: float) -> None:
        """Send heartbeats for ever, every `interval` seconds."""
        while True:
            await asyncio.sleep(interval)
            for topic in self.topics.values():
                topic.send([topic.position.ping()])

    async def doubt(self) -> None:
        """Find, for ever, the subscription that was lost without an error.

        A history that goes on while its topic does not, from one look to the next, means that we
        are deaf: then the connection is given up, and everybody is caught up with over a new one.
        """
        behind: dict[Topic, str] = {}
        """Where topics were at the last look that were behind then."""
        while True:
            await asyncio.sleep(DOUBT_INTERVAL)
            for topic in self.topics.values():
                topic.heal_if_need_be()  # Should a healing have ended before its time.
            topics = [topic for topic in self.topics.values() if topic.is_live()]
            try:
                lasts = await self._history.last([topic.channel for topic in topics])
            except (RedisError, OSError) as error:
                logger.debug("cannot compare positions with histories: %s", error)
                behind = {}
                continue
            before, behind = (
                behind,
                {
                    topic: str(topic.position.head)
                    for topic, last in zip(topics, lasts, strict=True)
                    if last != topic.position.head
                },
            )
            if before.items() & behind.items():
                self.metrics.deaf.inc()
                self._subscriber.begin_anew("deaf: a history goes on, and its channel is silent")
                behind = {}

    async def drain(self, window: float) -> None:
        """Close all clients with 1012, evenly over `window` seconds.

        In random order, so that it is no client's lot always to be the first.
        """
        peers = [peer for topic in self.topics.values() for peer in topic.clients]
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
