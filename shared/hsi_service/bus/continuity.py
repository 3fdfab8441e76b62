"""Where a topic and its clients are in a channel's history, and what is sent next. Pure, no I/O.

The promise (R62): every message with a cursor that Redis acknowledged reaches each
client once and in order, or the client is told that something is missing. It rests on three things:

- Publishing appends to the history and publishes in one atomic step, so the history is the truth,
  and what is heard on the channel is only its fastest copy.
- A cursor is MILLISECONDS-NUMBER, and NUMBER counts a channel's messages without a gap. So whoever
  hears a message knows whether it is the next one.
- A `Position` is the cursor of the last message that went to all live clients of a topic. What is
  not next is not sent: the history is read from the position on, and catches everybody up.

Messages without a cursor (a plain PUBLISH) are sent as they are heard, between the others.

Anybody who may publish can make a cursor up, and give it the next number. So a message that was
only heard does not prove that the history went back: while the connection stays, only those that
were seen in the history do.
"""

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from hsi.schemas import Resumed, ResumedData
from hsi.schemas.cursor import BEGINNING, Cursor, cursor_of, unstamped
from hsi.schemas.frames import frame_text
from hsi_service.bus.intake import Message

PAGE_SIZE = 128 * 1024
"""Characters that a page for one client should have, about: it waits while that does not read."""
AHEAD = 30_000
"""Milliseconds that a cursor may be ahead of this machine's clock, and be believed: of one that
somebody made up, later messages would seem to be older, so the history is asked."""
MAX_UNCONFIRMED = 50_000
"""Messages that were heard and are not known to be in the history; of more, all are believed."""
MAX_WAITING = 16 * 1024 * 1024
"""Characters that may wait while a topic catches up."""


class Entry(NamedTuple):
    """A message of the history, as it was published."""

    cursor: Cursor
    text: str


class Page(NamedTuple):
    """A part of a channel's history, read at one instant."""

    found: bool
    """The entry after which was read is there; read from the start: nothing was trimmed yet."""
    entries: list[Entry]
    """What comes after it, in order; if it was not found, the history from its start."""
    last: Cursor | None
    """The last entry of the whole history."""

    @property
    def ends(self) -> bool:
        """Tell whether there was nothing more."""
        return not self.entries or self.entries[-1].cursor == self.last

    @property
    def remaining(self) -> int:
        """How many messages there are from the first of `entries` on."""
        if not self.entries or self.last is None:
            return 0
        return max(0, self.last.number - self.entries[0].cursor.number + 1)

    def upto(self, cursor: Cursor) -> int:
        """Return how many of the entries there are up to a cursor."""
        if self.entries and self.entries[-1].cursor <= cursor:
            return len(self.entries)
        return bisect_right(self.entries, cursor, key=lambda entry: entry.cursor)


def has_gone_back(last: Cursor | None, head: Cursor | None) -> bool:
    """Return whether a history was wiped or rolled back: it ends before what was sent already.

    Args:
        last: Its last message; None: it has none.
        head: What was sent when that was asked; None: nothing.

    """
    return head is not None and (last is None or last < head or last.number < head.number)


def resumed(*, recovered: bool, replayed: int, since: Cursor | str | None) -> Message:
    """Return the message that tells a client whether something is missing."""
    data = ResumedData(
        recovered=recovered, replayed=replayed, since=None if since is None else str(since)
    )
    return Message(frame_text(Resumed(data=data)), "resumed")


