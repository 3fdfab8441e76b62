"""No deaf replica: whatever happens to Redis, clients stay connected and hear again."""

import asyncio
import json

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection

from hsi.publisher import Publisher
from local.processes import Process
from tests.clients import (
    dashboard,
    dashboards,
    get_json,
    golden,
    has_connections,
    hear,
    hears_again,
    metric,
    until,
)
from tests.conftest import StartReplica
from tests.servers import RedisServer

pytestmark = pytest.mark.faults

CLIENTS = 5
PROMISE = 15
"""Seconds after Redis is back within which events are heard again."""


async def all_hear_again(
    clients: list[ClientConnection], redis_url: str, channel: str, *, within: float = PROMISE
) -> None:
    await hears_again(clients[0], redis_url, channel, within=within)
    for client in clients[1:]:
        assert '"marker"' in await hear(client)


async def test_redis_killed_and_restarted(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(own_redis.url, channel)
    async with dashboards(*[replica] * CLIENTS) as clients:
        for _ in range(2):
            own_redis.kill()
            await until(lambda: redis_state_is(replica, "connecting"))
            assert (await get_json(replica, "/health/ready"))["status"] == "ready"
            own_redis.start()
            await all_hear_again(clients, own_redis.url, channel)
        assert await has_connections(replica, CLIENTS)
        assert await metric(replica, "hsi_redis_outages_total") >= 2


async def test_redis_away_for_longer_than_any_backoff(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(own_redis.url, channel)
    async with dashboard(replica) as client:
        own_redis.kill()
        await asyncio.sleep(8)
        own_redis.start()
        await hears_again(client, own_redis.url, channel, within=PROMISE)
    assert replica.log.read_text().count("lost the subscription to Redis") == 1


async def test_redis_frozen_for_ten_seconds(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    """A frozen Redis still takes connections and answers none: only doubt finds it."""
    replica = start_replica(own_redis.url, channel)
    async with dashboards(*[replica] * CLIENTS) as clients:
        own_redis.freeze()
        await asyncio.sleep(10)
        assert await redis_state_is(replica, "connecting")
        own_redis.thaw()
        await all_hear_again(clients, own_redis.url, channel)
        assert await has_connections(replica, CLIENTS)


async def test_the_subscribers_connection_killed_by_redis(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(own_redis.url, channel)
    async with dashboards(*[replica] * CLIENTS) as clients:
        async with Redis.from_url(own_redis.url) as redis:
            for _ in range(10):
                await redis.client_kill_filter(_type="pubsub")
                await all_hear_again(clients, own_redis.url, channel)
        assert await has_connections(replica, CLIENTS)


async def test_a_replica_that_starts_without_redis_hears_it_later(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    own_redis.kill()
    replica = start_replica(own_redis.url, channel)
    async with dashboard(replica) as client:
        own_redis.start()
        await hears_again(client, own_redis.url, channel, within=PROMISE)


async def test_a_redis_that_refuses_us_is_asked_again_until_it_does_not(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(own_redis.url, channel)
    async with Redis.from_url(own_redis.url) as redis, dashboard(replica) as client:
        await redis.acl_setuser("events", commands=["-subscribe"], enabled=True)
        await redis.client_kill_filter(_type="pubsub")
        await until(lambda: redis_state_is(replica, "connecting"))
        await asyncio.sleep(1)
        assert await redis_state_is(replica, "connecting")
        await redis.acl_setuser("events", commands=["+subscribe"], enabled=True)
        await hears_again(client, own_redis.url, channel, within=PROMISE)
        await redis.acl_log_reset()  # what was denied was meant to be
    assert replica.log.read_text().count("lost the subscription to Redis") == 1


async def test_a_redis_that_has_as_many_clients_as_it_may_is_an_outage_in_its_own_words(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(own_redis.url, channel)
    async with (
        Redis.from_url(own_redis.url) as redis,
        Publisher(own_redis.url) as publisher,
        dashboard(replica) as client,
    ):
        await hears_again(client, own_redis.url, channel, within=PROMISE)
        await redis.config_set("maxclients", 1)
        for kind in ("pubsub", "normal"):
            await redis.client_kill_filter(_type=kind, skipme=True)

        async def says_why() -> bool:
            told = (await get_json(replica, "/status"))["redis"]
            is_out = told["state"] == "connecting"
            return is_out and "max number of clients reached" in (told["trouble"] or "")

        await until(says_why)
        waiting = asyncio.create_task(publisher.publish(channel, golden("event")))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await redis.config_set("maxclients", 100)
        await waiting
        async with asyncio.timeout(PROMISE):
            while json.loads(await client.recv())["type"] != "event":
                pass
        await until(lambda: redis_state_is(replica, "listening"))
        assert (await get_json(replica, "/status"))["redis"]["trouble"] is None
    log = replica.log.read_text()
    assert log.count("lost the subscription to Redis") == 1
    assert "max number of clients reached" in log


async def redis_state_is(replica: Process, state: str) -> bool:
    status = await get_json(replica, "/status")
    return bool(status["redis"]["state"] == state)
