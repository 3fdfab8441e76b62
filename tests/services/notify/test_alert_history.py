"""The history of alerts, followed from a cursor in Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from hsi.consumer import Entry, Gap
from hsi.schemas import channels
from services.notify.alert_history import AlertHistory
from tests.servers import as_user

HISTORY = channels.ALERTS_HISTORY


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        await redis.delete(HISTORY)
        yield redis
        await redis.delete(HISTORY)


async def heard(redis_url: str, name: str, count: int) -> list[Entry | Gap]:
    """Return the next of what is followed under a name."""
    history = AlertHistory(as_user("notify", redis_url), name)
    found: list[Entry | Gap] = []
    try:
        async with aclosing(history.messages()) as messages, asyncio.timeout(10):
            async for received in messages:
                found.append(received)
                if len(found) == count:
                    break
    finally:
        await history.aclose()
    return found


async def test_a_new_name_begins_with_the_next_entry(
    redis: Redis, redis_url: str, job_id: str
) -> None:
    await redis.xadd(HISTORY, {"data": "old"})
    name = f"notify:{job_id}:alerts:history"
    hearing = asyncio.create_task(heard(redis_url, name, 1))
    while not await redis.exists(f"consumer:{name}"):
        await asyncio.sleep(0.01)
    await redis.xadd(HISTORY, {"data": "new"})
    (entry,) = await hearing
    assert isinstance(entry, Entry)
    assert entry.text == "new"


async def test_what_was_not_acknowledged_comes_again(
    redis: Redis, redis_url: str, job_id: str
) -> None:
    name = f"notify:{job_id}:alerts:history"
    first, second = [await redis.xadd(HISTORY, {"data": text}) for text in ("one", "two")]
    await redis.set(f"consumer:{name}", first)
    for _ in range(2):
        (entry,) = await heard(redis_url, name, 1)
        assert (entry.cursor, isinstance(entry, Entry)) == (second, True)


async def test_a_history_that_was_cut_or_wiped_is_a_gap(
    redis: Redis, redis_url: str, job_id: str
) -> None:
    name = f"notify:{job_id}:alerts:history"
    ids = [str(await redis.xadd(HISTORY, {"data": str(number)})) for number in range(3)]
    await redis.set(f"consumer:{name}", ids[0])
    await redis.xdel(HISTORY, ids[0])
    gap, entry = await heard(redis_url, name, 2)
    assert (gap, entry.cursor) == (Gap(after=ids[0], cursor=ids[0]), ids[1])
    await redis.set(f"consumer:{name}", "99999999999999-0")
    (gap,) = await heard(redis_url, name, 1)
    assert gap == Gap(after="99999999999999-0", cursor=ids[2])


async def test_a_key_that_holds_something_else_is_as_if_nothing_was_known(
    redis: Redis, redis_url: str, job_id: str
) -> None:
    name = f"notify:{job_id}:alerts:history"
    await redis.rpush(f"consumer:{name}", "somebody's")
    await redis.xadd(HISTORY, {"data": "one"})
    (entry,) = await heard(redis_url, name, 1)
    assert isinstance(entry, Entry)