class Position:
    """Where a topic is. Feed it what is heard and what is read; it says what to send to all.

    While `catching_up`, what is heard waits; the owner reads the history after `head` and feeds the
    pages, until it has caught up. A position begins that way: the first page only says where the
    history ends, because clients that ask for nothing older are owed nothing older.
    """

    def __init__(self) -> None:
        self.head: Cursor | None = None
        """The last message with a cursor that was sent; None before the first."""
        self.known = False
        """Whether the history was ever read, so that `head` means something."""
        self.catching_up = True
        self.elsewhere = False
        """The last message that claims a cursor is not in this history: its publisher may write to
        another database, for what is published in one is heard in all."""
        self.confirmed: Cursor | None = None
        """The last of those sent that was seen in the history; None: they are too many to know."""
        self._heard: set[Cursor] = set()
        """Those that were sent since, as they were heard."""
        self._believed = True
        """Whether what was only heard counts as if it had been in the history."""
        self._waiting: deque[tuple[Cursor | None, Message]] = deque()
        self._waiting_size = 0
        self._in_read = 0
        """How many of those waiting were heard before the read under way: it must hold them."""
        self._stale = False
        """Something may have been missed since the read under way began."""

    def mark_stale(self, *, differs: bool = False) -> None:
        """Something may have been missed.

        Args:
            differs: The history differs from this, while the connection has stayed. Otherwise the
                channel was subscribed (again): Redis may have lost what it said last.

        """
        self.catching_up = True
        self._stale = True
        self._believed = self._believed or not differs

    def confirm(self, last: Cursor | None) -> None:
        """Take the last message that the history has."""
        if last is not None and last in self._heard and not self.catching_up:
            self._confirmed(last)

    def _confirmed(self, cursor: Cursor) -> None:
        self.confirmed = cursor
        self._heard = {heard for heard in self._heard if heard > cursor}

    def hear(self, message: Message) -> list[Message]:
        """Take a message from the channel; return the messages to send now."""
        cursor = cursor_of(message.text)
        if self.catching_up:
            self._wait(cursor, message)
            return []
        if cursor is None:
            return [message]
        if self._is_old(cursor) and self._was_sent(cursor) and not _is_ahead(self.head):
            return []
        if self._is_next(cursor):
            self._hear_next(cursor)
            return [message]
        # A message was missed; or it is the first, which may be of another database; or the history
        # was emptied of what somebody appended with ids of the future, and goes on with lesser.
        self.catching_up = True
        self._wait(cursor, message)
        return []

    def begin_read(self) -> Cursor | None:
        """Return the cursor after which the history is to be read now (None: from its start)."""
        self._in_read = len(self._waiting)
        self._stale = False
        return self.head

    def catch_up(self, page: Page) -> list[Message]:
        """Take the page that was read; return the messages to send now."""
        messages: list[Message] = []
        if not self.known:
            self.known, self.head, self.confirmed = True, page.last, page.last
            page = page._replace(found=True, entries=[])
        if self.needs_confirming(page):
            # Somebody may have made the cursor up: go on from what the history had.
            self.head = self.confirmed
            return messages
        if not page.found:
            # Trimmed, wiped or rolled back. The old position filters nothing from here on.
            messages.append(resumed(recovered=False, replayed=page.remaining, since=self.head))
            self.head = None
            self._heard.clear()
        for entry in page.entries:
            messages += self._plain_before(entry.cursor)
            if entry.cursor not in self._heard:
                messages.append(Message(entry.text))
            self._advance(entry.cursor)
        if page.entries:
            self.confirmed = self.head
        if page.ends:
            self._heard.clear()
            messages += self._release_waiting()
        return messages

    def needs_confirming(self, page: Page) -> bool:
        """Return whether a page says no more than that the last message was made up, or was lost.

        Then the history is read after the last message that was seen there.
        """
        return (
            not page.found
            and not self._believed
            and self.confirmed is not None
            and self.head in self._heard
        )

    def _plain_before(self, cursor: Cursor) -> Iterable[Message]:
        """Take from those waiting what was heard up to a message of the history."""
        upto = 0
        for index, (waiting, _) in enumerate(self._waiting, start=1):
            if waiting is not None:
                if waiting > cursor:
                    break
                upto = index
        for _ in range(upto):
            waiting, message = self._take()
            if waiting is None:
                yield message

    def _release_waiting(self) -> Iterable[Message]:
        """Take those waiting, now that the history has ended, unless one is out of turn."""
        while self._waiting:
            cursor, message = self._waiting[0]
            if cursor is None:
                yield message
            elif self._is_next(cursor):
                self._hear_next(cursor)
                yield message
            elif not self._is_old(cursor):
                if not self._in_read:
                    return  # It came after the read began: read again.
                # It is not in the history: wiped since, or somebody else has given it its cursor.
                self.elsewhere = True
                yield message._replace(text=unstamped(message.text), body=None)
            self._take()
        self.catching_up = self._stale
        self._believed = self._believed and self._stale

    def _wait(self, cursor: Cursor | None, message: Message) -> None:
        if self._waiting_size > MAX_WAITING:
            # The history has them, all but those without a cursor, which are at most once.
            self._waiting.clear()
            self._waiting_size = self._in_read = 0
            self._stale = True
        self._waiting.append((cursor, message))
        self._waiting_size += len(message.text)

    def _take(self) -> tuple[Cursor | None, Message]:
        self._in_read = max(0, self._in_read - 1)
        cursor, message = self._waiting.popleft()
        self._waiting_size -= len(message.text)
        return cursor, message

    def _advance(self, cursor: Cursor) -> None:
        self.head, self.elsewhere = cursor, False

    def _hear_next(self, cursor: Cursor) -> None:
        self._advance(cursor)
        self._heard.add(cursor)
        if len(self._heard) > MAX_UNCONFIRMED:
            self.confirmed = None
            self._heard.clear()

    def _was_sent(self, cursor: Cursor) -> bool:
        """Return whether one that is not newer than the head was sent, as far as can be told."""
        return self.confirmed is None or cursor <= self.confirmed or cursor in self._heard

    def _is_old(self, cursor: Cursor) -> bool:
        return self.head is not None and cursor <= self.head

    def _is_next(self, cursor: Cursor) -> bool:
        if _is_ahead(cursor) or self.head is None:
            return False
        return cursor > self.head and cursor.number == self.head.number + 1

    def is_before(self, cursor: Cursor) -> bool:
        """Tell whether the topic has not come as far as this yet."""
        return self.head is None or self.head < cursor

    def cursor(self) -> str | None:
        """Return the cursor from which a client that has all may go on; None: there is none."""
        return str(self.head or BEGINNING) if self.known and not self.elsewhere else None


