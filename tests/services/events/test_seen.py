"""Which events the household has seen: marked at one replica, seen at all, and kept."""

import asyncio
import json
from datetime import datetime
from heapq import nlargest
from typing import Any

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection

from hsi.keys import KeyEntry, Scope, digest
from hsi.schemas import channels
from hsi_service.door.session_cookie import COOKIE
from services.events import seen as module
from tests.clients import hear
from tests.redis_data import TYPES, spoil_async
from tests.servers import RedisServer
from tests.services.events.home import Home, home_at

SCOPES: tuple[Scope, ...] = ("read", "act", "admin", "publish")
KEYS = {
    "api_keys": tuple(
        str(KeyEntry(f"{scope} key", scope, digest(scope.encode()).hex())) for scope in SCOPES
    ),
    "session_secret": "a secret that all replicas share",
}
"""Each key is called like its scope."""
HIGH = {"event_id": 7, "risk_level": "high"}


async def told(client: ClientConnection) -> Any:
    """Return the next `event_seen` that a client is told of."""
    while (message := json.loads(await hear(client)))["type"] != "event_seen":
        pass
    return message


async def marks(home: Home) -> dict[str, Any]:
    answer = (await home.http.get("/api/events/seen")).json()
    return {one["id"]: one for one in answer["seen"]}


