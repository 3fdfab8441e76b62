"""Histories are read whatever became of the connection meanwhile."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import NoPermissionError, ResponseError

from hsi import SyncPublisher
from hsi.schemas import channels
from hsi.schemas.cursor import Cursor
from hsi.tasks import cancel_and_wait
from hsi_service.bus.history import ChannelHistory, History
from hsi_service.bus.look import look_at
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
        await cancel_and_wait(reading)
        assert one.is_readable
        assert "NoPermissionError" in str(history.trouble)
        await redis.acl_setuser("default", enabled=True, commands=["+xrevrange"])
        assert await history.last([channel]) == [None]
        assert history.trouble is None
        assert (await one.read(None, 1)).found
    assert caplog.text.count("cannot read a history; retrying") == 1
    await history.aclose()


async def test_a_full_redis_can_still_be_read(both_redis: RedisServer, channel: str) -> None:
    with SyncPublisher(both_redis.url) as publisher:
        cursors = [publisher.publish(channel, golden("event")).cursor for _ in range(3)]
    history = History(both_redis.url, name="test")
    async with Redis.from_url(both_redis.url) as redis:
        await redis.config_set("maxmemory", 1)
        page = await history.read(channel, Cursor.parse(cursors[0]))
        assert page.found
        assert [str(entry.cursor) for entry in page.entries] == cursors[1:]
        look, found = await look_at(redis, channel, page.last)
        assert (look.counted, look.length, str(look.last), found) == (3, 3, cursors[2], True)
    await history.aclose()


async def test_a_history_that_is_trimmed_while_it_is_read_has_no_silent_gap(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SyncPublisher(redis_url) as publisher:
        cursors = [publisher.publish(channel, golden("event")).cursor for _ in range(4)]
    history = History(redis_url, name="test")
    for reads_before in range(4):
        await anything_between(monkeypatch, channel, reads_before)
        page = await history.read(channel, Cursor.parse(cursors[0]))
        monkeypatch.undo()
        read = [str(entry.cursor) for entry in page.entries]
        assert read == (cursors[1:] if page.found else cursors[2:]), reads_before
        with SyncPublisher(redis_url) as publisher:  # what was trimmed, again
            async with Redis.from_url(redis_url) as redis:
                await redis.delete(channels.history(channel), channels.number(channel))
            cursors = [publisher.publish(channel, golden("event")).cursor for _ in range(4)]
    await history.aclose()


async def anything_between(monkeypatch: pytest.MonkeyPatch, channel: str, reads: int) -> None:
    """Have the history trimmed to two entries after so many reads of a pipeline."""

    async def execute(pipeline: Pipeline, raise_on_error: bool = True) -> list[object]:  # noqa: ARG001, FBT002 (as it is)
        async with Redis(connection_pool=pipeline.connection_pool) as redis:
            replies: list[object] = []
            for arguments, options in pipeline.command_stack:
                if len(replies) == reads:
                    await redis.xtrim(channels.history(channel), maxlen=2, approximate=False)
                replies.append(await redis.execute_command(*arguments, **options))  # type: ignore[no-untyped-call]
        pipeline.command_stack = []
        return replies

    monkeypatch.setattr(Pipeline, "execute", execute)
