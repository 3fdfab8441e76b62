"""Redis' time, which all replicas share, as one of them knows it. Pure: the clocks are given.

Machines' clocks differ, are set ahead and set back. What replicas do at the same moments, and in an
order that clients see, goes by Redis' clock: each replica measures how far a clock of its own that
only ever grows is behind it. A correction is slewed, so that this time never goes back and no
interval is much longer or shorter than another; without Redis, what was measured last holds.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime

MAX_SLEW = 0.1
"""Seconds in a second by which a correction makes this time go faster or slower."""
MAX_SLEWED = 60.0
"""Seconds. What differs by more is stepped: slewing it would take longer than ten minutes."""
MAX_SKEW = 2.0
"""Seconds by which a machine's clock may differ from Redis' before it is said."""


class RedisClock:
    """Tells Redis' time. Until it was measured, it is that of this machine."""

    def __init__(self, *, steady: Callable[[], float], wall: Callable[[], float]) -> None:
        """Begin with this machine's time.

        Args:
            steady: Seconds that only ever grow.
            wall: This machine's clock, in seconds since 1970.

        """
        self._steady = steady
        self._wall = wall
        self._since = steady()
        self._offset = self._target = wall() - self._since
        """From the steady clock to Redis', in seconds: at `_since`, and where it is slewed to."""
        self._skew: float | None = None
        self._said = False

    def __call__(self) -> float:
        """Return the time, in seconds since 1970."""
        at = self._steady()
        return at + self._offset_at(at)

    def now(self) -> datetime:
        """Return the time as UTC, which goes onto the wire with a `Z`."""
        return datetime.fromtimestamp(self(), UTC)

    @property
    def skew(self) -> float | None:
        """Seconds by which this machine's clock was ahead of Redis'; None until it was measured."""
        return self._skew

    def measured(self, redis_time: float, *, asked_at: float, answered_at: float) -> None:
        """Take what Redis' clock said at some moment between two of the steady clock.

        What lies between them is no more exact than that: the offset moves only where it cannot be
        true. So an answer that took long moves nothing, and one that was quick corrects it.

        Args:
            redis_time: Seconds since 1970.
            asked_at: The steady clock's, before Redis was asked.
            answered_at: The same, after the answer.

        """
        least, most = redis_time - answered_at, redis_time - asked_at
        target = min(max(self._target, least), most)
        at = self._steady()
        offset = self._offset_at(at)
        if self._skew is None or abs(target - offset) > MAX_SLEWED:
            offset = target = (least + most) / 2
        self._since, self._offset, self._target = at, offset, target
        self._skew = self._wall() - at - target

    def new_skew(self) -> float | None:
        """Return the skew if it has become more than `MAX_SKEW`, once; None otherwise.

        It is told again after it was under half of that.
        """
        skew = abs(self._skew or 0.0)
        if self._said:
            self._said = skew >= MAX_SKEW / 2
        elif skew > MAX_SKEW:
            self._said = True
            return self._skew
        return None

    def _offset_at(self, at: float) -> float:
        left = self._target - self._offset
        most = MAX_SLEW * max(0.0, at - self._since)
        return self._offset + math.copysign(min(abs(left), most), left)
