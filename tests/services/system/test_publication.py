"""What the leader says to other replicas' clients, and leaves to the next leader."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from hsi.schemas import channels
from hsi.tasks import cancel_and_wait
from hsi_service.bus.leader_script import NotLeadingError
from hsi_service.bus.lease import Lease
from services.system.publication import NoAnswerError, Publication
from tests.clients import until
from tests.servers import RedisServer, as_user
from tests.stalling import StallingProxy

TIMEOUT = 0.3


@contextlib.asynccontextmanager
async def leading(redis_url: str, through: str) -> AsyncIterator[tuple[Lease, Publication]]:
    """Lead, and publish through another address."""
    lease = Lease(as_user("system", redis_url), "system", duration=60)
    publication = Publication(as_user("system", through), lease, timeout=TIMEOUT)
    asking = asyncio.create_task(lease.run())

    async def leads() -> bool:
        return lease.held

    try:
        await until(leads)
        yield lease, publication
    finally:
        await cancel_and_wait(asking)
        await lease.give_up()
        await publication.aclose()


@contextlib.asynccontextmanager
async def listening(redis_url: str) -> AsyncIterator[list[bytes]]:
    """Note what is published."""
    heard: list[bytes] = []

    async def listen() -> None:
        async for message in pubsub.listen():
            heard.append(message["data"])  # noqa: PERF401 (it is cancelled in between)

    async with (
        Redis.from_url(redis_url) as redis,
        redis.pubsub(ignore_subscribe_messages=True) as pubsub,
    ):
        await pubsub.subscribe(channels.SYSTEM_STATUS)
        task = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            await cancel_and_wait(task)


async def test_what_a_stalled_connection_held_is_neither_published_nor_left_to_the_next_leader(
    own_redis: RedisServer,
) -> None:
    with StallingProxy(own_redis.url) as proxy:
        async with (
            leading(own_redis.url, proxy.url) as (lease, publication),
            listening(own_redis.url) as heard,
        ):
            await publication.publish(lease.next_turn(1), [b"first"], health=b"1")
            proxy.stall("hsi-system-publisher")
            with pytest.raises(NoAnswerError):
                await publication.publish(lease.next_turn(2), [b"held", b"change"], health=b"2")
            await publication.publish(lease.next_turn(3), [b"newer"], health=b"3")
            proxy.go_on()
            await proxy.passed_on()
            assert await publication.health() == b"3"
            await publication.publish(lease.next_turn(4), [b"last"], health=b"4")

            async def all_came() -> bool:
                return b"last" in heard

            await until(all_came)
            assert heard == [b"first", b"newer", b"last"]


async def test_what_the_last_leader_held_is_not_published_beside_the_next_ones(
    own_redis: RedisServer,
) -> None:
    with StallingProxy(own_redis.url) as proxy:
        async with leading(own_redis.url, proxy.url) as (lease, publication):
            await publication.publish(lease.next_turn(), [b"first"], health=b"1")
            proxy.stall("hsi-system-publisher")
            with pytest.raises(NoAnswerError):
                await publication.publish(lease.next_turn(), [b"held"], health=b"2")
            await lease.give_up()
            async with leading(own_redis.url, own_redis.url) as (next_lease, of_next):
                assert await of_next.health() == b"1"
                proxy.go_on()
                await proxy.passed_on()
                assert await of_next.health() == b"1"
                await of_next.publish(next_lease.next_turn(), [b"next"], health=b"3")


async def test_a_slot_is_published_once(own_redis: RedisServer) -> None:
    async with leading(own_redis.url, own_redis.url) as (lease, publication):
        await publication.publish(lease.next_turn(7), [b"seven"], health=b"1")
        with pytest.raises(NotLeadingError, match="has served this slot"):
            await publication.publish(lease.next_turn(7), [b"again"], health=b"2")
        assert await publication.health() == b"1"


async def test_somebody_listens_while_somebody_does(own_redis: RedisServer) -> None:
    async with leading(own_redis.url, own_redis.url) as (_, publication):
        assert not await publication.somebody_listens()
        async with listening(own_redis.url):
            assert await publication.somebody_listens()
    own_redis.stop()
    publication = Publication(own_redis.url, Lease(own_redis.url, "x", duration=60), timeout=0.3)
    with pytest.raises(NoAnswerError):
        await publication.somebody_listens()
    await publication.aclose()
