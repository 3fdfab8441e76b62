"""What a leader does in Redis: never older after newer, whatever stalls, and nobody is muted."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from hsi.redis_client import async_client
from hsi.schemas import channels
from hsi.tasks import cancel_and_wait
from hsi_service.bus.leader_script import LeaderScript, NotLeadingError
from hsi_service.bus.lease import Lease, Turn
from tests.clients import until
from tests.servers import RedisServer
from tests.stalling import StallingProxy

_NOTE = "return redis.call('RPUSH', KEYS[3], ARGV[5])"


class Notes:
    """What a leader wrote, in the order in which Redis did it."""

    def __init__(self, redis: Redis, writer: Redis, lease: Lease) -> None:
        self._redis = redis
        self._key = f"notes:{lease.name}"
        self._script = LeaderScript(writer, lease, _NOTE)

    async def write(self, turn: Turn, text: str) -> int:
        return await self._script.run(turn, keys=[self._key], arguments=[text])

    async def written(self) -> list[str]:
        notes: Any = await self._redis.lrange(self._key, 0, -1)
        return [note.decode() for note in notes]


@contextlib.asynccontextmanager
async def leading(redis_url: str, *, duration: float = 60) -> AsyncIterator[Lease]:
    """Lead; the lease is asked for four times in its duration."""
    async with asking(Lease(redis_url, f"test-{uuid.uuid4().hex}", duration=duration)) as lease:
        yield lease


@contextlib.asynccontextmanager
async def asking(lease: Lease) -> AsyncIterator[Lease]:
    task = asyncio.create_task(lease.run())
    try:
        await leads(lease)
        yield lease
    finally:
        await cancel_and_wait(task)
        await lease.give_up()


async def leads(lease: Lease) -> None:
    async def holds() -> bool:
        return lease.held

    await until(holds)


async def test_what_a_stalled_connection_held_is_refused_after_something_newer(
    redis_url: str,
) -> None:
    with StallingProxy(redis_url) as proxy:
        async with (
            leading(redis_url) as lease,
            Redis.from_url(redis_url) as redis,
            async_client(proxy.url, name="writer", timeout=0.3) as writer,
        ):
            notes = Notes(redis, writer, lease)
            await notes.write(lease.next_turn(), "one")
            proxy.stall("hsi-writer")
            with pytest.raises((RedisError, OSError)):
                await notes.write(lease.next_turn(), "two")
            await notes.write(lease.next_turn(), "three")  # over another connection
            proxy.go_on()
            await proxy.passed_on()
            await notes.write(lease.next_turn(), "four")
            assert await notes.written() == ["one", "three", "four"]


async def test_a_round_that_is_late_and_not_older_than_another_is_done(redis_url: str) -> None:
    async with leading(redis_url) as lease, Redis.from_url(redis_url) as redis:
        notes = Notes(redis, redis, lease)
        turns = [lease.next_turn() for _ in range(3)]
        assert await notes.write(turns[1], "two") == 1
        for late in turns[:2]:
            with pytest.raises(NotLeadingError):
                await notes.write(late, "late")
        assert await notes.write(turns[2], "three") == 2


async def test_a_term_that_is_over_is_over_for_its_own_holder_too(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis, leading(redis_url, duration=0.4) as lease:
        notes = Notes(redis, redis, lease)
        await notes.write(lease.next_turn(), "one")
        held_back, term = lease.next_turn(), lease.term
        await redis.delete(channels.lease(lease.name))  # as if it had run out

        async def leads_again() -> bool:
            return lease.held and lease.term == term + 1

        await until(leads_again)
        with pytest.raises(NotLeadingError):
            await notes.write(held_back, "an older term's")
        await notes.write(lease.next_turn(), "two")
        assert await notes.written() == ["one", "two"]


async def test_who_does_not_hold_the_lease_is_refused(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis, leading(redis_url) as lease:
        other = Lease(redis_url, lease.name, duration=60)
        other.term = lease.term
        with pytest.raises(NotLeadingError, match="another replica leads"):
            await Notes(redis, redis, other).write(other.next_turn(), "not ours")
        await other.give_up()


async def test_each_change_of_holder_begins_a_new_term(redis_url: str) -> None:
    terms = []
    async with Redis.from_url(redis_url) as redis, leading(redis_url) as first:
        terms.append(first.term)
        await first.give_up()
        for _ in range(2):
            async with asking(Lease(redis_url, first.name, duration=60)) as lease:
                terms.append(lease.term)
                assert await Notes(redis, redis, lease).write(lease.next_turn(), "note")
    assert terms == [1, 2, 3]


async def test_a_wipe_of_redis_mutes_nobody_and_lets_nothing_older_through(
    own_redis: RedisServer,
) -> None:
    async with (
        Redis.from_url(own_redis.url) as redis,
        leading(own_redis.url, duration=0.4) as lease,
    ):
        notes = Notes(redis, redis, lease)
        for wipe in ("FLUSHALL", f"DEL {channels.term(lease.name)}"):
            old = [lease.next_turn() for _ in range(5)]
            await notes.write(old[-1], "before")
            await redis.execute_command(*wipe.split())  # type: ignore[no-untyped-call]

            async def goes_on() -> bool:
                return lease.held and await redis.exists(channels.term(lease.name)) == 1

            await until(goes_on)
            for turn in old:
                for term in (turn.term, lease.term):  # it may have been the first, too
                    with pytest.raises(NotLeadingError):
                        await notes.write(turn._replace(term=term), "older")
            await notes.write(lease.next_turn(), "after")


async def test_a_rollback_of_redis_mutes_neither_who_leads_by_it_nor_who_leads_next(
    redis_url: str,
) -> None:
    async with Redis.from_url(redis_url) as redis, leading(redis_url, duration=0.4) as first:
        lease, term = channels.lease(first.name), channels.term(first.name)
        notes = Notes(redis, redis, first)
        await notes.write(first.next_turn(), "first")
        older = await redis.get(lease), await redis.get(term)
        await notes.write(first.next_turn(), "lost")
        for holder, terms in (("another's", b"7 1000 50"), older):
            await redis.set(lease, holder or "", px=400)
            await redis.set(term, terms or "")
        await leads(first)
        await notes.write(first.next_turn(), "by what came back")
        await first.give_up()
        async with asking(Lease(redis_url, first.name, duration=0.4)) as second:
            await Notes(redis, redis, second).write(second.next_turn(), "and next")
        assert await notes.written() == ["first", "lost", "by what came back", "and next"]


async def test_a_slot_is_served_once_whoever_leads_and_the_next_may_be_an_earlier_one(
    redis_url: str,
) -> None:
    async with Redis.from_url(redis_url) as redis, leading(redis_url) as first:
        notes = Notes(redis, redis, first)
        await notes.write(first.next_turn(slot=7), "seven")
        with pytest.raises(NotLeadingError, match="has served this slot"):
            await notes.write(first.next_turn(slot=7), "seven again")
        await notes.write(first.next_turn(), "for no slot")
        await first.give_up()
        async with asking(Lease(redis_url, first.name, duration=60)) as second:
            notes = Notes(redis, redis, second)
            with pytest.raises(NotLeadingError, match="has served this slot"):
                await notes.write(second.next_turn(slot=7), "seven again")
            # A clock that is set back mutes nobody.
            for slot in (3, -1, 8):
                await notes.write(second.next_turn(slot=slot), str(slot))
            assert await notes.written() == ["seven", "for no slot", "3", "-1", "8"]


@pytest.mark.parametrize(
    "state",
    [
        "{term} 99999999999999999999 ",
        "{term} 999999999999999 7",
        "{term} 4 ",
        "99999999999999999999 0 ",
        "99999999999999 0 7",
        "{term} 0 99999999999999999999",
        "{term} 1e3 ",
        "7",
    ],
)
async def test_nothing_that_stands_in_its_term_mutes_a_leader(redis_url: str, state: str) -> None:
    async with leading(redis_url, duration=0.8) as lease, Redis.from_url(redis_url) as redis:
        script = LeaderScript(redis, lease, "return 1")
        assert await script.run(lease.next_turn(), keys=[], arguments=[]) == 1
        await redis.set(channels.term(lease.name), state.format(term=lease.term))

        async def acts() -> bool:
            with contextlib.suppress(NotLeadingError):
                return await script.run(lease.next_turn(), keys=[], arguments=[]) == 1
            return False

        await until(acts, within=10)
        assert await acts()
