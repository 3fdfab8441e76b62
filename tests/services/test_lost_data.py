"""What is promised of jobs, figures and leases when Redis restarts, is rolled back, or is wiped."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from hsi.joblogs import JobLogEmitter
from hsi.schemas import channels
from services.joblogs import jobs
from tests.clients import until
from tests.hsi.joblogs.test_emitter import PATIENCE
from tests.redis_data import RedisToRollBack
from tests.services.running import Running, running

pytestmark = pytest.mark.faults

BACK = 10.0
"""Seconds until everything goes on once Redis is back."""
EVENTS: dict[str, Callable[[RedisToRollBack], None]] = {
    "restarted": RedisToRollBack.restart,
    "rolled back": RedisToRollBack.roll_back,
    "wiped": RedisToRollBack.wipe,
}
"""What happens to Redis."""


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisToRollBack]:
    with RedisToRollBack(tmp_path) as server:
        yield server


async def ids(redis_url: str) -> list[str]:
    """Return the ids of the rounds that are kept; none while Redis is away."""
    with contextlib.suppress(RedisError, OSError):
        async with Redis.from_url(redis_url) as redis:
            found: Any = await redis.xrange(channels.PERFORMANCE_HISTORY)
            return [entry_id.decode() for entry_id, _ in found]
    return []


@pytest.mark.parametrize("event", EVENTS)
async def test_figures_go_on_after_what_redis_has_kept(
    redis_server: RedisToRollBack, event: str
) -> None:
    url = redis_server.url
    async with running("collector", url) as collector:
        copied = await at_least(2, url)
        redis_server.take_copy()
        later = await at_least(len(copied) + 2, url)
        await asyncio.to_thread(EVENTS[event], redis_server)
        kept = {"restarted": later, "rolled back": copied, "wiped": []}[event]

        async def goes_on() -> bool:
            found = await ids(url)
            return found[: len(kept)] == kept and len(found) >= len(kept) + 2

        await until(goes_on, within=BACK)
        new = (await ids(url))[len(kept) :]
        assert min(map(moment, new)) > max(map(moment, later)), "as old as what was lost"
        assert (await collector.get("/api/performance/history"))["points"]
        latest = (await collector.get("/api/performance"))["timestamp"]

        async def moves() -> bool:
            return bool((await collector.get("/api/performance"))["timestamp"] > latest)

        await until(moves)
        assert collector.failures() == 0


async def at_least(count: int, redis_url: str) -> list[str]:
    found: list[str] = []

    async def enough() -> bool:
        found[:] = await ids(redis_url)
        return len(found) >= count

    await until(enough)
    return found


def moment(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("name", ["collector", "system"])
async def test_one_leads_again_although_the_lease_that_came_back_is_of_one_that_is_gone(
    redis_server: RedisToRollBack, name: str, event: str
) -> None:
    url, key = redis_server.url, channels.lease(name)
    async with Redis.from_url(url) as redis:
        await redis.set(key, "one that is gone", px=5000)
        redis_server.take_copy()
        await redis.delete(key)
    async with running(name, url) as first, running(name, url) as second:
        await until(lambda: is_led_by_one(first, second))
        await asyncio.to_thread(EVENTS[event], redis_server)
        await until(lambda: is_held(url, key), within=BACK)
        await until(lambda: is_led_by_one(first, second), within=BACK)
        assert first.failures() == second.failures() == 0


async def is_held(redis_url: str, key: str) -> bool:
    async with Redis.from_url(redis_url) as redis:
        return bool(await redis.pttl(key) > 0)


async def is_led_by_one(*replicas: Running) -> bool:
    return sum([await leads(replica) for replica in replicas]) == 1


async def leads(replica: Running) -> bool:
    own = (await replica.get("/status"))["own"]
    if "collector" in own:
        return bool(own["collector"]["leads"])
    return bool(own["broadcaster"]["lease"]["held"])


@pytest.mark.parametrize("event", EVENTS)
async def test_jobs_are_listed_as_redis_knows_them_and_those_that_run_are_back_soon(
    redis_server: RedisToRollBack, event: str
) -> None:
    url = redis_server.url
    async with running("joblogs", url) as joblogs:
        with job(url, "runs"):
            with job(url, "ended before"):
                pass
            with job(url, "ended since"):
                await until(lambda: has_states(joblogs, {"ended since": "running"}))
                redis_server.take_copy()
            with job(url, "began since"):
                await until(lambda: has_states(joblogs, {"began since": "running"}))
                await asyncio.to_thread(EVENTS[event], redis_server)
                # A look at the jobs from before may be told for a second.
                await asyncio.sleep(jobs.KEPT)
                await until(
                    lambda: has_states(joblogs, {"runs": "running", "began since": "running"}),
                    within=BACK,
                )
                others = {
                    "restarted": {"ended-before": "completed", "ended-since": "completed"},
                    # How it ended is lost; its state is that of a job that died without a word.
                    "rolled back": {"ended-before": "completed", "ended-since": "running"},
                    "wiped": {},
                }[event]
                found = await states(joblogs)
                assert found == {"runs": "running", "began-since": "running"} | others
        await until(lambda: has_states(joblogs, {"runs": "completed", "began since": "completed"}))
        assert joblogs.failures() == 0


def job(redis_url: str, name: str) -> JobLogEmitter:
    return JobLogEmitter(redis_url, name.replace(" ", "-"), patience=PATIENCE)


async def states(joblogs: Running) -> dict[str, str]:
    return {job["id"]: job["status"] for job in await joblogs.get("/api/jobs")}


async def has_states(joblogs: Running, expected: dict[str, str]) -> bool:
    answer = await joblogs.http.get("/api/jobs")
    if answer.status_code == 503:  # Redis is away
        return False
    found = {one["id"].replace("-", " "): one["status"] for one in answer.json()}
    return found.items() >= expected.items()
