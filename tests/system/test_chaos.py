"""The promise, all at once: clients, replicas, an ingress and a Redis that has a bad day.

Two replicas behind Traefik, 200 clients, 5,000 events at full speed, while Redis is killed and
restarted twice, frozen for ten seconds, kept busy by a script, and takes no writes now and then.
One replica is restarted by SIGTERM, and one is killed. Each client, resuming when it is closed,
ends with every acknowledged event once, in order.
"""

import asyncio
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from hsi.publisher import Publisher
from hsi.schemas import channels
from hsi.tasks import cancel_and_wait
from local.processes import Process, free_port
from local.service import ServiceProcess
from local.traefik import Traefik
from tests.clients import golden, until
from tests.servers import RedisServer, as_user, busy
from tests.viewers import Viewer

SEED = 20261123
CLIENTS = 200
EVENTS = 5000
AT_ONCE = 100
FROZEN = 10
FLIPS = 20
"""How often writes are refused, and then not."""
REFUSALS = (
    [("min-replicas-to-write", "3")],
    [("maxmemory", "1")],
    [("min-replicas-to-write", "3"), ("maxmemory", "1")],
)


def replica_of(own_redis: RedisServer, channel: str, folder: Path) -> ServiceProcess:
    port = free_port()
    return ServiceProcess(
        "events",
        name=f"events-{port}",
        port=port,
        log=folder / f"events-{port}.log",
        REDIS_URL=as_user("events", own_redis.url),
        REDIS_EVENT_CHANNEL=channel,
        DRAIN_DELAY="2",
        DRAIN_WINDOW="2",
    )


class BadDay:
    """What happens to Redis and to the replicas, in this order."""

    def __init__(
        self, redis: RedisServer, replicas: list[ServiceProcess], chance: random.Random
    ) -> None:
        self._redis = redis
        self._first, self._second = replicas
        self._chance = chance
        self._faults = iter(
            (
                self._restart_redis,
                self._restart_first_replica,
                self._refuse_writes_that_flip,
                self._freeze_redis,
                self._kill_second_replica,
                self._keep_redis_busy,
                self._restart_redis,
            )
        )
        self.places = sorted(chance.sample(range(EVENTS // 10, EVENTS * 9 // 10), 7))
        """After how many events."""
        self._happening: asyncio.Task[None] | None = None

    async def go_on(self, published: int) -> None:
        """Let happen what is due; one after the other, but each of them while events flow."""
        while self.places and self.places[0] <= published:
            await self.end()
            self.places.pop(0)
            self._happening = asyncio.create_task(next(self._faults)())
            await asyncio.sleep(0)

    async def end(self) -> None:
        if self._happening:
            await self._happening

    async def _restart_redis(self) -> None:
        self._redis.kill()
        await asyncio.sleep(self._chance.uniform(0.2, 1))
        self._redis.start()

    async def _freeze_redis(self) -> None:
        self._redis.freeze()
        await asyncio.sleep(FROZEN)
        self._redis.thaw()

    async def _refuse_writes_that_flip(self) -> None:
        async with Redis.from_url(self._redis.url) as redis:
            for _ in range(FLIPS):
                for setting, value in self._chance.choice(REFUSALS):
                    await redis.config_set(setting, value)
                await asyncio.sleep(self._chance.uniform(0.01, 0.3))
                for setting in ("min-replicas-to-write", "maxmemory"):
                    await redis.config_set(setting, "0")
                await asyncio.sleep(self._chance.uniform(0.01, 0.1))

    async def _keep_redis_busy(self) -> None:
        with busy(self._redis.url):
            await asyncio.sleep(self._chance.uniform(1, 3))

    async def _restart_first_replica(self) -> None:
        self._first.signal(signal.SIGTERM)
        assert await self._first.wait() == 0
        self._first.spawn()

    async def _kill_second_replica(self) -> None:
        self._second.kill()
        await asyncio.sleep(self._chance.uniform(0.2, 1))
        self._second.spawn()


async def publish_all(redis_url: str, channel: str, day: BadDay) -> list[str]:
    """Publish all events through a bad day; return their cursors."""
    cursors: list[str] = []
    async with Publisher(redis_url, patience=60) as publisher:
        for start in range(0, EVENTS, AT_ONCE):
            await day.go_on(start)
            events = (
                golden("event").replace(b"123,", b"%d," % number, 1)
                for number in range(start, start + AT_ONCE)
            )
            published = await asyncio.gather(*(publisher.publish(channel, e) for e in events))
            cursors += [one.cursor for one in published]
        await day.end()
    return cursors


@pytest.mark.chaos
@pytest.mark.timeout(180)
async def test_every_client_has_every_acknowledged_event_once_in_order(
    own_redis: RedisServer, channel: str, tmp_path: Path, cleanup: Callable[[Process], None]
) -> None:
    chance = random.Random(SEED)
    replicas = [replica_of(own_redis, channel, tmp_path) for _ in range(2)]
    ingress = Traefik(
        tmp_path / "ingress",
        port=free_port(),
        routes={"/ws/events": [replica.url for replica in replicas]},
    )
    for process in (*replicas, ingress):
        cleanup(process)
        process.start()
    url = ingress.url.replace("http", "ws") + "/ws/events"
    viewers = [Viewer(url, chance, start="tail=0") for _ in range(CLIENTS)]
    watching = [asyncio.create_task(viewer.watch()) for viewer in viewers]

    async def all_know_where_they_are() -> bool:
        return all(viewer.cursor for viewer in viewers)

    async def all_have_all() -> bool:
        return all(len(viewer.got) >= EVENTS for viewer in viewers)

    try:
        await until(all_know_where_they_are, within=60)
        day = BadDay(own_redis, replicas, chance)
        acknowledged = await publish_all(own_redis.url, channel, day)
        await until(all_have_all, within=60)
    finally:
        await cancel_and_wait(*watching)

    assert day.places == []
    for viewer in viewers:
        assert viewer.got == list(range(EVENTS))
        assert viewer.complaints == []
    # They were really thrown about: those of the first replica, and those of the second.
    assert sum(len(viewer.breaks) for viewer in viewers) >= CLIENTS
    assert len(set(acknowledged)) == EVENTS
    async with Redis.from_url(own_redis.url) as redis:
        assert await redis.xlen(channels.history(channel)) == EVENTS  # no retry became a second one
