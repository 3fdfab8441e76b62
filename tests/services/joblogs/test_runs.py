"""A job's run as it is told over HTTP: once, however often it is told."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from msgspec import UNSET
from redis.asyncio import Redis

from hsi.schemas import channels
from hsi_service.publish.publishing import Publishing
from services.joblogs.runs import JobRuns, NoStateError
from tests.servers import as_user


class Runs(NamedTuple):
    runs: JobRuns
    redis: Redis

    async def messages(self, job_id: str) -> int:
        return int(await self.redis.xlen(channels.history(channels.job_logs(job_id))))


@pytest.fixture
async def job_runs(redis_url: str) -> AsyncIterator[Runs]:
    url = as_user("joblogs", redis_url)
    publishing = Publishing(url, per_minute=0, history_length=100)
    runs = JobRuns(url, publishing)
    async with Redis.from_url(redis_url) as redis:
        yield Runs(runs, redis)
    await runs.aclose()
    await publishing.aclose()


async def test_of_many_who_say_it_at_once_a_job_begins_once_and_ends_once(
    job_runs: Runs, job_id: str
) -> None:
    runs = job_runs.runs
    begun = await asyncio.gather(*(runs.begin(job_id) for _ in range(5)))
    assert len({state.started_at for state in begun}) == 1
    ended = await asyncio.gather(*(runs.end(job_id, "failed", 3) for _ in range(5)))
    assert {(state.status, state.exit_code, state.ends) for state in ended} == {("failed", 3, 1)}
    assert await job_runs.messages(job_id) == 1


async def test_a_job_ends_that_never_said_it_began(job_runs: Runs, job_id: str) -> None:
    state = await job_runs.runs.end(job_id, "completed", UNSET)
    assert (state.status, state.exit_code, state.ends) == ("completed", None, 1)
    assert await job_runs.messages(job_id) == 1


async def test_fields_of_other_producers_stay_and_another_kind_of_key_too(
    job_runs: Runs, job_id: str
) -> None:
    key = channels.job(job_id)
    await job_runs.redis.set(key, '{"owner": "x", "status": "pending"}')
    await job_runs.runs.begin(job_id)
    stored: Any = await job_runs.redis.get(key)
    assert b'"owner": "x"' in stored
    assert 0 < await job_runs.redis.ttl(key) <= 3600
    await job_runs.redis.set(key, "not JSON")
    for change in (job_runs.runs.begin(job_id), job_runs.runs.end(job_id, "failed", UNSET)):
        with pytest.raises(NoStateError):
            await change
    assert await job_runs.redis.get(key) == b"not JSON"
    assert await job_runs.messages(job_id) == 0


async def test_a_job_that_logs_is_listed_once_and_its_state_lives_on(
    job_runs: Runs, job_id: str
) -> None:
    began = await job_runs.runs.begin(job_id)
    await job_runs.redis.expire(channels.job(job_id), 10)
    await job_runs.runs.note(job_id)
    assert await job_runs.redis.ttl(channels.job(job_id)) > 3000
    listed = await job_runs.redis.zscore(channels.JOBS, job_id)
    assert began.started_at is not None
    assert listed == pytest.approx(began.started_at.timestamp())
