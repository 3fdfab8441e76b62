"""Histories are read whatever became of the connection meanwhile."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from hsi import SyncPublisher
from hsi_service.bus.history import ChannelHistory, History
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


async def test_why_a_history_cannot_be_read_is_logged_and_told_while_somebody_waits_for_it(
    own_redis: RedisServer, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    history = History(own_redis.url, name="test")
    one, other = ChannelHistory(history, channel), ChannelHistory(history, "other")
    async with Redis.from_url(own_redis.url) as redis:
        await redis.acl_setuser("default", enabled=True, commands=["-xrange"])
        reading = asyncio.create_task(one.read(None, 1))
        while one.is_readable:
            await asyncio.sleep(0.01)
        assert other.is_readable
        assert "NoPermissionError" in str(history.trouble)
        await redis.acl_setuser("default", enabled=True, commands=["+xrange", "-xrevrange"])
        with pytest.raises(NoPermissionError):
            await history.last([channel])
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert one.is_readable
        assert "NoPermissionError" in str(history.trouble)
        await redis.acl_setuser("default", enabled=True, commands=["+xrevrange"])
        assert await history.last([channel]) == [None]
        assert history.trouble is None
        assert (await one.read(None, 1)).found
    assert caplog.text.count("cannot read a history; retrying") == 1
    await history.aclose()
