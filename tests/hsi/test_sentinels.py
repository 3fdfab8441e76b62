"""Publishers and consumers find the primary by Sentinels, and the next one after it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from hsi import Publisher, SyncPublisher
from hsi.redis_client import async_client, reason_of, sync_client
from hsi.redis_url import parse
from hsi.sentinels import find_primary, find_primary_sync
from local.processes import free_port
from tests.clients import golden, until
from tests.sentinels import WatchedRedis

EVENT = golden("event")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[WatchedRedis]:
    with WatchedRedis(tmp_path).running() as watched:
        yield watched


async def is_watched(watched: WatchedRedis) -> None:
    async def is_so() -> bool:
        return await asyncio.to_thread(watched.is_watched)

    await until(is_so, within=30)


async def test_what_is_published_goes_to_the_primary_and_after_a_failover_to_the_next(
    watched: WatchedRedis, channel: str
) -> None:
    await is_watched(watched)
    async with Publisher(watched.url) as publisher:
        with SyncPublisher(watched.url) as another:
            first = await publisher.publish(channel, EVENT)
            second = await asyncio.to_thread(another.publish, channel, EVENT)
            before = watched.primary()
            assert before is not None
            before.kill()
            third = await publisher.publish(channel, EVENT)
            fourth = await asyncio.to_thread(another.publish, channel, EVENT)
    after = watched.primary()
    assert after not in (before, None)
    async with async_client(watched.url, name="test", timeout=3) as redis:
        kept: Any = await redis.xrange(f"{{{channel}}}:history")
    published = [first, second, third, fourth]
    assert [cursor.decode() for cursor, _ in kept] == [one.cursor for one in published]


async def test_sentinels_that_are_away_are_passed_over_and_without_any_it_says_so() -> None:
    gone = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{free_port()}/home"
    async with async_client(gone, name="test", timeout=1) as redis:
        with pytest.raises(RedisConnectionError) as raised:
            await redis.ping()
    assert reason_of(raised.value) == "no Sentinel names a primary of Redis"
    with (
        sync_client(gone, name="test", timeout=1) as client,
        pytest.raises(RedisConnectionError) as raised,
    ):
        client.ping()
    assert reason_of(raised.value) == "no Sentinel names a primary of Redis"


async def test_the_first_sentinel_that_knows_one_is_enough(watched: WatchedRedis) -> None:
    await is_watched(watched)
    primary = watched.primary()
    assert primary is not None
    address = ("127.0.0.1", int(primary.url.rpartition(":")[2].partition("/")[0]))
    for sentinel in watched.sentinels[:2]:
        sentinel.kill()
    sentinels = parse(watched.url).sentinels
    assert sentinels is not None
    assert await find_primary(sentinels, 3) == address
    assert await asyncio.to_thread(find_primary_sync, sentinels, 3) == address
