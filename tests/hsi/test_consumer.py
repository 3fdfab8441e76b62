"""A consumer goes on where it was: at least once, in order, and gaps are said."""

import asyncio
import contextlib
import json
import sys
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from hsi.consumer import Consumer, Entry, Gap
from hsi.publisher import Publisher
from hsi.schemas import Event, channels
from tests.clients import golden, until
from tests.servers import RedisServer


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4().hex}"


def event(number: int) -> bytes:
    return golden("event").replace(b'"id": 123', b'"id": %d' % number)


async def publish(redis_url: str, channel: str, *numbers: int) -> list[str]:
    async with Publisher(redis_url) as publisher:
        return [(await publisher.publish(channel, event(number))).cursor for number in numbers]


async def next_of(messages: AsyncGenerator[Entry | Gap]) -> Entry | Gap:
    async with asyncio.timeout(20):
        return await anext(messages)


async def numbers_of(messages: AsyncGenerator[Entry | Gap], count: int) -> list[int]:
    numbers = []
    for _ in range(count):
        entry = await next_of(messages)
        assert isinstance(entry, Entry)
        assert isinstance(entry.message, Event)
        numbers.append(entry.message.data.id)
    return numbers


@contextlib.asynccontextmanager
async def consuming(
    redis_url: str, name: str, channel: str
) -> AsyncGenerator[tuple[Consumer, AsyncGenerator[Entry | Gap]]]:
    async with (
        Consumer(redis_url, name, channel) as consumer,
        contextlib.aclosing(consumer.messages()) as messages,
    ):
        yield consumer, messages


async def begins(redis_url: str, name: str, channel: str) -> None:
    """Use a name for the first time."""
    async with consuming(redis_url, name, channel) as (_, messages):
        waiting = asyncio.ensure_future(anext(messages))

        async def is_known() -> bool:
            async with Redis.from_url(redis_url) as redis:
                return bool(await redis.exists(channels.consumer(name)))

        await until(is_known)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_a_new_name_begins_with_the_next_message_and_then_goes_on_after_the_last(
    redis_url: str, name: str, channel: str
) -> None:
    await publish(redis_url, channel, 1, 2)
    await begins(redis_url, name, channel)
    await publish(redis_url, channel, 3, 4)
    async with consuming(redis_url, name, channel) as (consumer, messages):
        first = await next_of(messages)
        assert isinstance(first, Entry)
        assert json.loads(first.text)["data"]["id"] == 3
        assert isinstance(first.message, Event)
        await consumer.acknowledge(first)
        assert await numbers_of(messages, 1) == [4]  # and is not acknowledged
    async with consuming(redis_url, name, channel) as (consumer, messages):
        assert await numbers_of(messages, 1) == [4]
        publishing = asyncio.create_task(publish(redis_url, channel, 5))
        assert await numbers_of(messages, 1) == [5]
        await publishing


async def test_more_than_a_page_comes_whole_and_in_order(
    redis_url: str, name: str, channel: str
) -> None:
    await begins(redis_url, name, channel)
    await publish(redis_url, channel, *range(250))
    async with consuming(redis_url, name, channel) as (_, messages):
        assert await numbers_of(messages, 250) == list(range(250))


@pytest.mark.parametrize("loss", ["trimmed", "wiped", "rolled back"])
async def test_where_messages_are_missing_there_is_a_gap_and_then_what_is_new(
    redis_url: str, name: str, channel: str, loss: str
) -> None:
    await begins(redis_url, name, channel)
    await publish(redis_url, channel, 1, 2, 3)
    history = channels.history(channel)
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        async with consuming(redis_url, name, channel) as (consumer, messages):
            for _ in range(3):
                last = await next_of(messages)
                await consumer.acknowledge(last)
        match loss:
            case "trimmed":
                await publish(redis_url, channel, 4, 5)
                await redis.xtrim(history, maxlen=1, approximate=False)
                expected = [5]
            case "wiped":
                await redis.delete(history, channels.number(channel))
                await publish(redis_url, channel, 6)
                expected = [6]
            case _:
                await redis.xdel(history, last.cursor)
                expected = [7]
        async with consuming(redis_url, name, channel) as (consumer, messages):
            gap = await next_of(messages)
            assert isinstance(gap, Gap)
            assert gap.after == last.cursor
            await consumer.acknowledge(gap)
            if loss == "rolled back":
                await publish(redis_url, channel, 7)
            assert await numbers_of(messages, 1) == expected


async def test_what_is_not_ours_in_the_history_stops_nothing(
    redis_url: str, name: str, channel: str
) -> None:
    await begins(redis_url, name, channel)
    async with Redis.from_url(redis_url) as redis:
        await publish(redis_url, channel, 1)
        await redis.xadd(channels.history(channel), {"other": "entry"})
        await redis.xadd(channels.history(channel), {"m": b"\xff not text"})
        await redis.xadd(channels.history(channel), {"m": "not JSON"})
    async with consuming(redis_url, name, channel) as (_, messages):
        assert await numbers_of(messages, 1) == [1]
        odd = await next_of(messages)
        assert isinstance(odd, Entry)
        assert (odd.text, odd.message) == ("not JSON", None)


async def test_nonsense_in_its_key_is_a_gap_and_then_it_goes_on(
    redis_url: str, name: str, channel: str
) -> None:
    await publish(redis_url, channel, 1)
    async with Redis.from_url(redis_url) as redis:
        await redis.set(channels.consumer(name), b"\xff nonsense")
    async with consuming(redis_url, name, channel) as (consumer, messages):
        gap = await next_of(messages)
        assert isinstance(gap, Gap)
        await consumer.acknowledge(gap)
        await publish(redis_url, channel, 2)
        assert await numbers_of(messages, 1) == [2]


async def test_it_goes_on_when_redis_is_back(
    own_redis: RedisServer, name: str, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    await begins(own_redis.url, name, channel)
    async with consuming(own_redis.url, name, channel) as (consumer, messages):
        await publish(own_redis.url, channel, 1)
        first = await next_of(messages)
        own_redis.kill()
        acknowledging = asyncio.create_task(consumer.acknowledge(first))
        own_redis.start()
        await acknowledging
        await publish(own_redis.url, channel, 2)
        assert await numbers_of(messages, 1) == [2]
    assert caplog.text.count("a consumer cannot reach Redis") <= 1


KILLED = """
import asyncio, sys
from hsi.consumer import Consumer, Entry

async def main():
    redis_url, name, channel = sys.argv[1:]
    async with Consumer(redis_url, name, channel) as consumer:
        async for entry in consumer.messages():
            print(entry.message.data.id, flush=True)
            if entry.message.data.id == 2:
                await asyncio.sleep(3600)  # killed between reading and acknowledging
            await consumer.acknowledge(entry)

asyncio.run(main())
"""


async def test_killed_before_it_acknowledges_it_gets_the_message_again(
    redis_url: str, name: str, channel: str, tmp_path: Path
) -> None:
    await begins(redis_url, name, channel)
    await publish(redis_url, channel, 1, 2, 3)
    program = tmp_path / "consumer.py"
    program.write_text(KILLED)
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, redis_url, name, channel, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert [(await process.stdout.readline()).strip() for _ in range(2)] == [b"1", b"2"]
    process.kill()
    await process.wait()
    async with consuming(redis_url, name, channel) as (_, messages):
        assert await numbers_of(messages, 2) == [2, 3]
