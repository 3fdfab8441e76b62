"""A channel that clients of this process listen to: what reaches them, from where, and when."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import NamedTuple

from hsi.logs import Throttled
from hsi.schemas.frames import PING
from hsi_service.bus.history import History
from hsi_service.bus.intake import DROPPED, Finding, examine
from hsi_service.bus.subscriber import Subscriber
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.peer import Peer
from hsi_service.metrics import Metrics

logger = logging.getLogger(__name__)
_dropped = Throttled(logger)
_faults = Throttled(logger)

Filter = Callable[[str], bool]
"""Tells whether a message is for the clients of a topic; what is no message of its channel, is."""
MAX_TICKS = 8
"""Ticks of the event loop for which the first of a batch waits at most, while more keeps coming."""
SNAPSHOTS = frozenset({"system_status", "performance_update"})
"""Types of messages of which only the latest matters."""


class Source(NamedTuple):
    """Where topics get what they send, and count what they do."""

    subscriber: Subscriber
    history: History
    metrics: Metrics


class Topic(ABC):
    """A channel, or what a filter lets through of it, and the clients that listen to it.

    What comes in one go is joined, and written to each client once: a batch ends with the first
    tick of the event loop that brings nothing more. To write to a thousand clients takes as long as
    hundreds of ticks, so a batch that is cut in two costs double, and an empty tick nothing.
    """

    def __init__(self, channel: str, only: Filter | None, source: Source) -> None:
        """Begin to listen.

        Args:
            channel: In Redis.
            only: What clients get of it; None: everything that is a message at all.
            source: This process's.

        """
        self.channel = channel
        self.only = only
        self.clients: set[Peer] = set()
        """All that are connected."""
        self.peers: set[Peer] = set()
        """Those that get what it sends."""
        self._metrics = source.metrics
        self._texts: dict[str | None, list[str]] = {}
        """What is about to be written, by the kind of snapshot that it is."""
        self._more = False
        """Whether something came since the last tick."""
        self.subscription = source.subscriber.subscribe(channel, self)

    def end(self) -> None:
        """Nobody listens any more."""
        self.subscription.close()

    # What Redis brings.

    def hear(self, payload: bytes) -> None:
        """Take a message from the channel."""
        finding = examine(payload)
        self._metrics.messages.labels(finding.classification).inc()
        if finding.classification in DROPPED:
            _dropped.warning(
                "dropped a message", channel=self.channel, reason=str(finding.classification)
            )
        if finding.text is not None:
            self.take(finding.text, finding)

    @abstractmethod
    def take(self, text: str, finding: Finding) -> None:
        """Take a message that is to go on to clients."""

    @abstractmethod
    def subscribed(self) -> None:
        """Hear from now on; what came before was missed."""

    @abstractmethod
    async def ready(self) -> None:
        """Wait until a client that joins will hear everything from then on."""

    @abstractmethod
    def ping(self) -> str | None:
        """Return a heartbeat; None: its clients get theirs from another topic."""

    @abstractmethod
    def is_live(self) -> bool:
        """Tell whether clients get what is published, as far as this process knows."""

    def cursor(self) -> str | None:
        """Return how far it has come, if it has a history."""
        return None

    # What goes to clients.

    def broadcast(self, texts: Iterable[str], *, replaces: str | None = None) -> None:
        """Send texts to every client, together with whatever else comes with them.

        Args:
            texts: In order.
            replaces: The kind of snapshot that they are (shared/batch.py).

        """
        for text in filter(self.only, texts):
            if not self._texts:
                asyncio.get_running_loop().call_soon(self._flush_soon, MAX_TICKS)
            self._more = True
            if replaces is None:
                self._texts.setdefault(None, []).append(text)
            else:
                self._texts[replaces] = [text]

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
                except Exception as error:  # noqa: BLE001 (no client's trouble is another's)
                    _faults.warning("cannot write to a client", fault=repr(error))
            self._metrics.deliveries.inc(len(texts) * len(self.peers))

    def join(self, peer: Peer) -> None:
        """Send a client what comes from here on."""
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
    """When it came, by the event loop's clock."""


class SnapshotTopic(Topic):
    """A channel without a history, of whose snapshots only the latest matters."""

    def __init__(self, channel: str, only: Filter | None, source: Source) -> None:
        self.latest: dict[str, Snapshot] = {}
        """The latest snapshot of each kind."""
        super().__init__(channel, only, source)

    def take(self, text: str, finding: Finding) -> None:
        """Take a message: a snapshot, or what is told once."""
        if finding.type in SNAPSHOTS:
            self.update(finding.type, text)
        else:
            self.broadcast([text])

    def keep(self, kind: str, text: str) -> None:
        """Let this be the latest snapshot of its kind, for clients that come from now on."""
        self.latest[kind] = Snapshot(text, asyncio.get_running_loop().time())

    def update(self, kind: str, text: str) -> None:
        """Send every client the latest snapshot of its kind."""
        self.keep(kind, text)
        self.broadcast([text], replaces=kind)

    def subscribed(self) -> None:
        """Hear from now on. What was missed is outdated anyway."""

    async def ready(self) -> None:
        """Wait until Redis has confirmed the channel."""
        await self.subscription.established(None)

    def ping(self) -> str | None:
        """Return a heartbeat."""
        return PING

    def is_live(self) -> bool:
        """Tell whether Redis has confirmed the channel."""
        return self.subscription.confirmed
