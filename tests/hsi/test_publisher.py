"""Publishing: atomic, once, in order, and never silently not."""

import asyncio
import hashlib
import json
import time
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from hsi.publisher import Publisher
from hsi.publishing import FUNCTION, LIBRARY, PublishError, TooManyWaitingError
from hsi.schemas import channels
from hsi.schemas.cursor import BEGINNING, Cursor, cursor_of, stamped
from hsi.schemas.validation import InvalidMessageError
from tests.clients import golden
from tests.servers import RedisServer

EVENT = golden("event")


def event(number: int) -> bytes:
    return EVENT.replace(b'"id": 123', b'"id": %d' % number)


async def history(redis_url: str, channel: str) -> list[tuple[str, int]]:
    """Return the cursors and the event ids that a channel's history has."""
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        entries: Any = await redis.xrange(channels.history(channel))
        return [(entry[0], json.loads(entry[1]["m"])["data"]["id"]) for entry in entries]


async def test_a_message_is_kept_and_published_with_its_cursor_first(
    redis_url: str, channel: str
) -> None:
    async with Redis.from_url(redis_url) as redis, redis.pubsub() as pubsub:
        await pubsub.subscribe(channel)
        assert await pubsub.get_message(timeout=5)
        async with Publisher(redis_url) as publisher:
            published = await publisher.publish(channel, EVENT)
        message = await pubsub.get_message(timeout=5)
        assert message is not None
        text = message["data"].decode()
    assert published.receivers == 1
    assert text.startswith(f'{{"cursor":"{published.cursor}",')
    assert json.loads(text) == {"cursor": published.cursor} | json.loads(EVENT)
    cursor = cursor_of(text)
    assert cursor is not None
    assert stamped(cursor, EVENT.decode()) == text  # so a replay is the same, byte for byte
    assert await history(redis_url, channel) == [(published.cursor, 123)]


async def test_numbers_have_no_gap_and_cursors_grow(redis_url: str, channel: str) -> None:
    async with Publisher(redis_url) as publisher:
        published = [await publisher.publish(channel, EVENT) for _ in range(20)]
    cursors = [cursor for one in published if (cursor := Cursor.parse(one.cursor))]
    assert [cursor.number for cursor in cursors] == list(range(1, 21))
    assert cursors == sorted(cursors)


async def test_many_at_once_keep_their_order(redis_url: str, channel: str) -> None:
    async with Publisher(redis_url) as publisher:
        await asyncio.gather(*(publisher.publish(channel, event(n)) for n in range(1000)))
    assert [number for _, number in await history(redis_url, channel)] == list(range(1000))


async def test_a_repeated_key_is_refused_and_gets_the_first_ones_cursor(
    redis_url: str, channel: str
) -> None:
    async with Publisher(redis_url) as publisher:
        first = await publisher.publish(channel, event(1), key="batch-7")
        again = await publisher.publish(channel, event(1), key="batch-7")
        other = await publisher.publish(channel, event(2), key="batch-8")
    assert again == (first.cursor, 0)
    assert await history(redis_url, channel) == [(first.cursor, 1), (other.cursor, 2)]


async def test_a_history_is_bounded(redis_url: str, channel: str) -> None:
    async with Publisher(redis_url, history_length=200) as publisher:
        for _ in range(3):
            await asyncio.gather(*(publisher.publish(channel, event(n)) for n in range(500)))
    kept = len(await history(redis_url, channel))
    assert 200 <= kept < 400  # Redis trims in blocks


