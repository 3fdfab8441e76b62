"""Messages of this replica that come back from Redis; its clients had them first (R35). Pure."""

from collections import deque

MAX_EXPECTED = 16
"""Echoes that are awaited at most; those of messages that Redis lost never come."""


class Echoes:
    """Recognizes this replica's own messages, each once, by their bytes.

    A status holds the microsecond at which it was collected, so no other replica's is the same. A
    published message stays a plain message, which does not say who sent it.
    """

    def __init__(self) -> None:
        self._expected: deque[bytes] = deque(maxlen=MAX_EXPECTED)

    def expect(self, payload: bytes) -> None:
        """Await the echo of a message that is about to be published."""
        self._expected.append(payload)

    def take(self, payload: bytes) -> bool:
        """Return whether a message is an awaited echo, which is awaited no longer."""
        if payload not in self._expected:
            return False
        self._expected.remove(payload)
        return True
