"""Days of figures outlive leaders and restarts, each bin is there once, and all stay small."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from hsi.schemas import channels
from hsi.tasks import cancel_and_wait
from hsi_service.bus.leader_script import NotLeadingError
from hsi_service.bus.lease import Lease
from services.collector.reads import StoreError
from services.collector.store import Store
from services.collector.trend import RESOLUTIONS
from tests.clients import until
from tests.redis_data import TYPES, spoil_async
from tests.servers import RedisServer, as_user, busy
from tests.services.collector.test_trend import BUDGET, full, large, point

DAY = channels.performance_trend("24h")
STEP = RESOLUTIONS["24h"].step


@contextlib.asynccontextmanager
async def leading(redis_url: str) -> AsyncIterator[tuple[Store, Lease]]:
    """Lead, as the user that the collector is shipped with."""
    url = as_user("collector", redis_url)
    lease = Lease(url, "collector", duration=30)
    store = Store(url, lease, interval=5)
    task = asyncio.create_task(lease.run())

    async def held() -> bool:
        return lease.held

    await until(held)
    try:
        yield store, lease
    finally:
        await cancel_and_wait(task)
        await lease.give_up()
        await store.aclose()


async def put_rounds(redis: Redis, times: Iterable[float]) -> None:
    """Have these rounds in the history, the tenth with a peak."""
    async with redis.pipeline() as pipeline:
        for n, at in enumerate(times):
            data = msgspec.json.encode(point(at, 99.0 if n == 10 else 10.0))
            pipeline.xadd(channels.PERFORMANCE_HISTORY, {"data": data}, id=f"{round(at * 1000)}-0")
        await pipeline.execute()


async def told(store: Store) -> dict[str, Any]:
    trend: dict[str, Any] = json.loads(await store.trends.read("24h"))
    return trend


async def test_each_bin_is_kept_once_whoever_leads_and_what_redis_lost_begins_again(
    own_redis: RedisServer,
) -> None:
    now = time.time()
    half = now - 1800
    async with Redis.from_url(own_redis.url) as redis:
        async with leading(own_redis.url) as (store, lease):
            await put_rounds(redis, [now - 3500 + 20 * n for n in range(85)])
            await store.trends.keep(lease.next_turn)
            before = await told(store)
            assert len(before["began"]) in {14, 15, 16}
        await put_rounds(redis, [half + 20 * n for n in range(1, 85)])
        async with leading(own_redis.url) as (store, lease):
            await store.trends.keep(lease.next_turn)
            after = await told(store)
            assert after["began"][: len(before["began"])] == before["began"]
            steps = {b - a for a, b in zip(after["began"], after["began"][1:], strict=False)}
            assert steps == {STEP}
            assert after["began"][-1] + 2 * STEP > now - STEP
            assert max(after["figures"]["host.cpu_percent"]["high"]) == 99
            assert max(after["figures"]["host.cpu_percent"]["mean"]) < 99
            assert json.loads(await store.trends.read("7d"))["began"]
            await store.trends.keep(lease.next_turn)
            assert (await told(store))["began"] == after["began"]
        await redis.flushall()
        async with leading(own_redis.url) as (store, lease):
            await store.trends.keep(lease.next_turn)
            assert (await told(store))["began"] == []
            await put_rounds(redis, [now - 600 + 20 * n for n in range(30)])
        async with leading(own_redis.url) as (store, lease):
            await store.trends.keep(lease.next_turn)
            assert len((await told(store))["began"]) in {4, 5, 6}


async def test_who_leads_no_longer_appends_nothing(own_redis: RedisServer) -> None:
    async with Redis.from_url(own_redis.url) as redis, leading(own_redis.url) as (store, lease):
        await put_rounds(redis, [time.time() - 600])
        await redis.set(channels.lease("collector"), "another's")
        with pytest.raises(NotLeadingError):
            await store.trends.keep(lease.next_turn)
        assert await redis.exists(DAY) == 0


@pytest.mark.parametrize("kind", [*TYPES, "a time to come"])
async def test_a_trend_that_holds_something_else_is_replaced(
    own_redis: RedisServer, kind: str
) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        if kind == "a time to come":
            await redis.xadd(DAY, {"data": "x"}, id=f"{2**60}-0")
        else:
            await spoil_async(redis, DAY, kind)
        await put_rounds(redis, [time.time() - 600])
        async with leading(own_redis.url) as (store, lease):
            assert (await told(store))["began"] == []
            await store.trends.keep(lease.next_turn)
            assert len((await told(store))["began"]) == 1


async def test_who_asks_while_redis_is_away_is_told_so(own_redis: RedisServer) -> None:
    store = Store(own_redis.url, Lease(own_redis.url, "test", duration=5), interval=5)
    assert (await told(store))["figures"] == {}
    with busy(own_redis.url), pytest.raises(StoreError, match="Redis is busy with a script"):
        await store.trends.read("24h")
    await store.aclose()


async def test_an_hour_a_day_and_a_week_of_a_large_home_take_less_than_their_budget(
    own_redis: RedisServer,
) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        keys = [channels.PERFORMANCE_HISTORY]
        async with redis.pipeline() as pipeline:
            for n in range(721):
                pipeline.xadd(keys[0], {"data": msgspec.json.encode(large(n))})
            for name in RESOLUTIONS:
                keys.append(channels.performance_trend(name))
                for each in full(name):
                    pipeline.xadd(keys[-1], {"data": msgspec.json.encode(each)})
            await pipeline.execute()
        sizes = {key: await redis.memory_usage(key, samples=0) for key in keys}
    print(sizes)  # noqa: T201 (`pytest -rP` shows the figures)
    assert sum(size or 0 for size in sizes.values()) < BUDGET
