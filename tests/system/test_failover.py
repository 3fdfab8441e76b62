"""A failover behind one address: old connections stay open, and lead to the server of before.

So it is with a Kubernetes Service or a managed Redis. Nothing is acknowledged that not everybody
gets, nobody is deaf for over 15 s, and who cannot write goes to the new server by itself.
"""

import asyncio
import contextlib
import functools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from websockets.asyncio.client import ClientConnection

from hsi import JobLogEmitter, Publisher, SyncPublisher
from hsi.client import Stream
from hsi.schemas import Event
from local.processes import Process, free_port
from tests.clients import dashboard, get_json, golden, has_connections, metric, until
from tests.conftest import StartReplica, StartSystems
from tests.replicas import Replica
from tests.screens import have, have_more, own, screens
from tests.sentinels import WatchedRedis
from tests.servers import OwnRedis
from tests.stalling import StallingProxy

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

PROMISE = 15
"""Seconds within which everybody hears again."""


class Pair:
    """Two servers behind one address: the primary, and its replica."""

    def __init__(self, folder: Path) -> None:
        self.first, self.second = OwnRedis(folder / "first"), OwnRedis(folder / "second")
        self.address = StallingProxy(self.first.url)

    def begin(self) -> None:
        for server in (self.first, self.second):
            server.start()
        follow(self.second, self.first)
        with Redis.from_url(self.first.url) as redis:
            redis.config_set("repl-diskless-sync-delay", 0)
            redis.set("a", "b")
            assert redis.wait(1, 30_000) == 1

    def fail_over(self, *, follows: bool = True) -> None:
        """Make the second server the primary, and let the address lead to it from now on."""
        with Redis.from_url(self.second.url) as redis:
            redis.replicaof("NO", "ONE")
        if follows:
            follow(self.first, self.second)
        else:
            with Redis.from_url(self.first.url) as redis:
                redis.replicaof("127.0.0.1", str(free_port()))
        self.address.lead_to(self.second.url)


def follow(replica: OwnRedis, primary: OwnRedis) -> None:
    with Redis.from_url(replica.url) as redis:
        redis.replicaof("127.0.0.1", primary.url.rpartition(":")[2].partition("/")[0])


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path)
    try:
        with pair.address:
            pair.begin()
            yield pair
    finally:
        pair.first.stop()
        pair.second.stop()


def event(number: int) -> bytes:
    return golden("event").replace(b'"id": 123', b'"id": %d' % number)


async def ids(client: ClientConnection, count: int) -> list[int]:
    """Return the ids of the next events; fail if it is told that something is missing."""
    got: list[int] = []
    async with asyncio.timeout(PROMISE):
        while len(got) < count:
            message = json.loads(await client.recv())
            assert message["type"] != "resumed", message
            if message["type"] == "event":
                got.append(message["data"]["id"])
    return got


@pytest.mark.parametrize("follows", [True, False], ids=["follows the new one", "follows nobody"])
async def test_events_go_on_when_the_server_of_before(
    pair: Pair, channel: str, start_replica: StartReplica, *, follows: bool
) -> None:
    replicas = [start_replica(pair.address.url, channel) for _ in range(2)]
    async with Publisher(pair.address.url) as publisher:
        with SyncPublisher(pair.address.url) as another:
            async with dashboard(replicas[0]) as one, dashboard(replicas[1]) as other:
                await publisher.publish_many(channel, [event(1), event(2)])
                await asyncio.to_thread(another.publish, channel, event(3))
                with Redis.from_url(pair.first.url) as redis:
                    assert redis.wait(1, 10_000) == 1
                pair.fail_over(follows=follows)
                await publisher.publish_many(channel, [event(4), event(5)])
                await asyncio.to_thread(another.publish, channel, event(6))
                assert [await ids(client, 6) for client in (one, other)] == [[1, 2, 3, 4, 5, 6]] * 2
                await publisher.publish(channel, event(7))
                assert [await ids(client, 1) for client in (one, other)] == [[7]] * 2
    if not follows:
        assert [await metric(replica, "hsi_deaf_total") for replica in replicas] == [1, 1]


