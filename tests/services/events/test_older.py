"""GET /api/events beyond the history: what the database has, and no event twice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.events import older, one, recent
from services.events.stored import StoredEvent, StoredEvents
from tests.clients import until
from tests.servers import OwnPostgres
from tests.services.events.home import Home, home_at, ids

ALWAYS = {"from": "1970-01-01T00:00:00Z"}
CAMERAS = (
    "INSERT INTO cameras (id, name, folder_path) VALUES ('door', 'Door', ''), ('yard', '', '')"
)
DOOR = {"camera_id": "door"}


@pytest.fixture(autouse=True)
def _of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MAX_KEPT", 0)
    monkeypatch.setattr(one, "MAX_KEPT", 0)


@pytest.fixture
async def kept(redis_url: str, channel: str, database_url: str) -> AsyncIterator["KeptHome"]:
    """A home that keeps its events in a database too."""
    async with kept_home_at(redis_url, channel, database_url) as home:
        yield home


class KeptHome:
    def __init__(self, home: Home, database: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.home, self.get, self.database = home, home.get, database

    async def stored(self, *minutes_ago: float, first: int, camera_id: str = "door") -> None:
        """Have events in the table that began so long ago, with ids from a first one on."""
        now = datetime.fromtimestamp(await self.home.now() / 1000, UTC)
        await self.database.executemany(
            "INSERT INTO events VALUES ($1, 'b', $2, 75, 'high', 'Person', $3)",
            [
                (number, camera_id, now - timedelta(minutes=ago))
                for number, ago in enumerate(minutes_ago, first)
            ],
        )

    async def one(self, cursor: str) -> Any:
        answer = await self.home.http.get(f"/api/events/{cursor}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def all(self, **asked: Any) -> list[int]:
        """Return the ids of all events, page by page."""
        found: list[int] = []
        page = await self.get(**ALWAYS, **asked)
        while True:
            found += ids(page)
            assert page["older_unknown"] is None
            if page["next"] is None:
                return found
            page = await self.get(**ALWAYS, **asked, before=page["next"])


@contextlib.asynccontextmanager
async def kept_home_at(redis_url: str, channel: str, url: str) -> AsyncIterator[KeptHome]:
    database = await asyncpg.connect(url)
    try:
        await database.execute(CAMERAS)
        async with home_at(redis_url, channel, database_url=url) as home:
            yield KeptHome(home, database)
    finally:
        database.terminate()


async def test_what_is_older_than_the_history_is_read_on_in_the_database(kept: KeptHome) -> None:
    await kept.stored(*range(60, 50, -1), first=1)
    await kept.home.happened(*[40] * 10, **DOOR)
    await kept.database.execute("UPDATE events SET id = id + 100")
    expected = [*range(10, 0, -1), *range(110, 100, -1)]
    for limit in (1, 3, 10, 20, 500):
        assert await kept.all(limit=limit) == expected
    page = await kept.get(limit=500, **ALWAYS)
    assert page["events"][-1]["cursor"] == "stored-101"
    assert page["next"] is None


async def test_no_event_is_told_twice_where_the_history_ends(kept: KeptHome) -> None:
    """They began before the history's first message came, and arrived after it."""
    await kept.home.is_known_for(100)
    await kept.home.happened(30, 29, 28, 27, **DOOR)  # 1 to 4
    await kept.stored(50, 49, 48, 31.5, first=1)  # the history tells of them
    await kept.stored(47, 31, first=5)
    await kept.stored(45, first=8, camera_id="yard")
    assert await kept.all() == [4, 3, 2, 1, 6, 8, 5]
    assert await kept.all(limit=2) == [4, 3, 2, 1, 6, 8, 5]
    # The same id at another camera is another event.
    await kept.database.execute("UPDATE events SET camera_id = 'yard' WHERE id = 2")
    assert await kept.all() == [4, 3, 2, 1, 6, 8, 5, 2]


