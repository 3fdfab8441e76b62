"""The mark that says since when the history of events is whole."""

import pytest
from redis.asyncio import Redis

from tests.servers import RedisServer
from tests.services.events.home import LONG_AGO, Home, home_at, ids


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


@pytest.mark.parametrize("spoilt", ["soon", "1", "007", "-5", "9" * 13, "9" * 99, ["a list"]])
async def test_a_mark_that_cannot_be_is_replaced(home: Home, spoilt: str | list[str]) -> None:
    if isinstance(spoilt, list):
        await home.redis.rpush(home.since, *spoilt)
    else:
        await home.redis.set(home.since, spoilt)
    answer = await home.get()
    assert answer["complete"] is False
    assert answer["now"] == answer["known_since"]
    assert 0 < await home.marked() <= await home.now()


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
