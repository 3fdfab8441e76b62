"""SIGTERM: no client is dropped, all are told to come back, and not all at once."""

import asyncio
import json
import signal
import time

import httpx
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.clients import dashboard, dashboards, get_json, hear, meanwhile, until
from tests.conftest import StartReplica

CLIENTS = 40
WINDOW = 2.0


async def listen(client: ClientConnection) -> tuple[list[int], float]:
    """Hear until closed; return the numbers of the events and when it ended."""
    numbers = []
    try:
        while True:
            numbers.append(json.loads(await hear(client))["data"]["id"])
    except ConnectionClosed:
        return numbers, time.monotonic()


async def flood(redis_url: str, channel: str, published: list[float]) -> None:
    """Publish numbered events without a pause worth the name; note when each was acknowledged."""
    async with Redis.from_url(redis_url) as redis:
        while True:
            number = len(published)
            await redis.publish(channel, b'{"type":"event","data":{"id":%d}}' % number)
            published.append(time.monotonic())
            await asyncio.sleep(0.001)  # a load, not more than any machine can carry


async def test_sigterm_under_load_closes_everybody_in_turn_and_loses_nothing(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, DRAIN_WINDOW=str(WINDOW))
    async with dashboards(*[replica] * CLIENTS) as clients:
        published: list[float] = []

        async def enough() -> bool:
            return len(published) > 200

        async with meanwhile(flood(redis_url, channel, published)):
            listening = [asyncio.create_task(listen(client)) for client in clients]
            await until(enough)
            asked = time.monotonic()
            replica.signal(signal.SIGTERM)
            results = await asyncio.gather(*listening)
            status = await asyncio.wait_for(replica.wait(), 10)
            ended = time.monotonic()

        assert status == 0
        assert {client.close_code for client in clients} == {1012}
        for numbers, closed_at in results:
            # From the first event to the last one before its close: no gap, no duplicate.
            assert numbers == list(range(len(numbers)))
            unheard = published[len(numbers) :]
            assert not unheard or closed_at - unheard[0] < 5
        closed = sorted(closed_at - asked for _, closed_at in results)
        assert closed[-1] - closed[0] > WINDOW / 2  # in turn, not at once
        assert closed[CLIENTS // 2] > WINDOW / 5  # and not most of them at first
        assert ended - asked < WINDOW + 6


async def test_a_draining_replica_says_so_and_refuses_newcomers(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, DRAIN_DELAY="60")
    client = await dashboard(replica)
    replica.signal(signal.SIGTERM)

    async def unready() -> bool:
        async with httpx.AsyncClient() as http:
            return (await http.get(replica.url + "/health/ready")).status_code == 503

    await until(unready)
    assert "draining" in (await get_json(replica, "/health/ready"))["reason"]
    assert (await get_json(replica, "/health/live"))["status"] == "alive"
    with pytest.raises(InvalidStatus) as refusal:
        await dashboard(replica)
    assert refusal.value.response.status_code == 503
    assert int(refusal.value.response.headers["Retry-After"]) > 0
    # Those who are connected are served on, until load balancers have noticed.
    await client.send("ping")
    assert json.loads(await hear(client))["type"] == "pong"
    # A second signal is impatience: no more waiting, but still a proper close.
    replica.signal(signal.SIGTERM)
    with pytest.raises(ConnectionClosed):
        await hear(client)
    assert client.close_code == 1012
    assert await asyncio.wait_for(replica.wait(), 10) == 0


async def test_ctrl_c_does_not_wait(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, DRAIN_DELAY="60", DRAIN_WINDOW="60")
    async with dashboard(replica) as client:
        replica.signal(signal.SIGINT)
        with pytest.raises(ConnectionClosed):
            await hear(client)
        assert client.close_code == 1012
    assert await asyncio.wait_for(replica.wait(), 10) == 0


async def test_a_client_that_does_not_read_does_not_hold_up_the_end(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    client = await dashboard(replica, max_queue=1)
    client.transport.pause_reading()
    big = b'{"type":"event","data":{"a":"%s"}}' % (b"a" * 200_000)
    async with Redis.from_url(redis_url) as redis:
        for _ in range(30):
            await redis.publish(channel, big)
    replica.signal(signal.SIGTERM)
    assert await asyncio.wait_for(replica.wait(), 15) == 0
    client.transport.abort()