def _is_ahead(cursor: Cursor | None) -> bool:
    return cursor is not None and cursor.milliseconds > time.time() * 1000 + AHEAD


class Replay:
    """One client's way from its own cursor to where its topic was when it joined.

    What the topic sends meanwhile waits in the client's queue, so nothing is between the two.
    """

    def __init__(
        self, *, since: str, until: Cursor | None, confirmed: Cursor | None = None
    ) -> None:
        """Begin with nothing read.

        Args:
            since: The client's cursor, as it sent it.
            until: Where its topic is.
            confirmed: The last message up to there that was seen in the history; None: that one.

        """
        cursor = Cursor.parse(since)
        self.since = since
        self.after = None if cursor == BEGINNING else cursor
        """Read the history after this cursor (None: from its start)."""
        self.done = False
        self.outrun = False
        """The history was trimmed faster than the client could follow: it has to come back."""
        self.until = until
        """Read it up to this cursor."""
        self._confirmed = confirmed or until
        self._is_cursor = cursor is not None
        self._begun = False

    def page(self, page: Page, *, passing: int | None = None) -> "Step":
        """Take the page that was read; return what to send to the client.

        Args:
            page: What follows `after`.
            passing: How many messages up to `until` the client's filter lets through; None: all.

        """
        told: Message | None = None
        until = self.until
        count = page.upto(until) if until is not None else 0
        if not self._begun:
            self._begun = True
            replayed = 0
            if until and count:
                replayed = max(count, until.number - page.entries[0].cursor.number + 1)
            # What is no cursor was read from the start, but was certainly not found. And a history
            # that ends before the topic does was wiped meanwhile, even if nothing was trimmed.
            gone_back = has_gone_back(page.last, self._confirmed)
            recovered = page.found and self._is_cursor and not gone_back
            if passing is not None:
                replayed = passing
            told = resumed(recovered=recovered, replayed=replayed, since=self.since)
        elif not page.found:
            self.done = self.outrun = True
            return Step(None, 0)
        if count:
            self.after = page.entries[count - 1].cursor
        self.done = page.ends or not count or self.after == until
        return Step(told, count)


class Step(NamedTuple):
    """What a page means for a client: what it is told first, and what of the page it is sent."""

    told: Message | None
    upto: int
    """How many of the page's entries, from the first on."""