async def test_what_was_trimmed_between_two_pages_is_neither_missing_nor_told_twice(
    kept: KeptHome,
) -> None:
    cursors = await kept.home.happened(30, 29, 28, 27, **DOOR)
    await kept.stored(31, 30, 29, 28, first=1)  # each began a minute before it arrived
    await kept.stored(60, first=9)
    first = await kept.get(limit=3, **ALWAYS)
    assert ids(first) == [4, 3, 2]
    assert ids(await kept.get(limit=9, **ALWAYS)) == [4, 3, 2, 1, 9]
    await kept.home.redis.xdel(kept.home.history, *cursors[:3])
    assert ids(await kept.get(before=first["next"], **ALWAYS)) == [1, 9]
    assert await kept.all() == [4, 3, 2, 1, 9]


async def test_a_wiped_history_leaves_all_to_the_database(kept: KeptHome) -> None:
    await kept.home.happened(30, 29, **DOOR)
    await kept.stored(31, 30, first=1)
    assert await kept.all() == [2, 1]
    await kept.home.redis.delete(kept.home.history, kept.home.number)
    page = await kept.get(**ALWAYS)
    assert [event["cursor"] for event in page["events"]] == ["stored-2", "stored-1"]


async def test_filters_and_periods_are_the_same_in_the_database(kept: KeptHome) -> None:
    await kept.home.happened(5, **DOOR, summary="Person", risk_score=75)
    await kept.stored(60, 50, first=11)
    await kept.stored(55, first=13, camera_id="yard")
    await kept.database.execute(
        "UPDATE events SET summary = 'Straße', risk_level = 'low', risk_score = 3 WHERE id = 12"
    )
    assert await kept.all(camera_id="yard") == [13]
    assert await kept.all(q="PERSON") == [1, 13, 11]
    assert await kept.all(q="strasse") == [12]
    assert await kept.all(level="low") == [12]
    assert await kept.all(min_risk=60) == [1, 13, 11]
    now = await kept.home.now()

    def ago(minutes: float) -> str:
        return datetime.fromtimestamp(now / 1000 - minutes * 60, UTC).isoformat()

    period = {"from": ago(57), "to": ago(52)}
    assert ids(await kept.get(**period)) == [13]
    assert ids(await kept.get(to=ago(57))) == [11]


async def test_what_was_seen_while_the_history_had_it_stays_seen(kept: KeptHome) -> None:
    await kept.home.happened(5, **DOOR, risk_level="high")
    await kept.stored(6, first=1)
    await kept.stored(60, first=11)
    assert (await kept.home.http.post("/api/events/1/seen")).status_code == 200
    await kept.home.happened(1, **DOOR)
    await kept.home.redis.xtrim(kept.home.history, maxlen=1, approximate=False)
    page = await kept.get(seen="true", **ALWAYS)
    assert [event["cursor"] for event in page["events"]] == ["stored-1"]
    assert page["events"][0]["seen"]["by"] == ""
    assert await kept.all(seen="false") == [2, 11]
    assert (await kept.one("stored-1"))["event"] == page["events"][0]


