"""Follows the history of raised alerts, from a cursor kept in Redis, as `hsi.Consumer` does others.

That history is a plain stream: its ids have no numbers without gaps, so a cut shows only where the
entry is gone that was acknowledged last.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar

from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError, ResponseError

from hsi.consumer import BACKOFF_CAP, BLOCK_MS, PAGE, TIMEOUT, Entry, Gap
from hsi.logs import Throttled
from hsi.redis_client import async_client
from hsi.schemas import channels
from hsi.spoilt_keys import is_wrong_type

logger = logging.getLogger(__name__)
T = TypeVar("T")

_BEGINNING = "0-0"


class AlertHistory:
    """Follows it under a name; a name that is new begins with the next entry."""

    def __init__(self, redis_url: str, name: str) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            name: Of the consumer.

        """
        self._redis = async_client(redis_url, name="consumer", timeout=TIMEOUT)
        self._key = channels.consumer(name)
        self._backoff = EqualJitterBackoff(cap=BACKOFF_CAP, base=0.05)
        self._trouble = Throttled(logger)

    async def messages(self) -> AsyncGenerator[Entry | Gap]:
        """Yield what comes after the last acknowledged entry, in order, and then what is new.

        Goes on through outages of Redis, however long they are; ends only when it is closed.
        """
        position = await self._ask(self._begin)
        while True:
            if position != _BEGINNING and not await self._ask(lambda: self._has(position)):  # noqa: B023
                last = await self._ask(self._last)
                before, position = position, position if _order(last) > _order(position) else last
                yield Gap(after=before, cursor=position)
            for entry_id, fields in await self._ask(lambda: self._page(position)):  # noqa: B023
                position = entry_id.decode()
                text = fields.get(b"data", b"").decode(errors="replace")
                yield Entry(position, text, None)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _begin(self) -> str:
        await self._redis.set(self._key, await self._last(), nx=True)
        try:
            position: Any = await self._redis.get(self._key)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            position = None
        text = _BEGINNING if position is None else str(position, errors="replace")
        return text if _order(text) != (0, 0) else _BEGINNING

    async def _last(self) -> str:
        newest: Any = await self._redis.xrevrange(channels.ALERTS_HISTORY, count=1)
        return newest[0][0].decode() if newest else _BEGINNING

    async def _has(self, position: str) -> bool:
        return bool(await self._redis.xrange(channels.ALERTS_HISTORY, position, position, count=1))

    async def _page(self, position: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
        found: Any = await self._redis.xread(
            {channels.ALERTS_HISTORY: position}, count=PAGE, block=BLOCK_MS
        )
        if not found:
            return []
        # A dict under RESP3, pairs under RESP2.
        pages = found.values() if isinstance(found, dict) else [entries for _, entries in found]
        return [entry for page in pages for entry in _flat(page)]

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        failures = 0
        while True:
            try:
                return await question()
            except (RedisError, OSError) as error:
                self._trouble.warning(
                    "the history of alerts cannot be read; it is tried again",
                    trouble=type(error).__name__,
                )
            failures += 1
            await asyncio.sleep(self._backoff.compute(failures))


def _flat(page: Any) -> list[Any]:
    """Return a page's entries; RESP3 has them in one more list."""
    return page[0] if len(page) == 1 and isinstance(page[0], list) else page


def _order(entry_id: str) -> tuple[int, int]:
    first, _, second = entry_id.partition("-")
    try:
        return int(first), int(second or 0)
    except ValueError:
        return 0, 0
