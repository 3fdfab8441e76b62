"""What the leader says to other replicas' clients, and leaves to the next leader."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from hsi.schemas import channels
from hsi.tasks import cancel_and_wait
from hsi_service.bus.leader_script import NotLeadingError
from hsi_service.bus.lease import Lease
from services.system.changes import Change, Left
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


def left(health: bytes, changes: bytes | None = None) -> Left:
    return Left(health=health, cameras=None, changes=changes)


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
            await publication.publish(lease.next_turn(1), [b"first"], left=left(b"1"))
            proxy.stall("hsi-system-publisher")
            with pytest.raises(NoAnswerError):
                await publication.publish(lease.next_turn(2), [b"held", b"change"], left=left(b"2"))
            await publication.publish(lease.next_turn(3), [b"newer"], left=left(b"3"))
            proxy.go_on()
            await proxy.passed_on()
            assert (await publication.left()).health == b"3"
            await publication.publish(lease.next_turn(4), [b"last"], left=left(b"4"))

            async def all_came() -> bool:
                return b"last" in heard

            await until(all_came)
            assert heard == [b"first", b"newer", b"last"]


async def test_what_the_last_leader_held_is_not_published_beside_the_next_ones(
    own_redis: RedisServer,
) -> None:
    with StallingProxy(own_redis.url) as proxy:
        async with leading(own_redis.url, proxy.url) as (lease, publication):
            await publication.publish(lease.next_turn(), [b"first"], left=left(b"1"))
            proxy.stall("hsi-system-publisher")
            with pytest.raises(NoAnswerError):
                await publication.publish(lease.next_turn(), [b"held"], left=left(b"2"))
            await lease.give_up()
            async with leading(own_redis.url, own_redis.url) as (next_lease, of_next):
                assert (await of_next.left()).health == b"1"
                proxy.go_on()
                await proxy.passed_on()
                assert (await of_next.left()).health == b"1"
                await of_next.publish(next_lease.next_turn(), [b"next"], left=left(b"3"))


async def test_a_slot_is_published_once(own_redis: RedisServer) -> None:
    async with leading(own_redis.url, own_redis.url) as (lease, publication):
        await publication.publish(lease.next_turn(7), [b"seven"], left=left(b"1"))
        with pytest.raises(NotLeadingError, match="has served this slot"):
            await publication.publish(lease.next_turn(7), [b"again"], left=left(b"2"))
        assert (await publication.left()).health == b"1"


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


async def told_in(redis_url: str) -> list[str]:
    """Return what stands in the history of changes."""
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        entries: Any = await redis.xrange(channels.history(channels.SYSTEM_STATUS))
    return [fields["m"] for _, fields in entries]


async def test_changes_are_told_with_history_in_order_and_each_once(own_redis: RedisServer) -> None:
    changes = [Change(f"key{number}", text(number)) for number in range(3)]
    async with (
        leading(own_redis.url, own_redis.url) as (_, publication),
        listening(own_redis.url) as heard,
    ):
        await publication.tell(changes[:2])  # and Redis did not have the function
        await publication.tell(changes)

        async def all_came() -> bool:
            return len(heard) == 3

        await until(all_came)
    assert await told_in(own_redis.url) == [change.message for change in changes]
    assert [json.loads(message)["data"]["n"] for message in heard] == [0, 1, 2]
    assert all(message.startswith(b'{"cursor":"') for message in heard)


def text(number: int) -> str:
    return json.dumps({"type": "service_status", "data": {"n": number}})


async def test_what_a_stalled_connection_held_of_changes_is_told_once_and_not_after_newer_ones(
    own_redis: RedisServer,
) -> None:
    changes = [Change(f"key{number}", text(number)) for number in range(2)]
    with StallingProxy(own_redis.url) as proxy:
        async with leading(own_redis.url, proxy.url) as (lease, publication):
            await publication.publish(lease.next_turn(), [b"first"], left=left(b"1"))
            proxy.stall("hsi-system-publisher")
            with pytest.raises(NoAnswerError):
                await publication.tell(changes[:1])
            await lease.give_up()
            async with leading(own_redis.url, own_redis.url) as (_, of_next):
                await of_next.tell(changes[:1])
                await of_next.tell(changes[1:])
                proxy.go_on()
                await proxy.passed_on()
    assert await told_in(own_redis.url) == [change.message for change in changes]


async def test_keys_of_another_type_are_nothing_and_are_replaced(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        leading(own_redis.url, own_redis.url) as (lease, publication),
        Redis.from_url(own_redis.url) as redis,
    ):
        await redis.rpush(channels.SYSTEM_CHANGES, "a list")
        await redis.set(channels.CAMERAS, "a text")
        assert await publication.left() == Left(health=None, cameras=b"a text", changes=None)
        await publication.publish(lease.next_turn(), [], left=left(b"1", b"[]"))
        assert await publication.left() == Left(health=b"1", cameras=b"a text", changes=b"[]")
    assert channels.SYSTEM_CHANGES in caplog.text


async def test_a_user_of_redis_without_the_new_rights_tells_changes_live_and_says_so(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        before = "ACL SETUSER before on nopass ~* &* +@all -fcall"
        await redis.execute_command(*before.split())  # type: ignore[no-untyped-call]
    url = own_redis.url.replace("redis://", "redis://before:any@")
    publication = Publication(url, Lease(url, "x", duration=60), timeout=TIMEOUT)
    async with listening(own_redis.url) as heard:
        await publication.tell([Change("key", text(7))])

        async def came() -> bool:
            return heard == [text(7).encode()]

        await until(came)
    await publication.aclose()
    assert "users.acl" in caplog.text
    assert await told_in(own_redis.url) == []
