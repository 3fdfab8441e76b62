"""The table of events, as PostgreSQL has it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest

from hsi.settings import SettingsError
from hsi_service.sources import SourceError
from services.events.stored import StoredEvents
from services.events.wanted import StoredId

CAMERAS = (
    "INSERT INTO cameras (id, name, folder_path) VALUES ('door', 'Door', ''), ('yard', '', '')"
)
DAY = 86_400_000
"""Milliseconds."""


async def execute(url: str, sql: str, *arguments: Any) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql, *arguments)
    finally:
        await connection.close()


async def happened(url: str, *events: tuple[int, int, str]) -> None:
    """Write events: their ids, the day of 1970 on which each began, and its camera."""
    connection = await asyncpg.connect(url)
    try:
        await connection.executemany(
            "INSERT INTO events (id, batch_id, camera_id, risk_score, risk_level, summary,"
            " started_at) VALUES ($1, 'b', $3, 75, 'high', 'Person',"
            " timestamptz '1970-01-01Z' + make_interval(days => $2))",
            events,
        )
    finally:
        await connection.close()


@pytest.fixture
async def stored(database_url: str) -> AsyncIterator[StoredEvents]:
    await execute(database_url, CAMERAS)
    events = StoredEvents(database_url)
    yield events
    await events.aclose()


async def test_an_event_is_told_as_it_would_have_been_published(
    stored: StoredEvents, database_url: str
) -> None:
    await execute(
        database_url,
        "INSERT INTO events VALUES (7, 'batch-7', 'door', 75, 'high', 'Person',"
        " '2026-01-15 11:30:00.5+01', '2026-01-15 10:31Z')",
    )
    found = await stored.one(StoredId(7))
    assert found is not None
    assert json.loads(msgspec.json.encode(found.event())) == {
        "cursor": "stored-7",
        "arrived_at": "2026-01-15T10:30:00.500000Z",
        "message": {
            "type": "event",
            "data": {
                "id": 7,
                "event_id": 7,
                "batch_id": "batch-7",
                "camera_id": "door",
                "risk_score": 75,
                "risk_level": "high",
                "summary": "Person",
                "started_at": "2026-01-15T10:30:00.500000Z",
                "ended_at": "2026-01-15T10:31:00Z",
            },
        },
        "seen": None,
    }
    assert found.key == ("7", "door")
    assert await stored.one(StoredId(8)) is None
    assert await stored.one(StoredId(10**18 - 1)) is None


async def test_pages_go_back_by_when_an_event_began(
    stored: StoredEvents, database_url: str
) -> None:
    await happened(database_url, (1, 5, "door"), (2, 3, "yard"), (3, 5, "door"), (4, 9, "door"))

    async def ids(upto: int, place: int | None = None, **more: Any) -> list[int]:
        after = None if place is None else StoredId(place)
        found = await stored.before(upto * DAY, after, count=2, **more)
        return [event.place.id for event in found]

    assert await ids(10) == [4, 3]
    assert await ids(10, 3) == [1, 2]
    assert await ids(10, 2) == []
    assert await ids(9) == [3, 1]  # upto itself is not older
    assert await ids(10, 4, start=5 * DAY) == [3, 1]
    assert await ids(10, camera_id="yard") == [2]
    after = await stored.after(9 * DAY, StoredId(2), camera_id="door", count=9)
    assert [event.place.id for event in after] == [1, 3]


async def test_a_page_goes_on_though_the_event_that_it_begins_after_was_deleted(
    stored: StoredEvents, database_url: str
) -> None:
    await happened(database_url, *((number, number, "door") for number in range(1, 6)))
    await execute(database_url, "DELETE FROM events WHERE id = 4")
    found = await stored.before(9 * DAY, StoredId(4), count=9)
    assert [event.place.id for event in found] == [3, 2, 1]


async def test_rows_of_another_making_are_told_as_far_as_they_make_sense(
    database_url: str,
) -> None:
    """The pipeline's table may have an enumeration, lesser integers, and times without a zone."""
    await execute(
        database_url,
        "DROP TABLE events; CREATE TYPE level AS ENUM ('high');"
        "CREATE TABLE events (id int PRIMARY KEY, batch_id uuid, camera_id varchar(9),"
        " risk_score numeric, risk_level level, summary varchar, started_at timestamp,"
        " ended_at timestamp);"
        "INSERT INTO events VALUES (1, gen_random_uuid(), 'door', 75.0, 'high', NULL,"
        " '2026-01-15 10:30', 'infinity'), (2, NULL, 'door', NULL, NULL, 'x', '-infinity', NULL),"
        " (3, NULL, 'door', NULL, NULL, 'x', 'infinity', NULL)",
    )
    stored = StoredEvents(database_url)
    try:
        (found,) = await stored.before(2_000_000_000_000, StoredId(10**17), count=9)
        assert found.began == datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
        assert found.data["risk_score"] == 75
        assert (found.data["ended_at"], found.data["summary"]) == (None, None)
        assert json.loads(msgspec.json.encode(found.event()))["message"]["data"]["id"] == 1
        assert await stored.one(StoredId(2)) is None
    finally:
        await stored.aclose()


async def test_without_a_database_it_says_so_and_a_wrong_address_is_refused_at_once() -> None:
    nowhere = StoredEvents("")
    assert not nowhere.is_set
    with pytest.raises(SourceError, match="no DATABASE_URL is set"):
        await nowhere.before(0, None, count=1)
    await nowhere.aclose()
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        StoredEvents("mysql://somewhere")
