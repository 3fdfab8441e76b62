"""Reads of the collector's keys, whatever they hold."""

import uuid

import pytest
from redis.asyncio import Redis

from local.processes import free_port
from services.collector.reads import Reads, StoreError


async def test_a_key_of_another_type_and_an_odd_entry_cost_themselves_alone(redis_url: str) -> None:
    key = f"test:{uuid.uuid4().hex}"
    async with Redis.from_url(redis_url) as redis:
        reads = Reads(redis)
        assert await reads.newest_id(key) is None
        await redis.set(key, "no stream")
        assert await reads.entries(key, "XRANGE", "-", "+") == []
        await redis.delete(key)
        for value in ("1", "odd", "3"):
            await redis.xadd(key, {"value": value})
        entries = await reads.entries(key, "XRANGE", "-", "+")
        assert await reads.newest_id(key) == entries[-1][0]
        assert reads.decoded(key, entries, lambda fields: int(fields[b"value"])) == [1, 3]
        await redis.delete(key)


async def test_a_redis_that_cannot_be_reached_is_named_without_a_secret() -> None:
    async with Redis.from_url(f"redis://:secret@127.0.0.1:{free_port()}") as redis:
        with pytest.raises(StoreError) as raised:
            await Reads(redis).entries("key", "XRANGE", "-", "+")
    assert "secret" not in str(raised.value)
