"""When a change is believed: after some looks in a row that say otherwise. Pure.

One bad answer is no outage, and what comes and goes must not flood anybody.
"""

from typing import NamedTuple

CONFIRMATIONS = 2
"""Looks in a row that make a change."""


class Row(NamedTuple):
    """Looks in a row that say otherwise than what is settled."""

    length: int = 0
    is_good: bool = False
    """Whether they say that all is well."""

    def after(self, *, is_good: bool) -> "Row":
        """Return the row after one more look.

        Looks that are not good are one row, whichever word they use.
        """
        return Row((self.length if self.is_good is is_good else 0) + 1, is_good)
