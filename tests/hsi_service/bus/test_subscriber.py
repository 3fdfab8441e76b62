"""The subscriber and the publisher, against a real Redis."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from hsi.tasks import cancel_and_wait
from hsi_service.bus.subscriber import BusState, Subscriber
from local.processes import free_port
from tests.clients import publish, until
from tests.servers import RedisServer


class Ear:
    """A listener."""

    def __init__(self, hear: Callable[[bytes], None] = lambda _: None) -> None:
        self.hear = hear

    def subscribed(self) -> None:
        pass


@contextlib.asynccontextmanager
async def running(redis_url: str) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(redis_url, name="test", on_outage=lambda: None)
    async with kept_running(subscriber):
        yield subscriber


@contextlib.asynccontextmanager
async def kept_running(subscriber: Subscriber) -> AsyncIterator[None]:
    task = asyncio.create_task(subscriber.run())
    try:
        yield
    finally:
        await cancel_and_wait(task)


async def test_a_thousand_channels_share_one_connection(redis_url: str, channel: str) -> None:
    heard: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
    async with running(redis_url) as subscriber, Redis.from_url(redis_url) as redis:
        before = len(await redis.client_list(_type="pubsub"))

        def listener(number: int) -> Ear:
            return Ear(lambda payload: heard.put_nowait((number, payload)))

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
        keep = subscriber.subscribe(f"{channel}:other", Ear(heard.append))
        for _ in range(50):
            subscription = subscriber.subscribe(channel, Ear(heard.append))
            await asyncio.sleep(0)
            subscription.close()
            subscription = subscriber.subscribe(channel, Ear(heard.append))
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
        subscriber.subscribe(channel, Ear(fail))
        subscription = subscriber.subscribe(channel, Ear(heard.append))
        assert await subscription.established(5)
        await publish(redis_url, channel, b"1", b"2", b"3")
        await until(lambda: is_true(heard == [b"1", b"2", b"3"]))
    assert caplog.text.count("a listener failed") == 1


async def test_waiting_for_a_subscription_ends_in_time_without_redis(channel: str) -> None:
    async with running(f"redis://127.0.0.1:{free_port()}/0") as subscriber:
        subscription = subscriber.subscribe(channel, Ear())
        assert not await subscription.established(0.2)
        assert subscriber.state is BusState.CONNECTING
        assert subscriber.outages > 0


async def test_a_stray_cancellation_does_not_make_it_deaf(redis_url: str, channel: str) -> None:
    """Timeouts of some Pythons leave one behind; it must end a connection, not the trying."""
    heard: list[bytes] = []
    async with running(redis_url) as subscriber:
        subscription = subscriber.subscribe(channel, Ear(heard.append))
        for _ in range(3):
            assert await subscription.established(5)
            for task in asyncio.all_tasks():
                if "_listen" in repr(task.get_coro()):
                    task.cancel()
            await until(lambda: is_true(subscriber.state is BusState.CONNECTING))
        assert await subscription.established(5)
        await publish(redis_url, channel, b"x")
        await until(lambda: is_true(heard == [b"x"]))


async def test_each_reason_why_redis_is_not_heard_is_logged_once_and_told(
    own_redis: RedisServer, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(own_redis.url) as subscriber, Redis.from_url(own_redis.url) as redis:
        subscription = subscriber.subscribe(channel, Ear())
        assert await subscription.established(5)
        assert subscriber.trouble is None
        await redis.acl_setuser("default", enabled=True, commands=["-subscribe"])
        await redis.client_kill_filter(_type="pubsub")
        await until(lambda: is_true("still no subscription to Redis" in caplog.text))
        assert "NoPermissionError" in str(subscriber.trouble)
        outages = subscriber.outages
        await until(lambda: is_true(subscriber.outages > outages + 2))
        await redis.acl_setuser("default", enabled=True, commands=["+subscribe"])
        assert await subscription.established(10)
        assert subscriber.trouble is None
    assert caplog.text.count("lost the subscription to Redis") == 1
    assert caplog.text.count("still no subscription to Redis") == 1
