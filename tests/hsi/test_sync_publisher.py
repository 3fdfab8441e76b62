"""Publishing without asyncio: the same promises as with it."""

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis

from hsi.schemas import channels
from hsi.schemas.validation import InvalidMessageError
from hsi.sync_publisher import PublishError, SyncPublisher
from tests.clients import golden
from tests.servers import RedisServer

EVENT = golden("event")


def event(number: int) -> bytes:
    return EVENT.replace(b'"id": 123', b'"id": %d' % number)


def history(redis_url: str, channel: str) -> list[tuple[str, int]]:
    """Return the cursors and the event ids that a channel's history has."""
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        entries: Any = redis.xrange(channels.history(channel))
        return [(entry[0], json.loads(entry[1]["m"])["data"]["id"]) for entry in entries]


def test_a_message_is_kept_and_heard_with_its_cursor(redis_url: str, channel: str) -> None:
    with Redis.from_url(redis_url) as redis, redis.pubsub() as pubsub:
        pubsub.subscribe(channel)
        assert pubsub.get_message(timeout=5)
        with SyncPublisher(redis_url) as publisher:
            published = publisher.publish(channel, EVENT)
        message: Any = pubsub.get_message(timeout=5)
    assert json.loads(message["data"]) == {"cursor": published.cursor} | json.loads(EVENT)
    assert published.receivers == 1
    assert history(redis_url, channel) == [(published.cursor, 123)]


def test_a_repeated_key_is_refused_and_gets_the_first_ones_cursor(
    redis_url: str, channel: str
) -> None:
    with SyncPublisher(redis_url) as publisher:
        first = publisher.publish(channel, event(1), key="batch-7")
        again = publisher.publish(channel, event(1), key="batch-7")
    assert again == (first.cursor, 0)
    assert history(redis_url, channel) == [(first.cursor, 1)]


