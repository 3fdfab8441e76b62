"""/api/cameras: a real PostgreSQL, real replicas of the system service."""

import asyncio
import hashlib
import time
from typing import Any

import asyncpg
import httpx
import pytest

from hsi_service.home.cameras import MAX_CAMERAS
from hsi_service.sources.database import ANSWER_TIMEOUT
from local.postgres import ROLE
from services.system.cameras import KEPT
from tests.clients import get_json, http_client, until
from tests.conftest import StartSystems
from tests.servers import OwnPostgres

CAMERAS = """
INSERT INTO cameras (id, name, folder_path, status, last_seen_at, deleted_at) VALUES
  ('b', 'Garden', '/b', 'offline', '2026-01-02 03:04:05+02', NULL),
  ('c', 'Attic', '/c', 'error', NULL, NULL),
  ('a', 'Garden', '/a', 'online', '2026-01-02 03:04:05.678Z', NULL),
  ('d', 'Cellar', '/d', 'unknown', NULL, NULL),
  ('e', 'Barn', '/e', 'online', NULL, now());
"""


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def camera(slug: str, **said: Any) -> dict[str, Any]:
    here = {"id": slug, "name": slug, "status": "unknown", "last_seen_at": None, "area": None}
    return here | said


async def test_all_cameras_that_are_not_deleted_by_name_and_then_by_id(
    redis_url: str, database_url: str, start_systems: StartSystems
) -> None:
    await execute(database_url, CAMERAS)
    (replica,) = start_systems(redis_url, DATABASE_URL=database_url)
    assert await get_json(replica, "/api/cameras") == [
        camera("c", name="Attic", status="error"),
        camera("d", name="Cellar"),
        camera("a", name="Garden", status="online", last_seen_at="2026-01-02T03:04:05.678000Z"),
        camera("b", name="Garden", status="offline", last_seen_at="2026-01-02T01:04:05Z"),
    ]


async def test_a_home_without_cameras_has_an_empty_list(
    redis_url: str, database_url: str, start_systems: StartSystems
) -> None:
    (replica,) = start_systems(redis_url, DATABASE_URL=database_url)
    assert await get_json(replica, "/api/cameras") == []


async def test_rows_of_another_making_are_shown_as_far_as_they_make_sense(
    redis_url: str, database_url: str, start_systems: StartSystems
) -> None:
    """The pipeline's table may have an enumeration, numbers as ids, and times without a zone."""
    await execute(
        database_url,
        "DROP TABLE events, detections, cameras;"
        "CREATE TYPE camera_status AS ENUM ('online', 'sleeping');"
        "CREATE TABLE cameras"
        "  (id int, name text, status camera_status, last_seen_at timestamp, deleted_at timestamp);"
        "INSERT INTO cameras VALUES (10, 'a', 'online', '2026-01-02 03:04:05', NULL),"
        " (2, 'b', 'sleeping', 'infinity', NULL), (3, 'c', NULL, '-infinity', NULL),"
        " (4, 'd', 'online', '4000-01-01 BC', NULL), (5, NULL, 'online', '20000-01-01', NULL);",
    )
    (replica,) = start_systems(redis_url, DATABASE_URL=database_url)
    assert await get_json(replica, "/api/cameras") == [
        camera("10", name="a", status="online", last_seen_at="2026-01-02T03:04:05Z"),
        camera("2", name="b"),
        camera("3", name="c"),
        camera("4", name="d", status="online"),
        camera("5", status="online"),
    ]


async def test_a_table_may_say_where_a_camera_is_as_soon_as_it_does_and_the_role_may_read_it(
    redis_url: str, own_postgres: OwnPostgres, start_systems: StartSystems
) -> None:
    own_postgres.execute(f"{ROLE}\n{CAMERAS}")
    (replica,) = start_systems(redis_url, DATABASE_URL=own_postgres.url_as("hsi_reader"))

    async def areas() -> list[str | None]:
        return [one["area"] for one in await get_json(replica, "/api/cameras")]

    assert await areas() == [None] * 4
    own_postgres.execute(
        "ALTER TABLE cameras ADD area text;"
        "UPDATE cameras SET area = CASE id WHEN 'c' THEN 'Floor 2' WHEN 'd' THEN ' ' END;"
        "UPDATE cameras SET name = 'Attic room' WHERE id = 'c'"
    )

    async def is_read_again() -> bool:
        return "Attic room" in {one["name"] for one in await get_json(replica, "/api/cameras")}

    await until(is_read_again)
    assert await areas() == [None] * 4
    own_postgres.execute(ROLE)

    async def are_told() -> bool:
        return await areas() == ["Floor 2", None, None, None]

    await until(are_told)
    own_postgres.execute("ALTER TABLE cameras DROP area")

    async def are_gone() -> bool:
        return await areas() == [None] * 4

    await until(are_gone)


