"""Pages of histories that many clients are sent: read once, filtered once, framed once.

After an outage thousands of clients ask for nearly the same. A page that was read for one of them
answers the others, from any message in it on, and the bytes that wait for them are the same bytes.
What follows what in a history never changes, so a page is good until its channel is found wiped or
rolled back (`Pages.forget`, `Pages.verify`); it is kept a few seconds, to give the memory back.
"""

import asyncio
from collections import OrderedDict
from functools import partial

from hsi.schemas.cursor import Cursor
from hsi_service.bus.continuity import has_gone_back
from hsi_service.bus.history import ChannelHistory, next_count
from hsi_service.bus.intake import Filter, Message
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.shared_page import (
    FIRST_COUNT,
    ChannelPages,
    Part,
    SharedPage,
    Tally,
    cut,
)
from hsi_service.fanout.turns import REQUESTS, Turns
from hsi_service.shared_answers import SharedAnswers

MAX_BYTES = 16 * 1024 * 1024
"""Memory, about, that the pages of a process take; the oldest go first."""
MAX_AGE = 10.0
"""Seconds that a page is kept."""
HAS_AGE = 0.1
"""Seconds for which all are told the same about whether a message is still there."""
MAX_TALLIES = 96
"""Pairs of a channel and a filter of which it is known where their last messages are."""
MIN_TALLY = 128
"""Last messages whose places are known at least, as long as they are counted on."""


