"""Which ids of the future were appended by hand, and which were published by a clock set back."""

import time
from typing import Any

import pytest
from redis.asyncio import Redis

from hsi import Publisher
from hsi.appended_by_hand import (
    MAX_BY_HAND,
    end_of_published,
    last_published,
    may_be_by_hand,
)
from hsi.schemas import channels
from hsi.schemas.cursor import Cursor
from hsi_service.bus.continuity import Page
from hsi_service.bus.history import History
from tests.clients import golden

FUTURE = Cursor(10**13, 7)


def test_only_what_is_far_ahead_of_the_clock_may_be_by_hand() -> None:
    now = round(time.time() * 1000)
    assert not may_be_by_hand(Cursor(now + 20_000, 1))
    assert may_be_by_hand(Cursor(now + 60_000, 1))  # a minute by a clock that is half a one ahead


async def test_an_end_that_was_not_counted_was_appended_by_hand(
    redis_url: str, channel: str
) -> None:
    async with Publisher(redis_url) as publisher, Redis.from_url(redis_url) as redis:
        published = await publisher.publish(channel, golden("event"))
        history, number = channels.history(channel), channels.number(channel)
        last = FUTURE._replace(number=9)
        for cursor in (FUTURE, last):
            await redis.xadd(history, {"m": "x"}, id=str(cursor))

        async def end() -> Cursor | None:
            return await end_of_published(redis, channel, last)

        before = await end()
        assert before
        assert Cursor.parse(published.cursor) < before < FUTURE  # type: ignore[operator]
        assert str(await last_published(redis, channel)) == published.cursor
        await redis.set(number, last.number)  # published by a clock set back
        assert await end() is None
        await redis.set(number, FUTURE.number)
        assert await end() == FUTURE
        for spoilt in ("nobody's", "9" * 20):
            await redis.set(number, spoilt)
            assert await end() is None
        await redis.delete(history)
        await redis.set(history, "nobody's")
        assert await end() is None


FILL = """
for n = 1, ARGV[1] do
  redis.call('XADD', KEYS[1], ARGV[2] .. string.format('%06d', n), 'm', 'x')
end
"""


@pytest.mark.parametrize("ids", ["10000000000000-", "1000000000000000-", "soon-999999999"])
async def test_however_many_entries_by_hand_there_are_few_are_looked_at(
    redis_url: str, channel: str, ids: str
) -> None:
    history = History(redis_url, name="test")
    async with Publisher(redis_url) as publisher, Redis.from_url(redis_url) as redis:

        async def removed() -> int:
            return int((await redis.info("commandstats")).get("cmdstat_xdel", {}).get("calls", 0))

        async def sent() -> int:
            return int((await redis.info("stats"))["total_net_output_bytes"])

        published = await publisher.publish(channel, golden("event"))
        first = Cursor.parse(published.cursor)
        seconds, _ = await redis.time()
        prefix = ids.replace("soon", str(seconds * 1000 + 20_000))
        fill: Any = redis.eval(FILL, 1, channels.history(channel), "20000", prefix)
        await fill
        removed_before, sent_before = await removed(), await sent()
        page = await history.read(channel, None)
        if ids.startswith("soon"):
            assert page == Page(found=False, entries=[], last=None)
            assert await last_published(redis, channel) is None
        else:
            assert (page.last, len(page.entries)) == (first, 1)
            assert await last_published(redis, channel) == first
        assert await sent() - sent_before < 250_000
        again = await publisher.publish(channel, golden("event"))
        assert await removed() - removed_before <= MAX_BY_HAND + 1
        page = await history.read(channel, None)
        assert [str(entry.cursor) for entry in page.entries] == [again.cursor]
        gone = await history.read(channel, first)
        assert not gone.found  # A client that was there is told that something is missing.
    await history.aclose()
