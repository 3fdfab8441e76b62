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

from shared.bus import Subscriber, Subscription
from shared.client_frames import PING
from shared.close_codes import CloseCode
from shared.intake import DROPPED, Verdict, examine
from shared.logging import Throttled
from shared.metrics import Metrics
from shared.peer import Peer

logger = logging.getLogger(__name__)

CLOSES_PER_SECOND = 20
"""How finely a drain is paced: clients are closed in this many portions a second."""


class Topic:
    """A channel that clients of this process listen to."""

    def __init__(self, hub: "Hub", channel: str) -> None:
        self.channel = channel
        self.peers: set[Peer] = set()
        self.subscription: Subscription = hub.subscriber.subscribe(channel, self._hear)
        self._hub = hub
        self._burst: list[str] = []

    def _hear(self, payload: bytes) -> None:
        finding = examine(payload)
        self._hub.count(finding.verdict, self.channel)
        if finding.text is not None:
            self.send(finding.text)

    def send(self, text: str) -> None:
        """Send a text to every peer, together with whatever else this tick brings."""
        if not self._burst:
            asyncio.get_running_loop().call_soon(self._flush)
        self._burst.append(text)

    def _flush(self) -> None:
        burst, self._burst = tuple(self._burst), []
        size = sum(map(len, burst))
        for peer in self.peers:
            peer.write(burst, size)
        self._hub.metrics.deliveries.inc(len(burst) * len(self.peers))


class Hub:
    """All topics of this process. A topic exists while a peer listens to it."""

    def __init__(self, subscriber: Subscriber, metrics: Metrics) -> None:
        self.subscriber = subscriber
        self.metrics = metrics
        self.topics: dict[str, Topic] = {}
        self._dropped = Throttled(logger)
        metrics.watch(metrics.connections, self.__len__)

    def __len__(self) -> int:
        """Return how many clients listen."""
        return sum(len(topic.peers) for topic in self.topics.values())

    def join(self, peer: Peer, channel: str) -> Topic:
        """Let `peer` hear `channel` from now on."""
        topic = self.topics.get(channel)
        if topic is None:
            topic = self.topics[channel] = Topic(self, channel)
        topic.peers.add(peer)
        return topic

    def leave(self, peer: Peer, topic: Topic) -> None:
        """Let it hear no more; the last one ends the topic."""
        topic.peers.discard(peer)
        if not topic.peers and self.topics.get(topic.channel) is topic:
            del self.topics[topic.channel]
            topic.subscription.close()

    async def beat(self, interval: float) -> None:
        """Send heartbeats for ever, every `interval` seconds."""
        while True:
            await asyncio.sleep(interval)
            for topic in self.topics.values():
                topic.send(PING)

    async def drain(self, window: float) -> None:
        """Close all clients with 1012, evenly over `window` seconds.

        In random order, so that it is no client's lot always to be the first.
        """
        peers = [peer for topic in self.topics.values() for peer in topic.peers]
        random.shuffle(peers)
        for pause, portion in paced(peers, window):
            for peer in portion:
                peer.close(CloseCode.RESTART, "restart: come back")
            await asyncio.sleep(pause)

    def count(self, verdict: Verdict, channel: str) -> None:
        """Take note of what became of a message."""
        self.metrics.messages.labels(verdict).inc()
        if verdict in DROPPED:
            self._dropped.warning("dropped a message", channel=channel, reason=str(verdict))


def paced(peers: list[Peer], window: float) -> Iterator[tuple[float, tuple[Peer, ...]]]:
    """Split `peers` evenly over `window` seconds; yield pauses and what to close before each."""
    portions = min(len(peers), max(1, round(window * CLOSES_PER_SECOND)))
    if not portions:
        return
    bounds = [len(peers) * step // portions for step in range(portions + 1)]
    for start, stop in itertools.pairwise(bounds):
        yield window / portions, tuple(peers[start:stop])
