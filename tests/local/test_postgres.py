"""PostgreSQL lets in nobody but us, and services read what they are for, and nothing else."""

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
import psutil
import pytest

from hsi_service.sources.database import Database
from local.postgres import ROLE, TABLES
from services.events.stored import StoredEvents
from services.events.wanted import StoredId
from services.system.cameras import CameraList
from tests.servers import OwnPostgres

CAMERA = "INSERT INTO cameras (id, name, folder_path, status) VALUES ('a', 'Gate', '/a', 'online')"
EVENT = "INSERT INTO events VALUES (1, 'b', 'a', 5, 'low', 'Cat', '1970-01-01 12:00Z')"
DAY = 86_400_000
"""Milliseconds."""

ELSEWHERE = {
    "PGSSLMODE": "verify-full",
    "PGSERVICE": "elsewhere",
    "PGOPTIONS": "-c nonsense=1",
    "PGDATA": "/nowhere",
}
"""What somebody has set for a PostgreSQL of their own."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPostgres]:
    """The role is made before there are tables, as at home, and again when there are.

    It is in a folder with a space, and the environment is another PostgreSQL's.
    """
    server = OwnPostgres(tmp_path_factory.mktemp("a home"))
    with pytest.MonkeyPatch.context() as environment:
        for name, value in ELSEWHERE.items():
            environment.setenv(name, value)
        server.start()
        server.execute(ROLE)
        server.execute(f"{TABLES}\n{CAMERA};\n{EVENT};\nCREATE TABLE residents (name text);")
        server.execute("ALTER TABLE events ADD reasoning text")
        server.execute(ROLE)
    yield server
    server.stop()


def test_its_socket_is_in_a_folder_of_our_own_and_no_port_is_open(home: OwnPostgres) -> None:
    folder = Path(unquote(urlsplit(home.url).hostname or ""))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert psutil.Process(home.pid).net_connections("inet") == []


async def test_the_services_have_all_their_figures_by_a_role_that_may_only_read(
    home: OwnPostgres,
) -> None:
    database = Database(home.url_as("hsi_reader"), name="test")
    cameras = CameraList(home.url_as("hsi_reader"))
    events = StoredEvents(home.url_as("hsi_reader"))
    at_work = await asyncpg.connect(home.url)
    working = asyncio.create_task(at_work.execute("SELECT pg_sleep(30)"))
    try:
        assert (await database.cameras()).online == 1
        assert (await database.throughput()).detections == 0
        async with asyncio.timeout(10):
            while (await database.activity()).connections_active != 1:
                await asyncio.sleep(0.05)
        assert [camera.name for camera in (await cameras.read()).value or ()] == ["Gate"]
        assert [event.place.id for event in await events.before(DAY, None, count=9)] == [1]
        assert await events.one(StoredId(1))
        assert await events.after(DAY, StoredId(0), camera_id="a", count=9) == []
    finally:
        working.cancel()
        at_work.terminate()
        await database.aclose()
        await cameras.aclose()
        await events.aclose()


@pytest.mark.parametrize(
    "sql",
    [
        CAMERA.replace("'a'", "'b'"),
        "UPDATE cameras SET name = 'x'",
        "DELETE FROM events",
        "TRUNCATE detections",
        "DROP TABLE cameras",
        "CREATE TABLE mine (x int)",
        "SELECT * FROM cameras",
        "SELECT folder_path FROM cameras",
        "SELECT reasoning FROM events",
        "SELECT * FROM events",
        "SELECT object_type FROM detections",
        "SELECT name FROM residents",
        "SELECT rolpassword FROM pg_authid",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY cameras (id) TO PROGRAM 'cat'",
        "SET ROLE postgres",
        "CREATE ROLE mine",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    ],
)
async def test_what_is_not_the_services_business_is_refused(home: OwnPostgres, sql: str) -> None:
    settings = {"default_transaction_read_only": "off"}  # It may set that; it helps nobody.
    connection = await asyncpg.connect(home.url_as("hsi_reader"), server_settings=settings)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(sql)
    finally:
        await connection.close()
