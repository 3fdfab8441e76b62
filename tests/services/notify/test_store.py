"""What the notify service keeps in Redis: written in one step, and by the one that leads alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from redis.asyncio import Redis

from hsi.schemas import channels
from hsi.tasks import cancel_and_wait
from hsi_service.bus.leader_script import NotLeadingError
from hsi_service.bus.lease import Lease
from services.notify.state import State
from services.notify.store import DEAD, DeadLetter, Store
from tests.clients import until
from tests.servers import as_user
from tests.services.notify.test_messages import message

LETTER = DeadLetter(
    target="phone",
    at=datetime(2026, 1, 15, 13, tzinfo=UTC),
    tries=9,
    reason="HTTP 500",
    message=message(),
)


class Kept(NamedTuple):
    """A store of a replica that leads."""

    store: Store
    lease: Lease
    redis: Redis
    name: str


@pytest.fixture
async def kept(redis_url: str, channel: str) -> AsyncIterator[Kept]:
    url = as_user("notify", redis_url)
    lease = Lease(url, "notify", duration=1)
    store = Store(url, lease, channel=channel)
    asking = asyncio.create_task(lease.run())

    async def is_held() -> bool:
        return lease.held

    await until(is_held)
    async with Redis.from_url(redis_url) as redis:
        await redis.delete(DEAD)  # Other tests' of this Redis.
        yield Kept(store, lease, redis, channel.partition(":")[2])
        await redis.delete(DEAD)
    await cancel_and_wait(asking)
    await lease.give_up()
    await store.aclose()


async def test_state_cursors_and_dead_letter_are_written_in_one_step(kept: Kept) -> None:
    state = State(waiting=[message()])
    await kept.store.save(kept.name, state, {"a": "1-1", "b": "2-2"}, LETTER)
    assert await kept.store.load(kept.name) == state
    assert await kept.redis.get(f"consumer:notify:{kept.name}:a") == b"1-1"
    assert await kept.redis.get(f"consumer:notify:{kept.name}:b") == b"2-2"
    ((_, letter),) = await kept.store.dead_letters(5)
    assert letter == LETTER


async def test_many_writes_at_once_are_all_done(kept: Kept) -> None:
    names = [f"{kept.name}-{number}" for number in range(20)]
    await asyncio.gather(*(kept.store.save(name, State(), {"a": "1-1"}) for name in names))
    assert await kept.redis.exists(*(f"notify:state:{name}" for name in names)) == 20


async def test_who_leads_no_longer_writes_nothing(kept: Kept) -> None:
    await kept.redis.set(channels.lease("notify"), "another", px=60_000)
    with pytest.raises(NotLeadingError):
        await kept.store.save(kept.name, State(), {"a": "1-1"}, LETTER)
    assert not await kept.redis.exists(f"notify:state:{kept.name}", DEAD)
    await kept.redis.delete(channels.lease("notify"))


async def test_what_is_spoilt_counts_as_nothing_and_is_replaced(kept: Kept) -> None:
    key = f"notify:state:{kept.name}"
    await kept.redis.set(key, "{")
    assert await kept.store.load(kept.name) == State()
    await kept.redis.delete(key)
    await kept.redis.rpush(key, "somebody's")
    assert await kept.store.load(kept.name) == State()
    await kept.store.save(kept.name, State(), {})
    assert await kept.redis.get(key) == b"{}"


async def test_a_dead_letter_that_cannot_be_read_hides_no_other(kept: Kept) -> None:
    await kept.redis.xadd(DEAD, {"data": "{"})
    await kept.store.save(kept.name, State(), {}, LETTER)
    assert [letter for _, letter in await kept.store.dead_letters(5)] == [LETTER]


async def test_a_target_that_is_gone_is_forgotten(kept: Kept) -> None:
    await kept.store.save(kept.name, State(), {"a": "1-1"})
    await kept.store.forget(kept.name, ["a", "b"])
    assert not await kept.redis.exists(
        f"notify:state:{kept.name}", f"consumer:notify:{kept.name}:a"
    )


async def test_seen_are_events_of_their_level_and_below(kept: Kept, channel: str) -> None:
    source = json.dumps({"type": "event", "data": {"event_id": 7}}).encode()
    event = message(source=source, level="high")
    mark = {"at": "2026-01-15T12:00:00Z", "by": "", "risk_level": "medium"}
    await kept.redis.hset(channels.seen(channel), "7", json.dumps(mark))
    assert await kept.store.seen([event]) == []
    await kept.redis.hset(channels.seen(channel), "7", json.dumps(mark | {"risk_level": "high"}))
    assert await kept.store.seen([event, message(kind="camera")]) == [event]
    await kept.redis.hset(channels.seen(channel), "7", "{")
    assert await kept.store.seen([event]) == []
