"""GET /api/events/<cursor>: one event, and those beside it."""

import json
from typing import Any

import httpx
import pytest

from hsi.keys import digest
from hsi.publisher import Publisher
from services.events import one
from tests.clients import golden
from tests.servers import RedisServer
from tests.services.events.home import Home, home_at


async def read(home: Home, cursor: str) -> httpx.Response:
    return await home.http.get(f"/api/events/{cursor}")


async def told(home: Home, cursor: str) -> Any:
    answer = await read(home, cursor)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_it_is_told_as_it_was_published(home: Home, redis_url: str) -> None:
    event = golden("event")
    async with Publisher(redis_url) as publisher:
        cursor = (await publisher.publish(home.channel, event)).cursor
    assert cursor
    answer = await told(home, cursor)
    assert answer["event"]["message"] == {"cursor": cursor, **json.loads(event)}
    assert answer["event"] == (await home.get())["events"][0]
    assert (answer["previous"], answer["next"]) == (None, None)
    assert answer["now"] >= answer["event"]["arrived_at"]


async def test_beside_it_are_the_nearest_others_of_its_camera(home: Home) -> None:
    door, yard = {"camera_id": "door"}, {"camera_id": "yard"}
    (first,) = await home.happened(9, event_id=1, **door)
    await home.happened(8, event_id=2, **yard)
    (middle,) = await home.happened(7, event_id=3, **door)
    (again,) = await home.happened(6, event_id=3, **door)
    await home.happened(*[5] * 120, event_id=4, **yard)
    (last,) = await home.happened(4, event_id=5, **door)
    beside = {cursor: await told(home, cursor) for cursor in (first, middle, again, last)}
    assert {cursor: (one["previous"], one["next"]) for cursor, one in beside.items()} == {
        first: (None, middle),
        middle: (first, last),
        again: (first, last),
        last: (again, None),
    }


async def test_what_no_camera_saw_has_nothing_beside_it(home: Home) -> None:
    _, cursor, _ = await home.happened(3, 2, 1)
    answer = await told(home, cursor)
    assert (answer["previous"], answer["next"]) == (None, None)


async def test_no_more_is_read_than_the_budget_allows(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, yard = {"camera_id": "door"}, {"camera_id": "yard"}
    (first,) = await home.happened(9, **door)
    await home.happened(*[5] * 60, text="x" * 100, **yard)
    (last,) = await home.happened(4, **door)
    assert (await told(home, first))["next"] == last
    assert (await told(home, last))["previous"] == first
    monkeypatch.setattr(one, "MAX_BESIDE", 2000)
    assert (await told(home, first))["next"] is None
    assert (await told(home, last))["previous"] is None


@pytest.mark.parametrize("cursor", ["yesterday", "1-", "-1", "1-1-1", "9" * 40, "%00"])
async def test_what_is_no_cursor_is_400_and_named(home: Home, cursor: str) -> None:
    answer = await read(home, cursor)
    assert answer.status_code == 400
    assert [wrong["key"] for wrong in answer.json()["extra"]] == ["cursor"]


async def test_an_event_that_is_no_longer_there_is_404(home: Home) -> None:
    first, _ = await home.happened(2, 1)
    await home.redis.xdel(home.history, first)
    answer = await read(home, first)
    assert answer.status_code == 404
    assert "no longer" in answer.json()["detail"]
    assert (await read(home, "99999999999999-99999999999999")).status_code == 404
    await home.redis.delete(home.history)
    assert (await read(home, first)).status_code == 404


async def test_who_has_no_credential_is_told_nothing(redis_url: str, channel: str) -> None:
    async with home_at(redis_url, channel, api_keys=(digest(b"k" * 32).hex(),)) as home:
        (cursor,) = await home.happened(1)
        assert (await read(home, cursor)).status_code == 401


async def test_without_redis_it_says_so_and_when_to_ask_again(
    own_redis: RedisServer, channel: str
) -> None:
    async with home_at(own_redis.url, channel) as home:
        (cursor,) = await home.happened(1)
        own_redis.kill()
        answer = await read(home, cursor)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
