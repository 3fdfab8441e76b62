"""A consumer goes on where it was: at least once, in order, and gaps are said."""

import asyncio
import contextlib
import json
import sys
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from hsi.consumer import Consumer, Entry, Gap, entry_of
from hsi.publisher import Publisher
from hsi.schemas import Event, channels
from hsi.schemas.validation import MAX_MESSAGE_BYTES
from hsi.tasks import cancel_and_wait
from tests.clients import golden, until
from tests.redis_data import TYPES, spoil_async
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


async def is_known(redis_url: str, name: str) -> bool:
    async with Redis.from_url(redis_url) as redis:
        return bool(await redis.exists(channels.consumer(name)))


async def begins(redis_url: str, name: str, channel: str) -> None:
    """Use a name for the first time."""
    async with consuming(redis_url, name, channel) as (_, messages):
        waiting = asyncio.ensure_future(anext(messages))
        await until(lambda: is_known(redis_url, name))
        await cancel_and_wait(waiting)


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


NOT_MESSAGES: list[dict[Any, Any]] = [
    {b"other": b"entry"},
    {b"\xff": b"\xff"},
    {b"m": b"\xff{"},
    {b"m": b"not JSON"},
    {b"m": b"{}"},
    {b"m": b'{"type":1,"data":{}}'},
    {b"m": b'{"type":"a","data":[]}'},
    {b"m": b'{"type":"a","data":{"b":NaN}}'},
    {b"m": b'{"type":"a","data":{"b":' + b"[" * 100_000},
    {b"m": b'{"type":"a","data":{"b":"' + b"x" * MAX_MESSAGE_BYTES + b'"}}'},
]


