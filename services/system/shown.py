"""What clients have been shown: no slot twice, and nothing after what is newer. Pure.

Where a freeze ends or the lead moves, a replica that served its own clients hears the leader again:
a status of the slot that it has just served, or one that a connection held meanwhile.
"""

from collections.abc import Callable

from hsi_service.slots import slot_of

CERTAIN_AFTER = 1.0
"""Intervals without a status after which a replica that knows that it hears nobody is alone."""
ALONE_AFTER = 3.0
"""Intervals without one after which any replica is."""
MAX_HELD = 60.0
"""Seconds for which a connection may have held a status. What is older by more is shown as it
comes, so no clock that was set back mutes anybody for long."""


class ShownStatuses:
    """Remembers the last status, whose it was, and when another's was heard."""

    def __init__(
        self, interval: float, *, clock: Callable[[], float], steady: Callable[[], float]
    ) -> None:
        """Begin with nothing shown.

        Args:
            interval: Seconds between two statuses.
            clock: Redis' time, in seconds since 1970.
            steady: Seconds that only ever grow.

        """
        self._interval = interval
        self._clock = clock
        self._steady = steady
        self.begin()

    def begin(self) -> None:
        """Begin again: there are clients, and none was there before."""
        self._heard_at = self._steady()
        self._heard_in: int | None = None
        """The slot in which another's status was shown."""
        self._sent_in: int | None = None
        """The slot in which one of this replica's own was."""
        self._own: float | None = None
        """When the last of those was collected."""

    def sent(self, collected_at: float) -> None:
        """Record that clients are shown a status of this replica's own.

        Args:
            collected_at: When, in seconds of Redis' time.

        """
        self._own = collected_at
        self._sent_in = self._slot()

    def echoed(self) -> None:
        """Record that one of this replica's own came back from Redis."""
        self._heard_at = self._steady()

    def hears(self, collected_at: float | None, *, leads: bool) -> bool:
        """Take a status that was heard; return whether clients are to be shown it.

        Not after one of this replica's own that is of the same slot, unless this replica leads:
        then it is another producer's. Nor after a newer one of its own: a connection held it, so it
        is no sign of a leader either.

        Args:
            collected_at: What the status says, in seconds since 1970; None if it does not say.
            leads: Whether this replica does.

        """
        if self._own is not None and collected_at is not None:
            same_slot = self._of(collected_at) == self._of(self._own)
            if same_slot and not leads:
                self._heard_at = self._steady()
                return False
            if 0 < self._own - collected_at <= MAX_HELD:
                return False
        self._heard_at = self._steady()
        self._heard_in = self._slot()
        return True

    def is_due(self, slot: int, *, leads: bool) -> bool:
        """Return whether a status of this replica's own may be shown in a slot.

        Args:
            slot: Its number.
            leads: Whether this replica leads, and has since before the slot began.

        """
        return slot != self._sent_in and (leads or slot != self._heard_in)

    def is_alone(self, *, certain: bool) -> bool:
        """Return whether nothing was heard for so long that clients have nobody but this replica.

        Args:
            certain: Whether it is known that Redis does not answer, or is not heard.

        """
        patience = CERTAIN_AFTER if certain else ALONE_AFTER
        return self._steady() - self._heard_at >= patience * self._interval

    def _slot(self) -> int:
        return self._of(self._clock())

    def _of(self, moment: float) -> int:
        return slot_of(moment, self._interval)
