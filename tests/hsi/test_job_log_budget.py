"""Job logs fill no Redis: each is bounded, all have a budget, and events keep their room."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from hsi import SyncPublisher, redis_functions
from hsi.joblogs import JobLogEmitter
from hsi.publishing import FUNCTION, LIBRARY
from hsi.schemas import channels
from local.processes import free_port
from local.redis import EmbeddedRedis
from tests.clients import golden
from tests.redis_data import TYPES, spoil
from tests.servers import ALL, USERS, denied

MIB = 1024 * 1024
MEMORY = 64 * MIB
LINE = "x" * 16 * 1024
LINES = 3000
"""Of each runaway job: three times what Redis may take, all together."""
RUNNING, ENDED = '{"status": "running"}', '{"status": "completed"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A small Redis, with the users that are shipped."""
    server = EmbeddedRedis(
        tmp_path_factory.mktemp("redis"),
        port=free_port(),
        durable=False,
        users=USERS.acl(default=ALL),
        memory="64mb",
    )
    server.start()
    yield server
    refused = denied(server.url)
    server.stop()
    assert not refused


@pytest.fixture
def redis(server: EmbeddedRedis) -> Iterator["Redis"]:
    """It, empty, for somebody who may do all."""
    with Redis.from_url(server.url, decode_responses=True) as redis:
        redis.flushall()
        redis.config_set("maxmemory", "64mb")
        redis_functions.load(redis, FUNCTION, LIBRARY)
        yield redis


@pytest.fixture
def producer(server: EmbeddedRedis, redis: "Redis") -> Iterator["Redis"]:
    """It, for a producer, with no more rights than it is shipped with."""
    assert redis.ping()
    with Redis.from_url(USERS.url("producer", server.url), decode_responses=True) as producer:
        yield producer


def write(producer: "Redis", job: str, megabytes: float, *, size: Any = "") -> None:
    """Write so much into a job's log."""
    log = channels.job_logs(job)
    keys = channels.history(log), channels.number(log)
    line = f'{{"type": "log", "data": {{"message": "{LINE}"}}}}'
    for _ in range(round(megabytes * 64 / 8)):
        producer.fcall(FUNCTION, 2, *keys, log, "", size, "", "", *[line] * 8)


def size_of(redis: "Redis", job: str) -> int:
    history = channels.history(channels.job_logs(job))
    return int(redis.memory_usage(history, samples=0) or 0)


def logs_of(redis: "Redis") -> dict[str, int]:
    """Return the bytes of every log that there is."""
    names = (name[1:-14] for name in redis.scan_iter("{job:*:logs}:history", count=1000))
    return {job: size_of(redis, job) for job in (name.removeprefix("job:") for name in names)}


def test_four_runaway_jobs_leave_events_the_room_that_they_need(
    server: EmbeddedRedis, redis: "Redis"
) -> None:
    producer = USERS.url("producer", server.url)
    over, largest, refused = threading.Event(), 0, []
    published = 0

    def run_away(number: int) -> None:
        with JobLogEmitter(producer, f"runaway-{number}") as emitter:
            for line in range(LINES):
                emitter.info(LINE)
                if line % 100 == 99 and not emitter.flush(10):
                    break

    def publish() -> None:
        nonlocal published, largest
        with SyncPublisher(producer, patience=0) as publisher:
            while not over.is_set():
                try:
                    publisher.publish_many("security_events", [golden("event")] * 10)
                    published += 10
                except (RedisError, OSError) as error:
                    refused.append(error)
                largest = max(largest, redis.info("memory")["used_memory"])

    with ThreadPoolExecutor() as threads:
        events = threads.submit(publish)
        for job in [threads.submit(run_away, number) for number in range(4)]:
            job.result()
        over.set()
        events.result()
    assert refused == []
    assert published > 100
    assert largest < 0.9 * MEMORY
    assert 0 < sum(logs_of(redis).values()) <= MEMORY / 3


def test_a_log_has_8_mib_and_an_hour_whoever_writes_it(redis: "Redis", producer: "Redis") -> None:
    redis.config_set("maxmemory", 0)
    write(producer, "of-another-language", 12)
    assert 6 * MIB < size_of(redis, "of-another-language") <= 8 * MIB
    log = channels.job_logs("of-another-language")
    assert 3500 < redis.ttl(channels.history(log)) <= 3600
    write(producer, "larger", 12, size=16 * MIB)
    assert size_of(redis, "larger") > 12 * MIB


def test_small_lines_are_bounded_as_closely(redis: "Redis", producer: "Redis") -> None:
    log = channels.job_logs("small")
    keys = channels.history(log), channels.number(log)
    line = f'{{"type": "log", "data": {{"message": "{LINE[:7000]}"}}}}'
    with producer.pipeline(transaction=False) as commands:
        for _ in range(300):
            commands.fcall(FUNCTION, 2, *keys, log, "", MIB, "", "", line)
        commands.execute()
    assert size_of(redis, "small") <= MIB + 20 * len(line)


