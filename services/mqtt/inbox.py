"""Messages from the broker that wait for their handler: in order, and bounded. No I/O.

What came at QoS 1 is bounded by the broker, which sends so many and then waits for us. What came at
QoS 0 nobody holds back and nobody sends again: of too many, the oldest make room, and are counted.
"""

from collections import deque
from itertools import islice

from msgspec import Struct

from services.mqtt.messages import Received

MAX_MESSAGES = 1000
MAX_BYTES = 8 * 1024 * 1024
"""How much may wait."""


class Waiting(Struct, frozen=True):
    """A message that waits."""

    received: Received
    number: int
    """By which the broker knows it, on its connection; 0 at QoS 0."""
    connection: int
    """Which one it came by: on another, its number means another message."""


class Inbox:
    """What waits for its handler."""

    def __init__(self, *, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self._waiting: deque[Waiting] = deque()
        self._bytes = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        return len(self._waiting)

    def append(self, waiting: Waiting) -> int:
        """Let a message wait; return how many older ones had to make room for it."""
        self._waiting.append(waiting)
        self._bytes += len(waiting.received.payload)
        lost = 0
        while self._is_too_full() and (oldest := self._oldest_unheld(waiting.connection)):
            self._waiting.remove(oldest)
            self._bytes -= len(oldest.received.payload)
            lost += 1
        return lost

    def next(self) -> Waiting | None:
        """Take the first that waits."""
        if not self._waiting:
            return None
        waiting = self._waiting.popleft()
        self._bytes -= len(waiting.received.payload)
        return waiting

    def put_back(self, waiting: Waiting) -> None:
        """Let a message that was taken, and not dealt with, wait in front."""
        self._waiting.appendleft(waiting)
        self._bytes += len(waiting.received.payload)

    def drop_unacknowledged(self, connection: int) -> None:
        """Forget what the broker sends again over this connection, as it has kept the session."""
        kept = [
            waiting
            for waiting in self._waiting
            if not waiting.received.qos or waiting.connection == connection
        ]
        self._waiting = deque(kept)
        self._bytes = sum(len(waiting.received.payload) for waiting in kept)

    def _is_too_full(self) -> bool:
        return len(self._waiting) > self._max_messages or self._bytes > self._max_bytes

    def _oldest_unheld(self, connection: int) -> Waiting | None:
        """Return the oldest that the broker does not hold, and that is not the newest of all."""
        for waiting in islice(self._waiting, len(self._waiting) - 1):
            if not waiting.received.qos or waiting.connection != connection:
                return waiting
        return None
