"""Whether somebody of the household has seen an event. Pure.

A mark is of an event and of the level that it had: what is told of it later, with the same id, is
seen too, unless it is graver. The dashboard decides the same in TypeScript
(dashboard/realtime/src/seen.ts), and both pass tests/seen.json.
"""

import sys
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from hsi.schemas import RiskLevel, Seen
from hsi.schemas.base import MAX_ID
from hsi.schemas.cursor import Cursor

S = TypeVar("S", bound=Seen)

_LEVELS: tuple[RiskLevel, ...] = get_args(RiskLevel)


def key_of(data: Mapping[str, Any], cursor: str | None) -> str | None:
    """Return what an event is called where it is marked: its id, else its cursor.

    Args:
        data: The event's, as they were published.
        cursor: Of the message; None for a plain PUBLISH.

    Returns:
        None for an event that cannot be marked: it has neither.

    """
    numbers = (data.get(name) for name in ("event_id", "id"))
    found = next((number for number in numbers if _is_number(number)), None)
    if found is not None and found == int(found) and 0 <= found <= MAX_ID:
        return str(int(found))
    return cursor if cursor is not None and Cursor.parse(cursor) else None


def seen_in(marks: Mapping[str, S], key: str | None, level: RiskLevel | None) -> S | None:
    """Return the mark of an event; None while nobody has seen it.

    Args:
        marks: By the events' keys.
        key: The event's (`key_of`).
        level: The event's (`hsi.verdict.risk_of`); None where it has none.

    """
    mark = None if key is None else marks.get(key)
    return None if mark is None or is_graver(level, mark.risk_level) else mark


def is_graver(level: RiskLevel | None, seen: RiskLevel | None) -> bool:
    """Return whether an event is graver than the level at which it was seen.

    One that has no level is worth a look, as one of medium risk.
    """
    return _LEVELS.index(level or "medium") > _LEVELS.index(seen or "medium")


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max  # nor NaN
