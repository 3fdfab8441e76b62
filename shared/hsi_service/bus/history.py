"""Reading a channel's history: a stream that `publish_v2.lua` appends to."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError, ResponseError

from hsi.appended_by_hand import MAX_BY_HAND, end_of_published, may_be_by_hand
from hsi.logs import Throttled, redact
from hsi.redis_client import async_client
from hsi.schemas import channels
from hsi.schemas.cursor import GREATEST, Cursor, stamped
from hsi_service.bus.continuity import PAGE_SIZE, Entry, Page
from hsi_service.bus.intake import examine

T = TypeVar("T")
logger = logging.getLogger(__name__)

TIMEOUT = 3.0
"""Seconds that one read may take."""
MAX_PAGE = 1000
"""Messages read at once, at most."""
CATCH_UP_SIZE = 1024 * 1024
"""Characters that a page for all clients of a topic should have, about."""
MAX_AT_ONCE = 16
"""Reads at once, and so connections: thousands of clients may resume in the same second."""
MAX_TROUBLE = 200
"""Characters of an error that are told."""
_FIRST_PAGE = 50
_MORE = 10
"""Times as many are read where none of those read is a message."""
_UNREADABLE = '{"type":"unreadable","data":{}}'

_RawEntry = tuple[bytes, dict[bytes, bytes]]


class History:
    """Reads histories. Every method raises `RedisError` or `OSError` when Redis does not answer.

    A producer may append by hand, and may so cost its own entry, never the channel: an id that is
    not a cursor is stepped over, and a key that is not a stream is an empty history.
    """

    def __init__(self, redis_url: str, *, name: str) -> None:
        """Connect on first use."""
        # Bytes: an entry that somebody appended by hand may hold anything.
        self._redis = async_client(
            redis_url, name=f"{name}-history", timeout=TIMEOUT, read_only=True
        )
        self._turn = asyncio.Semaphore(MAX_AT_ONCE)
        self.failing: dict[object, str] = {}
        """Why questions that are still being asked were not answered, without credentials."""

    @property
    def trouble(self) -> str | None:
        """Why a history that somebody waits for cannot be read; None: none is waited for."""
        return next(iter(self.failing.values()), None)

    async def read(self, channel: str, after: Cursor | None, count: int = _FIRST_PAGE) -> Page:
        """Read a page of a channel's history, as at one instant.

        The reads are in no transaction: a Redis that is full refuses whatever one holds (7.0). They
        are in an order that shows what came between: histories are trimmed from their start, so
        where the message before the page is there after the page was read, all of it was.

        Args:
            channel: Whose history.
            after: Read what comes after this message; None: from the start.
            count: How many messages, at most.

        """
        key = channels.history(channel)
        start, upto, tail = f"({after}" if after else "-", GREATEST, 1
        while True:
            async with self._turn, self._redis.pipeline(transaction=False) as commands:
                commands.xrange(key, start, str(upto), count=count)
                commands.xrevrange(key, str(upto), count=tail)
                commands.xrange(key, str(after or "-"), str(after or "+"), count=1)
                following, newest, first = await _answer(key, commands.execute(), [[], [], []])
            entries, lasts = _entries(following), _entries(newest)
            if lasts and upto is GREATEST and may_be_by_hand(lasts[0].cursor):
                async with self._turn:
                    end = await end_of_published(self._redis, channel, lasts[0].cursor)
                if end:
                    upto = end
                    continue
            if not lasts and len(newest) == tail:
                if tail == MAX_BY_HAND:  # The next message drops it all.
                    return Page(found=False, entries=[], last=None)
                tail = min(tail * _MORE, MAX_BY_HAND)
            elif not entries and len(following) == count:
                start = f"({following[-1][0].decode()}"
                count = min(count * _MORE, MAX_PAGE)
            else:
                break
        if after is None:
            found = not entries or entries[0].cursor.number == 1
        elif not (found := bool(first)):
            # Somewhere else entirely: from the start, then.
            return (await self.read(channel, None, count))._replace(found=False)
        return Page(found=found, entries=entries, last=lasts[0].cursor if lasts else None)

    async def has(self, channel: str, cursor: Cursor) -> bool:
        """Tell whether a message is still in a channel's history."""
        key = channels.history(channel)
        async with self._turn:
            question = self._redis.xrange(key, str(cursor), str(cursor), count=1)
            return bool(await _answer(key, question, []))

    async def before(self, channel: str, cursor: Cursor, count: int) -> list[Entry]:
        """Return up to `count` messages before one of them, the last one first."""
        key, upto = channels.history(channel), str(cursor)
        while True:
            async with self._turn:
                found = await _answer(key, self._redis.xrevrange(key, f"({upto}", count=count), [])
            entries = _entries(found)
            if entries or len(found) < count:
                return entries
            upto = found[-1][0].decode()
            count = min(count * _MORE, MAX_PAGE)

    async def last(self, names: Sequence[str]) -> list[Cursor | None]:
        """Return the last message's cursor of each of these channels, as far as it has one."""
        try:
            return await self._last(names)
        except (RedisError, OSError) as error:
            self.failing[self] = _told(error)  # Until it is asked again.
            raise

    async def _last(self, names: Sequence[str]) -> list[Cursor | None]:
        async with self._turn, self._redis.pipeline(transaction=False) as commands:
            for name in names:
                commands.xrevrange(channels.history(name), str(GREATEST), count=1)
            replies = await commands.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception) and "WRONGTYPE" not in str(reply):
                raise reply
        self.failing.pop(self, None)
        lasts: list[Cursor | None] = []
        for reply in replies:
            entries = [] if isinstance(reply, Exception) else _entries(reply)
            lasts.append(entries[0].cursor if entries else None)
        return lasts

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


