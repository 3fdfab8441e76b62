"""What is asked of Redis, and what spoilt keys cost."""

import contextlib
import json
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from hsi.schemas import channels
from hsi_service.bus.history import History
from hsi_service.bus.known import Chain
from hsi_service.home.reader import HomeReader
from tests.hsi_service.home.following import MINUTE, now_at


@contextlib.asynccontextmanager
async def reading(redis_url: str, channel: str) -> AsyncIterator[tuple[HomeReader, Redis]]:
    history = History(redis_url, name="test")
    reader = HomeReader(redis_url, history, channel, name="test")
    async with Redis.from_url(redis_url) as redis:
        yield reader, redis
    await reader.aclose()
    await history.aclose()


async def test_a_day_is_read_back_from_the_last_event_and_nothing_before_it(
    redis_url: str, channel: str
) -> None:
    async with reading(redis_url, channel) as (reader, redis):
        now = await now_at(redis)
        for number, minutes in ((1, 49 * 60), (2, 23 * 60), (3, 0)):
            message = json.dumps({"type": "event", "data": {}})
            cursor = f"{now - minutes * MINUTE}-{number}"
            await redis.xadd(channels.history(channel), {"m": message}, id=cursor)
        # Somebody appended by hand what is of next year.
        await redis.set(channels.number(channel), 3)
        await redis.xadd(channels.history(channel), {"m": "x"}, id=f"{now + 10**10}-1")
        last = await reader.last()
        assert last is not None
        assert last.number == 3
        chain = Chain(3)
        read = [entry.cursor.number async for entry in reader.back_from(last, chain)]
    assert read == [3, 2]
    assert chain.since is not None


@pytest.mark.parametrize("value", ["nonsense", "[" * 2_000_000, None], ids=["text", "huge", "list"])
async def test_spoilt_keys_are_named_and_count_as_nothing(
    value: str | None, redis_url: str, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with reading(redis_url, channel) as (reader, redis):
        for key in (channels.CAMERAS, channels.seen(channel)):
            await redis.delete(key)
            if value is None:
                await redis.rpush(key, "a list")
            else:
                await redis.set(key, value)
        try:
            assert await reader.cameras() == {}
            assert await reader.marks() == {}
        finally:
            await redis.delete(channels.CAMERAS)
    assert channels.CAMERAS in caplog.text
    assert channels.seen(channel) in caplog.text
