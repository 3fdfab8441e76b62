"""PostgreSQL: counted honestly, never waited for, and found again."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import psutil
import pytest

from hsi.settings import SettingsError
from hsi_service.sources import SourceError, TimeLimited
from hsi_service.sources.database import ANSWER_TIMEOUT, MAX_CONNECTIONS, Cameras, Database
from local.processes import free_port
from tests.clients import until
from tests.servers import OwnPostgres

CAMERAS = """
INSERT INTO cameras (id, name, folder_path, status, deleted_at) VALUES
  ('front', 'Front', '/front', 'online', NULL),
  ('drive', 'Drive', '/drive', 'online', NULL),
  ('garden', 'Garden', '/garden', 'offline', NULL),
  ('garage', 'Garage', '/garage', 'error', NULL),
  ('attic', 'Attic', '/attic', 'unknown', NULL),
  ('old', 'Old', '/old', 'online', now()),
  ('older', 'Older', '/older', 'offline', now());
"""
OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hsi-test'"
COUNTED = Cameras(total=5, online=2, offline=1)


@pytest.fixture
async def open_database() -> AsyncIterator[Callable[[str], Database]]:
    opened: list[Database] = []

    def open_it(url: str) -> Database:
        opened.append(Database(url, name="test"))
        return opened[-1]

    yield open_it
    for database in opened:
        await database.aclose()


async def fill(url: str, sql: str = CAMERAS) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()


async def test_cameras_that_are_deleted_do_not_count(
    database_url: str, open_database: Callable[[str], Database]
) -> None:
    database = open_database(database_url)
    assert await database.cameras() == Cameras(total=0, online=0, offline=0)
    await fill(database_url)
    assert await database.cameras() == COUNTED


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+asyncpg", "postgresql+psycopg"])
@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "?ssl=prefer",
        "?sslmode=disable",
        "?sslmode=allow&connect_timeout=10&application_name=theirs",
        "?keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=5",
        "?channel_binding=prefer&gssencmode=disable&target_session_attrs=read-write",
        "?options=-c%20search_path%3Dpublic&client_encoding=utf8&statement_timeout=1",
        "?schema=public&pgbouncer=true&connection_limit=1&pool_timeout=5&TimeZone=UTC",
        "?prepared_statement_cache_size=0&command_timeout=5&tcp_user_timeout=5&sslsni=1",
    ],
)
async def test_the_addresses_of_others_libraries_are_understood(
    database_url: str, open_database: Callable[[str], Database], scheme: str, parameters: str
) -> None:
    await fill(database_url)
    database = open_database(database_url.replace("postgresql", scheme, 1) + parameters)
    assert await database.cameras() == COUNTED


@pytest.mark.parametrize("password", ["p@ss", "p%40%2F%3F%23", "a:b", "a[b]", "%"])
async def test_a_password_may_be_anything(
    database_url: str, open_database: Callable[[str], Database], password: str
) -> None:
    await fill(database_url)
    url = database_url.replace("postgres@", f"postgres:{password}@")
    assert await open_database(url).cameras() == COUNTED


async def test_a_status_may_be_an_enumeration_too(
    database_url: str, open_database: Callable[[str], Database]
) -> None:
    await fill(
        database_url,
        "DROP TABLE events, detections, cameras;"
        "CREATE TYPE camera_status AS ENUM ('online', 'offline');"
        "CREATE TABLE cameras (status camera_status, deleted_at timestamp);"
        "INSERT INTO cameras VALUES ('online', NULL);",
    )
    counted = await open_database(database_url).cameras()
    assert counted == Cameras(total=1, online=1, offline=0)


async def test_a_database_without_the_table_is_no_home_without_cameras(
    database_url: str, open_database: Callable[[str], Database]
) -> None:
    await fill(database_url, "DROP TABLE events, detections, cameras")
    with pytest.raises(SourceError, match="PostgreSQL refuses: UndefinedTableError"):
        await open_database(database_url).cameras()


@pytest.mark.parametrize("grant", ["", "pg_monitor", "pg_read_all_stats"])
async def test_how_many_connections_are_at_work_is_null_for_a_role_that_may_not_see_them(
    database_url: str, open_database: Callable[[str], Database], grant: str
) -> None:
    role = f"role_{uuid.uuid4().hex}"
    await fill(database_url, f"CREATE ROLE {role} LOGIN")
    if grant:
        await fill(database_url, f"GRANT {grant} TO {role}")
    at_work = await asyncpg.connect(database_url)
    question = asyncio.create_task(at_work.execute("SELECT pg_sleep(60)"))
    database = open_database(database_url.replace("postgres@", f"{role}@"))

    async def is_seen() -> bool:
        # Of others on this server, too: at least the one that sleeps.
        active = (await database.activity()).connections_active
        return active is None if not grant else active is not None and active >= 1

    await until(is_seen)
    assert (await database.activity()).blocks_hit is not None
    at_work.terminate()
    await asyncio.gather(question, return_exceptions=True)
    await fill(database_url, f"DROP ROLE {role}")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
async def test_times_without_an_offset_are_utc_whatever_the_sessions_time_zone_is(
    database_url: str, open_database: Callable[[str], Database], zone: str
) -> None:
    name = database_url.rpartition("/")[2]
    await fill(database_url, f"ALTER DATABASE {name} SET TimeZone = '{zone}'")
    await fill(database_url, CAMERAS)
    await fill(
        database_url,
        "ALTER TABLE detections ALTER detected_at TYPE timestamp;"
        "ALTER TABLE events ALTER started_at TYPE timestamp;"
        "INSERT INTO detections (camera_id, detected_at)"
        " SELECT 'front', (now() AT TIME ZONE 'UTC') - make_interval(mins => m)"
        " FROM unnest(ARRAY[1, 2, 3, 4, 6, 60]) AS m",
    )
    rates = await open_database(database_url).throughput()
    assert (rates.detections, rates.events) == (4 / 5, 0)


async def test_what_began_to_come_is_divided_by_the_time_since_then(
    database_url: str, open_database: Callable[[str], Database]
) -> None:
    await fill(database_url)
    database = open_database(database_url)

    async def events_per_minute(*seconds_ago: float) -> float | None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("TRUNCATE events")
        await connection.execute(
            "INSERT INTO events (batch_id, camera_id, started_at)"
            " SELECT 'b', 'front', now() - make_interval(secs => s) FROM unnest($1::float[]) AS s",
            list(seconds_ago),
        )
        await connection.close()
        return (await database.throughput()).events

    assert await events_per_minute(120, 60, 30, 1) == pytest.approx(2, abs=0.2)
    assert await events_per_minute(40, 30, 20, 10) is None  # of less than a minute
    assert await events_per_minute(3000, 40, 30, 20, 10) == 4 / 5
    assert await events_per_minute(-40) == 0  # of the future
    assert await events_per_minute() == 0


@pytest.mark.parametrize("fault", ["killed", "stopped", "frozen"])
async def test_without_postgres_it_says_so_in_time_and_counts_again_when_it_is_back(
    own_postgres: OwnPostgres, open_database: Callable[[str], Database], fault: str
) -> None:
    await fill(own_postgres.url)
    database = open_database(own_postgres.url)
    source = TimeLimited("database", database.cameras, limit=ANSWER_TIMEOUT + 0.5)
    assert (await source.read()).value == COUNTED
    {"killed": own_postgres.kill, "stopped": own_postgres.stop, "frozen": own_postgres.freeze}[
        fault
    ]()
    for _ in range(2):
        began = time.monotonic()
        reading = await source.read()
        assert reading.value is None
        assert reading.reason
        assert time.monotonic() - began < ANSWER_TIMEOUT + 4  # a busy machine has its time
    if fault == "frozen":
        own_postgres.thaw()
    else:
        own_postgres.start()

    async def counts() -> bool:
        return (await source.read()).value == COUNTED

    await until(counts, within=30)
    connection = await asyncpg.connect(own_postgres.url)

    async def few() -> bool:
        # What was given up while it was frozen ends when it is thawed, and does not pile up.
        return bool(await connection.fetchval(OURS) <= MAX_CONNECTIONS)

    await until(few)
    await connection.close()


async def test_a_slow_query_is_given_up_and_the_next_one_asked(
    own_postgres: OwnPostgres, open_database: Callable[[str], Database]
) -> None:
    await fill(own_postgres.url)
    locker = await asyncpg.connect(own_postgres.url)
    database = open_database(own_postgres.url)
    async with locker.transaction():
        await locker.execute("LOCK TABLE cameras")
        with pytest.raises(SourceError, match="does not answer within"):
            await database.cameras()
    assert await database.cameras() == COUNTED
    await locker.close()


async def test_what_waits_for_a_lock_never_takes_more_than_two_connections(
    own_postgres: OwnPostgres, open_database: Callable[[str], Database]
) -> None:
    await fill(own_postgres.url)
    database = open_database(own_postgres.url)
    sources: list[TimeLimited[Any]] = [
        TimeLimited("cameras", database.cameras, limit=ANSWER_TIMEOUT + 0.5),
        TimeLimited("rates", database.throughput, limit=ANSWER_TIMEOUT + 0.5),
    ]
    locker = await asyncpg.connect(own_postgres.url)
    looker = await asyncpg.connect(own_postgres.url)
    most = 0

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, await looker.fetchval(OURS))
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    async with locker.transaction():
        await locker.execute("LOCK TABLE cameras, detections, events IN ACCESS EXCLUSIVE MODE")
        for _ in range(5):
            readings = await asyncio.gather(*(source.read() for source in sources))
            assert {reading.value for reading in readings} == {None}
            assert all(reading.reason.startswith("PostgreSQL ") for reading in readings)
    assert await database.cameras() == COUNTED
    assert 0 < most <= MAX_CONNECTIONS
    looking.cancel()
    await locker.close()
    await asyncio.wait({looking})
    await looker.close()


async def test_the_server_itself_ends_what_nobody_waits_for_any_more(
    own_postgres: OwnPostgres, open_database: Callable[[str], Database]
) -> None:
    await fill(own_postgres.url)
    database = open_database(own_postgres.url)
    locker = await asyncpg.connect(own_postgres.url)
    looker = await asyncpg.connect(own_postgres.url)
    async with locker.transaction():
        await locker.execute("LOCK TABLE cameras IN ACCESS EXCLUSIVE MODE")
        asking = asyncio.create_task(database.cameras())

        async def waits() -> bool:
            return bool(await looker.fetchval(f"{OURS} AND wait_event_type = 'Lock'"))

        await until(waits)
        asking.cancel()

        async def has_ended() -> bool:
            return not await waits()

        await until(has_ended)
    assert await database.cameras() == COUNTED
    await locker.close()
    await looker.close()


async def test_connections_that_hang_where_they_begin_are_never_more_than_two(
    own_postgres: OwnPostgres, open_database: Callable[[str], Database]
) -> None:
    await fill(own_postgres.url)
    database = open_database(own_postgres.url)
    source = TimeLimited("cameras", database.cameras, limit=ANSWER_TIMEOUT + 0.5)
    locker = await asyncpg.connect(own_postgres.url)
    server = psutil.Process(own_postgres.pid)
    async with locker.transaction():
        # What a VACUUM FULL of it does: nobody can log in meanwhile.
        await locker.execute("LOCK TABLE pg_catalog.pg_authid IN ACCESS EXCLUSIVE MODE")
        before = {child.pid for child in server.children()}
        for _ in range(4):
            reading = await source.read()
            assert reading.reason.startswith("PostgreSQL ")
            assert len({child.pid for child in server.children()} - before) <= MAX_CONNECTIONS

    async def counts() -> bool:
        return (await source.read()).value == COUNTED

    await until(counts)
    await locker.close()


@pytest.mark.parametrize("behave", ["refuses", "hangs", "hangs up", "lies"])
async def test_what_is_no_postgres_is_told_in_time_and_without_its_password(
    open_database: Callable[[str], Database], behave: str
) -> None:
    port = free_port()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            if behave == "hangs":
                await reader.read()
            if behave == "lies":
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    if behave == "refuses":
        server.close()
    database = open_database(f"postgresql://user:hunter2@127.0.0.1:{port}/home")
    reading = await TimeLimited("database", database.cameras, limit=ANSWER_TIMEOUT + 0.5).read()
    assert reading.value is None
    assert reading.reason.startswith("PostgreSQL ")
    assert "hunter2" not in reading.reason
    server.close()


async def test_a_wrong_address_is_said_without_its_password(
    open_database: Callable[[str], Database],
) -> None:
    with pytest.raises(SettingsError) as caught:
        open_database("postgresql://user@h:hunter2/home")
    assert "hunter2" not in str(caught.value)
