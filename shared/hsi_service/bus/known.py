"""What is known of the history of events. Pure.

A quiet window is a claim. Its proofs are the mark `{<channel>}:since`, which is wiped together with
the history, and the numbers of the messages, which have no gaps: so what was trimmed, deleted or
rolled back is noticed, and where nobody can know, nothing is claimed.
"""

from typing import NamedTuple

from hsi.schemas.cursor import Cursor


class Look(NamedTuple):
    """A history at one moment."""

    now: int
    """The time by Redis' clock, in milliseconds since 1970."""
    since: int | None
    """What the mark says, in the same; None: there is none that can be read."""
    counted: int | None
    """How many messages the channel has counted; None: nobody has counted any."""
    first: Cursor | None
    """Its oldest entry; None: it has none."""
    last: Cursor | None
    """Its newest entry."""
    length: int
    """How many entries it has."""

    def is_gapless(self) -> bool:
        """Return whether all messages from its oldest entry to the last counted are there."""
        if self.first is None or self.last is None:
            return not self.length and not self.counted
        numbers = self.last.number - self.first.number + 1
        return self.length == numbers and self.last.number == self.counted


def has_lost(look: Look, known: Cursor | None, *, found: bool) -> bool:
    """Return whether a history no longer has what it had, other than by being trimmed.

    Args:
        look: At the history.
        known: A message that was in it; None: none is known.
        found: Whether that is still there.

    """
    if known is None or found:
        return False
    first = look.first
    return first is None or first <= known or first.number <= known.number


class Chain:
    """Messages without a gap between them, from the last that was counted backwards."""

    def __init__(self, counted: int | None) -> None:
        """Begin with no message.

        Args:
            counted: The number of the last message; None: it is not known.

        """
        self._next = counted
        self._back_to: int | None = None

    def take(self, cursor: Cursor) -> None:
        """Take the next older entry; what somebody appended by hand is passed over."""
        if self._next is not None and cursor.number == self._next:
            self._next -= 1
            self._back_to = cursor.milliseconds

    @property
    def since(self) -> int | None:
        """Since when, in milliseconds since 1970, no message is missing; None: nobody knows.

        Of its oldest message's millisecond there may have been more before that.
        """
        if self._next == 0:
            return 0
        return None if self._back_to is None else self._back_to + 1


def known_since(look: Look, chain: Chain) -> int | None:
    """Return since when a history is known to be whole, in milliseconds since 1970; None: never.

    Args:
        look: At the history.
        chain: Of the entries that were read.

    """
    if look.since is None:
        return None
    if look.is_gapless():
        is_trimmed = look.first is not None and look.first.number > 1
        begins = look.first.milliseconds + 1 if look.first and is_trimmed else 0
    elif chain.since is not None:
        begins = chain.since
    else:
        return None
    return max(look.since, begins)
