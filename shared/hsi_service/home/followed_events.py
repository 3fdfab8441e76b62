"""The events of the home and who has seen them: read once, then heard.

What comes later is heard, and read only where a message is missing. So a message costs the same,
however long the history is.
"""

import asyncio
import math
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from hsi.schemas import EventSeen, EventSeenData, Seen
from hsi.schemas.cursor import BEGINNING, Cursor, cursor_of
from hsi.verdict import RECENT, Window
from hsi_service.bus.history import History, next_count
from hsi_service.bus.intake import Message
from hsi_service.bus.known import Chain, has_lost, known_since
from hsi_service.home.events import KeptEvents, event_in
from hsi_service.home.reader import HomeReader

GRACE = 1.0
"""Seconds in which a missing message may be read before nothing is claimed any more: what is heard
out of order, and a doubt of the replica's probe, must not make the home unknown for a moment."""
DROP_INTERVAL = 15.0
"""Seconds between two looks at which events no longer count."""


class FollowedEvents:
    """Knows the events that count, and since when it knows all of them."""

    def __init__(
        self,
        channel: str,
        history: History,
        reader: HomeReader,
        *,
        now: Callable[[], int | None],
        on_missed: Callable[[], None],
    ) -> None:
        """Know nothing.

        Args:
            channel: Of events.
            history: Reads it.
            reader: Asks the rest.
            now: Redis' time in ms since 1970; None while nobody knows it.
            on_missed: Called where something is to be read (`catch_up`).

        """
        self._channel = channel
        self._history = history
        self._reader = reader
        self._now = now
        self._on_missed = on_missed
        self.kept = KeptEvents()
        self.seen: dict[str, Seen] = {}
        """Who has seen which event, by `hsi.seen.key_of`."""
        self._seen_meanwhile: list[EventSeenData] = []
        self._upto: Cursor | None = None
        """The event up to which all are known; None: the history is to be read."""
        self._newest: Cursor | None = None
        """The last one that was heard."""
        self.is_due = True
        """Whether something is to be read (`catch_up`)."""
        self._behind_since: float | None = -math.inf
        """Since when something is missing, by the event loop's clock; None: nothing is."""
        self._known_since: int | None = None
        self._failing_since: int | None = None
        self._drop_due = 0.0

    def missed(self, *, in_outage: bool = False) -> None:
        """Record that messages may have been missed.

        Args:
            in_outage: Redis was not heard for a while: nothing is claimed until they are read.

        """
        if in_outage:
            self._behind_since = -math.inf
        elif self._behind_since is None:
            self._behind_since = asyncio.get_running_loop().time()
        self.is_due = True
        self._on_missed()

    def hear(self, message: Message) -> None:
        """Take a message of the channel."""
        if isinstance(message.body, EventSeen):
            self._seen_meanwhile.append(message.body.data)
            _change(self.seen, message.body.data)
        cursor = cursor_of(message.text)
        if cursor is not None:
            self._newest = cursor
            if self._upto is not None and cursor.number == self._upto.number + 1:
                self._upto = cursor
            elif cursor != self._upto:
                self.missed()
        self._take(message.text, cursor)

    def window(self) -> Window:
        """Return whether all events of the last 15 minutes are known."""
        now, since = self._now(), self._known_since
        if self._failing_since is not None:
            return Window("failed", self._failing_since)
        if since is None or now is None or self._is_far_behind():
            return Window("waiting")
        return Window("complete" if since <= now - RECENT else "incomplete", since)

    def _is_far_behind(self) -> bool:
        since = self._behind_since
        return since is not None and asyncio.get_running_loop().time() - since > GRACE

    async def catch_up(self) -> None:
        """Read the events that were missed, or those of a day, and who has seen which.

        Raises:
            RedisError: Redis does not answer; it is to be called again.
            OSError: The same.

        """
        self.is_due = False
        self._seen_meanwhile = []
        try:
            if self._upto is None or not await self._read_missed(self._upto):
                await self._read_all()
            marks = await self._reader.marks()
        except (RedisError, OSError):
            self.is_due = True
            self._failing_since = self._failing_since or self._now()
            raise
        self._failing_since = None
        if not self.is_due:
            self._behind_since = None
        for change in self._seen_meanwhile:
            _change(marks, change)
        self.seen = marks

    def drop_old(self) -> None:
        """Forget the events that no longer count, now and then."""
        at, now = asyncio.get_running_loop().time(), self._now()
        if at >= self._drop_due and now is not None:
            self._drop_due = at + DROP_INTERVAL
            self.kept.drop_old(now)

    async def _read_missed(self, upto: Cursor) -> bool:
        """Read on from an event; return whether the history still has it."""
        count = next_count([])
        while True:
            page = await self._history.read(self._channel, upto if upto.number else None, count)
            if not page.found:
                return False
            for entry in page.entries:
                self._take(entry.text, entry.cursor)
                upto = max(upto, entry.cursor)
            count = next_count(page.entries)
            if page.ends:
                break
        if self._newest is not None and self._newest > upto:
            # It came after the reading; or it is of another history than that which can be read.
            found = await self._history.has(self._channel, self._newest)
            return found and await self._read_missed(upto)
        self._upto = upto
        return True

    async def _read_all(self) -> None:
        """Read the events of a day."""
        look = await self._reader.look()
        lost = has_lost(look, self._upto, found=False)
        if lost:
            self._newest = None  # Numbers may begin again.
        last = await self._reader.last()
        chain = Chain(look.counted)
        if last is not None:
            async for entry in self._reader.back_from(last, chain):
                self._take(entry.text, entry.cursor)
        since = known_since(look, chain)
        # From now on all is heard. Of what was lost, the history's own mark may not say it yet.
        self._known_since = look.now if lost or since is None else min(since, look.now)
        self._upto = max(last or BEGINNING, self._newest or BEGINNING)

    def _take(self, text: str, cursor: Cursor | None) -> None:
        at = self._now()
        event = event_in(text, cursor, round(time.time() * 1000) if at is None else at)
        if event is not None:
            self.kept.take(event)


def _change(marks: dict[str, Seen], change: EventSeenData) -> None:
    if change.seen:
        marks[change.id] = Seen(at=change.at, by=change.by, risk_level=change.risk_level)
    else:
        marks.pop(change.id, None)
