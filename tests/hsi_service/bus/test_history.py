"""Histories are read whatever became of the connection meanwhile."""

import pytest
from redis.exceptions import ResponseError

from hsi import SyncPublisher
from hsi_service.bus.history import History
from tests.clients import golden
from tests.servers import RedisServer, busy, close_connections


async def test_a_history_is_read_over_a_closed_connection_and_when_a_script_has_ended(
    own_redis: RedisServer, channel: str
) -> None:
    with SyncPublisher(own_redis.url) as publisher:
        publisher.publish(channel, golden("event"))
    history = History(own_redis.url, name="test")
    first = await history.read(channel, None)
    assert first.last is not None
    close_connections(own_redis.url)
    assert await history.read(channel, None) == first
    close_connections(own_redis.url)
    assert await history.has(channel, first.last)
    close_connections(own_redis.url)
    assert await history.before(channel, first.last, 5) == []
    with busy(own_redis.url), pytest.raises(ResponseError, match="BUSY"):
        await history.read(channel, None)
    assert await history.read(channel, None) == first
    await history.aclose()
