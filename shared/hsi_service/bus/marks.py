"""The marks of events that somebody has seen, as Redis keeps them. Pure.

The hash `{<channel>}:seen` has them by event, as JSON; somebody else may have put anything there.
"""

import re
from collections.abc import Iterable

import msgspec

from hsi.schemas import Seen
from hsi.schemas.base import MAX_ID
from hsi.schemas.cursor import Cursor
from hsi.schemas.moments import utc

MAX_MARKS = 10_000
"""Marks that are kept: as many as a history has messages."""
NOT_OURS = 2 * MAX_MARKS + 1
"""A hash of as many fields was written by somebody else: it is not read."""
_ID = re.compile(r"0|[1-9][0-9]{0,15}")
_UNREADABLE = ValueError, RecursionError
"""What decoding raises: not of its schema, not UTF-8 or not JSON, or too deep."""
_seen = msgspec.json.Decoder(Seen)


def is_id(text: str) -> bool:
    """Return whether a text is an event's id."""
    return _ID.fullmatch(text) is not None and int(text) <= MAX_ID


def marks_in(fields: Iterable[tuple[bytes, bytes | None]]) -> tuple[dict[str, Seen], int]:
    """Return the marks that fields of the hash hold, by event, and how many cannot be read."""
    marks, unreadable = {}, 0
    for field, value in fields:
        if value is None:
            continue
        try:
            key, mark = field.decode(), _seen.decode(value)
        except _UNREADABLE:
            unreadable += 1
            continue
        if not (is_id(key) or Cursor.parse(key)):
            unreadable += 1
            continue
        marks[key] = msgspec.structs.replace(mark, at=utc(mark.at))
    return marks, unreadable
