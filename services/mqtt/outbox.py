"""Messages on their way to the broker: in order, few at a time, none forgotten. No I/O.

What is not acknowledged when a connection ends is sent again over the next one, in its old place.
"""

from collections import deque

from services.mqtt.messages import Outgoing


class Outbox:
    """What waits to be sent, and what was sent and not acknowledged."""

    def __init__(self) -> None:
        self._waiting: deque[Outgoing] = deque()
        self._in_flight: dict[int, Outgoing] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_flight)

    @property
    def in_flight(self) -> int:
        """How many were sent and are not acknowledged."""
        return len(self._in_flight)

    def append(self, outgoing: Outgoing) -> None:
        """Let a message wait for its turn."""
        self._waiting.append(outgoing)

    def next(self) -> Outgoing | None:
        """Take the first that waits and is still wanted."""
        while self._waiting:
            outgoing = self._waiting.popleft()
            if not outgoing.acknowledged.done():
                return outgoing
        return None

    def sent(self, number: int, outgoing: Outgoing) -> None:
        """Record that a message was sent, under a number of this connection."""
        self._in_flight[number] = outgoing

    def acknowledged(self, number: int) -> Outgoing | None:
        """Take the message of a number; None if nobody knows it."""
        return self._in_flight.pop(number, None)

    def connection_lost(self) -> None:
        """Let what was not acknowledged wait again, in front."""
        self._waiting.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()
