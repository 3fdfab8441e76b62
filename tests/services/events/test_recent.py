"""GET /api/events: what happened, and whether that is all."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hsi.keys import digest
from hsi.publisher import Publisher
from hsi.schemas.cursor import Cursor
from hsi_service.bus.continuity import Entry
from hsi_service.bus.history import History
from hsi_service.fanout.signs import SHARED_FOR
from services.events import answers
from services.events import recent as module
from tests.clients import golden, hear, until
from tests.servers import RedisServer
from tests.services.events.home import LONG_AGO, Home, home_at, ids


async def test_it_tells_what_was_published_newest_first_with_the_time_of_arrival(
    home: Home, redis_url: str
) -> None:
    event = golden("event")
    async with Publisher(redis_url) as publisher:
        first, second = [(await publisher.publish(home.channel, event)).cursor for _ in range(2)]
    answer = await home.get()
    assert [event["cursor"] for event in answer["events"]] == [second, first]
    assert answer["events"][1]["message"] == {"cursor": first, **json.loads(event)}
    arrived = datetime.fromisoformat(answer["events"][0]["arrived_at"])
    assert arrived.timestamp() * 1000 == pytest.approx(int(str(second).partition("-")[0]), abs=0.5)
    assert (answer["cursor"], answer["next"], answer["heard"]) == (second, None, True)
    assert abs(datetime.fromisoformat(answer["now"]).timestamp() * 1000 - await home.now()) < 5000


async def test_pages_have_every_event_of_the_window_once(home: Home) -> None:
    await home.happened(30, 20, *range(14, 0, -1))
    found: list[int] = []
    answer = await home.get(limit=5)
    while True:
        found += ids(answer)
        if answer["next"] is None:
            break
        answer = await home.get(limit=5, before=answer["next"])
    assert found == list(range(16, 2, -1))
    assert ids(await home.get(limit=14)) == found
    assert (await home.get(limit=14))["next"] is None
    assert ids(await home.get(minutes=25)) == list(range(16, 1, -1))


async def test_filters_leave_out_what_is_not_asked_for(home: Home) -> None:
    await home.happened(9, camera_id="door", risk_score=90)
    await home.happened(8, camera_id="yard", risk_score=90)
    await home.happened(7, camera_id="door", risk_score=5)
    await home.happened(6, camera_id="door", risk_score=None)
    assert ids(await home.get(camera_id="door")) == [4, 3, 1]
    assert ids(await home.get(camera_id="door", min_risk=60)) == [4, 1]
    assert ids(await home.get(min_risk=60, limit=1)) == [4]
    rest = await home.get(min_risk=60, before=(await home.get(min_risk=60, limit=1))["next"])
    assert (ids(rest), rest["next"]) == ([2, 1], None)


async def test_several_filters_are_all_of_them_and_the_history_is_searched_page_by_page(
    home: Home,
) -> None:
    await home.happened(9, camera_id="front_door", risk_level="high", summary="Person at the door")
    await home.happened(8, camera_id="yard", risk_level="critical", summary="Two persons")
    await home.happened(7, camera_id="attic", risk_level="high", summary="Person")
    await home.happened(6, camera_id="yard", risk_level="low", summary="A person walks by")
    await home.happened(*[5] * 120, camera_id="yard", risk_level="high", summary="Car")
    outside = ["front_door", "yard"]
    found = await home.get(camera_id=outside, level=["high", "critical"], q="PERSON")
    assert (ids(found), found["next"]) == ([2, 1], None)
    assert ids(await home.get(q="person door")) == [1]
    assert ids(await home.get(level="low")) == [4]


async def test_a_filter_asks_what_an_event_is_and_not_what_it_was(home: Home) -> None:
    door = {"id": 7001, "camera_id": "door", "risk_level": "low", "summary": "Cat"}
    await home.happened(9, **door)
    await home.happened(8, **door | {"id": 7002})
    await home.happened(
        7, id=7001, camera_id="yard", risk_level="high", risk_score=80, summary="Person"
    )
    for was in ({"level": "low"}, {"q": "cat"}, {"camera_id": "door"}):
        assert ids(await home.get(**was)) == [7002]
    for is_now in ({"level": "high"}, {"q": "person"}, {"camera_id": "yard"}, {"min_risk": 60}):
        assert ids(await home.get(**is_now)) == [7001]
    await home.happened(6, **door)  # It was not that grave.
    assert ids(await home.get(min_risk=60)) == []
    assert ids(await home.get(level="low")) == [7001, 7002]
    assert ids(await home.get()) == [7001, 7001, 7002, 7001]  # all that was told


async def test_what_an_event_is_counts_on_each_page_and_in_each_period(home: Home) -> None:
    low = {"camera_id": "door", "risk_level": "low"}
    for number in (1, 2, 3):
        await home.happened(12 - number, id=number, **low)
    told_again = await home.happened(5, id=1, **low | {"risk_level": "high"})
    first = await home.get(level="low", limit=1)
    second = await home.get(level="low", limit=1, before=first["next"])
    rest = await home.get(level="low", limit=1, before=second["next"])
    assert (ids(first), ids(second), ids(rest), rest["next"]) == ([3], [2], [], None)
    period = {"from": "1970-01-01T00:00:00Z", "to": arrival(told_again[0])}
    assert ids(await home.get(level="low", **period)) == [3, 2]
    assert ids(await home.get(level="high", **period)) == []


async def test_a_mark_is_asked_of_an_event_as_it_is(home: Home) -> None:
    await home.happened(9, id=1, risk_level="low")
    assert (await home.http.post("/api/events/1/seen")).status_code == 200
    assert ids(await home.get(seen="true")) == [1]
    await home.happened(8, id=1, risk_level="high")
    assert ids(await home.get(seen="true", limit=5)) == []
    assert ids(await home.get(seen="false")) == [1]


async def test_what_was_told_since_the_last_question_counts_and_not_what_was_wiped(
    home: Home,
) -> None:
    await home.happened(9, 8, camera_id="door", risk_level="low")
    assert ids(await home.get(level="low")) == [2, 1]
    await home.happened(7, id=1, risk_level="high")
    assert ids(await home.get(level="low", limit=9)) == [2]
    await home.redis.delete(home.history, home.number)
    await home.happened(6, id=1, risk_level="low")
    assert ids(await home.get(level="low", limit=8)) == [1]


async def test_what_nobody_has_seen_is_found_page_by_page(home: Home) -> None:
    cursors = await home.happened(*range(130, 10, -1), camera_id="door", risk_level="low")
    seen = {120, 90, 3}
    for number in seen:
        assert (await home.http.post(f"/api/events/{number}/seen")).status_code == 200
    assert ids(await home.get(minutes=150, seen="true")) == sorted(seen, reverse=True)
    assert ids(await home.get(minutes=150, seen="true", camera_id="yard")) == []
    first = await home.get(minutes=150, seen="false", limit=50)
    rest = await home.get(minutes=150, seen="false", before=first["next"])
    assert ids(first) + ids(rest) == [n for n in range(len(cursors), 0, -1) if n not in seen]
    assert {event["seen"] for event in rest["events"]} == {None}


async def test_a_period_is_searched_by_arrival_from_its_first_millisecond_to_before_its_last(
    home: Home,
) -> None:
    await home.is_known_for(LONG_AGO)
    cursors = await home.happened(300, 200, 100, 50, 1)
    times = [arrival(cursor) for cursor in cursors]
    found = await home.get(minutes=1, **{"from": times[1], "to": times[3]})
    assert (ids(found), found["next"], found["complete"]) == ([3, 2], None, True)
    assert ids(await home.get(to=times[0])) == []
    assert ids(await home.get(**{"from": times[3]})) == [5, 4]
    first = await home.get(limit=2, **{"from": "1970-01-01T00:00:00Z"})
    rest = await home.get(limit=3, before=first["next"], **{"from": "1970-01-01T00:00:00Z"})
    assert (ids(first), ids(rest), rest["next"]) == ([5, 4], [3, 2, 1], None)


def arrival(cursor: str, *, later: int = 0) -> str:
    milliseconds = int(cursor.partition("-")[0]) + later
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).isoformat()


async def test_a_period_is_complete_if_its_history_was_whole_before_it_began(home: Home) -> None:
    await home.is_known_for(LONG_AGO)
    cursors = await home.happened(300, 200, 100, 50, 1)
    since = {name: arrival(cursor) for name, cursor in zip("abcde", cursors, strict=True)}
    assert (await home.get(**{"from": since["a"]}))["complete"] is True
    assert (await home.get(to=since["b"]))["complete"] is False  # the mark is not as old
    await home.redis.xtrim(home.history, maxlen=4, approximate=False)
    assert (await home.get(**{"from": since["a"], "to": since["d"]}))["complete"] is False
    assert (await home.get(**{"from": since["c"], "to": since["d"]}))["complete"] is True
    await home.redis.xdel(home.history, cursors[3])
    # What was deleted is behind the period, and what proves that is not in it.
    assert (await home.get(**{"from": since["c"], "to": since["d"]}))["complete"] is False
    after = {"from": arrival(cursors[4], later=1)}
    assert (await home.get(**after))["complete"] is True


async def test_searches_keep_nobody_from_knowing_what_was_of_late(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    await home.happened(1, summary="Person")
    held, before = asyncio.Event(), History.before
    searching = 0

    async def slow(self: History, name: str, cursor: Cursor, count: int) -> list[Entry]:
        nonlocal searching
        # Only who looks for something has as much as that read at first.
        if count == module.FIRST_COUNT:
            searching += 1
            await held.wait()
        return await before(self, name, cursor, count)

    monkeypatch.setattr(History, "before", slow)
    searches = [asyncio.create_task(home.get(q=f"person {n}", limit=100)) for n in range(20)]

    async def is_busy() -> bool:
        return searching == module.MAX_SEARCHES

    await until(is_busy)
    assert ids(await home.get(limit=1)) == [1]
    assert searching == module.MAX_SEARCHES
    held.set()
    await asyncio.gather(*searches)
    assert searching == len(searches)


async def test_a_window_is_complete_if_its_history_was_whole_before_it_began(home: Home) -> None:
    answer = await home.get()
    assert answer["complete"] is False
    assert answer["known_since"] == answer["now"]  # from this look on
    await home.is_known_for(14)
    assert (await home.get())["complete"] is False
    assert (await home.get(minutes=13))["complete"] is True
    await home.is_known_for(16)
    assert (await home.get())["complete"] is True
    await home.happened(10, 5)
    assert (await home.get(limit=1))["complete"] is True


@pytest.mark.parametrize(
    ("what", "complete"),
    [
        ("trimmed in the window", False),
        ("trimmed before it", True),
        ("deleted in the window", False),
        ("deleted before it", True),
        ("deleted at the end", False),
        ("all deleted", False),
        ("appended by hand", True),
        ("of another type", False),
        ("not counted", False),
    ],
)
async def test_what_was_trimmed_or_deleted_in_the_window_makes_it_incomplete(
    home: Home, what: str, *, complete: bool
) -> None:
    await home.is_known_for(LONG_AGO)
    cursors = await home.happened(40, 30, 10, 5, 1)
    match what:
        case "trimmed in the window":
            await home.redis.xtrim(home.history, maxlen=2, approximate=False)
        case "trimmed before it":
            await home.redis.xtrim(home.history, maxlen=4, approximate=False)
        case "deleted in the window":
            await home.redis.xdel(home.history, cursors[3])
        case "deleted before it":
            await home.redis.xdel(home.history, cursors[0])
        case "deleted at the end":
            await home.redis.xdel(home.history, cursors[-1])
        case "all deleted":
            await home.redis.delete(home.history)
        case "appended by hand":
            await home.redis.xadd(home.history, {"by": "hand"})
        case "of another type":
            await home.redis.delete(home.history)
            await home.redis.set(home.history, "x")
        case "not counted":
            await home.redis.delete(home.number)
    assert (await home.get())["complete"] is complete


async def test_a_replica_that_hears_redis_marks_since_when_though_nobody_asks(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_INTERVAL", 0.05)
    async with home_at(redis_url, channel) as home:
        await asyncio.sleep(0.2)
        assert not await home.redis.exists(home.since)  # nobody listens
        async with home.listener():

            async def is_marked() -> bool:
                return bool(await home.redis.exists(home.since))

            await until(is_marked)
            await home.redis.delete(home.since)  # Redis was wiped, and nobody has noticed
            await until(is_marked)


async def test_who_asks_for_little_has_little_read_and_a_budget_bounds_the_rest(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    await home.is_known_for(LONG_AGO)
    await home.happened(*[10] * 300, text="x" * 1000, risk_score=1)
    counts: list[int] = []
    before = History.before

    async def counting(self: History, name: str, cursor: Cursor, count: int) -> list[Entry]:
        entries = await before(self, name, cursor, count)
        counts.append(len(entries))
        return entries

    monkeypatch.setattr(History, "before", counting)
    answer = await home.get(limit=1)
    assert (counts, answer["complete"]) == ([2], True)
    monkeypatch.setattr(answers, "MAX_READ", 30_000)
    counts.clear()
    answer = await home.get(min_risk=99)
    assert sum(counts) == 50
    assert (answer["events"], answer["complete"]) == ([], False)
    asked = 0
    while answer["next"]:
        answer = await home.get(min_risk=99, before=answer["next"])
        asked += 1
    assert 5 <= asked <= 15
    monkeypatch.setattr(answers, "MAX_ANSWER", 2500)
    answer = await home.get()
    assert 1 <= len(answer["events"]) <= 3
    assert (answer["complete"], ids(await home.get(before=answer["next"]))[0]) == (
        True,
        ids(answer)[-1] - 1,
    )


async def test_all_who_ask_the_same_within_a_second_are_answered_from_one_read(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    before = History.before

    async def counting(self: History, *arguments: Any) -> list[Entry]:
        nonlocal asked
        asked += 1
        return await before(self, *arguments)

    monkeypatch.setattr(History, "before", counting)
    async with home_at(redis_url, channel) as home:
        await home.happened(1)
        answers = await asyncio.gather(*[home.get() for _ in range(20)])
        assert all(ids(answer) == [1] for answer in answers)
        await home.happened(0)
        assert await home.get() == answers[0]
        assert asked <= 2  # there may be a first that begins before the others come
        assert ids(await home.get(limit=99)) == [2, 1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("minutes", "0"),
        ("minutes", "x"),
        ("limit", "501"),
        ("limit", "0"),
        ("min_risk", "101"),
        ("min_risk", "-1"),
        ("camera_id", "x" * 257),
        ("level", "huge"),
        ("seen", "perhaps"),
        ("q", "x" * 101),
        ("from", "yesterday"),
        ("to", "1969-07-20"),
        ("before", "yesterday"),
    ],
)
async def test_a_parameter_that_makes_no_sense_is_named(home: Home, name: str, value: str) -> None:
    answer = await home.http.get("/api/events", params={name: value})
    assert answer.status_code == 400
    assert [wrong["key"] for wrong in answer.json()["extra"]] == [name]


async def test_who_has_no_credential_is_told_nothing(redis_url: str, channel: str) -> None:
    key = "k" * 32
    async with home_at(redis_url, channel, api_keys=(digest(key.encode()).hex(),)) as home:
        assert (await home.http.get("/api/events")).status_code == 401
        answer = await home.http.get("/api/events", headers={"X-API-Key": key})
        assert answer.status_code == 200


async def test_without_redis_it_says_so_and_when_to_ask_again(
    own_redis: RedisServer, channel: str
) -> None:
    async with home_at(own_redis.url, channel) as home, home.listener() as client:
        await client.send("ping")
        assert json.loads(await hear(client))["heard"] is True
        own_redis.kill()
        assert json.loads(await hear(client))["heard"] is False
        answer = await home.http.get("/api/events")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "ask again" in answer.json()["detail"]
        own_redis.start()
        assert json.loads(await hear(client))["heard"] is True
        assert (await home.get())["heard"] is True


async def test_what_is_published_in_another_database_is_noticed_and_said_once(
    own_redis: RedisServer, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Pub/sub knows no databases: it is heard, and in no history that can be resumed from."""
    elsewhere = own_redis.url.removesuffix("/0") + "/1"
    async with home_at(own_redis.url, channel) as home, home.listener() as client:
        await home.is_known_for(LONG_AGO)
        async with Publisher(elsewhere) as publisher:
            for _ in range(3):
                await publisher.publish(channel, golden("event"))
                assert json.loads(await hear(client)) == json.loads(golden("event"))
        await client.send("ping")
        assert "cursor" not in json.loads(await hear(client))
        answer = await home.get()
        assert (answer["events"], answer["complete"]) == ([], False)
        assert caplog.text.count("writes to another database of this Redis") == 1
        async with Publisher(own_redis.url) as publisher:
            own = await publisher.publish(channel, golden("event"))
        assert json.loads(await hear(client))["cursor"] == own.cursor
        await asyncio.sleep(SHARED_FOR)
        await client.send("ping")
        assert json.loads(await hear(client))["cursor"] == own.cursor