class Pages:
    """The pages of a process's channels."""

    def __init__(self) -> None:
        """Begin with none."""
        self.turns = Turns(REQUESTS)
        """Whose page is written next."""
        self.size = 0
        """Bytes of memory that they take, about."""
        self._channels: dict[str, ChannelPages] = {}
        self._pages: OrderedDict[SharedPage, int] = OrderedDict()
        """All of them, the oldest first, each with the size that is counted of it."""
        self._reads: SharedAnswers[tuple[ChannelPages, Cursor | None], SharedPage] = SharedAnswers()
        self._has: SharedAnswers[tuple[str, Cursor], bool] = SharedAnswers(kept=HAS_AGE)
        self._tallies: OrderedDict[tuple[str, Filter | None], Tally] = OrderedDict()
        """The one that was used last at the end."""
        self._counts: SharedAnswers[tuple[object, ...], tuple[Tally, int]] = SharedAnswers()

    async def has(self, history: ChannelHistory, cursor: Cursor) -> bool:
        """Return whether a message is in its history, or was a tenth of a second ago."""
        return await self._has.ask((history.channel, cursor), lambda: history.has(cursor))

    def had(self, history: ChannelHistory, cursor: Cursor) -> bool:
        """Return whether it is known that `has` would say yes now."""
        return bool(self._has.kept((history.channel, cursor)))

    def find(
        self, history: ChannelHistory, after: Cursor | None, until: Cursor | None
    ) -> Part | None:
        """Return what `after` would without asking Redis; None: it would ask."""
        channel = self._channels.get(history.channel)
        return channel.find(after, until, lost=False) if channel else None

    async def after(
        self,
        history: ChannelHistory,
        after: Cursor | None,
        until: Cursor | None,
        *,
        lost: bool = False,
    ) -> Part:
        """Return what follows a cursor, or the beginning of it; from Redis if nobody did so before.

        Args:
            history: The channel's.
            after: The cursor; None: the beginning.
            until: Where the topic of the one who asks is: its history has come as far.
            lost: The history no longer has the cursor.

        """
        channel = self._channels.setdefault(history.channel, ChannelPages())
        origin = after if lost else channel.origin(after)
        cost = 0
        while True:
            if part := channel.find(after, until, lost=lost):
                return part._replace(cost=cost)
            mine = not self._reads.is_under_way((channel, origin))
            read = partial(self._read, channel, history, origin, until)
            whole = await self._reads.ask((channel, origin), read)
            if mine:
                cost += sum(len(entry.text) for entry in whole.page.entries)
            if origin == after and (mine or not whole.sound):
                return Part(whole, 0, whole.page, cost)
            # Somebody's read that was under way may end too early for this one.
            origin = after

    async def _read(
        self,
        channel: ChannelPages,
        history: ChannelHistory,
        after: Cursor | None,
        until: Cursor | None,
    ) -> SharedPage:
        page = await history.read(after, channel.count)
        channel.count = next_count(page.entries)
        now = asyncio.get_running_loop().time()
        sound = not has_gone_back(page.last, until)
        wholes: list[SharedPage] = []
        for part in cut(page):
            begin = wholes[-1].page.entries[-1].cursor if wholes else after
            wholes.append(SharedPage(channel, begin, part, now, sound=sound))
        if sound and self._channels.get(history.channel) is channel:
            for whole in wholes:
                channel.place(whole)
                self._pages[whole] = 0
                self._count_size(whole)
        return wholes[0]

    def batch(
        self, part: Part, count: int, only: Filter | None, *, deflated: bool = False
    ) -> Batch | None:
        """Return the first entries of a part for the clients of a filter; None: there are none.

        Args:
            part: Of a history.
            count: Entries.
            only: The filter; None: all entries.
            deflated: Whether it is for a client that accepts deflated messages.

        """
        batch = part.whole.batch(only, part.start, part.start + count, deflated=deflated)
        self._count_size(part.whole)
        return batch

    def _count_size(self, whole: SharedPage) -> None:
        """Count how large a page is by now; let the oldest go if all are too large."""
        if whole not in self._pages:
            return
        self.size += whole.size - self._pages[whole]
        self._pages[whole] = whole.size
        while self.size > MAX_BYTES and len(self._pages) > 1:
            self._drop(next(iter(self._pages)))

    def _drop(self, whole: SharedPage) -> None:
        self.size -= self._pages.pop(whole)
        whole.channel.displace(whole)

    def expire(self, now: float) -> None:
        """Let pages go that are old enough; to be called every second or so.

        Args:
            now: The event loop's time.

        """
        while self._pages and now - (oldest := next(iter(self._pages))).at > MAX_AGE:
            self._drop(oldest)
        for name, channel in list(self._channels.items()):
            if not channel.places:
                del self._channels[name]

    def forget(self, name: str) -> None:
        """Let all go that is known of a channel: its history was wiped or rolled back."""
        channel = self._channels.pop(name, None)
        for whole in [whole for whole in self._pages if whole.channel is channel]:
            self._drop(whole)
        for key in [key for key in self._tallies if key[0] == name]:
            del self._tallies[key]

    async def verify(self, history: ChannelHistory) -> None:
        """Forget a channel if its history has gone back since somebody listened to it last."""
        name = history.channel
        channel = self._channels.get(name)
        known = [tally.head for key, tally in self._tallies.items() if key[0] == name]
        known += [
            whole.page.last
            for whole in self._pages
            if whole.channel is channel and whole.page.last is not None
        ]
        if known and not await history.has(max(known)):
            self.forget(name)

    # Where the last messages begin.

    async def before_the_last(
        self, history: ChannelHistory, head: Cursor, count: int, only: Filter | None
    ) -> tuple[Cursor | None, int]:
        """Return the cursor before the last `count` messages up to `head` that a filter lets pass.

        Returns:
            The cursor, or None if there is no message before them; and how many bytes were read
            from Redis for this client.

        """
        key = history.channel, only
        cost = 0
        tally = self._tallies.get(key)
        known, cursor = tally.before_the_last(count, head) if tally else (False, None)
        if not known:
            # In powers of two, or each number would be counted for itself.
            most = 1 << count.bit_length()
            question = (*key, head, most)
            mine = not self._counts.is_under_way(question)
            tally, read = await self._counts.ask(
                question, partial(self._count, history, head, most, only)
            )
            cost = read if mine else 0
            _, cursor = tally.before_the_last(count, head)
        return cursor, cost

    async def _count(
        self, history: ChannelHistory, head: Cursor, most: int, only: Filter | None
    ) -> tuple[Tally, int]:
        """Find the last `most` messages that a filter lets through; say how much was read."""
        channel = self._channels.setdefault(history.channel, ChannelPages())
        key = history.channel, only
        tally, cost = None, 0
        before = self._tallies.get(key)
        if before and before.head < head and (before.whole or len(before.cursors) >= most):
            tally, cost = await self._count_on(history, before, head, only)
        if tally is None:
            tally, read = await _count_back(history, head, most, only)
            cost += read
        if self._channels.get(history.channel) is channel:
            self._tallies[key] = tally
            self._tallies.move_to_end(key)
            if len(self._tallies) > MAX_TALLIES:
                self._tallies.popitem(last=False)
        return tally, cost

    async def _count_on(
        self, history: ChannelHistory, tally: Tally, head: Cursor, only: Filter | None
    ) -> tuple[Tally | None, int]:
        """Go on from an earlier tally; None: the history no longer has where that ended."""
        cursors, at, cost = list(tally.cursors), tally.head, 0
        while at < head:
            part = await self.after(history, at, head)
            cost += part.cost
            entries = part.page.entries[: part.page.upto(head)]
            if not part.page.found or not entries:
                return None, cost
            passes = part.whole.passes(only)
            cursors += [
                entry.cursor
                for index, entry in enumerate(entries, part.start)
                if passes is None or passes[index]
            ]
            at = entries[-1].cursor
        kept = cursors[-max(len(tally.cursors), MIN_TALLY) :]
        return Tally(head, kept, whole=tally.whole and len(kept) == len(cursors)), cost


async def _count_back(
    history: ChannelHistory, head: Cursor, most: int, only: Filter | None
) -> tuple[Tally, int]:
    """Read a history backwards, as far as the last `most` messages that a filter lets through."""
    cursors: list[Cursor] = []
    first, size, cost = Cursor(head.milliseconds, head.number + 1), FIRST_COUNT, 0
    while len(cursors) < most:
        entries = await history.before(first, size)
        if not entries:
            return Tally(head, cursors[::-1], whole=True), cost
        cursors += [entry.cursor for entry in entries if only is None or only(Message(entry.text))]
        cost += sum(len(entry.text) for entry in entries)
        first = entries[-1].cursor
        size = next_count(entries)
    return Tally(head, cursors[::-1], whole=False), cost
