"""When a lease is surely held, by the holder's own clock (bus/lease.py). Pure.

It counts from when it asked, and stops a margin before Redis lets another in.
"""

from collections.abc import Callable

MARGIN = 0.1
"""Part of its time by which a holder stops earlier than Redis: what the clocks may differ by."""


class Holding:
    """What a replica knows about its lease."""

    def __init__(self, duration: float, clock: Callable[[], float]) -> None:
        """Hold nothing.

        Args:
            duration: Seconds after which Redis lets another in.
            clock: Seconds that only ever grow.

        """
        self._duration = duration
        self._clock = clock
        self._until = float("-inf")
        self._given_up = False

    def answered(self, *, granted: bool, asked_at: float) -> None:
        """Take Redis' answer to what was asked at a time of the clock."""
        if self._given_up:
            return
        self._until = asked_at + self._duration * (1 - MARGIN) if granted else float("-inf")

    def give_up(self) -> None:
        """Hold it no longer, and never again."""
        self._given_up = True
        self._until = float("-inf")

    def remaining(self) -> float:
        """Return the seconds for which it is surely held; 0 when it is not."""
        return max(0.0, self._until - self._clock())

    @property
    def held(self) -> bool:
        """Whether it is surely held, at this moment."""
        return self._clock() < self._until