async def test_of_more_cameras_than_anybody_has_the_first_ones_are_listed(
    redis_url: str, database_url: str, start_systems: StartSystems
) -> None:
    await execute(
        database_url,
        "INSERT INTO cameras (id, name, folder_path)"
        " SELECT i, to_char(i, '00000'), '' FROM generate_series(1, 1001) AS i",
    )
    (replica,) = start_systems(redis_url, DATABASE_URL=database_url)
    listed = await get_json(replica, "/api/cameras")
    assert [int(camera["id"]) for camera in listed] == [*range(1, MAX_CAMERAS + 1)]
    assert MAX_CAMERAS < 1001


async def test_however_many_ask_the_database_is_asked_once(
    redis_url: str, own_postgres: OwnPostgres, start_systems: StartSystems
) -> None:
    own_postgres.execute(CAMERAS + "ALTER DATABASE postgres SET log_statement = 'all'")
    (replica,) = start_systems(redis_url, DATABASE_URL=own_postgres.url)
    began = time.monotonic()
    async with http_client(base_url=replica.url) as http:
        for _ in range(5):
            answers = await asyncio.gather(*(http.get("/api/cameras") for _ in range(20)))
            assert {answer.status_code for answer in answers} == {200}
    questions = own_postgres.log.read_text().count("SELECT id::text, name::text")
    assert 1 <= questions <= 1 + (time.monotonic() - began) // KEPT

    own_postgres.execute("UPDATE cameras SET name = 'Gate' WHERE id = 'c'")

    async def shows_what_has_changed() -> bool:
        return "Gate" in {camera["name"] for camera in await get_json(replica, "/api/cameras")}

    await until(shows_what_has_changed)


async def test_who_leaves_does_not_take_the_answer_away_from_the_others(
    redis_url: str, own_postgres: OwnPostgres, start_systems: StartSystems
) -> None:
    own_postgres.execute(CAMERAS)
    (replica,) = start_systems(redis_url, DATABASE_URL=own_postgres.url)
    own_postgres.freeze()
    async with http_client(base_url=replica.url, timeout=30) as http:
        # For the answer, and not for the connection, which a busy machine may be slow to make.
        patience = httpx.Timeout(30, read=0.2)
        impatient = asyncio.create_task(http.get("/api/cameras", timeout=patience))
        patient = asyncio.create_task(http.get("/api/cameras"))
        with pytest.raises(httpx.ReadTimeout):
            await impatient
        own_postgres.thaw()
        assert len((await patient).json()) == 4


@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_without_postgres_it_says_so_in_time_and_lists_again_when_it_is_back(
    redis_url: str, own_postgres: OwnPostgres, start_systems: StartSystems, fault: str
) -> None:
    own_postgres.execute(CAMERAS)
    (replica,) = start_systems(redis_url, DATABASE_URL=own_postgres.url)
    assert len(await get_json(replica, "/api/cameras")) == 4
    {"killed": own_postgres.kill, "frozen": own_postgres.freeze}[fault]()
    async with http_client(base_url=replica.url, timeout=ANSWER_TIMEOUT + 5) as http:

        async def answers(status: int) -> bool:
            return (await http.get("/api/cameras")).status_code == status

        await until(lambda: answers(503))
        detail = (await http.get("/api/cameras")).json()["detail"]
        assert detail.startswith("the cameras cannot be listed: PostgreSQL ")
        assert own_postgres.url not in detail
        {"killed": own_postgres.start, "frozen": own_postgres.thaw}[fault]()
        await until(lambda: answers(200), within=30)
        assert len((await http.get("/api/cameras")).json()) == 4


async def test_without_a_database_or_its_table_it_says_what_is_missing(
    redis_url: str, database_url: str, start_systems: StartSystems
) -> None:
    await execute(database_url, "DROP TABLE events, detections, cameras")
    (without_database,) = start_systems(redis_url, DATABASE_URL="")
    (without_table,) = start_systems(redis_url, DATABASE_URL=database_url)
    for replica, why in (
        (without_database, "no DATABASE_URL is set"),
        (without_table, "PostgreSQL refuses: UndefinedTableError"),
    ):
        async with http_client(base_url=replica.url) as http:
            answer = await http.get("/api/cameras")
        assert answer.status_code == 503
        assert answer.json()["detail"] == f"the cameras cannot be listed: {why}"


async def test_it_asks_for_an_api_key_where_there_are_any(
    redis_url: str, database_url: str, start_systems: StartSystems
) -> None:
    key = hashlib.sha256(b"key").hexdigest()
    (replica,) = start_systems(redis_url, DATABASE_URL=database_url, API_KEYS=key)
    async with http_client(base_url=replica.url) as http:
        assert (await http.get("/api/cameras")).status_code == 401
        answer = await http.get("/api/cameras", headers={"X-API-Key": "key"})
    assert (answer.status_code, answer.json()) == (200, [])