async def test_a_publisher_that_times_out_against_a_frozen_redis_makes_no_second_event(
    own_redis: RedisServer, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent to a frozen Redis is executed when it thaws, and so is the retry."""
    monkeypatch.setattr("hsi.publisher.TIMEOUT", 0.3)
    async with Publisher(own_redis.url) as publisher:
        await publisher.publish(channel, event(0))
        own_redis.freeze()
        publishing = [asyncio.create_task(publisher.publish(channel, event(n))) for n in (1, 2, 3)]
        await asyncio.sleep(1.5)  # several attempts
        own_redis.thaw()
        published = await asyncio.gather(*publishing)
    kept = await history(own_redis.url, channel)
    assert [number for _, number in kept] == [0, 1, 2, 3]
    assert [cursor for cursor, _ in kept[1:]] == [one.cursor for one in published]


async def test_a_publisher_waits_for_a_redis_that_comes_back(
    own_redis: RedisServer, channel: str
) -> None:
    async with Publisher(own_redis.url) as publisher:
        await publisher.publish(channel, event(0))
        own_redis.kill()
        publishing = [asyncio.create_task(publisher.publish(channel, event(n))) for n in (1, 2)]
        await asyncio.sleep(0.3)
        own_redis.start()
        await asyncio.gather(*publishing)
    assert [number for _, number in await history(own_redis.url, channel)] == [0, 1, 2]


async def test_a_redis_that_forgot_the_function_is_brought_it_again(
    own_redis: RedisServer, channel: str
) -> None:
    async with Publisher(own_redis.url) as publisher, Redis.from_url(own_redis.url) as redis:
        await publisher.publish(channel, event(0))
        await redis.function_flush()
        await publisher.publish(channel, event(1))
    assert [number for _, number in await history(own_redis.url, channel)] == [0, 1]


async def test_when_patience_ends_it_says_so(own_redis: RedisServer, channel: str) -> None:
    own_redis.kill()
    async with Publisher(own_redis.url, patience=0.5) as publisher:
        began = time.monotonic()
        with pytest.raises(PublishError, match=f"not acknowledged on {channel}"):
            await publisher.publish(channel, EVENT)
        assert time.monotonic() - began >= 0.5


async def test_not_more_wait_than_are_allowed(
    own_redis: RedisServer, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hsi.publisher.MAX_WAITING", 3)
    own_redis.kill()
    async with Publisher(own_redis.url) as publisher:
        waiting = [asyncio.create_task(publisher.publish(channel, event(n))) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyWaitingError, match="3 messages wait"):
            await publisher.publish(channel, event(3))
        own_redis.start()
        await asyncio.gather(*waiting)
    assert [number for _, number in await history(own_redis.url, channel)] == [0, 1, 2]


async def test_closing_leaves_nobody_waiting(own_redis: RedisServer, channel: str) -> None:
    own_redis.kill()
    async with Publisher(own_redis.url) as publisher:
        waiting = asyncio.create_task(publisher.publish(channel, EVENT))
        await asyncio.sleep(0.1)
    with pytest.raises(PublishError, match="was closed"):
        await waiting


async def test_what_breaks_its_schema_is_not_sent(redis_url: str, channel: str) -> None:
    async with Publisher(redis_url) as publisher:
        with pytest.raises(InvalidMessageError, match="risk_score"):
            await publisher.publish(channel, EVENT.replace(b"75", b'"high"'))
        with pytest.raises(InvalidMessageError, match="risk_score"):
            await publisher.publish_live(channel, EVENT.replace(b"75", b'"high"'))
    assert await history(redis_url, channel) == []


async def test_live_is_not_kept_and_not_tried_again(own_redis: RedisServer, channel: str) -> None:
    async with Publisher(own_redis.url) as publisher:
        assert await publisher.publish_live(channel, EVENT) == 0
        assert await history(own_redis.url, channel) == []
        own_redis.kill()
        with pytest.raises(PublishError, match=f"not published to {channel}"):
            await publisher.publish_live(channel, EVENT)


@pytest.mark.parametrize("message", ["hello", "[]", "{}", ""])
async def test_the_function_itself_refuses_what_is_not_a_message(
    redis_url: str, channel: str, message: str
) -> None:
    async with Publisher(redis_url) as publisher, Redis.from_url(redis_url) as redis:
        await publisher.publish(channel, EVENT)
        keys = channels.history(channel), channels.number(channel)
        with pytest.raises(ResponseError, match="not a JSON object"):
            await redis.fcall(FUNCTION, 2, *keys, channel, message)
        with pytest.raises(ResponseError, match="expected keys"):
            await redis.fcall(FUNCTION, 2, *keys, channel)


async def test_a_clock_that_steps_back_does_not_stop_publishing(
    redis_url: str, channel: str
) -> None:
    future = 10**13
    async with Redis.from_url(redis_url) as redis, Publisher(redis_url) as publisher:
        await redis.xadd(channels.history(channel), {"m": EVENT}, id=f"{future}-4")
        assert (await publisher.publish(channel, EVENT)).cursor == f"{future}-5"


async def test_a_lost_counter_does_not_stop_publishing(redis_url: str, channel: str) -> None:
    async with Redis.from_url(redis_url) as redis, Publisher(redis_url) as publisher:
        for _ in range(3):
            await publisher.publish(channel, EVENT)
        await redis.delete(channels.number(channel))
        after = [await publisher.publish(channel, EVENT) for _ in range(3)]
    kept = [cursor for cursor, _ in await history(redis_url, channel)]
    assert kept[3:] == [one.cursor for one in after]
    assert [Cursor.parse(cursor) for cursor in kept] == sorted(
        Cursor.parse(cursor) or BEGINNING for cursor in kept
    )


async def test_a_history_may_expire(redis_url: str, channel: str) -> None:
    async with Publisher(redis_url) as publisher, Redis.from_url(redis_url) as redis:
        await publisher.publish(channel, EVENT)
        keys = channels.history(channel), channels.number(channel)
        await redis.fcall(FUNCTION, 2, *keys, channel, EVENT, 100, 3600)
        assert [3500 < await redis.ttl(key) <= 3600 for key in keys] == [True, True]


async def test_any_language_can_call_it_for_instance_a_shell(redis_url: str, channel: str) -> None:
    """As the README shows it."""
    async with Publisher(redis_url) as publisher:
        first = await publisher.publish(channel, event(1))
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        reply = await redis.execute_command(  # type: ignore[no-untyped-call]
            "FCALL",
            FUNCTION,
            "2",
            f"{{{channel}}}:history",
            f"{{{channel}}}:number",
            channel,
            event(2).decode(),
        )
    assert Cursor.parse(reply[0]) > Cursor.parse(first.cursor)  # type: ignore[operator]
    assert [number for _, number in await history(redis_url, channel)] == [1, 2]


async def test_a_fault_in_sending_is_logged_and_told_and_later_messages_are_sent(
    redis_url: str,
    channel: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError("by design")

    async with Publisher(redis_url) as publisher:
        with monkeypatch.context() as patch:
            patch.setattr(Publisher, "_send", fail)
            with pytest.raises(PublishError, match="the publisher failed: ZeroDivisionError"):
                await publisher.publish(channel, event(1))
        await publisher.publish(channel, event(2))
    assert [number for _, number in await history(redis_url, channel)] == [2]
    assert "the publisher failed" in caplog.text
    assert "ZeroDivisionError: by design" in caplog.text


def test_the_function_does_not_change_under_its_name() -> None:
    """Others call it while we roll out; what it does changes with a new name only."""
    digest = hashlib.sha256(LIBRARY.encode()).hexdigest()
    assert (FUNCTION, digest[:16]) == ("hsi_publish_v1", "f4279532c7055400")
