"""Which jobs there are: bounded, in few round trips, whatever somebody wrote there."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from hsi.joblogs import JobLogEmitter, job_state
from hsi.joblogs.job_state import UNKNOWN
from hsi.schemas import channels
from hsi.schemas.job_ids import InvalidJobIdError
from services.joblogs.jobs import MAX_JOBS, JobQuery, Jobs, NoSuchJobError, NotListedError
from tests.clients import until
from tests.servers import RedisServer, as_user

BEGINNING = 1_768_646_000
"""When the first of the jobs began: 2026-01-17."""


async def fill(redis_url: str, values: Mapping[str, str | bytes]) -> None:
    """Write the states of jobs that began one after the other."""
    async with Redis.from_url(redis_url) as redis:
        for number, (job_id, value) in enumerate(values.items()):
            await redis.set(f"job:{job_id}", value)
            await redis.zadd(channels.JOBS, {job_id: BEGINNING + number})


async def test_a_job_of_ours_is_listed_while_it_runs_and_afterwards(own_redis: RedisServer) -> None:
    jobs = Jobs(own_redis.url, name="tests", kept=0)
    assert await jobs.recent() == []
    began = time.time()
    async with JobLogEmitter(own_redis.url, "nightly") as emitter:
        await emitter.info("one")
        await emitter.info("two")
        assert emitter.flush()
        [running] = await jobs.recent()
    [ended] = await jobs.recent()
    await jobs.aclose()
    assert (running.id, running.status, running.ended_at, running.lines) == (
        *("nightly", "running", None),
        2,
    )
    assert running.started_at is not None
    assert abs(running.started_at.timestamp() - began) < 60
    # The end is a message of the log, and no line of it.
    assert (ended.status, ended.started_at, ended.lines) == ("completed", running.started_at, 2)
    assert ended.ended_at is not None
    assert ended.ended_at >= running.started_at


async def test_of_each_job_is_told_when_it_last_said_something(own_redis: RedisServer) -> None:
    jobs = Jobs(own_redis.url, name="tests", kept=0)
    log = channels.job_logs("nightly")
    at = datetime.fromtimestamp(BEGINNING + 90.5, UTC)
    async with Redis.from_url(own_redis.url) as redis:
        await fill(own_redis.url, {"nightly": '{"status":"running"}', "silent": "{}"})
        await redis.xadd(channels.history(log), {"m": b"{}"}, id=f"{BEGINNING}000-1")
        await redis.xadd(channels.history(log), {"m": b"{}"}, id=f"{BEGINNING + 90}500-2")
        said = {job.id: job.last_said_at for job in await jobs.recent()}
        assert said == {"nightly": at, "silent": None}
        assert (await jobs.find("nightly")).last_said_at == at
        await redis.xadd(channels.history(log), {"m": b"{}"}, id=f"{2**64 - 1}-7")  # by hand
        assert (await jobs.find("nightly")).last_said_at is None
    await jobs.aclose()


async def test_the_youngest_come_first_and_old_ones_that_run_are_not_forgotten(
    own_redis: RedisServer,
) -> None:
    states = {f"done-{number}": '{"status":"completed"}' for number in range(20)}
    await fill(own_redis.url, {"long": '{"status":"running"}'} | states)
    jobs = Jobs(own_redis.url, name="tests", kept=0)
    assert [job.id for job in await jobs.recent(JobQuery(3))] == [
        "done-19",
        "done-18",
        "done-17",
        "long",
    ]
    await jobs.aclose()


async def test_the_end_of_each_run_under_an_id_is_no_line(own_redis: RedisServer) -> None:
    jobs = Jobs(own_redis.url, name="tests", kept=0)
    for run in range(1, 4):
        async with JobLogEmitter(own_redis.url, "nightly") as emitter:
            await emitter.info("one")
            await emitter.info("two")
            assert emitter.flush()
            assert (await jobs.find("nightly")).lines == 2 * run
        assert (await jobs.find("nightly")).lines == 2 * run
        assert [job.lines for job in await jobs.recent()] == [2 * run]
    await jobs.aclose()


async def test_where_nobody_counts_the_ends_the_last_message_tells(own_redis: RedisServer) -> None:
    jobs = Jobs(own_redis.url, name="tests", kept=0)
    log = channels.job_logs("theirs")
    async with Redis.from_url(own_redis.url) as redis:
        await redis.set(channels.number(log), "3")
        await redis.xadd(channels.history(log), {"m": b'{"type":"end"}'})
        for state in ('{"status":"completed"}', '{"status":"failed","ends":0}', '{"ends":-2}'):
            await redis.set(channels.job("theirs"), state)
            assert (await jobs.find("theirs")).lines == 2
        await redis.set(channels.job("theirs"), '{"status":"failed","ends":9}')
        assert (await jobs.find("theirs")).lines == 0
    await jobs.aclose()


async def test_jobs_are_found_by_their_status_and_a_part_of_their_id_page_by_page(
    own_redis: RedisServer,
) -> None:
    statuses = ("completed", "failed", "cancelled")
    states = {
        f"{'Import' if number % 2 else 'backup'}-{number}": f'{{"status":"{statuses[number % 3]}"}}'
        for number in range(12)
    }
    await fill(own_redis.url, {"old-import": '{"status":"running"}'} | states)
    jobs = Jobs(own_redis.url, name="tests", kept=60)

    async def ids(**query: Any) -> list[str]:
        return [job.id for job in await jobs.recent(JobQuery(**query))]

    assert await ids(statuses=frozenset({"failed"})) == [
        *("backup-10", "Import-7", "backup-4", "Import-1")
    ]
    assert await ids(text="IMPORT", limit=2) == ["Import-11", "Import-9", "old-import"]
    assert await ids(text="import", limit=2, before="Import-9") == ["Import-7", "Import-5"]
    assert await ids(statuses=frozenset({"failed"}), text="import", limit=1) == ["Import-7"]
    assert await ids(statuses=frozenset({"running", "failed"}), limit=1) == [
        *("backup-10", "old-import")
    ]
    pages: list[str] = []
    while page := await ids(limit=5, before=pages[-1] if pages else "Import-11"):
        pages += page
    assert pages == [*reversed(states), "old-import"][1:]
    with pytest.raises(NotListedError, match="before: no job gone is listed here"):
        await ids(before="gone")
    await jobs.aclose()


async def test_of_a_page_by_status_no_more_states_are_read_than_it_needs(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = {
        f"j{number}": f'{{"status":"{"failed" if number % 100 == 0 else "completed"}"}}'
        for number in range(MAX_JOBS)
    }
    await fill(own_redis.url, states)
    parsed: list[Any] = []
    parse = job_state.parse

    def counted(value: bytes | str | None) -> job_state.JobState:
        parsed.append(value)
        return parse(value)

    monkeypatch.setattr(job_state, "parse", counted)
    jobs = Jobs(own_redis.url, name="tests", kept=60)
    assert len(await jobs.recent(JobQuery(3, statuses=frozenset({"failed"})))) == len(parsed) == 3
    await jobs.aclose()


async def test_many_jobs_take_three_round_trips(own_redis: RedisServer) -> None:
    await fill(own_redis.url, {f"j{number}": '{"status":"running"}' for number in range(MAX_JOBS)})
    jobs = Jobs(own_redis.url, name="tests", kept=0)
    async with Redis.from_url(own_redis.url) as redis:
        before = await commands(redis)
        assert len(await jobs.recent(JobQuery(MAX_JOBS))) == MAX_JOBS
        listed = await commands(redis)
        states = await jobs.states([f"j{number}" for number in range(MAX_JOBS)])
        asked = await commands(redis)
    await jobs.aclose()
    assert {state.status for state in states.values()} == {"running"}
    assert listed.get("zrevrange", 0) - before.get("zrevrange", 0) == 1
    assert listed.get("mget", 0) - before.get("mget", 0) == 2  # states, numbers of messages
    assert listed.get("xrevrange", 0) - before.get("xrevrange", 0) == MAX_JOBS  # with the numbers
    assert asked.get("mget", 0) - listed.get("mget", 0) == 1
    assert "get" not in asked


async def test_what_a_list_costs_follows_what_is_asked_for_and_not_how_many_jobs_there_are(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = {f"done-{number}": '{"status":"completed"}' for number in range(MAX_JOBS - 1)}
    await fill(own_redis.url, {"long": '{"status":"running"}'} | states)
    parsed: list[Any] = []
    parse = job_state.parse

    def counted(value: bytes | str | None) -> job_state.JobState:
        parsed.append(value)
        return parse(value)

    monkeypatch.setattr(job_state, "parse", counted)
    jobs = Jobs(own_redis.url, name="tests", kept=60)
    for limit, listed in ((1, 2), (10, 11), (3, 4)):
        assert len(await jobs.recent(JobQuery(limit))) == listed
    assert len(parsed) == 11
    assert len(await jobs.recent(JobQuery(MAX_JOBS))) == len(parsed) == MAX_JOBS
    await jobs.aclose()


async def test_all_who_ask_within_a_second_are_told_of_one_look_at_the_index(
    own_redis: RedisServer,
) -> None:
    await fill(own_redis.url, {f"j{number}": '{"status":"completed"}' for number in range(50)})
    jobs = Jobs(own_redis.url, name="tests", kept=60)
    async with Redis.from_url(own_redis.url) as redis:
        before = await commands(redis)
        lists = await asyncio.gather(
            *(jobs.recent(JobQuery(asker % 5 + 1)) for asker in range(200))
        )
        lists += [await jobs.recent(JobQuery(5)) for _ in range(50)]
        after = await commands(redis)
    await jobs.aclose()
    newest = [f"j{number}" for number in range(49, 0, -1)]
    assert all([job.id for job in jobs] == newest[: len(jobs)] for jobs in lists)
    assert [len(jobs) for jobs in lists[:5]] == [1, 2, 3, 4, 5]
    assert after["zrevrange"] - before.get("zrevrange", 0) == 1
    # The states together, and the numbers of lines once for each limit at most.
    assert after["mget"] - before.get("mget", 0) <= 1 + 5


async def test_a_look_at_the_jobs_is_old_after_a_second(own_redis: RedisServer) -> None:
    jobs = Jobs(own_redis.url, name="tests")
    assert await jobs.recent() == []
    await fill(own_redis.url, {"one": '{"status":"running"}'})

    async def is_listed() -> bool:
        return [job.id for job in await jobs.recent()] == ["one"]

    await until(is_listed)
    await jobs.aclose()


async def test_jobs_are_listed_whenever_redis_has_hung_up(own_redis: RedisServer) -> None:
    jobs = Jobs(own_redis.url, name="tests", kept=0)
    async with Redis.from_url(own_redis.url) as redis:
        for _ in range(20):
            await redis.client_kill_filter(_type="normal", skipme=True)
            assert await jobs.recent() == []
    await jobs.aclose()


async def commands(redis: Redis) -> dict[str, int]:
    """Return how often each command was called."""
    stats: Any = await redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): value["calls"] for name, value in stats.items()}


async def test_what_others_left_there_is_not_known_and_no_fault(own_redis: RedisServer) -> None:
    values: dict[str, str | bytes] = {
        "text": "running",
        "list": "[]",
        "bytes": b"\xff\xfe",
        "odd": '{"status":"sleeping","started_at":7}',
        "theirs": '{"status":"failed","started_at":"2026-01-17T10:32:05","progress":7}',
    }
    await fill(own_redis.url, values)
    async with Redis.from_url(own_redis.url) as redis:
        await redis.hset("job:hash", "status", "running")
        await redis.zadd(channels.JOBS, {"hash": 1, "no key": 2, "": 4, "late": "+inf"})
        await redis.zadd(channels.JOBS, {b"\xff": 3})
        await redis.set(channels.number(channels.job_logs("theirs")), "many")
        await redis.set(channels.number(channels.job_logs("odd")), "99999999999998")
    jobs = Jobs(own_redis.url, name="tests", kept=0)
    found = {job.id: job for job in await jobs.recent()}
    await jobs.aclose()
    assert set(found) == {*values, "hash", "late"}
    assert {job.status for name, job in found.items() if name != "theirs"} == {None}
    assert found["text"].started_at is not None  # the index knows
    assert found["late"].started_at is None
    theirs = found["theirs"]
    assert (theirs.status, theirs.lines) == ("failed", None)
    assert found["odd"].lines is None
    assert theirs.started_at is not None
    assert theirs.started_at.isoformat() == "2026-01-17T10:32:05+00:00"


@pytest.mark.parametrize("kind", ["no job ids", "job ids", "infinite"])
async def test_what_somebody_put_before_all_jobs_in_the_index_hides_none_of_them(
    own_redis: RedisServer, kind: str
) -> None:
    """A thousand members, by milliseconds: each is before every job."""
    await fill(own_redis.url, {f"real-{number}": '{"status":"completed"}' for number in range(9)})
    name = "batch:{}/x" if kind == "no job ids" else "batch-{}"
    score = "+inf" if kind == "infinite" else str(BEGINNING * 1000)
    async with Redis.from_url(own_redis.url) as redis:
        await redis.zadd(channels.JOBS, {name.format(number): score for number in range(MAX_JOBS)})
    jobs = Jobs(own_redis.url, name="tests", kept=0)
    if kind == "no job ids":
        assert len(await jobs.recent()) == 9
    async with JobLogEmitter(as_user("producer", own_redis.url), "nightly") as emitter:
        await emitter.info("one")
        assert emitter.flush()
    listed = [job.id for job in await jobs.recent()]
    await jobs.aclose()
    assert listed == ["nightly", *(f"real-{number}" for number in reversed(range(9)))]


async def test_the_states_of_jobs_nobody_knows_are_unknown(redis_url: str) -> None:
    jobs = Jobs(redis_url, name="tests")
    unknown = uuid.uuid4().hex
    assert await jobs.states([unknown]) == {unknown: UNKNOWN}
    assert await jobs.states([]) == {}
    with pytest.raises(InvalidJobIdError):
        await jobs.states(["a:logs"])
    await jobs.aclose()


# One job.


async def test_a_job_is_found_while_anything_is_kept_of_it(own_redis: RedisServer) -> None:
    jobs = Jobs(own_redis.url, name="tests", kept=0)
    async with Redis.from_url(own_redis.url) as redis:
        with pytest.raises(NoSuchJobError, match="no job nightly is known here"):
            await jobs.find("nightly")
        await redis.set(channels.job("nightly"), '{"status":"pending"}')
        assert (await jobs.find("nightly")).status == "pending"
        async with JobLogEmitter(own_redis.url, "nightly") as emitter:
            await emitter.info("one")
            assert emitter.flush()
            [listed] = await jobs.recent()
            assert await jobs.find("nightly") == listed
        await redis.delete(channels.job("nightly"))
        found = await jobs.find("nightly")
        assert (found.status, found.lines) == (None, 1)
        assert found.started_at is not None  # the index knows
        log = channels.job_logs("nightly")
        await redis.delete(channels.history(log), channels.number(log))
        with pytest.raises(NoSuchJobError, match="job nightly is gone"):
            await jobs.find("nightly")
        await redis.hset(channels.job("hash"), "status", "running")
        assert (await jobs.find("hash")).status is None
        await redis.delete(channels.JOBS)
        await redis.set(channels.JOBS, "spoilt")
        with pytest.raises(NoSuchJobError, match="no job nightly is known here"):
            await jobs.find("nightly")
    with pytest.raises(InvalidJobIdError):
        await jobs.find("a:logs")
    await jobs.aclose()


async def test_a_log_that_is_none_has_no_lines_that_could_be_counted(
    own_redis: RedisServer,
) -> None:
    log = channels.job_logs("odd")
    async with Redis.from_url(own_redis.url) as redis:
        await redis.set(channels.number(log), "3")
        for value in (b"\xff", b"[]", b'{"type":7}', b'{"type":"end"}'):
            await redis.xadd(channels.history(log), {"m": value})
            jobs = Jobs(own_redis.url, name="tests", kept=0)
            assert (await jobs.find("odd")).lines == (2 if b"end" in value else 3)
            await jobs.aclose()
        await redis.set(channels.history(log), "no log")
        jobs = Jobs(own_redis.url, name="tests", kept=0)
        assert (await jobs.find("odd")).lines == 3
        await jobs.aclose()