def test_a_message_that_times_out_against_a_frozen_redis_becomes_one_event(
    own_redis: RedisServer, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen Redis executes every attempt when it thaws; only the first one counts."""
    monkeypatch.setattr("hsi.sync_publisher.TIMEOUT", 0.2)
    with SyncPublisher(own_redis.url) as publisher, ThreadPoolExecutor() as threads:
        publisher.publish(channel, event(0))
        own_redis.freeze()
        publishing = threads.submit(publisher.publish, channel, event(1))
        time.sleep(1.5)  # several attempts
        assert not publishing.done()
        own_redis.thaw()
        published = publishing.result(timeout=30)
    assert history(own_redis.url, channel)[1:] == [(published.cursor, 1)]
    assert published.receivers == 0


def test_a_message_waits_for_a_redis_that_comes_back(own_redis: RedisServer, channel: str) -> None:
    with SyncPublisher(own_redis.url) as publisher, ThreadPoolExecutor() as threads:
        publisher.publish(channel, event(0))
        own_redis.kill()
        publishing = threads.submit(publisher.publish, channel, event(1))
        own_redis.start()
        publishing.result(timeout=30)
    assert [number for _, number in history(own_redis.url, channel)] == [0, 1]


def test_a_redis_that_forgot_the_function_gets_it_again(
    own_redis: RedisServer, channel: str
) -> None:
    with SyncPublisher(own_redis.url) as publisher, Redis.from_url(own_redis.url) as redis:
        publisher.publish(channel, event(0))
        redis.function_flush()
        publisher.publish(channel, event(1))
    assert [number for _, number in history(own_redis.url, channel)] == [0, 1]


def test_a_redis_that_refuses_the_function_is_the_error(
    own_redis: RedisServer, channel: str
) -> None:
    with Redis.from_url(own_redis.url) as redis:
        redis.acl_setuser(
            "limited", enabled=True, nopass=True, commands=["+@all", "-function"], keys=["*"]
        )
    url = own_redis.url.replace("://", "://limited:x@")
    with (
        SyncPublisher(url, patience=0.1) as publisher,
        pytest.raises(PublishError, match="no permissions"),
    ):
        publisher.publish(channel, EVENT)


def test_threads_share_a_publisher_and_each_keeps_its_order(redis_url: str, channel: str) -> None:
    def work(first: int) -> None:
        for number in range(first, first + 50):
            publisher.publish(channel, event(number))

    with SyncPublisher(redis_url) as publisher, ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(0, 400, 50)))
    numbers = [number for _, number in history(redis_url, channel)]
    assert sorted(numbers) == list(range(400))
    for first in range(0, 400, 50):
        mine = [number for number in numbers if first <= number < first + 50]
        assert mine == sorted(mine)


def test_many_are_accepted_in_order_and_each_has_its_cursor(redis_url: str, channel: str) -> None:
    with SyncPublisher(redis_url) as publisher:
        published = publisher.publish_many(channel, [event(number) for number in range(250)])
        published.append(publisher.publish(channel, event(250)))
        assert publisher.publish_many(channel, []) == []
        with pytest.raises(InvalidMessageError):
            publisher.publish_many(channel, [event(251), b"[]"])
    kept = history(redis_url, channel)
    assert kept == [(one.cursor, number) for number, one in enumerate(published)]


def test_a_message_that_was_given_up_stops_nothing_and_is_not_repeated(
    own_redis: RedisServer, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hsi.sync_publisher.TIMEOUT", 0.2)
    with SyncPublisher(own_redis.url, patience=0.5) as publisher:
        publisher.publish(channel, event(0))
        own_redis.freeze()
        with pytest.raises(PublishError):
            publisher.publish(channel, event(1))
        own_redis.thaw()  # and what it was sent is executed
        publisher.publish_many(channel, [event(2), event(3)])
        with Redis.from_url(own_redis.url) as redis:
            redis.flushall()
        publisher.publish(channel, event(4))
    assert [number for _, number in history(own_redis.url, channel)] == [4]


def test_a_child_process_publishes_too(redis_url: str, channel: str) -> None:
    with SyncPublisher(redis_url) as publisher:
        publisher.publish(channel, event(0))
        if (child := os.fork()) == 0:
            try:
                publisher.publish(channel, event(1))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        publisher.publish(channel, event(2))
    assert [number for _, number in history(redis_url, channel)] == [0, 1, 2]


def test_when_patience_ends_it_raises(own_redis: RedisServer, channel: str) -> None:
    own_redis.kill()
    with SyncPublisher(own_redis.url, patience=0.5) as publisher:
        began = time.monotonic()
        with pytest.raises(PublishError, match=f"not acknowledged on {channel}"):
            publisher.publish(channel, EVENT)
        assert time.monotonic() - began >= 0.5


def test_closing_ends_the_waiting_of_other_threads(own_redis: RedisServer, channel: str) -> None:
    own_redis.kill()
    publisher = SyncPublisher(own_redis.url)
    failures: list[str] = []

    def publish() -> None:
        with pytest.raises(PublishError) as caught:
            publisher.publish(channel, EVENT)
        failures.append(str(caught.value))

    threads = [threading.Thread(target=publish) for _ in range(3)]
    for thread in threads:
        thread.start()
    publisher.close()
    for thread in threads:
        thread.join(10)
    assert failures == [f"not acknowledged on {channel}: the publisher was closed"] * 3
    for publish_again in (publisher.publish, publisher.publish_live):
        with pytest.raises(PublishError, match="was closed"):
            publish_again(channel, EVENT)


def test_closing_leaves_no_connection_behind(own_redis: RedisServer, channel: str) -> None:
    publisher = SyncPublisher(own_redis.url)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: publisher.publish(channel, event(number)), range(20)))
    publisher.close()
    with Redis.from_url(own_redis.url) as redis:
        deadline = time.monotonic() + 10
        while any(client["name"] == "hsi-publisher" for client in redis.client_list()):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_message_that_breaks_its_schema_is_not_sent(redis_url: str, channel: str) -> None:
    broken = EVENT.replace(b"75", b'"high"')
    with SyncPublisher(redis_url) as publisher:
        with pytest.raises(InvalidMessageError, match="risk_score"):
            publisher.publish(channel, broken)
        with pytest.raises(InvalidMessageError, match="risk_score"):
            publisher.publish_live(channel, broken)
    assert history(redis_url, channel) == []


def test_live_is_not_kept_and_not_tried_again(own_redis: RedisServer, channel: str) -> None:
    with SyncPublisher(own_redis.url) as publisher:
        assert publisher.publish_live(channel, EVENT) == 0
        assert history(own_redis.url, channel) == []
        own_redis.kill()
        with pytest.raises(PublishError, match=f"not published to {channel}"):
            publisher.publish_live(channel, EVENT)
