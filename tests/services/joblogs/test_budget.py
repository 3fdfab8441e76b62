"""The budget of all job logs: told to Redis again and again, and shown to Prometheus."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from hsi.schemas import channels
from hsi_service.metrics import Metrics
from services.joblogs.budget import JobLogBudget
from tests.redis_data import TYPES, spoil_async
from tests.servers import RedisServer, as_user

LIMIT = 5 * 1024 * 1024


@pytest.fixture
async def redis(own_redis: RedisServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(own_redis.url, decode_responses=True) as redis:
        yield redis


async def test_the_limit_is_told_again_after_a_wipe_and_the_figures_are_shown(
    own_redis: RedisServer, redis: Redis
) -> None:
    metrics = Metrics()
    budget = JobLogBudget(as_user("joblogs", own_redis.url), LIMIT, metrics, name="test")
    await budget.look()
    assert (budget.taken, budget.dropped) == (0, 0)
    await redis.flushall()
    await redis.hset(channels.JOB_LOGS, mapping={"bytes": 7, "dropped": 3})
    await budget.look()
    assert await redis.hget(channels.JOB_LOGS, "limit") == str(LIMIT)
    names = ("limit_bytes", "bytes", "dropped_total")
    shown = [metrics.registry.get_sample_value(f"hsi_job_logs_{name}") for name in names]
    assert shown == [LIMIT, 7, 3]
    for kind in TYPES:
        await spoil_async(redis, channels.JOB_LOGS, kind)
        await budget.look()
        assert budget.taken == (0 if kind == "hash" else None)
    await redis.delete(channels.JOB_LOGS)
    await redis.hset(channels.JOB_LOGS, "bytes", "many")
    await budget.look()
    assert budget.taken is None
    await budget.aclose()