class ChannelHistory:
    """One channel's history, read until Redis answers: the pauses have jitter and a cap."""

    def __init__(self, history: History, channel: str) -> None:
        self.channel = channel
        self._history = history
        self._backoff = EqualJitterBackoff(cap=1.0, base=0.02)
        self._failing: set[object] = set()

    @property
    def is_readable(self) -> bool:
        """Whether nobody waits for it in vain."""
        return not self._failing

    async def read(self, after: Cursor | None, count: int) -> Page:
        """Read a page; see `History.read`."""
        return await self._ask(lambda: self._history.read(self.channel, after, count))

    async def has(self, cursor: Cursor) -> bool:
        """Return whether a message is still there."""
        return await self._ask(lambda: self._history.has(self.channel, cursor))

    async def last(self) -> Cursor | None:
        """Return the last message's cursor; None: there is none."""
        return (await self._ask(lambda: self._history.last([self.channel])))[0]

    async def before(self, cursor: Cursor, count: int) -> list[Entry]:
        """Return up to `count` messages before a cursor, the last one first."""
        return await self._ask(lambda: self._history.before(self.channel, cursor, count))

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        failures, this = 0, object()
        try:
            while True:
                try:
                    return await question()
                except (RedisError, OSError) as error:
                    self._failing.add(this)
                    self._history.failing[this] = trouble = _told(error)
                    # Apart, or an outage would keep a refusal out of the log.
                    throttled = _refusals if isinstance(error, ResponseError) else _outages
                    throttled.warning(
                        "cannot read a history; retrying", channel=self.channel, trouble=trouble
                    )
                except Exception as error:  # noqa: BLE001 (a fault of this code must not end the stream)
                    _faults.warning(
                        "cannot read a history", channel=self.channel, fault=repr(error)
                    )
                failures += 1
                await asyncio.sleep(self._backoff.compute(failures))
        finally:
            self._failing.discard(this)
            self._history.failing.pop(this, None)


def _told(error: Exception) -> str:
    return redact(f"{type(error).__name__}: {error}".removesuffix(": ")[:MAX_TROUBLE])


_faults, _refusals, _outages = Throttled(logger), Throttled(logger), Throttled(logger)


def next_count(entries: Sequence[Entry], size: int = PAGE_SIZE) -> int:
    """Return how many messages to read after these, for pages of about this size."""
    if not entries:
        return _FIRST_PAGE
    average = sum(len(entry.text) for entry in entries) // len(entries)
    return max(1, min(MAX_PAGE, size // average))


async def _answer(key: str, question: Awaitable[Any], nothing: Any) -> Any:
    """Return what Redis answers about a history, or `nothing` where its key is not a stream."""
    try:
        return await question
    except ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
    _not_streams.warning("a key is not the stream that it should be; it counts as empty", key=key)
    return nothing


_not_streams = Throttled(logger)


def _entries(found: Sequence[_RawEntry]) -> list[Entry]:
    """Return the entries that have the id of a message."""
    return [
        Entry(cursor, _text(cursor, fields))
        for identifier, fields in found
        if (cursor := Cursor.parse(identifier.decode()))
    ]


def _text(cursor: Cursor, fields: dict[bytes, bytes]) -> str:
    """Return a message as it was published; in place of what clients cannot read, its place."""
    message = examine(fields.get(b"m", b""), may_be_stamped=False).message
    return stamped(cursor, message.text if message else _UNREADABLE)