async def mark(home: Home, event_id: object = 7, **query: str) -> Any:
    answer = await home.http.post(f"/api/events/{event_id}/seen", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def undo(home: Home, event_id: object = 7) -> Any:
    answer = await home.http.delete(f"/api/events/{event_id}/seen")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_marked_at_one_replica_an_event_is_seen_at_the_other_and_after_a_restart(
    redis_url: str, channel: str
) -> None:
    path, key = "/api/events/7/seen", {"X-API-Key": "act"}
    async with home_at(redis_url, channel, **KEYS) as one, home_at(redis_url, channel) as other:
        await one.happened(1, **HIGH)
        async with other.listener() as client:
            answer = await one.http.post(path, headers=key)
            seen = answer.json()["seen"]
            assert (answer.json()["id"], seen["by"], seen["risk_level"]) == (
                "7",
                "act key",
                "high",
            )
            at = datetime.fromisoformat(seen["at"]).timestamp() * 1000
            assert abs(at - await one.now()) < 5000
            heard = await told(client)
            # Without a cursor: it is in no history, and takes nobody's place there.
            assert heard == {"type": "event_seen", "data": {"id": "7", "seen": True, **seen}}
            assert await one.redis.xlen(one.history) == 1
            assert await marks(other) == {"7": {"id": "7", **seen}}
            assert (await other.get())["events"][0]["seen"] == seen
    async with home_at(redis_url, channel, **KEYS) as one, home_at(redis_url, channel) as other:
        assert await marks(other) == {"7": {"id": "7", **seen}}
        async with other.listener() as client:
            undone = await one.http.delete(path, headers=key)
            assert undone.json() == {"id": "7", "seen": None}
            data = (await told(client))["data"]
            assert (data["seen"], data["by"], data["risk_level"]) == (False, "act key", None)
            assert await marks(other) == {}
            assert (await other.get())["events"][0]["seen"] is None


async def test_who_was_first_counts_and_others_change_nothing(redis_url: str, channel: str) -> None:
    async with (
        home_at(redis_url, channel, **KEYS) as home,
        home_at(redis_url, channel) as other,
        other.listener() as client,
    ):
        await home.happened(1, **HIGH)
        headers = [{"X-API-Key": key} for key in ("act", "admin")] * 10
        answers = await asyncio.gather(
            *(home.http.post("/api/events/7/seen", headers=each) for each in headers)
        )
        assert len({answer.text for answer in answers}) == 1
        first = await told(client)
        assert first["data"]["by"] == answers[0].json()["seen"]["by"]
        for _ in range(2):
            await home.http.delete("/api/events/7/seen", headers=headers[0])
        await home.http.post("/api/events/7/seen", headers=headers[1])
        assert [(await told(client))["data"]["seen"] for _ in range(2)] == [False, True]


async def test_once_graver_an_event_is_unseen_again_until_somebody_sees_that(home: Home) -> None:
    await home.happened(3, **HIGH)
    first = await mark(home)
    await home.happened(2, event_id=7, risk_level="critical")
    newer, older = (await home.get())["events"]
    assert (newer["seen"], older["seen"]) == (None, first["seen"])
    # A page that has not heard of that yet speaks of what it shows.
    assert await mark(home, risk_level="high") == first
    assert (await mark(home, risk_level="critical"))["seen"]["risk_level"] == "critical"
    assert all(event["seen"] for event in (await home.get())["events"])
    await home.happened(1, event_id=7, risk_level="low")
    assert (await mark(home))["seen"]["risk_level"] == "critical"


async def test_an_event_is_named_by_its_id_or_by_the_cursor_of_a_message_about_it(
    home: Home,
) -> None:
    [cursor] = await home.happened(3)
    milliseconds = int(cursor.partition("-")[0])
    nameless, other = f"{milliseconds + 1}-2", f"{milliseconds + 2}-3"
    bare = {"type": "event", "data": {"summary": "?"}}
    camera = {"type": "camera_added", "data": {"event_id": 9}}
    for place, message in ((nameless, bare), (other, camera)):
        await home.redis.xadd(home.history, {"m": json.dumps(message)}, id=place)
    assert (await mark(home, cursor))["id"] == "1"
    assert await mark(home, 1) == await mark(home, cursor)
    assert (await mark(home, nameless))["id"] == nameless
    seen = [event["seen"] is not None for event in (await home.get())["events"]]
    assert seen == [False, True, True]
    assert await undo(home, cursor) == {"id": "1", "seen": None}
    for unknown in (other, 9, "01", "-1", "1.0", "x", "9" * 30, "stored-1", "5-5"):
        for method in ("POST", "DELETE"):
            answer = await home.http.request(method, f"/api/events/{unknown}/seen")
            assert answer.status_code == 404, unknown
    # What was seen may be taken back when its event is long gone.
    await home.redis.delete(home.history)
    assert await undo(home, nameless) == {"id": nameless, "seen": None}


async def test_the_whole_history_is_searched_for_an_event(home: Home) -> None:
    await home.happened(*[5] * 300, text="x" * 2000)
    assert (await mark(home, 1))["id"] == "1"
    assert (await home.http.post("/api/events/301/seen")).status_code == 404


async def test_who_may_only_read_changes_nothing_and_another_sites_page_neither(
    redis_url: str, channel: str
) -> None:
    async with home_at(redis_url, channel, **KEYS) as home:
        await home.happened(1, **HIGH)
        path = "/api/events/7/seen"
        own = str(home.http.base_url)
        for headers, status in (
            ({}, 401),
            ({"X-API-Key": "wrong"}, 401),
            ({"X-API-Key": "read"}, 403),
            ({"X-API-Key": "publish"}, 403),
            ({"X-API-Key": "act", "Origin": "https://evil.example"}, 403),
            ({"X-API-Key": "admin", "Origin": own}, 200),
        ):
            for method in ("POST", "DELETE"):
                answer = await home.http.request(method, path, headers=headers)
                assert answer.status_code == status, headers
        assert (await home.http.get("/api/events/seen")).status_code == 401
        answer = await home.http.get("/api/events/seen", headers={"X-API-Key": "read"})
        assert answer.json()["seen"] == []
        signing_in = {"X-API-Key": "act", "Origin": own}
        await home.http.post("/api/session", headers=signing_in)
        assert COOKIE in home.http.cookies
        assert (await home.http.post(path)).status_code == 403  # a page sends its origin
        answer = await home.http.post(path, headers={"Origin": own})
        assert answer.json()["seen"]["by"] == "act key"


async def test_a_key_marks_no_faster_than_a_household_does(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MARKS_PER_MINUTE", 3)
    async with home_at(redis_url, channel, **KEYS) as home:
        await home.happened(1, **HIGH)
        path = "/api/events/7/seen"
        headers = {"X-API-Key": "act"}
        for _ in range(3):
            assert (await home.http.post(path, headers=headers)).status_code == 200
        answer = await home.http.delete(path, headers=headers)
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (429, True)
        assert (await home.http.post(path, headers={"X-API-Key": "admin"})).status_code == 200


async def test_of_too_many_marks_the_oldest_go_and_before_them_what_cannot_be_read(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_MARKS", 10)
    monkeypatch.setattr(module, "TRIMMED", 3)
    monkeypatch.setattr(module, "MAX_TOLD", 5)
    key = channels.seen(home.channel)
    await home.redis.hset(key, mapping={"x": "y", "8": "not JSON"})
    for number in range(20):
        await home.happened(1)
        await mark(home, number + 1)
        assert await home.redis.hlen(key) <= 10
    assert "20" in await home.redis.hkeys(key)
    assert not {"x", "1", "2"} & set(await home.redis.hkeys(key))
    assert list(await marks(home)) == ["20", "19", "18", "17", "16"]


@pytest.mark.parametrize("kind", sorted({*TYPES} - {"hash"}))
async def test_a_key_of_another_type_holds_no_marks_and_is_replaced_by_the_next(
    home: Home, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = channels.seen(home.channel)
    await spoil_async(home.redis, key, kind)
    await home.happened(1, **HIGH)
    assert await marks(home) == {}
    assert (await home.get())["events"][0]["seen"] is None
    assert (await undo(home))["seen"] is None
    assert await home.redis.type(key) != "hash"
    await mark(home)
    assert list(await marks(home)) == ["7"]
    assert caplog.text.count(f"the key {key} does not hold what it should: ") == 1


SPOILT: tuple[bytes, ...] = (
    b"",
    b"\xff",
    b"null",
    b"7",
    b"[" * 200_000,
    b'{"at":"soon","by":"x","risk_level":null}',
    b'{"at":"2026-11-27T12:00:00Z","by":7,"risk_level":null}',
    b'{"at":"2026-11-27T12:00:00Z","by":"x","risk_level":"severe"}',
)
GOOD = b'{"at":"2026-11-27T12:00:00","by":"x","risk_level":"high","more":1}'


async def test_fields_that_cannot_be_read_cost_no_others(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    key = channels.seen(home.channel)
    await home.happened(1, **HIGH)
    for number, value in enumerate(SPOILT, start=100):
        await home.redis.hset(key, str(number), value)
    await home.redis.hset(key, mapping={b"\xff": GOOD, "x": GOOD, "01": GOOD, "8": GOOD})
    early = b'{"at":"0001-01-01T00:00:00+14:00","by":"x","risk_level":null}'
    await home.redis.hset(key, mapping={"9": early, "7": b"not JSON"})
    found = await marks(home)
    assert list(found) == ["8", "9"]
    assert found["8"]["at"] == "2026-11-27T12:00:00Z"
    assert (await home.get())["events"][0]["seen"] is None
    await mark(home)
    assert list(await marks(home)) == ["7", "8", "9"]
    assert caplog.text.count(f"the key {key} does not hold what it should: ") == 1


async def test_a_hash_of_more_fields_than_there_can_be_is_not_read_and_is_replaced(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "NOT_OURS", 5)
    key = channels.seen(home.channel)
    await home.redis.hset(key, mapping={str(number): GOOD for number in range(7, 12)})
    await home.happened(1, **HIGH)
    assert await marks(home) == {}
    await mark(home)
    assert list(await marks(home)) == ["7"]
    assert caplog.text.count("the next mark replaces it") == 1


async def test_while_redis_refuses_writes_marks_are_503_and_can_be_read(
    own_redis: RedisServer, channel: str
) -> None:
    async with home_at(own_redis.url, channel) as home:
        await home.happened(1, **HIGH)
        before = await mark(home)
        async with Redis.from_url(own_redis.url) as admin:
            await admin.config_set("min-replicas-to-write", 1)
            for method, path in (("POST", "?risk_level=critical"), ("DELETE", "")):
                answer = await home.http.request(method, f"/api/events/7/seen{path}")
                assert answer.status_code == 503
                assert int(answer.headers["Retry-After"]) > 0
                assert answer.json()["detail"] == "Redis refuses writes; ask again soon"
            assert (await marks(home))["7"]["risk_level"] == before["seen"]["risk_level"]
            await admin.config_set("min-replicas-to-write", 0)
        assert (await undo(home))["seen"] is None
        own_redis.kill()
        for method, path in (("POST", "7/seen"), ("DELETE", "7/seen"), ("GET", "seen")):
            answer = await home.http.request(method, f"/api/events/{path}")
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0


async def test_one_read_answers_all_who_asked_before_it_and_none_who_asked_later(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0

    def counting(*arguments: Any, **options: Any) -> Any:
        nonlocal reads
        reads += 1
        return nlargest(*arguments, **options)

    monkeypatch.setattr(module, "nlargest", counting)
    await asyncio.gather(*(marks(home) for _ in range(20)))
    assert reads <= 10
    await home.happened(1, **HIGH)
    await mark(home)
    assert list(await marks(home)) == ["7"]