async def test_under_sentinels_everybody_goes_to_each_new_primary(
    tmp_path: Path, channel: str, start_replica: StartReplica, start_systems: StartSystems
) -> None:
    with WatchedRedis(tmp_path / "watched").running() as watched:

        async def is_watched() -> bool:
            return await asyncio.to_thread(watched.is_watched)

        await until(is_watched, within=30)
        replicas = [start_replica(watched.url, channel) for _ in range(2)]
        async with (
            Publisher(watched.url) as publisher,
            dashboard(replicas[0]) as one,
            dashboard(replicas[1]) as other,
            screens(*start_systems(watched.url, 2)) as shown,
        ):
            await have(shown, 2)
            for turn in range(2):
                numbers = list(range(10 * turn + 1, 10 * turn + 6))
                await publisher.publish_many(channel, [event(number) for number in numbers[:3]])
                assert [await ids(client, 3) for client in (one, other)] == [numbers[:3]] * 2
                primary = watched.primary()
                assert primary is not None
                with Redis.from_url(primary.url) as redis:
                    assert redis.wait(1, 10_000) >= 1
                primary.kill()
                await publisher.publish_many(channel, [event(number) for number in numbers[3:]])
                assert [await ids(client, 2) for client in (one, other)] == [numbers[3:]] * 2
                await have_more(shown, 2, within=PROMISE)
                primary.start()
                await until(is_watched, within=30)


async def test_a_job_s_log_goes_on(
    pair: Pair, job_id: str, tmp_path: Path, cleanup: Callable[[Process], None]
) -> None:
    port = free_port()
    replica = Replica(
        "joblogs",
        name="joblogs",
        port=port,
        log=tmp_path / "joblogs.log",
        REDIS_URL=pair.address.url,
        DRAIN_DELAY="0",
        DRAIN_WINDOW="0",
    )
    cleanup(replica)
    replica.start()
    url = replica.url.replace("http", "ws", 1) + f"/ws/jobs/{job_id}/logs"
    async with dashboard(replica, uri=url) as client:
        async with JobLogEmitter(pair.address.url, job_id, patience=30) as emitter:
            await emitter.info("before")
            assert await asyncio.to_thread(emitter.flush, 10)
            with Redis.from_url(pair.first.url) as redis:
                assert redis.wait(1, 10_000) == 1
            pair.fail_over(follows=False)
            await emitter.info("after")
            assert await asyncio.to_thread(emitter.flush, 10)
        said: list[Any] = []
        async with asyncio.timeout(PROMISE):
            async for text in client:
                message = json.loads(text)
                assert message["type"] != "resumed"
                said.append(message["data"].get("message") if "data" in message else None)
    assert [text for text in said if text] == ["before", "after"]
    jobs = await get_json(replica, "/api/jobs")
    assert [(job["id"], job["status"]) for job in jobs] == [(job_id, "completed")]


@pytest.mark.parametrize("follows", [True, False], ids=["follows the new one", "follows nobody"])
async def test_statuses_go_on_and_one_replica_leads_when_the_server_of_before(
    pair: Pair, start_systems: StartSystems, *, follows: bool
) -> None:
    replicas = start_systems(pair.address.url, 2)
    async with screens(*replicas) as shown:
        await have(shown, 3)
        pair.fail_over(follows=follows)
        await have_more(shown, 3, within=PROMISE)

        async def one_leads_and_nobody_is_alone() -> bool:
            told = [await own(replica) for replica in replicas]
            return sum(each["lease"]["held"] for each in told) == 1 and not any(
                each["alone"] or each["lease"]["refused"] for each in told
            )

        await until(one_leads_and_nobody_is_alone, within=PROMISE)
        await have_more(shown, 3, within=PROMISE)
        for screen in shown:
            assert len(set(screen.slots())) == len(screen.slots())  # none is shown twice


