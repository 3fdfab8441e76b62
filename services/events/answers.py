"""What is answered about events, and how an answer is gathered within its budget. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast

from msgspec import Meta, Raw

from hsi.schemas import Seen
from hsi.schemas.base import Part
from hsi.schemas.cursor import Cursor

MAX_ANSWER = 1024 * 1024
"""Characters of messages in an answer, the first one aside."""
MAX_READ = 4 * 1024 * 1024
"""Characters of messages that are read for an answer."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RecentEvent(Part):
    """A message of the history of events."""

    cursor: Annotated[str, Meta(description="Its place in the history; opaque.")]
    arrived_at: Annotated[
        datetime,
        Meta(
            description="When it arrived in Redis (UTC), by Redis' clock; of one that only the "
            "database has, when it began."
        ),
    ]
    message: Annotated[
        dict[str, Any],
        Meta(
            description="As it was published, and as /ws/events sends it; of one that only the "
            "database has, the same without a cursor."
        ),
    ]
    seen: Annotated[
        Seen | None,
        Meta(
            description="Who of the household has seen the event; null while nobody has, and once "
            "it is graver than it was then."
        ),
    ] = None


OlderUnknown = Annotated[
    str | None,
    Meta(
        description="Why nobody can tell what is older than the history: the database cannot be "
        "read; null: it was read, or not needed, or there is none."
    ),
]


class RecentEvents(Part):
    """Events, newest first, and what is known of the window that was asked for."""

    now: Annotated[datetime, Meta(description="The time (UTC) by Redis' clock, when it was read.")]
    heard: Annotated[
        bool,
        Meta(
            description="Whether this replica hears Redis now; where nobody listens to it: "
            "that it has just read there."
        ),
    ]
    complete: Annotated[
        bool,
        Meta(
            description="Whether all that was published with history in the window is known: it is "
            "in `events`, and on the pages that `next` leads to."
        ),
    ]
    known_since: Annotated[
        datetime | None,
        Meta(description="Since when the history is known to be whole (UTC); null: nobody knows."),
    ]
    cursor: Annotated[
        str | None, Meta(description="Cursor of the history's newest message; null: it has none.")
    ]
    events: Annotated[list[RecentEvent], Meta(description="The newest first.")]
    next: Annotated[
        str | None,
        Meta(
            description="What to ask for as `before` to go on, also where `events` is empty; null: "
            "there is nothing more, or nobody can tell (`older_unknown`)."
        ),
    ]
    older_unknown: OlderUnknown = None


class OneEvent(Part):
    """An event, and those before and after it of its camera."""

    now: Annotated[datetime, Meta(description="The time (UTC) by Redis' clock, when it was read.")]
    event: RecentEvent
    previous: Annotated[
        str | None,
        Meta(description="Cursor of the camera's event before it; null: none was found."),
    ]
    next: Annotated[
        str | None,
        Meta(description="Cursor of the camera's event after it; null: none was found."),
    ]
    older_unknown: OlderUnknown = None


class Gathered:
    """Events for an answer, until it is full or its budget is used up."""

    def __init__(self, limit: int) -> None:
        """Begin without events.

        Args:
            limit: How many there may be.

        """
        self.events: list[RecentEvent] = []
        self.is_exhausted = False
        """More was not read, for want of budget."""
        self._limit = limit
        self._size = self._read = 0

    @property
    def room(self) -> int:
        """How many events there is room for."""
        return self._limit - len(self.events)

    def ends_before(self, size: int) -> bool:
        """Return whether a message of so many characters is one for the next page."""
        if self.events and (not self.room or self._size + size > MAX_ANSWER):
            return True
        self.is_exhausted = self._read > MAX_READ
        return self.is_exhausted

    def note(self, size: int) -> None:
        """Charge a message of so many characters that was read."""
        self._read += size

    def take(self, event: RecentEvent, size: int) -> None:
        """Take an event of so many characters."""
        self._size += size
        self.events.append(event)


def time_of(milliseconds: int) -> datetime:
    """Return a time that is given in milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def recent_event(cursor: Cursor, text: str, seen: Seen | None) -> RecentEvent:
    """Return a message of the history for an answer."""
    # As it is: to decode each message and encode it again would cost far more.
    message = cast("dict[str, Any]", Raw(text.encode()))
    arrived = time_of(cursor.milliseconds)
    return RecentEvent(cursor=str(cursor), arrived_at=arrived, message=message, seen=seen)
