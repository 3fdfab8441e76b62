"""What PostgreSQL and Redis do, under load, beside what they say themselves to somebody else."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from hsi.tasks import cancel_and_wait
from hsi_service.sources import SourceError
from hsi_service.sources.database import Activity, Database, Rates
from services.collector.per_minute import PerMinute
from services.collector.redis_info import RedisFigures, RedisInfo, redis_figures_of
from tests.clients import until
from tests.servers import OwnPostgres, RedisServer, busy, close_connections


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, name="test")
    yield database
    await database.aclose()


async def test_postgresqls_figures_are_psqls_under_load(
    own_postgres: OwnPostgres,
) -> None:
    database = Database(own_postgres.url, name="test")
    statistics = "SELECT blks_hit, blks_read, xact_commit + xact_rollback FROM pg_stat_database"
    here = f"{statistics} WHERE datname = current_database()"

    def psql() -> list[int]:
        return [int(figure) for figure in own_postgres.execute(here).split("|")]

    workers = [await asyncpg.connect(own_postgres.url) for _ in range(3)]
    transactions = 0
    rate = PerMinute()
    first = await database.activity()
    began, before = time.monotonic(), psql()
    rate.rate(first.transactions, first.at)

    async def work(worker: "asyncpg.Connection[Any]") -> None:
        nonlocal transactions
        while time.monotonic() < began + 2:
            await worker.execute("SELECT count(*) FROM pg_class")
            transactions += 1

    await asyncio.gather(*(work(worker) for worker in workers))
    for worker in workers:
        await worker.close()  # which makes each tell what it did

    async def told() -> bool:
        return psql()[2] - before[2] >= transactions

    await until(told, within=20)
    found, after, took = await database.activity(), psql(), time.monotonic() - began
    assert found.connections_max == int(own_postgres.execute("SHOW max_connections"))
    assert found.blocks_hit is not None
    assert found.blocks_read is not None
    ratio = found.blocks_hit / (found.blocks_hit + found.blocks_read)
    assert ratio == pytest.approx(after[0] / (after[0] + after[1]), abs=0.01)
    per_minute = rate.rate(found.transactions, found.at)
    assert per_minute == pytest.approx((after[2] - before[2]) / took * 60, rel=0.1)
    assert per_minute is not None
    assert per_minute > transactions / took * 60 * 0.9
    await database.aclose()


async def test_connections_at_work_are_others_than_ours(
    own_postgres: OwnPostgres,
) -> None:
    database = Database(own_postgres.url, name="test")
    assert (await database.activity()).connections_active == 0
    sleepers = [await asyncpg.connect(own_postgres.url) for _ in range(4)]
    at_work = [asyncio.create_task(one.execute("SELECT pg_sleep(60)")) for one in sleepers[1:]]

    async def counted() -> bool:
        return (await database.activity()).connections_active == 3

    await until(counted, within=20)  # the fourth one is idle
    for task in at_work:
        task.cancel()
    await asyncio.gather(*at_work, return_exceptions=True)
    for sleeper in sleepers:
        sleeper.terminate()
    await database.aclose()


async def test_throughput_is_of_the_last_five_minutes(
    database_url: str, database: Database
) -> None:
    assert await database.throughput() == Rates(detections=0, events=0)
    connection = await asyncpg.connect(database_url)
    await connection.execute("""
        INSERT INTO cameras (id, name, folder_path) VALUES ('a', 'A', '/a');
        INSERT INTO detections (camera_id, detected_at)
          SELECT 'a', now() - make_interval(secs => 20 * n) FROM generate_series(0, 100) AS n;
        INSERT INTO detections (camera_id, detected_at) VALUES ('a', now() + interval '1 hour');
        INSERT INTO events (batch_id, camera_id, started_at)
          SELECT 'b', 'a', now() - make_interval(secs => 60 * n) FROM generate_series(0, 9) AS n;
    """)
    assert await database.throughput() == Rates(detections=3, events=1)
    await connection.execute("DROP TABLE events")
    assert await database.throughput() == Rates(detections=3, events=None)
    await connection.execute("DROP TABLE detections")
    with pytest.raises(SourceError, match="UndefinedTableError"):
        await database.throughput()
    assert isinstance(await database.activity(), Activity)
    await connection.close()


async def test_rediss_figures_are_infos_under_load(own_redis: RedisServer) -> None:
    source = RedisInfo(own_redis.url, name="test")
    waits = Redis.from_url(own_redis.url, socket_timeout=None)
    async with Redis.from_url(own_redis.url) as redis, waits:

        async def block() -> None:
            await waits.blpop(["nothing"], timeout=60)

        blocked = asyncio.create_task(block())

        async def is_blocked() -> bool:
            return bool((await redis.info("clients"))["blocked_clients"])

        await until(is_blocked)

        async def work(number: int) -> None:
            for _ in range(200):
                await redis.set(f"key:{number}", "x" * 1000)
                await redis.get(f"key:{number}")
            await redis.get("missing")

        await asyncio.gather(*(work(number) for number in range(10)))
        found, info = await source.read(), await redis.info()
        assert found.hits == info["keyspace_hits"] == 2000
        assert found.misses == info["keyspace_misses"]
        assert found.connected_clients == info["connected_clients"]
        assert found.blocked_clients == info["blocked_clients"] == 1
        assert found.memory_used == pytest.approx(info["used_memory"], rel=0.1)
        await cancel_and_wait(blocked)
    await source.aclose()


@pytest.mark.parametrize("rubbish", [None, "many", -1, 1.5, float("nan"), 10**30])
def test_what_redis_cannot_mean_is_none(rubbish: object) -> None:
    nothing = RedisFigures(
        connected_clients=None, blocked_clients=None, memory_used=None, hits=None, misses=None
    )
    assert redis_figures_of(rubbish) == redis_figures_of({}) == nothing
    found = redis_figures_of({"connected_clients": rubbish, "used_memory": 5})
    assert (found.connected_clients, found.memory_used) == (None, 5)


async def test_a_redis_that_is_none_is_an_error() -> None:
    source = RedisInfo("redis://127.0.0.1:1/0", name="test")
    with pytest.raises(SourceError, match="Redis cannot be reached"):
        await source.read()
    await source.aclose()


async def test_redis_is_asked_again_over_a_closed_connection_and_a_busy_script_is_named(
    own_redis: RedisServer,
) -> None:
    source = RedisInfo(own_redis.url, name="test")
    assert (await source.read()).connected_clients
    close_connections(own_redis.url)
    assert (await source.read()).connected_clients
    with busy(own_redis.url), pytest.raises(SourceError, match="Redis is busy with a script"):
        await source.read()
    assert (await source.read()).connected_clients
    await source.aclose()
