"""The events that say something about now, and the latest of each camera. Pure.

What is told again of an event takes the place of what was told before, in whichever order the
messages are read.
"""

from collections.abc import Iterable, Mapping
from typing import get_args

from hsi.schemas import RiskLevel
from hsi.schemas.base import MAX_ID
from hsi.schemas.cursor import Cursor
from hsi.verdict import Arrived, counts, risk_of
from hsi_service.bus.intake import parts_of

MAX_EVENTS = 10_000
"""Events that are kept, at most: as many as a history has. Those of low risk go first."""
MAX_LOW = 2_000
"""Events of low risk that are kept, the latest: more of them change nothing that is said."""
MAX_CAMERAS = 1_000
"""Cameras whose latest event is known, at most."""
_LEVELS: tuple[RiskLevel, ...] = get_args(RiskLevel)


def event_in(text: str, cursor: Cursor | None, at: int) -> Arrived | None:
    """Return the event that a message is; None: it is of another type.

    Args:
        text: The message.
        cursor: Its own; None for a plain PUBLISH.
        at: When it came, where it has no cursor: ms since 1970.

    """
    kind, data = parts_of(text)
    if kind != "event":
        return None
    if cursor is None:
        return Arrived(at, data)
    return Arrived(cursor.milliseconds, data, str(cursor))


class KeptEvents:
    """Keeps the events that count."""

    def __init__(self) -> None:
        """Begin without any."""
        self._events: dict[object, Arrived] = {}
        self._latest: dict[str, Arrived] = {}

    @property
    def events(self) -> list[Arrived]:
        """Those that count, and some that no longer do."""
        return list(self._events.values())

    @property
    def latest(self) -> Mapping[str, Arrived]:
        """The latest event by camera."""
        return self._latest

    def take(self, event: Arrived) -> None:
        """Take an event, unless something later was told of it."""
        identity = _identity(event)
        before = self._events.get(identity)
        if before is None or _place(event) >= _place(before):
            self._events[identity] = event
        camera = event.data.get("camera_id")
        if isinstance(camera, str) and camera:
            before = self._latest.get(camera)
            if before is None or _place(event) >= _place(before):
                self._latest[camera] = event

    def drop_old(self, now: int) -> None:
        """Forget what says nothing about now (ms since 1970); not between the pages of a history.

        Else an older message about the same event, read later, would be taken for the last one.
        """
        kept = {
            key: one for key, one in self._events.items() if counts(one, risk_of(one.data), now)
        }
        excess = _excess(kept)
        self._events = {key: one for key, one in kept.items() if key not in excess}
        if len(self._latest) > MAX_CAMERAS:
            latest = sorted(self._latest.items(), key=lambda item: _place(item[1]), reverse=True)
            self._latest = dict(latest[:MAX_CAMERAS])


def _excess(events: Mapping[object, Arrived]) -> set[object]:
    """Return which of them are too many: the older ones of low risk, then those of the next."""
    if len(events) <= MAX_LOW:
        return set()
    levels = {
        key: _LEVELS.index(risk_of(one.data).level or "medium") for key, one in events.items()
    }
    # The least grave first, and of those the oldest.
    order = sorted(events, key=lambda key: (levels[key], _place(events[key])))
    low = sum(level == 0 for level in levels.values())
    return set(order[: max(low - MAX_LOW, len(events) - MAX_EVENTS, 0)])


def _level(event: Arrived) -> int:
    return _LEVELS.index(risk_of(event.data).level or "medium")


def _identity(event: Arrived) -> object:
    """Return what is the same for all messages about one event: its id and its camera."""
    numbers: Iterable[object] = (event.data.get(name) for name in ("event_id", "id"))
    for number in numbers:
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MAX_ID:
            return number, str(event.data.get("camera_id"))
    return event.cursor if event.cursor is not None else object()


def _place(event: Arrived) -> tuple[int, int]:
    cursor = Cursor.parse(event.cursor) if event.cursor else None
    return event.arrived, cursor.number if cursor else 0
