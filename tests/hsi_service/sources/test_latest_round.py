"""The collector's latest round: read by Redis' clock, and what is not of now counts as none."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from hsi.schemas import PerformanceUpdate, channels
from hsi_service.sources import SourceError
from hsi_service.sources.latest_round import FIELD, LatestRound
from tests.clients import golden
from tests.redis_data import spoil_async
from tests.servers import RedisServer, as_user

INTERVAL = 5.0
AT = datetime(2026, 1, 1, tzinfo=UTC)
MESSAGE: dict[str, Any] = msgspec.json.decode(golden("performance_update"))


@contextlib.asynccontextmanager
async def latest_round(url: str, *, age: float = 0.0) -> AsyncIterator[LatestRound]:
    found = LatestRound(
        as_user("system", url),
        name="test",
        clock=lambda: AT.timestamp() + age,
        interval=INTERVAL,
    )
    yield found
    await found.aclose()


async def keep(redis: Redis, **other: Any) -> None:
    """Keep a round as a leader does, one that says more than we know."""
    data = MESSAGE["data"] | {"timestamp": "2026-01-01T00:00:00", "new": 1} | other
    await redis.xadd(channels.PERFORMANCE_HISTORY, {FIELD: msgspec.json.encode(data)})


async def test_a_round_is_the_message_that_was_published_until_two_intervals_have_passed(
    own_redis: RedisServer,
) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        async with latest_round(own_redis.url) as latest:
            assert await latest.read() is None
            await keep(redis, containers=[])
            await keep(redis)
            found = await latest.read()
        assert found
        assert found.data.gpu == msgspec.convert(MESSAGE, PerformanceUpdate).data.gpu
        said = msgspec.json.decode(found.message)
        assert said["type"] == "performance_update"
        assert said["data"] == MESSAGE["data"] | {"timestamp": "2026-01-01T00:00:00", "new": 1}
        for age, current in ((9.9, True), (10.0, False), (-9.9, True), (-10.0, False)):
            async with latest_round(own_redis.url, age=age) as latest:
                assert (await latest.read() is not None) is current
        await redis.xadd(channels.PERFORMANCE_HISTORY, {"data": "rubbish"})
        async with latest_round(own_redis.url) as latest:
            assert await latest.read() is None
            await spoil_async(redis, channels.PERFORMANCE_HISTORY, "list")
            assert await latest.read() is None


async def test_without_redis_it_cannot_be_read() -> None:
    async with latest_round("redis://127.0.0.1:1/0") as latest:
        with pytest.raises(SourceError):
            await latest.read()
