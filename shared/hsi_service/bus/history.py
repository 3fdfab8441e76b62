"""Reading a channel's history: a stream that `publish_v2.lua` appends to."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError

from hsi.logs import Throttled
from hsi.redis_client import async_client
from hsi.schemas import channels
from hsi.schemas.cursor import Cursor, stamped
from hsi_service.bus.continuity import Entry, Page

T = TypeVar("T")
logger = logging.getLogger(__name__)

TIMEOUT = 3.0
"""Seconds that one read may take."""
MAX_PAGE = 1000
"""Messages read at once, at most."""
PAGE_SIZE = 1024 * 1024
"""Characters that a page should have, about: messages may be large."""
MAX_AT_ONCE = 16
"""Reads at once, and so connections: thousands of clients may resume in the same second."""
_FIRST_PAGE = 50
_UNREADABLE = '{"type":"unreadable","data":{}}'


class History:
    """Reads histories. Every method raises `RedisError` or `OSError` when Redis does not answer."""

    def __init__(self, redis_url: str, *, name: str) -> None:
        """Connect on first use."""
        self._redis = async_client(
            redis_url,
            name=f"{name}-history",
            timeout=TIMEOUT,
            decode_responses=True,
            read_only=True,
        )
        self._turn = asyncio.Semaphore(MAX_AT_ONCE)

    async def read(self, channel: str, after: Cursor | None, count: int = _FIRST_PAGE) -> Page:
        """Read a page of a channel's history, at one instant.

        Args:
            channel: Whose history.
            after: Read what comes after this message; None: from the start.
            count: How many messages, at most.

        """
        key = channels.history(channel)
        async with self._turn, self._redis.pipeline(transaction=True) as commands:
            commands.xrange(key, str(after or "-"), str(after or "+"), count=1)
            commands.xrange(key, f"({after}" if after else "-", count=count)
            commands.xrevrange(key, count=1)
            first, following, last = await commands.execute()
        if after is None:
            found = not first or _cursor(first[0]).number == 1
        elif not (found := bool(first)):
            # Somewhere else entirely: from the start, then.
            return (await self.read(channel, None, count))._replace(found=False)
        return Page(
            found=found,
            entries=[_entry(entry) for entry in following],
            last=_cursor(last[0]) if last else None,
        )

    async def has(self, channel: str, cursor: Cursor) -> bool:
        """Tell whether a message is still in a channel's history."""
        key = channels.history(channel)
        async with self._turn:
            return bool(await self._redis.xrange(key, str(cursor), str(cursor), count=1))

    async def before(self, channel: str, cursor: Cursor, count: int) -> list[Entry]:
        """Return up to `count` messages before one of them, the last one first."""
        async with self._turn:
            found: Any = await self._redis.xrevrange(
                channels.history(channel), f"({cursor}", count=count
            )
        return [_entry(entry) for entry in found]

    async def last(self, names: Sequence[str]) -> list[Cursor | None]:
        """Return the last message's cursor of each of these channels."""
        async with self._turn, self._redis.pipeline(transaction=False) as commands:
            for name in names:
                commands.xrevrange(channels.history(name), count=1)
            return [_cursor(found[0]) if found else None for found in await commands.execute()]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


class ChannelHistory:
    """One channel's history, read until Redis answers: the pauses have jitter and a cap."""

    def __init__(self, history: History, channel: str) -> None:
        self.channel = channel
        self._history = history
        self._backoff = EqualJitterBackoff(cap=1.0, base=0.02)

    async def read(self, after: Cursor | None, count: int) -> Page:
        """Read a page; see `History.read`."""
        return await self._ask(lambda: self._history.read(self.channel, after, count))

    async def has(self, cursor: Cursor) -> bool:
        """Return whether a message is still there."""
        return await self._ask(lambda: self._history.has(self.channel, cursor))

    async def before(self, cursor: Cursor, count: int) -> list[Entry]:
        """Return up to `count` messages before a cursor, the last one first."""
        return await self._ask(lambda: self._history.before(self.channel, cursor, count))

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        failures = 0
        while True:
            try:
                return await question()
            except (RedisError, OSError) as error:
                logger.debug("cannot read the history of %s: %s", self.channel, error)
            except Exception as error:  # noqa: BLE001 (a fault of this code must not end the stream)
                _faults.warning("cannot read a history", channel=self.channel, fault=repr(error))
            failures += 1
            await asyncio.sleep(self._backoff.compute(failures))


_faults = Throttled(logger)


def next_count(entries: Sequence[Entry]) -> int:
    """Return how many messages to read after these, for pages of about `PAGE_SIZE`."""
    if not entries:
        return _FIRST_PAGE
    average = sum(len(entry.text) for entry in entries) // len(entries)
    return max(1, min(MAX_PAGE, PAGE_SIZE // average))


def _cursor(entry: Any) -> Cursor:
    cursor = Cursor.parse(entry[0])
    if cursor is None:
        raise ValueError(f"{entry[0]} is not the id of a history's entry")
    return cursor


def _entry(entry: Any) -> Entry:
    cursor = _cursor(entry)
    message = entry[1].get("m", "")
    # Who appends by hand must not stop everybody: the place is kept, and said to be unreadable.
    return Entry(cursor, stamped(cursor, message if "{" in message else _UNREADABLE))