async def test_a_redis_that_takes_no_writes_is_said_to_be_so_and_why(
    pair: Pair, channel: str, start_systems: StartSystems, start_replica: StartReplica
) -> None:
    (system,) = start_systems(pair.first.url)
    events = start_replica(pair.first.url, channel)
    replicas = (system, events)

    async def says(words: str | None) -> bool:
        told = [await get_json(replica, "/status") for replica in replicas]
        ready = [await get_json(replica, "/health/ready") for replica in replicas]
        reasons = [each["redis"]["refuses_writes"] for each in told]
        reasons += [each.get("redis_refuses_writes") for each in ready]
        reasons.append(told[0]["own"]["broadcaster"]["lease"]["refused"])
        return all((words in reason if reason and words else reason is words) for reason in reasons)

    async def redis_is(health: str) -> bool:
        return all(screen.latest["services"]["redis"] == health for screen in shown)

    async with dashboard(events), screens(system) as shown, Publisher(pair.first.url) as publisher:
        with Redis.from_url(pair.first.url) as redis:
            for setting, refused, usual, words in (
                ("min-replicas-to-write", "5", "0", "NOREPLICAS Not enough good replicas"),
                ("maxmemory", "1", "0", "OOM command not allowed"),
            ):
                redis.config_set(setting, refused)
                await until(lambda words=words: says(words), within=PROMISE)  # type: ignore[misc]
                await until(lambda: redis_is("unhealthy"), within=PROMISE)
                assert await metric(events, "hsi_redis_refuses_writes") == 1
                publishing = asyncio.create_task(publisher.publish(channel, event(1)))
                redis.config_set(setting, usual)
                await publishing
                await until(lambda: says(None), within=PROMISE)
                await until(lambda: redis_is("healthy"), within=PROMISE)
                assert await metric(events, "hsi_redis_refuses_writes") == 0


async def story_of(url: str, last: int) -> list[tuple[float, Any]]:
    """Follow events until the last one is heard; return when each came, and what it says.

    Args:
        url: The endpoint.
        last: Id of the last event.

    Returns:
        Ids of events, and None where something is said to be missing.

    """
    heard: list[tuple[float, Any]] = []
    async with contextlib.aclosing(Stream(url).messages()) as messages:
        async for received in messages:
            message = received.message
            heard.append(
                (time.monotonic(), message.data.id if isinstance(message, Event) else None)
            )
            if heard[-1][1] == last:
                break
    return heard


def check(story: list[tuple[float, Any]], acknowledged: dict[int, float]) -> None:
    """Check that all of it was heard in time, and nothing twice but after a word about that."""
    first: dict[int, float] = {}
    since: set[int] = set()  # What came after the last word that something is missing.
    for at, number in story:
        if number is None:
            since.clear()
            continue
        assert number not in since, f"{number} came twice, and nothing says why"
        since.add(number)
        first.setdefault(number, at)
    assert set(first) == set(acknowledged)
    assert max(at - acknowledged[number] for number, at in first.items()) < PROMISE


@pytest.mark.timeout(240)
async def test_what_replicas_have_reaches_everybody_though_the_primary_is_killed_three_times(
    tmp_path: Path, channel: str, start_replica: StartReplica
) -> None:
    """Two hundred clients and five thousand events, each acknowledged once a replica has it."""
    count, batch, kills = 5_000, 50, (500, 2_000, 3_500)
    half_way = {number: asyncio.Event() for number in kills}
    acknowledged: dict[int, float] = {}
    with WatchedRedis(tmp_path / "watched").running() as watched:

        async def is_watched() -> bool:
            return await asyncio.to_thread(watched.is_watched)

        async def another_leads(than: OwnRedis) -> bool:
            return await asyncio.to_thread(watched.primary) not in (None, than)

        async def publish(publisher: Publisher, upto: int) -> None:
            for first in range(len(acknowledged) + 1, upto + 1, batch):
                numbers = range(first, first + batch)
                await publisher.publish_many(channel, [event(number) for number in numbers])
                acknowledged.update(dict.fromkeys(numbers, time.monotonic()))
                if len(acknowledged) in half_way:
                    half_way[len(acknowledged)].set()

        async def kill_after(number: int) -> None:
            await half_way[number].wait()
            primary = watched.primary()
            assert primary is not None
            primary.kill()
            await until(lambda: another_leads(primary), within=PROMISE)
            primary.start()

        await until(is_watched, within=30)
        replicas = [start_replica(watched.url, channel) for _ in range(2)]
        endpoints = [replica.url.replace("http", "ws", 1) + "/ws/events" for replica in replicas]
        stories = [asyncio.create_task(story_of(url, count)) for url in endpoints * 100]
        for replica in replicas:
            await until(functools.partial(has_connections, replica, 100), within=30)
        async with Publisher(watched.url, replicas=1) as publisher:
            for number in kills:
                await asyncio.gather(publish(publisher, number + 1_000), kill_after(number))
                await until(is_watched, within=30)
            await publish(publisher, count)
        heard = await asyncio.gather(*stories)
    assert list(acknowledged) == list(range(1, count + 1))
    for story in heard:
        check(story, acknowledged)