async def test_entries_that_are_not_messages_are_left_out_and_stop_nothing(
    redis_url: str, name: str, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    history = channels.history(channel)
    async with Redis.from_url(redis_url) as redis:
        await redis.xadd(history, {"other": "entry"})
        await begins(redis_url, name, channel)
        await publish(redis_url, channel, 1)
        for fields in NOT_MESSAGES:
            await redis.xadd(history, fields)
        await publish(redis_url, channel, 2)
        await redis.xadd(history, {"m": '{"type":"other","data":{}}'}, id=f"{10**16}-0")
    async with consuming(redis_url, name, channel) as (_, messages):
        assert await numbers_of(messages, 1) == [1]
        assert await numbers_of(messages, 1) == [2]
        await publish(redis_url, channel, 3)
        assert await numbers_of(messages, 1) == [3]
    assert caplog.text.count("is not a message") == 1


@pytest.mark.parametrize("identifier", [f"{2**64 - 1}-{2**64 - 1}", f"{10**16}-0", f"{10**13}-7"])
async def test_an_entry_of_the_future_costs_a_consumer_nothing(
    redis_url: str, name: str, channel: str, identifier: str
) -> None:
    history = channels.history(channel)
    await begins(redis_url, name, channel)
    await publish(redis_url, channel, 1)
    async with consuming(redis_url, name, channel) as (consumer, messages):
        assert await numbers_of(messages, 1) == [1]
        coming = asyncio.create_task(next_of(messages))
        async with Redis.from_url(redis_url) as redis:
            await redis.xadd(history, {"m": '{"type":"other","data":{}}'}, id=identifier)
            await asyncio.sleep(0)
            await publish(redis_url, channel, 2)
        second = await coming
        assert isinstance(second, Entry)
        await consumer.acknowledge(second)
        assert json.loads(second.text)["data"]["id"] == 2
    await publish(redis_url, channel, 3)
    async with consuming(redis_url, name, channel) as (_, messages):
        assert await numbers_of(messages, 1) == [3]


@pytest.mark.parametrize("fields", NOT_MESSAGES)
def test_an_entry_that_is_not_a_message_is_none(fields: dict[Any, Any]) -> None:
    assert entry_of("1-1", fields) is None


@pytest.mark.parametrize(
    "payload",
    [rb'{"type":"event","data":{}}', rb'{"type":"event","data":{"summary":"\ud83d"}}'],
    ids=["schema break", "half a surrogate pair"],
)
def test_a_message_that_breaks_its_schema_is_an_entry(payload: bytes) -> None:
    assert entry_of("1-1", {b"m": payload}) == Entry("1-1", payload.decode(), None)


@pytest.mark.parametrize(
    "nonsense", ["", "yesterday", "1", f"{2**64}-1", f"{10**13}-1", b"\xff nonsense"]
)
async def test_nonsense_in_its_key_is_a_gap_and_then_nothing_is_left_out(
    redis_url: str, name: str, channel: str, nonsense: str | bytes
) -> None:
    await publish(redis_url, channel, 1)
    async with Redis.from_url(redis_url) as redis:
        await redis.set(channels.consumer(name), nonsense)
    async with consuming(redis_url, name, channel) as (consumer, messages):
        gap = await next_of(messages)
        assert isinstance(gap, Gap)
        await consumer.acknowledge(gap)
        assert gap.cursor == "0-0"
        await publish(redis_url, channel, 2)
        assert await numbers_of(messages, 2) == [1, 2]


async def test_any_text_can_be_a_name(redis_url: str, name: str, channel: str) -> None:
    await begins(redis_url, f"{name} of Jörg\n", channel)


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


async def test_it_says_once_that_it_cannot_reach_redis(
    own_redis: RedisServer, name: str, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    own_redis.kill()
    async with consuming(own_redis.url, name, channel) as (_, messages):
        first = asyncio.ensure_future(next_of(messages))
        await asyncio.sleep(1)  # several attempts
        own_redis.start()
        await until(lambda: is_known(own_redis.url, name))
        await publish(own_redis.url, channel, 1)
        assert isinstance(await first, Entry)
    assert caplog.text.count("a consumer cannot reach Redis") == 1


async def test_it_survives_a_frozen_redis(
    own_redis: RedisServer, name: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hsi.consumer.TIMEOUT", 0.6)
    monkeypatch.setattr("hsi.consumer.BLOCK_MS", 200)
    await begins(own_redis.url, name, channel)
    async with consuming(own_redis.url, name, channel) as (_, messages):
        first = asyncio.ensure_future(numbers_of(messages, 1))
        own_redis.freeze()
        await asyncio.sleep(1.5)  # several attempts
        own_redis.thaw()
        await publish(own_redis.url, channel, 1)
        assert await first == [1]


@pytest.mark.parametrize("kind", sorted({*TYPES} - {"string"}))
async def test_a_cursor_of_another_type_is_a_gap_and_the_next_acknowledgement_replaces_it(
    redis_url: str, name: str, channel: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = channels.consumer(name)
    await publish(redis_url, channel, 1)
    async with Redis.from_url(redis_url) as redis:
        await spoil_async(redis, key, kind)
        async with consuming(redis_url, name, channel) as (consumer, messages):
            gap = await next_of(messages)
            assert gap == Gap(after="unknown", cursor="0-0")
            await consumer.acknowledge(gap)
            assert await redis.get(key) == b"0-0"
            await publish(redis_url, channel, 2)
            assert await numbers_of(messages, 2) == [1, 2]
    assert caplog.text.count(f"the key {key} does not hold what it should: ") == 1


@pytest.mark.parametrize("loss", ["wiped", "rolled back"])
async def test_a_history_that_is_lost_while_it_waits_is_a_gap(
    redis_url: str, name: str, channel: str, loss: str
) -> None:
    await begins(redis_url, name, channel)
    first, second = await publish(redis_url, channel, 1, 2)
    history, number = channels.history(channel), channels.number(channel)
    async with (
        Redis.from_url(redis_url) as redis,
        consuming(redis_url, name, channel) as (_, messages),
    ):
        assert await numbers_of(messages, 2) == [1, 2]
        waiting = asyncio.ensure_future(next_of(messages))
        await asyncio.sleep(0.1)  # it waits in Redis by now
        if loss == "wiped":
            await redis.delete(history, number)
        else:
            await redis.xdel(history, second)
            await redis.set(number, 1)
        assert await waiting == Gap(after=second, cursor="0-0" if loss == "wiped" else first)
        await publish(redis_url, channel, 3)
        assert await numbers_of(messages, 1) == [3]


async def test_a_history_trimmed_before_the_first_message_was_read_is_a_gap(
    redis_url: str, name: str, channel: str
) -> None:
    await begins(redis_url, name, channel)
    await publish(redis_url, channel, 1, 2)
    async with Redis.from_url(redis_url) as redis:
        await redis.xtrim(channels.history(channel), maxlen=1, approximate=False)
    async with consuming(redis_url, name, channel) as (_, messages):
        assert await next_of(messages) == Gap(after="0-0", cursor="0-0")
        assert await numbers_of(messages, 1) == [2]


async def test_a_message_comes_when_it_is_published_and_not_at_the_next_poll(
    redis_url: str, name: str, channel: str
) -> None:
    await begins(redis_url, name, channel)
    loop = asyncio.get_running_loop()
    took: list[float] = []
    async with (
        consuming(redis_url, name, channel) as (_, messages),
        Publisher(redis_url) as publisher,
    ):
        for number in range(20):
            waiting = asyncio.ensure_future(numbers_of(messages, 1))
            await asyncio.sleep(0.05)  # it waits in Redis by now
            began = loop.time()
            await publisher.publish(channel, event(number))
            assert await waiting == [number]
            took.append(loop.time() - began)
    assert sorted(took)[len(took) // 2] < 0.2  # a wait for the next poll would take a second


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


async def test_a_consumer_that_is_known_reads_on_while_redis_is_full(
    both_redis: RedisServer, name: str, channel: str
) -> None:
    url = both_redis.url
    await begins(url, name, channel)
    await publish(url, channel, 1, 2)
    async with Redis.from_url(url) as redis:
        await redis.config_set("maxmemory", 1)
        async with consuming(url, name, channel) as (_, messages):
            assert await numbers_of(messages, 2) == [1, 2]
            first = asyncio.ensure_future(numbers_of(messages, 1))
            await redis.config_set("maxmemory", 0)
            await publish(url, channel, 3)
            assert await first == [3]


async def test_a_new_name_begins_when_its_place_can_be_kept(
    own_redis: RedisServer, name: str, channel: str
) -> None:
    await publish(own_redis.url, channel, 1)
    async with Redis.from_url(own_redis.url) as redis:
        await redis.config_set("maxmemory", 1)
        async with consuming(own_redis.url, name, channel) as (_, messages):
            first = asyncio.ensure_future(numbers_of(messages, 1))
            await redis.config_set("maxmemory", 0)
            await until(lambda: is_known(own_redis.url, name))
            await publish(own_redis.url, channel, 2)
            assert await first == [2]
