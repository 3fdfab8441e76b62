"""Publishing: atomic, once, in order, and never silently not."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from hsi.publisher import Publisher
from hsi.publishing import (
    FUNCTION,
    Numbering,
    Published,
    PublishError,
    Repeated,
    TooManyWaitingError,
)
from hsi.schemas import channels
from hsi.schemas.cursor import Cursor, cursor_of, stamped
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


async def test_many_are_accepted_in_one_step_and_each_has_its_cursor(
    redis_url: str, channel: str
) -> None:
    async with Publisher(redis_url) as publisher:
        published = await publisher.publish_many(channel, [event(n) for n in range(250)])
        assert await publisher.publish_many(channel, []) == []
        with pytest.raises(InvalidMessageError):
            await publisher.publish_many(channel, [event(250), b"[]"])
    kept = await history(redis_url, channel)
    assert kept == [(one.cursor, number) for number, one in enumerate(published)]


@contextlib.contextmanager
def refusals_that_come_and_go(redis_url: str) -> Iterator[None]:
    """Have Redis refuse writes and take them, as often as it can be told to."""
    over = threading.Event()

    def flip() -> None:
        with SyncRedis.from_url(redis_url) as redis:
            while not over.is_set():
                redis.config_set("min-replicas-to-write", "1")
                redis.config_set("min-replicas-to-write", "0")

    flipping = threading.Thread(target=flip)
    flipping.start()
    yield
    over.set()
    flipping.join()


async def test_a_message_that_redis_refuses_is_not_passed_by_the_next(
    own_redis: RedisServer, channel: str
) -> None:
    """Refusals come and go in the middle of what is sent, and all that follows waits."""
    published: list[Published] = []
    with refusals_that_come_and_go(own_redis.url):
        async with Publisher(own_redis.url, patience=60) as publisher:
            for start in range(0, 3000, 500):
                numbers = range(start, start + 500)
                published += await asyncio.gather(
                    *(publisher.publish(channel, event(number)) for number in numbers)
                )
    kept = await history(own_redis.url, channel)
    assert kept == [(one.cursor, number) for number, one in enumerate(published)]


async def test_what_is_given_up_stops_nothing_and_makes_no_second_message(
    own_redis: RedisServer, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hsi.publisher.TIMEOUT", 0.2)
    async with Publisher(own_redis.url, patience=0.5) as publisher:
        await publisher.publish(channel, event(0))
        own_redis.freeze()
        with pytest.raises(PublishError):
            await publisher.publish(channel, event(1))
        own_redis.thaw()  # and what it was sent is executed
        after = [await publisher.publish(channel, event(number)) for number in (2, 3)]
    numbers = [number for _, number in await history(own_redis.url, channel)]
    assert numbers in ([0, 1, 2, 3], [0, 2, 3])
    assert len({one.cursor for one in after}) == 2


async def test_a_redis_that_was_emptied_forgets_the_sender_and_not_its_next_message(
    own_redis: RedisServer, channel: str
) -> None:
    async with Publisher(own_redis.url) as publisher, Redis.from_url(own_redis.url) as redis:
        await publisher.publish_many(channel, [event(0), event(1)])
        await redis.flushall()
        await publisher.publish(channel, event(2))
    assert [number for _, number in await history(own_redis.url, channel)] == [2]


async def test_keys_and_channels_keep_the_order_given(redis_url: str, channel: str) -> None:
    other = f"{channel}-other"
    async with Publisher(redis_url) as publisher:
        published = await asyncio.gather(
            *(
                publisher.publish(
                    other if number % 3 == 0 else channel,
                    event(number),
                    key=f"k{number}" if number % 5 == 0 else None,
                )
                for number in range(60)
            )
        )
    for name, wanted in (
        (other, [n for n in range(60) if n % 3 == 0]),
        (channel, [n for n in range(60) if n % 3]),
    ):
        kept = await history(redis_url, name)
        assert kept == [(published[number].cursor, number) for number in wanted]


IMPOSTOR = f"""#!lua name=hsi_realtime_v2
redis.register_function('{FUNCTION}', function() return {{1, 0, '1-1'}} end)"""


async def test_a_function_that_something_else_has_replaced_acknowledges_nothing_twice(
    own_redis: RedisServer, channel: str
) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        await redis.function_load(IMPOSTOR)
        async with Publisher(own_redis.url) as publisher:
            await publisher.publish(channel, EVENT)  # Nobody can tell yet.
            for key in (None, "a"):
                with pytest.raises(PublishError, match="cannot be true"):
                    await publisher.publish(channel, EVENT, key=key)
            await redis.function_load(IMPOSTOR.replace(FUNCTION, "other"), replace=True)
            assert await publisher.publish(channel, EVENT)
    assert len(await history(own_redis.url, channel)) == 1


async def test_what_somebody_else_wrote_about_a_sender_is_no_acknowledgement(
    redis_url: str, channel: str
) -> None:
    async with Publisher(redis_url) as publisher, Redis.from_url(redis_url) as redis:
        await publisher.publish(channel, event(0))
        known: set[Any] = set()
        for number, state in enumerate(("999 5-1 1", "9 9-9 9"), start=1):
            (key,) = {*await redis.keys(channels.sender(channel, "*"))} - known
            known.add(key)
            await redis.set(key, state)
            await publisher.publish(channel, event(number))
    assert [number for _, number in await history(redis_url, channel)] == [0, 1, 2]


async def test_what_redis_has_of_a_named_sender_is_not_published_again_whoever_asks(
    redis_url: str, channel: str
) -> None:
    messages = [event(number) for number in range(250)]
    async with Publisher(redis_url) as publisher, Publisher(redis_url) as other:
        first = await publisher.publish_many(channel, messages[:3], sender="batch-7")
        assert [isinstance(one, Repeated) for one in first] == [False] * 3
        await other.publish(channel, event(1000))
        assert await other.publish_many(channel, messages[:3], sender="batch-7") == [
            Repeated(one.cursor, 0) for one in first
        ]
        # Of more than one call's messages, Redis knows where those of the last one are.
        more = await publisher.publish_many(channel, messages, sender="large")
        again = await other.publish_many(channel, messages, sender="large")
    assert all(isinstance(one, Repeated) for one in again)
    assert [one.cursor for one in again] == [""] * 200 + [one.cursor for one in more[200:]]
    kept = [number for _, number in await history(redis_url, channel)]
    assert kept == [0, 1, 2, 1000, *range(250)]


async def test_a_named_sender_that_redis_forgot_in_the_middle_is_its_callers_to_begin_again(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Publisher(redis_url) as publisher:
        with monkeypatch.context() as patch:
            patch.setattr(Numbering, "of", one_that_redis_forgot)
            with pytest.raises(PublishError, match="GAP"):
                await publisher.publish_many(channel, [event(1)], sender="batch-7")
        assert await history(redis_url, channel) == []
        [published] = await publisher.publish_many(channel, [event(1)], sender="batch-7")
    assert await history(redis_url, channel) == [(published.cursor, 1)]


def one_that_redis_forgot(name: str) -> Numbering:
    numbering = Numbering()
    numbering.name = name
    numbering.advance(100)
    return numbering


async def test_by_a_script_it_publishes_the_same_without_any_function(
    own_redis: RedisServer, channel: str
) -> None:
    async with (
        Redis.from_url(own_redis.url) as redis,
        Publisher(own_redis.url, by_script=True) as publisher,
    ):
        first = await publisher.publish(channel, event(1), key="k")
        assert await publisher.publish(channel, event(1), key="k") == (first.cursor, 0)
        await redis.script_flush()  # As a Redis that was restarted.
        [second] = await publisher.publish_many(channel, [event(2)])
        assert not await redis.function_list()
    async with Publisher(own_redis.url) as publisher:
        third = await publisher.publish(channel, event(3))
    kept = await history(own_redis.url, channel)
    assert kept == [(first.cursor, 1), (second.cursor, 2), (third.cursor, 3)]