async def test_a_search_of_the_table_goes_on_page_by_page(
    kept: KeptHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(older, "PAGE", 10)
    monkeypatch.setattr(older, "MAX_ROWS", 30)
    await kept.stored(*range(200, 100, -1), first=1)
    await kept.database.execute("UPDATE events SET summary = 'Needle' WHERE id = 7")
    page = await kept.get(q="needle", **ALWAYS)
    assert (page["events"], page["next"]) == ([], "stored-71")
    assert await kept.all(q="needle") == [7]


async def test_what_was_of_late_is_what_the_history_knows(kept: KeptHome) -> None:
    """Nobody waits for a database to hear whether all is quiet."""
    await kept.stored(5, first=1)
    page = await kept.get(minutes=15)
    assert (page["events"], page["next"], page["older_unknown"]) == ([], None, None)


async def test_a_period_within_the_history_asks_no_database(redis_url: str, channel: str) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    async with home_at(redis_url, channel, database_url=nowhere) as home:
        cursors = await home.happened(30, 20, 10)
        since = datetime.fromtimestamp(int(cursors[1].partition("-")[0]) / 1000, UTC).isoformat()
        page = await home.get(**{"from": since})
        assert (ids(page), page["older_unknown"]) == ([3, 2], None)
        page = await home.get(**ALWAYS)
        assert (ids(page), page["next"]) == ([3, 2, 1], None)
        assert page["older_unknown"].startswith("PostgreSQL cannot be reached")


async def test_without_a_database_nothing_is_said_of_one(home: Home) -> None:
    await home.happened(1)
    page = await home.get(**ALWAYS)
    assert (ids(page), page["older_unknown"]) == ([1], None)
    page = await home.get(before="stored-7", **ALWAYS)
    assert (ids(page), page["older_unknown"]) == ([], "no DATABASE_URL is set")
    answer = await home.http.get("/api/events/stored-7")
    assert answer.status_code == 503
    assert "no DATABASE_URL is set" in answer.json()["detail"]


async def test_the_events_of_a_camera_are_beside_each_other_over_the_seam(kept: KeptHome) -> None:
    cursors = await kept.home.happened(30, 29, **DOOR)
    await kept.stored(31, first=1)  # the history tells of it
    await kept.stored(60, 50, first=11)
    await kept.stored(55, first=13, camera_id="yard")
    beside = {
        cursor: await kept.one(cursor)
        for cursor in (*cursors, "stored-12", "stored-11", "stored-13")
    }
    assert {cursor: (one["previous"], one["next"]) for cursor, one in beside.items()} == {
        cursors[1]: (cursors[0], None),
        cursors[0]: ("stored-12", cursors[1]),
        "stored-12": ("stored-11", cursors[0]),
        "stored-11": (None, "stored-12"),
        "stored-13": (None, None),
    }
    assert (await kept.home.http.get("/api/events/stored-99")).status_code == 404


async def test_a_slow_database_holds_up_nobody_who_does_not_ask_it(
    kept: KeptHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cursor, _) = await kept.home.happened(2, 1, **DOOR, summary="Person")
    asked, answered = 0, asyncio.Event()

    async def slow(*_: object, **__: object) -> list[StoredEvent]:
        nonlocal asked
        asked += 1
        await answered.wait()
        return []

    monkeypatch.setattr(StoredEvents, "before", slow)
    waiting = [asyncio.create_task(kept.get(q=f"person {n}", **ALWAYS)) for n in range(6)]
    waiting += [asyncio.create_task(kept.one(cursor)) for _ in range(4)]

    async def all_wait() -> bool:
        return asked == len(waiting)

    await until(all_wait)
    assert ids(await kept.get(q="person")) == [2, 1]
    assert (await kept.home.http.get("/api/events/1-1")).status_code == 404
    assert not any(task.done() for task in waiting)
    answered.set()
    await asyncio.gather(*waiting)


@pytest.mark.faults
async def test_while_the_database_hangs_the_history_is_told_all_the_same(
    redis_url: str, channel: str, own_postgres: OwnPostgres
) -> None:
    async with kept_home_at(redis_url, channel, own_postgres.url) as kept:
        (cursor,) = await kept.home.happened(1, **DOOR)
        await kept.stored(60, first=7)
        assert await kept.all() == [1, 7]
        own_postgres.freeze()
        try:
            page, beside, stored = await asyncio.gather(
                kept.get(**ALWAYS), kept.one(cursor), kept.home.http.get("/api/events/stored-7")
            )
            assert (ids(page), page["next"]) == ([1], None)
            assert "PostgreSQL" in page["older_unknown"]
            assert (beside["previous"], beside["event"]["cursor"]) == (None, cursor)
            assert "PostgreSQL" in beside["older_unknown"]
            assert stored.status_code == 503
            assert int(stored.headers["Retry-After"]) > 0
        finally:
            own_postgres.thaw()
        async with asyncio.timeout(10):
            while (await kept.get(**ALWAYS))["older_unknown"]:
                await asyncio.sleep(0.1)
        assert await kept.all() == [1, 7]
