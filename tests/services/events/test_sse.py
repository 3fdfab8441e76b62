"""Over plain HTTP a client misses nothing and gets nothing twice, as over a WebSocket."""

import asyncio
import contextlib
import json
from typing import Any

import pytest

from hsi.publisher import Publisher
from hsi_service.skeleton.service import Service
from tests.clients import golden, publish, until
from tests.servers import RedisServer
from tests.sse import SseClient
from tests.strangers import Server, replica

PROMISE = 15
"""Seconds after Redis is back within which everything missed is there."""


def stream(server: Server, query: str = "", *, last: str = "", **options: Any) -> Any:
    url = server.url("").replace("ws", "http")
    headers = {"Last_Event_ID": last} if last else {}
    return SseClient.at(url, f"/api/events/stream?{query}", **headers, **options)


def event(number: int, padding: int = 0) -> bytes:
    return golden("event").replace(b'"id": 123', b'"id": %d' % number) + b" " * padding


async def next_of(client: SseClient, *, pings: bool = False) -> Any:
    async with asyncio.timeout(PROMISE):
        while True:
            message = json.loads(await client.recv())
            if pings or message["type"] != "ping":
                return message


async def ids(client: SseClient, count: int) -> list[int]:
    return [(await next_of(client))["data"]["id"] for _ in range(count)]


async def test_who_begins_hears_what_follows_and_goes_on_by_its_last_id(
    redis_url: str, channel: str
) -> None:
    async with replica(redis_url, channel) as server, Publisher(redis_url) as publisher:
        cursors = [(await publisher.publish(channel, event(n))).cursor for n in (1, 2)]
        async with stream(server) as client:
            first = await next_of(client, pings=True)
            assert (first["type"], first["cursor"]) == ("ping", cursors[1])
            assert client.last_id == cursors[1]  # It has one before anything happened.
            cursors.append((await publisher.publish(channel, event(3))).cursor)
            heard = await next_of(client)
            assert (heard["cursor"], client.last_id) == (cursors[2], cursors[2])
            await publish(redis_url, channel, b'{"type":"plain","data":{}}')
            assert (await next_of(client))["type"] == "plain"
            assert client.last_id == cursors[2]
        await publisher.publish(channel, event(4))
        # A browser asks for the same address again, with its last id.
        async with stream(server, f"since={cursors[0]}&tail=9", last=client.last_id) as client:
            told = {"recovered": True, "replayed": 1, "since": cursors[2]}
            assert (await next_of(client))["data"] == told
            assert await ids(client, 1) == [4]
        async with stream(server, f"since={cursors[0]}") as client:
            assert (await next_of(client))["data"]["replayed"] == 3
            assert await ids(client, 3) == [2, 3, 4]
        async with stream(server, "tail=2") as client:
            assert await ids(client, 2) == [3, 4]
        async with stream(server, last="nonsense") as client:
            assert not (await next_of(client))["data"]["recovered"]


async def test_it_takes_the_filters_and_quiet_ones_come_as_far_as_all(
    redis_url: str, channel: str
) -> None:
    async with (
        replica(redis_url, channel, heartbeat_interval=0.1) as server,
        Publisher(redis_url) as publisher,
    ):
        query = "camera_id=back&camera_id=side&min_risk=10&types=event,EVENT_SEEN"
        async with stream(server, query) as client:
            cursor = (await publisher.publish(channel, event(1))).cursor  # of front_door
            while (await next_of(client, pings=True))["cursor"] != cursor:
                pass
            assert client.last_id == cursor
            back = event(2).replace(b"front_door", b"back")
            await publisher.publish(channel, back)
            assert await ids(client, 1) == [2]
            service = server.app.state["service"]
            assert isinstance(service, Service)
            assert len(list(service.hub.feeds)) == 1
        async with contextlib.AsyncExitStack() as stack:
            for number in range(4):
                await stack.enter_async_context(stream(server, f"camera_id={number}"))
            async with stream(server, "camera_id=4") as fifth:
                assert (fifth.status, fifth.headers["retry-after"]) == (429, "10")
                assert b"this address has 4 different filters" in fifth.body
        for query in ("min_risk=x", "types=ping", "tail=-1", "min_risk=101"):
            async with stream(server, query) as client:
                assert client.status == 400, query


async def test_a_redis_that_is_killed_and_started_again_costs_a_client_nothing(
    own_redis: RedisServer, channel: str
) -> None:
    async with (
        replica(own_redis.url, channel) as server,
        stream(server) as client,
        Publisher(own_redis.url) as publisher,
    ):
        await publisher.publish(channel, event(1))
        assert await ids(client, 1) == [1]
        own_redis.kill()
        publishing = [asyncio.create_task(publisher.publish(channel, event(n))) for n in (2, 3)]
        async with stream(server, last=client.last_id) as late:
            own_redis.start()
            await asyncio.gather(*publishing)
            assert await ids(client, 2) == [2, 3]
            assert (await next_of(late))["data"]["recovered"]
            assert await ids(late, 2) == [2, 3]


async def test_a_slow_reader_is_let_go_holds_up_nobody_and_goes_on_where_it_was(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hsi_service.fanout.peer.MAX_UNSENT", 1024 * 1024)
    async with (
        replica(redis_url, channel) as server,
        stream(server) as slow,
        stream(server) as other,
        Publisher(redis_url) as publisher,
    ):
        await next_of(slow, pings=True)
        slow.transport.pause_reading()
        service = server.app.state["service"]
        assert isinstance(service, Service)
        number = 0

        async def is_let_go() -> bool:
            nonlocal number
            number += 1
            await publisher.publish(channel, event(number, padding=200_000))
            assert await ids(other, 1) == [number]
            return any(peer.closing for peer in service.hub.clients)

        await until(is_let_go)
        slow.transport.resume_reading()
        got = [
            message for message in map(json.loads, await slow.rest()) if message["type"] == "event"
        ]
        assert slow.close_code == 4408
        async with stream(server, last=slow.last_id) as again:
            told = (await next_of(again))["data"]
            assert told["recovered"]
            heard = [message["data"]["id"] for message in got] + await ids(again, told["replayed"])
        assert heard == list(range(1, number + 1))
