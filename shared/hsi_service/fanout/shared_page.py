"""Pages of a channel's history that were read, and where in them each message is. Pure.

Filtering and framing a part of a page is done once for all clients that are sent it.
"""

import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hsi.schemas.cursor import Cursor
from hsi_service.bus.continuity import PAGE_SIZE, Page
from hsi_service.bus.intake import Filter, Message, examined
from hsi_service.fanout.batch import Batch

FIRST_COUNT = 8
"""Messages in the first page of a channel: nobody knows yet how large they are."""
_ENTRY = 400
"""Bytes that an entry takes beside its text: the objects, and its place in the index."""


class SharedPage:
    """Messages of a history that follow one another."""

    __slots__ = (
        "_batches",
        "_examined",
        "_passing",
        "after",
        "at",
        "channel",
        "page",
        "size",
        "sound",
    )

    def __init__(
        self, channel: "ChannelPages", after: Cursor | None, page: Page, at: float, *, sound: bool
    ) -> None:
        self.channel = channel
        self.after = after
        self.page = page
        self.at = at
        """When it was read, by the event loop's clock."""
        self.sound = sound
        """It is of the history that the topic knows for which it was read."""
        self.size = sum(sys.getsizeof(entry.text) + _ENTRY for entry in page.entries)
        """Bytes of memory, about."""
        self._examined: list[Message] | None = None
        self._passing: dict[Filter, list[bool]] = {}
        self._batches: dict[tuple[Filter | None, int, int], Batch | None] = {}

    def passes(self, only: Filter | None) -> Sequence[bool] | None:
        """Return which entries a filter lets through; None: all. Each is decoded once for all."""
        if only is None:
            return None
        if only not in self._passing:
            if self._examined is None:
                self._examined = [examined(Message(entry.text)) for entry in self.page.entries]
                self.size += sum(sys.getsizeof(entry.text) for entry in self.page.entries)
            self._passing[only] = [only(message) for message in self._examined]
        return self._passing[only]

    def batch(
        self, only: Filter | None, start: int, stop: int, *, deflated: bool = False
    ) -> Batch | None:
        """Return some of the entries for the clients of a filter; None: it lets nothing through.

        Args:
            only: The filter.
            start: The first of the entries.
            stop: The one after the last.
            deflated: Deflate them now, so that the size knows it.

        """
        key = only, start, stop
        if key not in self._batches:
            passes = self.passes(only)
            texts = [
                entry.text
                for index, entry in enumerate(self.page.entries[start:stop], start)
                if passes is None or passes[index]
            ]
            batch = self._batches[key] = Batch(texts) if texts else None
            self.size += batch.memory if batch else 0
        batch = self._batches[key]
        if deflated and batch and not batch.deflated and batch.deflate() is not batch:
            self.size += batch.deflate().memory
        return batch


class Part(NamedTuple):
    """A page from one of its entries on: what a client reads next."""

    whole: SharedPage
    start: int
    page: Page
    """The part, as if it had been read from there on."""
    cost: int
    """Bytes that were read from Redis for this client; 0: it was answered from what was there."""

    def passing(self, count: int, only: Filter | None) -> int:
        """Return how many of its first entries a filter lets through."""
        passes = self.whole.passes(only)
        return count if passes is None else sum(passes[self.start : self.start + count])


class ChannelPages:
    """The pages of one channel, and how to find what follows a message."""

    def __init__(self) -> None:
        self.places: dict[Cursor | None, tuple[SharedPage, int]] = {}
        """By cursor: the page that goes on after it, and where in it. None: the beginning."""
        self.count = FIRST_COUNT
        """Messages of a page."""

    def find(self, after: Cursor | None, until: Cursor | None, *, lost: bool) -> Part | None:
        """Return what follows a cursor, from a page that was read earlier.

        Args:
            after: The cursor.
            until: How far the one who asks has to come: a page that ends earlier is read again.
            lost: The history no longer has the cursor.

        """
        whole, index = self.places.get(after, (None, 0))
        if whole is None or (lost and (index >= 0 or whole.page.found)):
            return None
        entries = whole.page.entries[index + 1 :] if index >= 0 else whole.page.entries
        if not entries and until is not None and (after is None or after < until):
            return None
        last = whole.page.last
        if until is not None and (last is None or last < until):
            last = until  # Its topic has heard of it since.
        found = whole.page.found or index >= 0
        return Part(whole, index + 1, Page(found=found, entries=entries, last=last), 0)

    def place(self, whole: SharedPage) -> None:
        """Remember where a page's entries are."""
        for index, entry in enumerate(whole.page.entries):
            if self.places.get(entry.cursor, (None, 0))[1] >= 0:
                self.places[entry.cursor] = whole, index
        self.places[whole.after] = whole, -1

    def displace(self, whole: SharedPage) -> None:
        """Forget a page."""
        for cursor in (whole.after, *(entry.cursor for entry in whole.page.entries)):
            if self.places.get(cursor, (None, 0))[0] is whole:
                del self.places[cursor]

    def origin(self, after: Cursor | None) -> Cursor | None:
        """Return from where to read what follows a cursor.

        A small page that ended there is read again with what has come since, or the end of a busy
        channel would become a row of tiny pages.
        """
        whole, index = self.places.get(after, (None, 0))
        if whole is None or index < 0:
            return after
        small = whole.size <= PAGE_SIZE // 2 and whole.page.ends and whole.page.found
        return whole.after if small else after


class Tally(NamedTuple):
    """Where the last messages of a channel are that a filter lets through."""

    head: Cursor
    """How far it was counted."""
    cursors: list[Cursor]
    """Of these messages, in order."""
    whole: bool
    """There are none before them."""

    def before_the_last(self, count: int, head: Cursor) -> tuple[bool, Cursor | None]:
        """Return whether it says what is before the last `count` up to `head`, and that cursor."""
        if head > self.head:
            return False, None
        upto = bisect_right(self.cursors, head)
        if upto > count:
            return True, self.cursors[upto - count - 1]
        return self.whole, None


def cut(page: Page) -> Iterator[Page]:
    """Cut a page into some that are no larger than they should be, where messages are not."""
    start, size = 0, 0
    for index, entry in enumerate(page.entries):
        size += len(entry.text)
        if size > PAGE_SIZE and index > start:
            yield page._replace(found=page.found or start > 0, entries=page.entries[start:index])
            start, size = index, len(entry.text)
    yield page._replace(found=page.found or start > 0, entries=page.entries[start:])
