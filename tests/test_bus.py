"""The subscriber and the publisher, against a real Redis."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from local.processes import free_port
from shared.bus import BusState, Publisher, PublishError, Subscriber
from shared.intake import InvalidMessageError
from tests.clients import golden, publish, until
from tests.servers import RedisServer


@contextlib.asynccontextmanager
async def running(redis_url: str) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(redis_url, name="test", on_outage=lambda: None)
    task = asyncio.create_task(subscriber.run())
    try:
        yield subscriber
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_thousand_channels_share_one_connection(redis_url: str, channel: str) -> None:
    heard: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
    async with running(redis_url) as subscriber, Redis.from_url(redis_url) as redis:
        before = len(await redis.client_list(_type="pubsub"))

        def listener(number: int) -> Callable[[bytes], None]:
            return lambda payload: heard.put_nowait((number, payload))

        subscriptions = [
            subscriber.subscribe(f"{channel}:{number}", listener(number)) for number in range(1000)
        ]
        for subscription in subscriptions:
            assert await subscription.established(10)
        assert len(await redis.client_list(_type="pubsub")) == before + 1
        await redis.publish(f"{channel}:0", b"first")
        await redis.publish(f"{channel}:999", b"last")
        assert [await heard.get(), await heard.get()] == [(0, b"first"), (999, b"last")]


async def test_a_channel_left_and_joined_again_at_once_is_heard(
    redis_url: str, channel: str
) -> None:
    heard: list[bytes] = []
    async with running(redis_url) as subscriber:
        keep = subscriber.subscribe(f"{channel}:other", heard.append)
        for _ in range(50):
            subscription = subscriber.subscribe(channel, heard.append)
            await asyncio.sleep(0)
            subscription.close()
            subscription = subscriber.subscribe(channel, heard.append)
            assert await subscription.established(5)
            heard.clear()
            await publish(redis_url, channel, b"x")
            await until(lambda: is_true(heard == [b"x"]))
            subscription.close()
        keep.close()
        await until(lambda: is_true(subscriber.state is BusState.IDLE))


async def is_true(value: bool) -> bool:
    return value


async def test_a_listener_that_fails_does_not_stop_the_others(
    redis_url: str, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[bytes] = []

    def fail(_: bytes) -> None:
        raise ZeroDivisionError

    async with running(redis_url) as subscriber:
        subscriber.subscribe(channel, fail)
        subscription = subscriber.subscribe(channel, heard.append)
        assert await subscription.established(5)
        await publish(redis_url, channel, b"1", b"2", b"3")
        await until(lambda: is_true(heard == [b"1", b"2", b"3"]))
    assert caplog.text.count("a listener failed") == 1


async def test_waiting_for_a_subscription_ends_in_time_without_redis(channel: str) -> None:
    async with running(f"redis://127.0.0.1:{free_port()}/0") as subscriber:
        subscription = subscriber.subscribe(channel, lambda _: None)
        assert not await subscription.established(0.2)
        assert subscriber.state is BusState.CONNECTING
        assert subscriber.outages > 0


async def test_a_stray_cancellation_does_not_make_it_deaf(redis_url: str, channel: str) -> None:
    """Timeouts of some Pythons leave one behind; it must end a connection, not the trying."""
    heard: list[bytes] = []
    async with running(redis_url) as subscriber:
        subscription = subscriber.subscribe(channel, heard.append)
        for _ in range(3):
            assert await subscription.established(5)
            for task in asyncio.all_tasks():
                if "_listen" in repr(task.get_coro()):
                    task.cancel()
            await until(lambda: is_true(subscriber.state is BusState.CONNECTING))
        assert await subscription.established(5)
        await publish(redis_url, channel, b"x")
        await until(lambda: is_true(heard == [b"x"]))


async def test_the_publisher_says_how_many_heard(redis_url: str, channel: str) -> None:
    async with running(redis_url) as subscriber, Publisher(redis_url) as publisher:
        assert await publisher.publish(channel, golden("event")) == 0
        assert await subscriber.subscribe(channel, lambda _: None).established(5)
        assert await publisher.publish(channel, golden("event")) == 1


async def test_the_publisher_refuses_what_breaks_its_schema(redis_url: str, channel: str) -> None:
    heard: list[bytes] = []
    async with running(redis_url) as subscriber, Publisher(redis_url) as publisher:
        assert await subscriber.subscribe(channel, heard.append).established(5)
        with pytest.raises(InvalidMessageError, match="risk_score"):
            await publisher.publish(channel, golden("event").replace(b"75", b'"high"'))
        await publisher.publish(channel, golden("event"))
        await until(lambda: is_true(bool(heard)))
    assert heard == [golden("event")]


async def test_the_publisher_says_when_redis_did_not_answer(
    own_redis: RedisServer, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.bus.publisher.TIMEOUT", 0.3)
    async with Publisher(own_redis.url) as publisher:
        await publisher.publish(channel, golden("event"))
        own_redis.freeze()
        with pytest.raises(PublishError, match=channel):
            await publisher.publish(channel, golden("event"))
        own_redis.thaw()
        await publisher.publish(channel, golden("event"))
        own_redis.kill()
        with pytest.raises(PublishError, match=channel):
            await publisher.publish(channel, golden("event"))
        own_redis.start()
        await publisher.publish(channel, golden("event"))
