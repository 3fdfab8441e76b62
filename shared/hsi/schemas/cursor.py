"""Cursors: the ids of a history's entries, as published messages carry them. Pure, no I/O."""

import re
from typing import NamedTuple, Self


class Cursor(NamedTuple):
    """The id of an entry of a channel's history; ordered like the history."""

    milliseconds: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the cursor that `text` is, or None if it is none of ours."""
        found = _CURSOR.fullmatch(text)
        return cls(int(found[1]), int(found[2])) if found else None

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.number}"


BEGINNING = Cursor(0, 0)
"""Before the first message of a history."""
_CURSOR = re.compile(r"([0-9]{1,15})-([0-9]{1,18})")
_STAMP = re.compile(r'\{"cursor":"([0-9]{1,15})-([0-9]{1,18})",')


def cursor_of(text: str) -> Cursor | None:
    """Return the cursor that a message was published with, or None for a plain PUBLISH."""
    found = _STAMP.match(text)
    return Cursor(int(found[1]), int(found[2])) if found else None


def stamped(cursor: Cursor, message: str) -> str:
    """Return a message of the history as it was published: with its cursor as first key."""
    return f'{{"cursor":"{cursor}",{message[message.index("{") + 1 :]}'
