"""Which ids of the future were appended by hand, and which were published by a clock set back."""

import time

from redis.asyncio import Redis

from hsi import Publisher
from hsi.appended_by_hand import by_hand, may_be_by_hand
from hsi.schemas import channels
from hsi.schemas.cursor import Cursor
from tests.clients import golden

FUTURE = Cursor(10**13, 7)


def test_only_what_is_far_ahead_of_the_clock_may_be_by_hand() -> None:
    now = round(time.time() * 1000)
    assert not may_be_by_hand(Cursor(now + 30_000, 1))
    assert may_be_by_hand(Cursor(now + 90_000, 1))


async def test_an_end_that_was_not_counted_was_appended_by_hand(
    redis_url: str, channel: str
) -> None:
    async with Publisher(redis_url) as publisher, Redis.from_url(redis_url) as redis:
        await publisher.publish(channel, golden("event"))
        history = channels.history(channel)
        last = FUTURE._replace(number=9)
        for cursor in (FUTURE, last):
            await redis.xadd(history, {"m": "x"}, id=str(cursor))
        assert await by_hand(redis, channel, last) == {FUTURE, last}
        await redis.set(channels.number(channel), last.number)  # published by a clock set back
        assert await by_hand(redis, channel, last) == set()
        await redis.set(channels.number(channel), "nobody's")
        assert await by_hand(redis, channel, last) == set()
        await redis.delete(history)
        await redis.set(history, "nobody's")
        assert await by_hand(redis, channel, last) == set()
