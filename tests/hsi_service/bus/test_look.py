"""A history at one moment."""

import json

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

from hsi.schemas import channels
from hsi.schemas.cursor import Cursor
from hsi_service.bus import look as module
from hsi_service.bus.look import look_at


async def test_a_history_says_where_it_begins_and_ends_and_since_when_it_is_whole(
    redis_url: str, channel: str
) -> None:
    async with Redis.from_url(redis_url) as redis:
        empty, _ = await look_at(redis, channel, None)
        assert (empty.since, empty.counted, empty.first, empty.length) == (None, None, None, 0)
        for number in (1, 2):
            message = json.dumps({"type": "event", "data": {}})
            await redis.xadd(
                channels.history(channel), {"m": message}, id=f"{1000 + number}-{number}"
            )
        await redis.set(channels.number(channel), 2)
        await redis.set(channels.since(channel), 900)
        look, found = await look_at(redis, channel, Cursor(1001, 1))
        assert found
        assert (look.since, look.counted, look.length) == (900, 2, 2)
        assert (look.first, look.last) == (Cursor(1001, 1), Cursor(1002, 2))
        assert not (await look_at(redis, channel, Cursor(1001, 2)))[1]


async def test_keys_of_another_type_count_as_nothing(redis_url: str, channel: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        await redis.set(channels.history(channel), "a text")
        await redis.rpush(channels.since(channel), "a list")
        await redis.set(channels.number(channel), "nonsense")
        look, found = await look_at(redis, channel, Cursor(1, 1))
    assert not found
    assert (look.counted, look.first, look.last, look.length) == (None, None, None, 0)
    # No time that could be: who writes marks replaces it.
    assert look.since is not None
    assert look.since > look.now


async def test_it_looks_again_where_something_came_in_between(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = Pipeline.execute
    numbers = iter(range(1, 100))

    async def execute(pipeline: Pipeline, raise_on_error: bool = True) -> list[object]:  # noqa: FBT002 (as it is)
        replies = await together(pipeline, raise_on_error)
        if next(numbers) <= busy:
            replies[-3] = b"another number"
        return replies

    monkeypatch.setattr(Pipeline, "execute", execute)
    async with Redis.from_url(redis_url) as redis:
        await redis.set(channels.number(channel), 7)
        busy = 3
        look, _ = await look_at(redis, channel, None)
        assert (look.counted, next(numbers)) == (7, 5)
        busy = 100
        with pytest.raises(RedisError, match="changes all the time"):
            await look_at(redis, channel, None)
        assert next(numbers) == 6 + module.MAX_TRIES
