"""What the collector keeps in Redis, while Redis is as it is."""

import pytest

from hsi_service.bus.lease import Lease
from services.collector.reads import StoreError
from services.collector.store import Store
from tests.servers import RedisServer, busy, close_connections


async def test_figures_are_read_over_a_closed_connection_and_a_busy_script_is_named(
    own_redis: RedisServer,
) -> None:
    store = Store(own_redis.url, Lease(own_redis.url, "test", duration=5), interval=5)
    assert await store.history(300) == []
    close_connections(own_redis.url)
    assert await store.history(300) == []
    close_connections(own_redis.url)
    assert await store.alerts() is None
    close_connections(own_redis.url)
    assert await store.ended() == []
    close_connections(own_redis.url)
    assert await store.latest() is None
    with busy(own_redis.url), pytest.raises(StoreError, match="Redis is busy with a script"):
        await store.history(300)
    assert await store.history(300) == []
    await store.aclose()
