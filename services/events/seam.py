"""Where the history of events ends and the table goes on. Pure.

The history is in the order of arrival, and the table knows only when an event began, which is
earlier. So around the seam the table has events that the history tells of: they are known by their
id and their camera, and left out. What a page has told that was trimmed since is left out of the
next page in the same way.
"""

from typing import NamedTuple, TypeVar

from hsi.schemas.cursor import BEGINNING, Cursor
from hsi.seen import key_of
from hsi_service.bus.intake import parts_of
from services.events.wanted import camera_of, event_id_of

KEPT = 3_600_000
"""Milliseconds for which is known what a history told that it no longer has."""

K = TypeVar("K")
Key = tuple[str, str]
"""An event: its id, and its camera."""


class Seam(NamedTuple):
    """Where the table goes on, for one page."""

    since: Cursor
    """From here on the history has told of its events, to whom this page is for."""
    upto: int
    """The table's events that began before are older; milliseconds since 1970."""
    first: Cursor | None
    """The history's oldest entry; None: it has none."""


def seam_of(*, reached: Cursor | None, first: Cursor | None, now: int, end: int | None) -> Seam:
    """Return where the table goes on.

    Args:
        reached: How far back the history was read for this page and those before; None: not at all.
        first: The history's oldest entry; None: it has none.
        now: The time, in milliseconds since 1970.
        end: Of the window, in the same; None: it goes on.

    """
    since = min((one for one in (reached, first) if one is not None), default=None)
    upto = now + 1 if since is None else min(since.milliseconds, now + 1)
    return Seam(since or BEGINNING, upto if end is None else min(upto, end), first)


class Told:
    """Which events a history tells of, and told of lately."""

    def __init__(self) -> None:
        """Know of none."""
        self.head: Cursor | None = None
        """The last message that was taken."""
        self._cursors: dict[Key, Cursor] = {}
        """Of each event the last message that told of it, in the order of the history."""
        self._last: dict[str, Cursor] = {}
        """The same by its id alone, as it is marked: whichever camera it was told of last."""

    def __len__(self) -> int:
        """Return how many events are known."""
        return len(self._cursors)

    def take(self, cursor: Cursor, text: str) -> None:
        """Take the history's next message."""
        self.head = cursor
        kind, data = parts_of(text)
        event, camera = event_id_of(data), camera_of(data)
        if kind == "event" and event is not None and camera is not None:
            self._cursors.pop((event, camera), None)
            self._cursors[event, camera] = cursor
        if kind == "event" and (marked := key_of(data, None)) is not None:
            self._last.pop(marked, None)
            self._last[marked] = cursor

    def forget(self, first: Cursor | None) -> None:
        """Forget what was trimmed long ago.

        Args:
            first: The history's oldest entry; None: it has none.

        """
        if first is None:
            return
        oldest = first.milliseconds - KEPT
        _forget(self._cursors, oldest)
        _forget(self._last, oldest)

    def clear(self) -> None:
        """Begin again, with a history that has lost what it had."""
        self.head = None
        self._cursors.clear()
        self._last.clear()

    def has(self, key: Key, since: Cursor) -> bool:
        """Return whether an event was told by a message, from one on."""
        cursor = self._cursors.get(key)
        return cursor is not None and cursor >= since

    def is_outdated(self, cursor: Cursor, text: str) -> bool:
        """Return whether the event that a message tells of was told again since."""
        kind, data = parts_of(text)
        key = key_of(data, None) if kind == "event" else None
        last = None if key is None else self._last.get(key)
        return last is not None and last > cursor


def _forget(cursors: dict[K, Cursor], oldest: int) -> None:
    """Remove what stands first, and is of before a time in milliseconds since 1970."""
    while cursors:
        key, cursor = next(iter(cursors.items()))
        if cursor.milliseconds >= oldest:
            break
        del cursors[key]
