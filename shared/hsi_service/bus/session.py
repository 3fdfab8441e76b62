"""What was asked over one pub/sub connection, and what Redis answered.

Redis answers in the order in which it was asked, and an error does not say what it answers. So what
was asked is counted: an error in the place of a PONG says that Redis refuses PINGs, as it does
while it refuses writes, and nothing about the subscription.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from redis.exceptions import BusyLoadingError, RedisError, ResponseError

from hsi_service.bus.subscriptions import Subscriptions


class _Ping(NamedTuple):
    sent_at: float
    place: int
    """Answers that were asked for before it."""


class Session:
    """One connection's life, from connecting to whatever ends it."""

    def __init__(self) -> None:
        self.subscriptions = Subscriptions()
        self.news = asyncio.Event()
        """Set, and replaced by a new one, at each confirmation and at the end."""
        self.unanswered_pings = 0
        self.ping_refused: RedisError | None = None
        """With what Redis answered the last PING that it answered; None: with PONG."""
        self._pings: deque[_Ping] = deque()
        self._asked = self._answered = 0
        self._heard_since: float | None = None

    def subscribing(self, names: Sequence[bytes]) -> None:
        """Record a SUBSCRIBE that is about to be sent."""
        self._asked += len(names)
        self.subscriptions.subscribing(names)

    def unsubscribing(self, names: Sequence[bytes]) -> None:
        """Record an UNSUBSCRIBE that is about to be sent."""
        self._asked += len(names)
        self.subscriptions.unsubscribing(names)

    def pinging(self, now: float) -> None:
        """Record a PING that is about to be sent."""
        self.unanswered_pings += 1
        self._pings.append(_Ping(now, self._asked))
        self._asked += 1

    def confirm(self, name: bytes, now: float) -> None:
        """Record the answer to a SUBSCRIBE."""
        self._answered += 1
        if self._heard_since is None:
            self._heard_since = now
        self.subscriptions.answered(name)
        self.tell()

    def left(self) -> None:
        """Record the answer to an UNSUBSCRIBE."""
        self._answered += 1

    def ponged(self) -> float:
        """Record the answer to a PING, and return when that was sent."""
        self._answered += 1
        self.ping_refused = None
        return self._pings.popleft().sent_at

    def refused(self, error: RedisError) -> float | None:
        """Return when the PING was sent to which an error is the answer; None: it is another's."""
        if not isinstance(error, ResponseError | BusyLoadingError):
            return None
        if not self._pings or self._pings[0].place != self._answered:
            return None
        sent_at = self.ponged()
        self.ping_refused = error
        return sent_at

    def age(self, now: float) -> float:
        """Return for how many seconds Redis has been heard."""
        return 0.0 if self._heard_since is None else now - self._heard_since

    def tell(self) -> None:
        """Wake every task that waits for a change."""
        self.news.set()
        self.news = asyncio.Event()
