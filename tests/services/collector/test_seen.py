"""Who has seen an alert: told to all pages, kept in Redis, bounded, and taken back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from hsi.redis_client import async_client
from hsi.schemas import RaisedAlert, channels
from hsi.schemas.performance import AlertSeen
from services.collector.reads import Reads
from services.collector.seen import MAX_MARKS, SeenAlerts, with_marks
from tests.clients import golden
from tests.redis_data import TYPES, spoil_async
from tests.servers import RedisServer, as_user

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def seen_of(redis_url: str) -> tuple[SeenAlerts, Redis]:
    redis = async_client(as_user("collector", redis_url), name="test", timeout=5)
    return SeenAlerts(redis, Reads(redis)), redis


def by(name: str, seconds: float = 0) -> AlertSeen:
    return AlertSeen(at=NOW + timedelta(seconds=seconds), by=name)


async def test_the_first_mark_stays_until_it_is_taken_back_and_the_oldest_make_room(
    own_redis: RedisServer,
) -> None:
    seen, redis = seen_of(own_redis.url)
    assert await seen.mark("a", by("mother")) == by("mother")
    assert await seen.mark("a", by("father", 5)) == by("mother")
    await seen.unmark("a")
    assert await seen.marks() == {}
    old: dict[Any, Any] = {f"old-{n}": msgspec.json.encode(by("x", n)) for n in range(MAX_MARKS)}
    async with Redis.from_url(own_redis.url) as admin:
        await admin.hset(channels.ALERTS_SEEN, mapping=old)
    await seen.mark("new", by("mother", MAX_MARKS))
    marks = await seen.marks()
    assert len(marks) == MAX_MARKS
    assert "new" in marks
    assert "old-0" not in marks
    await redis.aclose()


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00", "9999-12-31T23:59:59-12:00", "2026-01-01T00:00:00"]
)
async def test_a_mark_of_an_odd_time_costs_no_other_its_place(
    own_redis: RedisServer, at: str
) -> None:
    seen, redis = seen_of(own_redis.url)
    async with Redis.from_url(own_redis.url) as admin:
        await admin.hset(channels.ALERTS_SEEN, "odd", f'{{"at":"{at}","by":"x"}}')
    assert await seen.mark("a", by("mother")) == by("mother")
    assert set(await seen.marks()) == {"odd", "a"}
    await redis.aclose()


@pytest.mark.parametrize("kind", sorted(set(TYPES) - {"hash"}))
async def test_marks_that_hold_something_else_are_none_and_replaced(
    own_redis: RedisServer, kind: str
) -> None:
    seen, redis = seen_of(own_redis.url)
    async with Redis.from_url(own_redis.url) as admin:
        await spoil_async(admin, channels.ALERTS_SEEN, kind)
    assert await seen.marks() == {}
    await seen.mark("a", by("mother"))
    assert await seen.marks() == {"a": by("mother")}
    await redis.aclose()


def test_an_alert_says_who_has_seen_it() -> None:
    alert = msgspec.json.decode(golden("alert"), type=RaisedAlert).data
    (marked,) = with_marks([alert], {alert.id: by("mother")})
    assert marked.seen == by("mother")
    assert with_marks([alert], {}) == [alert]
