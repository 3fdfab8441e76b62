"""What this replica hears of its own: its clients had it first (DESIGN: One publisher). Pure."""

from collections import deque

MAX_EXPECTED = 16
"""Echoes that may be awaited; those of messages that were lost never come."""


class Echoes:
    """Knows our own messages again, each once, by their text.

    A status holds the time at which it was collected, to the microsecond; so nobody else's is the
    same. What is published stays a plain message, without a word about who sent it.
    """

    def __init__(self) -> None:
        self._expected: deque[str] = deque(maxlen=MAX_EXPECTED)

    def expect(self, text: str) -> None:
        """Await the echo of what is about to be published."""
        self._expected.append(text)

    def is_news(self, text: str) -> bool:
        """Tell whether something is not our own; an echo comes once."""
        if text not in self._expected:
            return True
        self._expected.remove(text)
        return False
