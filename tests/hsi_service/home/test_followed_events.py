"""Events are read once, then heard, and read again only where one is missing."""

import asyncio
import json
from typing import Any

import pytest
from redis.asyncio import Redis

from hsi.schemas import channels
from hsi_service.bus.history import History
from tests.clients import meanwhile
from tests.hsi_service.home.following import MINUTE, following, now_at
from tests.hsi_service.home.test_home import load
from tests.servers import RedisServer


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the messages that are read from histories."""
    read: list[int] = []
    before, page = History.before, History.read

    async def count_before(history: History, *arguments: Any) -> Any:
        entries = await before(history, *arguments)
        read.append(len(entries))
        return entries

    async def count_page(history: History, *arguments: Any) -> Any:
        found = await page(history, *arguments)
        read.append(len(found.entries))
        return found

    monkeypatch.setattr(History, "before", count_before)
    monkeypatch.setattr(History, "read", count_page)
    return read


async def append(
    redis: Redis, channel: str, first: int, count: int, *, minutes_ago: int = 20
) -> None:
    """Append events to a history that nobody hears of."""
    now = await now_at(redis) - minutes_ago * MINUTE
    async with redis.pipeline(transaction=False) as commands:
        for number in range(first, first + count):
            data = {"event_id": number, "camera_id": "yard", "risk_level": "low"}
            message = json.dumps({"type": "event", "data": data})
            cursor = f"{now}-{number}"
            commands.xadd(channels.history(channel), {"m": message}, id=cursor)
        commands.set(channels.number(channel), first + count - 1)
        commands.set(channels.since(channel), now - 60 * MINUTE)
        await commands.execute()


async def test_a_long_history_is_read_once_and_only_what_is_missed_afterwards(
    redis_url: str, channel: str, reads: list[int]
) -> None:
    await load(redis_url)
    async with Redis.from_url(redis_url) as redis:
        await append(redis, channel, 1, 2000)
    async with following(redis_url, channel) as followed:
        assert sum(reads) == 2000
        reads.clear()
        for number in range(5):
            await followed.happens(event_id=number, camera_id="yard", risk_level="low")
        await followed.waits_for(lambda: len(followed.home.facts.events) == 5)
        assert sum(reads) == 0
        # One that nobody hears of: the next one tells that it is missing.
        await append(followed.redis, channel, 2006, 1, minutes_ago=0)
        await followed.happens(event_id=3000, camera_id="yard", risk_level="high")
        await followed.waits_for(lambda: len(followed.home.facts.events) == 7)
        await followed.waits_for(lambda: followed.home.facts.window.state == "complete")
        assert sum(reads) == 2


async def test_what_somebody_appended_by_hand_costs_no_event_and_no_proof(
    redis_url: str, channel: str
) -> None:
    await load(redis_url)
    async with Redis.from_url(redis_url) as redis:
        await append(redis, channel, 1, 3)
        now = await now_at(redis)
        await redis.xadd(channels.history(channel), {"x": b"\xff"}, id=f"{now - 1000}-0")
        await redis.xadd(channels.history(channel), {"m": "nonsense"}, id=f"{now + 10**10}-9")
    async with following(redis_url, channel) as followed:
        assert followed.home.facts.window.state == "complete"
        assert followed.home.latest["yard"].data["event_id"] == 3
        # The next message removes what is of the future; a plain one is heard, too.
        await followed.happens(event_id=4, camera_id="yard", risk_level="high")
        await followed.redis.publish(channel, '{"type":"event","data":{"camera_id":"gate"}}')
        await followed.redis.publish(channel, b"\xff")
        await followed.waits_for(lambda: followed.home.latest.keys() == {"yard", "gate"})
        assert followed.home.latest["yard"].data["event_id"] == 4


@pytest.mark.parametrize("key", ["history", "number", "since", "seen"])
async def test_a_key_of_another_type_is_nothing_until_it_is_replaced(
    key: str, redis_url: str, channel: str
) -> None:
    await load(redis_url)
    name = getattr(channels, key)(channel)
    async with Redis.from_url(redis_url) as redis:
        await append(redis, channel, 1, 3)
        await redis.delete(name)
        await redis.zadd(name, {"a": 1})
    async with following(redis_url, channel) as followed:
        assert followed.home.facts.window.state in {"complete", "incomplete"}
        await followed.happens(event_id=4, camera_id="gate", risk_level="high")
        await followed.waits_for(lambda: "gate" in followed.home.latest)


async def test_messages_of_another_history_are_heard_all_the_same(
    redis_url: str, channel: str, reads: list[int]
) -> None:
    """Their publisher writes to another database of this Redis."""
    async with following(redis_url, channel) as followed:
        now = await now_at(followed.redis)
        for number in (7, 8, 9):
            data = {"event_id": number, "camera_id": "yard"}
            told = {"cursor": f"{now}-{number}", "type": "event", "data": data}
            text = json.dumps(told, separators=(",", ":"))
            await followed.redis.publish(channel, text)
            await followed.waits_for(lambda: len(followed.home.facts.events) == number - 6)  # noqa: B023
        reads.clear()
        await followed.redis.publish(channel, text.replace("-9", "-10").replace(":9", ":10"))
        await followed.waits_for(lambda: len(followed.home.facts.events) == 4)
        assert sum(reads) == 0


async def test_a_doubt_or_a_message_that_is_missing_for_a_moment_makes_no_home_unknown(
    redis_url: str, channel: str
) -> None:
    await load(redis_url)
    async with Redis.from_url(redis_url) as redis:
        await append(redis, channel, 1, 3)
    async with following(redis_url, channel) as followed:
        states: set[str] = set()

        async def watch() -> None:
            while True:
                states.add(followed.home.facts.window.state)
                await asyncio.sleep(0)

        async with meanwhile(watch()):
            for number in range(10):
                followed.service.subscriber.may_have_missed()
                await followed.happens(event_id=number, camera_id="gate")
            await append(followed.redis, channel, 14, 1, minutes_ago=0)
            await followed.happens(event_id=15, camera_id="gate")
            await followed.waits_for(lambda: len(followed.home.facts.events) == 12)
        assert states == {"complete"}


@pytest.mark.faults
async def test_after_an_outage_nothing_is_claimed_until_what_was_missed_is_read(
    own_redis: RedisServer, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await load(own_redis.url)
    async with Redis.from_url(own_redis.url) as redis:
        await append(redis, channel, 1, 3)
    async with following(own_redis.url, channel) as followed:
        read, may_read = History.read, asyncio.Event()

        async def wait_and_read(history: History, *arguments: Any) -> Any:
            await may_read.wait()
            return await read(history, *arguments)

        monkeypatch.setattr(History, "read", wait_and_read)
        own_redis.kill()
        await asyncio.to_thread(own_redis.start)
        await followed.waits_for(lambda: followed.service.subscriber.outages > 0)
        await followed.waits_for(lambda: followed.home.facts.feed.state == "heard")
        await followed.tells_status()
        await followed.says("Waiting for the last 15 minutes")
        may_read.set()
        await followed.waits_for(lambda: followed.home.facts.window.state == "complete")
