"""Lines that wait to be sent: bounded, in order, with a mark where some are missing. Pure."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

MAX_LINES = 100_000
"""Lines that may wait; one more drops the oldest."""
MAX_BYTES = 32 * 1024 * 1024
"""Bytes that the lines that wait may have."""
MAX_TAKEN = 2000
"""Lines that are sent at once."""
MAX_TAKEN_BYTES = 1024 * 1024
_MAX_CHUNK = 200
_MAX_CHUNK_BYTES = 128 * 1024


class LineBuffer:
    """Lines that wait, and lines that were sent and are not acknowledged yet.

    The latter stay as they are until they are acknowledged, so that a retry is the same again. When
    too many wait, the oldest are dropped: how a job ends is worth more than how it went while
    nobody could hear it. In their place comes a line that says how many they were.
    """

    def __init__(
        self,
        dropped_line: Callable[[int], bytes],
        *,
        max_lines: int = MAX_LINES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Begin empty.

        Args:
            dropped_line: Makes the line that stands for a number of missing ones.
            max_lines: Lines that may wait.
            max_bytes: Bytes that they may have together.

        """
        self.taken: list[bytes] = []
        """Lines that were sent and are not acknowledged yet."""
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = 0
        self._dropped_line = dropped_line
        self._max_lines = max_lines
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        """Return how many lines were not acknowledged, without those that were dropped."""
        return len(self.taken) + len(self._waiting)

    @property
    def has_much(self) -> bool:
        """Return whether more waits than is taken at once."""
        return len(self._waiting) >= MAX_TAKEN or self._bytes >= MAX_TAKEN_BYTES

    def add(self, line: bytes) -> None:
        """Add a line; drop the oldest that wait if they are too many."""
        self._waiting.append(line)
        self._bytes += len(line)
        while len(self._waiting) > self._max_lines or self._bytes > self._max_bytes:
            if len(self._waiting) <= 1:
                break
            self._bytes -= len(self._waiting.popleft())
            self._dropped += 1

    def take(self) -> Sequence[bytes]:
        """Return the lines to send now: the same until they are acknowledged."""
        if not self.taken:
            if self._dropped:
                self.taken.append(self._dropped_line(self._dropped))
                self._dropped = 0
            size = 0
            while self._waiting and len(self.taken) < MAX_TAKEN and size < MAX_TAKEN_BYTES:
                line = self._waiting.popleft()
                size += len(line)
                self.taken.append(line)
            self._bytes -= size
        return self.taken

    def acknowledge(self, count: int) -> None:
        """Forget the first few of those that were taken: Redis has them."""
        del self.taken[:count]

    def clear(self) -> None:
        """Forget all."""
        self.taken.clear()
        self._waiting.clear()
        self._bytes = self._dropped = 0


def chunks(lines: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield lines in parts that keep Redis busy for a millisecond or two each."""
    start = size = 0
    for index, line in enumerate(lines):
        if index > start and (index - start == _MAX_CHUNK or size + len(line) > _MAX_CHUNK_BYTES):
            yield lines[start:index]
            start, size = index, 0
        size += len(line)
    if start < len(lines):
        yield lines[start:]