def test_of_all_logs_those_of_ended_jobs_go_first_and_the_oldest_of_them_first(
    redis: "Redis", producer: "Redis"
) -> None:
    redis.config_set("maxmemory", 0)
    for job, state in (("a-running", RUNNING), ("b", ENDED), ("c-running", RUNNING), ("d", ENDED)):
        producer.set(channels.job(job), state)
        write(producer, job, 3)
    write(producer, "e", 3)
    assert set(logs_of(redis)) == {"a-running", "b", "c-running", "d", "e"}
    redis.hset(channels.JOB_LOGS, "limit", round(1.15 * sum(logs_of(redis).values())))
    write(producer, "f", 3)
    assert set(logs_of(redis)) == {"a-running", "c-running", "d", "e", "f"}
    assert redis.exists(channels.number(channels.job_logs("b"))) == 0
    assert redis.hget(channels.JOB_LOGS, "dropped") == "1"


def test_where_none_has_ended_each_is_cut_to_an_equal_share(
    redis: "Redis", producer: "Redis"
) -> None:
    redis.hset(channels.JOB_LOGS, "limit", 16 * MIB)
    write(producer, "small", 0.5)
    small = size_of(redis, "small")
    for number in range(6):
        write(producer, f"job-{number}", 6)
    logs = logs_of(redis)
    assert len(logs) == 7
    assert logs["small"] == small
    assert sum(logs.values()) <= 17 * MIB


def test_huge_lines_by_hand_cost_themselves_and_no_other_jobs_log(
    redis: "Redis", producer: "Redis"
) -> None:
    redis.config_set("maxmemory", 0)
    redis.hset(channels.JOB_LOGS, "limit", 16 * MIB)
    producer.set(channels.job("ended"), ENDED)
    for job in ("ended", "spoilt"):
        write(producer, job, 2)
    before = logs_of(redis)
    history = channels.history(channels.job_logs("spoilt"))
    for _ in range(10):
        producer.xadd(history, {"m": "x" * 3 * MIB})
    write(producer, "other", 2)
    write(producer, "spoilt", 0.25)
    after = logs_of(redis)
    assert after["ended"] == before["ended"]
    assert before["spoilt"] < after["spoilt"] < 3 * MIB
    assert after["other"] >= 2 * MIB


def test_many_jobs_that_nobody_ends_stay_within_the_budget(
    redis: "Redis", producer: "Redis"
) -> None:
    redis.hset(channels.JOB_LOGS, "limit", MIB)
    line = '{"type": "log", "data": {"message": "only one"}}'
    for start in range(0, 2000, 200):
        with producer.pipeline(transaction=False) as commands:
            for number in range(start, start + 200):
                log = channels.job_logs(f"job-{number}")
                keys = channels.history(log), channels.number(log)
                commands.fcall(FUNCTION, 2, *keys, log, "", "", "", "", line)
            commands.execute()
    logs = logs_of(redis)
    assert "job-1999" in logs
    assert sum(logs.values()) <= 1.1 * MIB


def test_logs_give_way_where_others_fill_redis(redis: "Redis", producer: "Redis") -> None:
    for number in range(3):
        write(producer, f"job-{number}", 4)
    before = sum(logs_of(redis).values())
    fill(redis, 0.9)
    with SyncPublisher(USERS.url("producer", _address_of(redis)), patience=0) as publisher:
        publisher.publish_many("security_events", [golden("event")] * 300)
    assert sum(logs_of(redis).values()) < before - 4 * MIB
    fill(redis, 0.9)
    write(producer, "job-0", 4)
    fill(redis, 0.9)
    write(producer, "job-0", 4)
    assert sum(logs_of(redis).values()) <= 2 * MIB


def fill(redis: "Redis", part: float) -> None:
    """Fill so much of Redis with what is somebody else's."""
    while redis.info("memory")["used_memory"] < part * MEMORY:
        redis.setrange(f"cache-{uuid.uuid4()}", 200_000, "x")


@pytest.mark.parametrize("key", [channels.JOB_LOGS, channels.JOB_LOGS_WRITTEN])
@pytest.mark.parametrize("kind", TYPES)
def test_figures_that_somebody_has_spoilt_are_replaced(
    redis: "Redis", producer: "Redis", key: str, kind: str
) -> None:
    redis.hset(channels.JOB_LOGS, "limit", 4 * MIB)
    spoil(redis, key, kind)
    for number in range(4):
        write(producer, f"job-{number}", 0.5)
    spoil(redis, key, kind)
    for number in range(4):
        write(producer, f"job-{number}", 2)
    redis.hset(channels.JOB_LOGS, mapping={"limit": 4 * MIB, "bytes": "many"})
    for number in range(4):
        write(producer, f"job-{number}", 0.5)
    assert redis.zcard(channels.JOB_LOGS_WRITTEN) == 4
    assert sum(logs_of(redis).values()) < 4.5 * MIB
    assert int(redis.hget(channels.JOB_LOGS, "bytes") or 0) < 4.5 * MIB


def test_a_name_in_the_index_that_is_no_log_is_forgotten(redis: "Redis", producer: "Redis") -> None:
    redis.hset(channels.JOB_LOGS, "limit", MIB)
    redis.zadd(channels.JOB_LOGS_WRITTEN, {"security_events": 1, "job:gone:logs": 2})
    with SyncPublisher(USERS.url("producer", _address_of(redis))) as publisher:
        publisher.publish("security_events", golden("event"))
    write(producer, "job", 2)
    assert redis.zrange(channels.JOB_LOGS_WRITTEN, 0, -1) == [channels.job_logs("job")]
    assert redis.xlen(channels.history("security_events")) == 1


def _address_of(redis: "Redis") -> str:
    return f"redis://127.0.0.1:{redis.connection_pool.connection_kwargs['port']}/0"
