"""The demo: a home in which mostly nothing happens."""

import asyncio
import contextlib
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from hsi.joblogs import job_state
from hsi.schemas import channels
from hsi.verdict import risk_of
from local.demo import (
    FLAKY,
    INTERVAL,
    DemoHome,
    Look,
    begin_history,
    forget_history,
    run_demo_jobs,
)
from tests.clients import until
from tests.servers import RedisServer

BEGAN = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOURS = 6
LOOKS_PER_HOUR = round(3600 / INTERVAL)


@pytest.fixture(scope="module")
def looks() -> list[Look]:
    home = DemoHome(random.Random(1), BEGAN)
    times = range(HOURS * LOOKS_PER_HOUR)
    return [home.look(BEGAN + timedelta(seconds=number * INTERVAL)) for number in times]


def test_mostly_nothing_happens_and_a_high_risk_comes_about_every_ten_minutes(
    looks: list[Look],
) -> None:
    levels = Counter(look.event.data.risk_level if look.event else None for look in looks)
    assert levels[None] > len(looks) / 2
    assert 4 <= levels["high"] / HOURS <= 8
    assert 10 <= levels["medium"] / HOURS <= 20
    assert levels["low"] > 5 * (levels["medium"] + levels["high"])
    assert levels["critical"] == 0


def test_it_begins_with_something_to_see_and_quietly(looks: list[Look]) -> None:
    first = [look.event.data.risk_level for look in looks[: LOOKS_PER_HOUR // 30] if look.event]
    assert looks[0].event
    assert set(first) == {"low"}


def test_a_camera_that_is_offline_says_nothing_meanwhile_and_others_do(looks: list[Look]) -> None:
    away = [look for look in looks if FLAKY not in look.online]
    assert 0 < len(away) < len(looks) / 4
    assert any(look.event for look in away)
    assert all(look.event.data.camera_id in look.online for look in looks if look.event)
    assert any(look.event.data.camera_id == FLAKY for look in looks if look.event)


def test_each_event_has_a_number_of_its_own_and_says_of_itself_what_is_so(
    looks: list[Look],
) -> None:
    events = [look.event.data for look in looks if look.event]
    assert len({event.event_id for event in events}) == len(events)
    for event in events:
        assert event.id == event.event_id
        assert event.batch_id == f"demo-{event.event_id}"
        assert event.summary.startswith("[demo] ")
        assert risk_of({"risk_score": event.risk_score}).level == event.risk_level
        assert isinstance(event.ended_at, datetime)
        assert event.started_at < event.ended_at


def test_a_demo_that_is_started_again_uses_no_number_again(looks: list[Look]) -> None:
    last = max(look.event.data.event_id for look in looks if look.event)
    began = BEGAN + timedelta(hours=HOURS)
    first = DemoHome(random.Random(1), began).look(began).event
    assert first
    assert first.data.event_id > last


async def test_a_demo_that_ends_ends_its_job(own_redis: RedisServer) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        demo = asyncio.create_task(run_demo_jobs(own_redis.url))

        async def states() -> list[str | None]:
            ids: Any = await redis.zrange(channels.JOBS, 0, -1)
            values = [await redis.get(channels.job(one.decode())) for one in ids]
            return [job_state.parse(value).status for value in values]

        async def runs() -> bool:
            return await states() == ["running"]

        await until(runs)
        demo.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await demo
        assert await states() == ["cancelled"]


async def test_what_the_demo_says_is_known_is_not_known_of_another_home(
    redis_url: str, channel: str
) -> None:
    """Of the hour before the demo nobody knows what happened in a home that is made up."""
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        began = datetime.now(UTC).timestamp() * 1000
        begin_history(redis_url, channel)
        begin_history(redis_url, channel)  # It is started again.
        assert int(await redis.get(channels.since(channel)) or 0) < began - 3_000_000
        forget_history(redis_url, channel)
        assert began - 60_000 < int(await redis.get(channels.since(channel)) or 0)
        await redis.set(channels.since(channel), "5")  # The services' own.
        begin_history(redis_url, channel)
        forget_history(redis_url, channel)
        assert await redis.get(channels.since(channel)) == "5"
        assert not await redis.keys(f"demo:*{channel}*")
