"""Cursors: the ids of a history's entries, as published messages carry them. Pure, no I/O."""

import re
from typing import NamedTuple, Self

MAX_DIGITS = 14
"""Digits of each part of a cursor, at most: the function in Redis writes no more (publish_v2.lua),
and an id with more is somebody else's. The time has 13 until the year 2286."""


class Cursor(NamedTuple):
    """The id of an entry of a channel's history; ordered like the history."""

    milliseconds: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the cursor that `text` is, or None if it is not one."""
        found = _CURSOR.fullmatch(text)
        return cls(int(found[1]), int(found[2])) if found else None

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.number}"


BEGINNING = Cursor(0, 0)
"""Before the first message of a history."""
GREATEST = Cursor(10**MAX_DIGITS - 1, 10**MAX_DIGITS - 1)
"""No cursor is greater; what a history has after it was appended by hand."""
_ID = rf"([0-9]{{1,{MAX_DIGITS}}})-([0-9]{{1,{MAX_DIGITS}}})"
_CURSOR = re.compile(_ID)
_STAMP = re.compile(rf'\{{"cursor":"{_ID}",')


def cursor_of(text: str) -> Cursor | None:
    """Return the cursor that a message was published with, or None for a plain PUBLISH."""
    found = _STAMP.match(text)
    return Cursor(int(found[1]), int(found[2])) if found else None


def unstamped(text: str) -> str:
    """Return a message without the cursor that it was published with, or claims to be."""
    found = _STAMP.match(text)
    return "{" + text[found.end() :] if found else text


def stamped(cursor: Cursor, message: str) -> str:
    """Return a message of the history as it was published: with its cursor as first key."""
    return f'{{"cursor":"{cursor}",{message[message.index("{") + 1 :]}'
