"""Queue depths: whatever the queues are called, and whatever happens to Redis."""

import uuid
from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from hsi_service.sources import SourceError, TimeLimited
from hsi_service.sources.queues import ANSWER_TIMEOUT, Depths, Queues
from tests.clients import until
from tests.servers import RedisServer, busy, close_connections


@pytest.fixture
def prefix() -> str:
    return f"hsi:queue:{uuid.uuid4().hex}:"


@pytest.fixture
async def open_queues() -> AsyncIterator[Callable[[str, str], Queues]]:
    opened: list[Queues] = []

    def open_them(redis_url: str, prefix: str = "") -> Queues:
        queues = Queues(
            redis_url,
            name="test",
            detection=prefix + "detection",
            analysis=prefix + "analysis",
            dead_letters=[prefix + "dead:1", prefix + "dead:2"],
        )
        opened.append(queues)
        return queues

    yield open_them
    for queues in opened:
        await queues.aclose()


async def test_depths_are_lengths_of_lists_whatever_their_names(
    redis_url: str, prefix: str, open_queues: Callable[[str, str], Queues]
) -> None:
    queues = open_queues(redis_url, prefix)
    assert await queues.read() == Depths(detection=0, analysis=0, dead_letters=0)
    async with Redis.from_url(redis_url) as redis:
        await redis.rpush(prefix + "detection", *range(3))
        await redis.rpush(prefix + "analysis", 1)
        await redis.rpush(prefix + "dead:1", *range(4))
        await redis.rpush(prefix + "dead:2", *range(5))
        assert await queues.read() == Depths(detection=3, analysis=1, dead_letters=9)
        names = [prefix + name for name in ("detection", "analysis", "dead:1", "dead:2")]
        await redis.delete(*names)


@pytest.mark.parametrize(
    ("name", "depths"),
    [
        ("detection", Depths(detection=None, analysis=0, dead_letters=0)),
        ("analysis", Depths(detection=0, analysis=None, dead_letters=0)),
        ("dead:2", Depths(detection=0, analysis=0, dead_letters=None)),
    ],
)
async def test_what_is_no_list_has_no_depth_and_the_others_have(
    redis_url: str,
    prefix: str,
    open_queues: Callable[[str, str], Queues],
    name: str,
    depths: Depths,
) -> None:
    async with Redis.from_url(redis_url) as redis:
        await redis.set(prefix + name, "not a list", ex=60)
    assert await open_queues(redis_url, prefix).read() == depths


@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_without_redis_it_says_so_in_time_and_reads_again_when_it_is_back(
    own_redis: RedisServer, open_queues: Callable[..., Queues], fault: str
) -> None:
    source = TimeLimited("queues", open_queues(own_redis.url).read, limit=ANSWER_TIMEOUT + 0.5)
    assert (await source.read()).value
    if fault == "killed":
        own_redis.kill()
    else:
        own_redis.freeze()
    for _ in range(2):
        reading = await source.read()
        assert reading.value is None
        assert reading.reason.startswith(
            ("Redis cannot be reached", "Redis does not", "no answer within")
        )
    if fault == "killed":
        own_redis.start()
    else:
        own_redis.thaw()

    async def reads() -> bool:
        return (await source.read()).value == Depths(detection=0, analysis=0, dead_letters=0)

    await until(reads)


async def test_a_redis_that_refuses_us_is_no_empty_queue(
    own_redis: RedisServer, open_queues: Callable[..., Queues]
) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        await redis.acl_setuser(
            "poor", enabled=True, passwords="+hunter2", keys="*", commands=["+@all", "-llen"]
        )
    url = own_redis.url.replace("://", "://poor:hunter2@")
    with pytest.raises(SourceError) as caught:
        await open_queues(url).read()
    assert "Redis refuses" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_a_closed_connection_is_no_reason_and_a_busy_script_is_one_until_it_ends(
    own_redis: RedisServer, open_queues: Callable[[str], Queues]
) -> None:
    queues = open_queues(own_redis.url)
    empty = Depths(detection=0, analysis=0, dead_letters=0)
    assert await queues.read() == empty
    close_connections(own_redis.url)
    assert await queues.read() == empty
    with busy(own_redis.url), pytest.raises(SourceError, match="Redis is busy with a script"):
        await queues.read()
    assert await queues.read() == empty
