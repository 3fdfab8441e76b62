"""GET /api/events: what happened of late, and whether that is all."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from litestar import Litestar
from redis.asyncio import Redis
from websockets.asyncio.client import connect

from hsi.keys import digest
from hsi.publisher import Publisher
from hsi.schemas import channels
from hsi.schemas.cursor import Cursor
from hsi_service.bus.continuity import Entry
from hsi_service.bus.history import History
from hsi_service.fanout.signs import SHARED_FOR
from hsi_service.settings import Settings
from services.events import recent as module
from services.events.app import create_events_app
from tests.clients import golden, hear, until
from tests.servers import RedisServer, as_user, serving

MINUTE = 60_000
LONG_AGO = 24 * 60
"""Minutes."""


class Home:
    """A channel, and the service that tells of its history."""

    def __init__(self, app: Litestar, http: httpx.AsyncClient, redis: Redis, channel: str) -> None:
        self.app, self.http, self.redis, self.channel = app, http, redis, channel
        self.history, self.number = channels.history(channel), channels.number(channel)
        self.since = channels.since(channel)
        self._count = 0

    async def now(self) -> int:
        seconds, micros = await self.redis.time()
        return seconds * 1000 + micros // 1000

    async def happened(self, *minutes_ago: float, **data: Any) -> list[str]:
        """Have messages in the history that were published so long ago, in order."""
        now, cursors = await self.now(), []
        for ago in minutes_ago:
            self._count += 1
            cursor = f"{now - round(ago * MINUTE)}-{self._count}"
            message = {"type": "event", "data": {"id": self._count, **data}}
            await self.redis.xadd(self.history, {"m": json.dumps(message)}, id=cursor)
            cursors.append(cursor)
        await self.redis.set(self.number, self._count)
        return cursors

    async def is_known_for(self, minutes: float) -> None:
        await self.redis.set(self.since, await self.now() - round(minutes * MINUTE))

    async def marked(self) -> int:
        return int(str(await self.redis.get(self.since)))

    def listener(self) -> connect:
        return connect(str(self.http.base_url).replace("http", "ws") + "/ws/events")

    async def get(self, **asked: Any) -> Any:
        answer = await self.http.get("/api/events", params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextlib.asynccontextmanager
async def home_at(redis_url: str, channel: str, **settings: Any) -> AsyncIterator[Home]:
    url = as_user("events", redis_url)
    app = create_events_app(Settings(redis_url=url, redis_event_channel=channel, **settings))
    async with (
        serving(app) as (host, port),
        Redis.from_url(redis_url, decode_responses=True) as redis,
        httpx.AsyncClient(base_url=f"http://{host}:{port}") as http,
    ):
        yield Home(app, http, redis, channel)


@pytest.fixture
async def home(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Home]:
    monkeypatch.setattr(module, "MAX_KEPT", 0)  # Each answer is of now.
    async with home_at(redis_url, channel) as home:
        yield home


def ids(answer: Any) -> list[int]:
    return [event["message"]["data"]["id"] for event in answer["events"]]


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


@pytest.mark.parametrize("lost", ["wiped", "rolled back"])
async def test_a_history_that_lost_what_it_had_is_known_from_then_on(home: Home, lost: str) -> None:
    await home.is_known_for(LONG_AGO)
    *_, last = await home.happened(10, 5, 1)
    assert (await home.get())["complete"] is True
    if lost == "wiped":
        await home.redis.delete(home.history, home.number, home.since)
    else:
        await home.redis.xdel(home.history, last)
        await home.redis.set(home.number, 2)
    answer = await home.get()
    assert answer["complete"] is False
    assert answer["known_since"] == answer["now"]
    assert 0 < await home.marked() <= await home.now()
    assert (await home.get())["known_since"] == answer["known_since"]


@pytest.mark.parametrize("spoilt", ["soon", "9" * 13, "9" * 99, ["a list"]])
async def test_a_mark_that_cannot_be_is_replaced(home: Home, spoilt: str | list[str]) -> None:
    if isinstance(spoilt, list):
        await home.redis.rpush(home.since, *spoilt)
    else:
        await home.redis.set(home.since, spoilt)
    answer = await home.get()
    assert answer["complete"] is False
    assert 0 < await home.marked() <= await home.now()


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
    monkeypatch.setattr(module, "MAX_READ", 30_000)
    counts.clear()
    answer = await home.get(min_risk=99)
    assert sum(counts) == 50
    assert (answer["events"], answer["complete"]) == ([], False)
    asked = 0
    while answer["next"]:
        answer = await home.get(min_risk=99, before=answer["next"])
        asked += 1
    assert 5 <= asked <= 15
    monkeypatch.setattr(module, "MAX_ANSWER", 2500)
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
        ("before", "yesterday"),
        ("before", ""),
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


async def test_an_older_user_of_redis_is_told_events_and_that_nothing_is_known(
    own_redis: RedisServer, channel: str
) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        rules = (
            f"on nopass &* %R~{{{channel}}}:history %R~{{{channel}}}:number +@connection "
            "+multi +exec +xrange +xrevrange +get +time +publish +subscribe"
        )
        await redis.execute_command("ACL", "SETUSER", "old", *rules.split())  # type: ignore[no-untyped-call]
    url = own_redis.url.replace("://", "://old:any@")
    async with home_at(url, channel) as home:
        admin = Redis.from_url(own_redis.url, decode_responses=True)
        home.redis, mine = admin, home.redis
        await home.happened(1)
        answer = await home.get()
        assert (ids(answer), answer["complete"], answer["known_since"]) == ([1], False, None)
        home.redis = mine
        await admin.aclose()
