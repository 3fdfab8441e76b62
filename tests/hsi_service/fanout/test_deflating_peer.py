"""Clients that accept deflated messages, beside others: the same messages, deflated once."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import Litestar
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import TEXT

from hsi.client import Stream
from hsi.joblogs import JobLogEmitter
from hsi.publisher import Publisher
from hsi.schemas import Event
from hsi_service.fanout.batch import Batch, text_frame
from hsi_service.fanout.deflating_peer import DeflatingPeer
from hsi_service.fanout.direct_peer import DirectPeer
from hsi_service.fanout.memory import Memory
from services.events.app import create_events_app
from services.events.settings import EventsSettings
from services.joblogs.app import create_joblogs_app
from services.joblogs.settings import JobLogSettings
from tests.clients import golden, hear
from tests.hsi_service.door.test_handshake import request
from tests.hsi_service.fanout.conftest import Compressors
from tests.hsi_service.fanout.test_incoming import BOMB
from tests.hsi_service.fanout.test_peer import Ending
from tests.servers import as_user, serving
from tests.strangers import Server

COUNT = 12
OFFER = b"Sec-WebSocket-Extensions: permessage-deflate"
NUMBERS = list(range(COUNT))
LONG = "A person walked along the driveway, tried the door, and left as they came. " * 6


@pytest.fixture
async def server(redis_url: str, channel: str) -> AsyncIterator[Server]:
    async with replica(events(redis_url, channel, compression=True)) as server:
        yield server


def events(redis_url: str, channel: str, **settings: Any) -> Litestar:
    url = as_user("events", redis_url)
    return create_events_app(EventsSettings(redis_url=url, redis_event_channel=channel, **settings))


@contextlib.asynccontextmanager
async def replica(app: Litestar) -> AsyncIterator[Server]:
    async with serving(app) as (host, port):
        yield Server(app, host, port)


@contextlib.asynccontextmanager
async def clients(url: str, *compression: str | None) -> AsyncIterator[list[ClientConnection]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                connect(url, compression=each, max_size=None, ping_interval=None)
            )
            for each in compression
        ]


async def publish(redis_url: str, channel: str) -> None:
    """Publish events in one go; no other test publishes the same."""
    event = json.loads(golden("event"))
    messages: list[bytes] = []
    for number in range(COUNT):
        event["data"] |= {"id": number, "summary": f"{channel} {LONG}"}
        messages.append(json.dumps(event).encode())
    async with Publisher(redis_url) as publisher:
        await publisher.publish_many(channel, messages)


async def heard_by(client: ClientConnection, count: int) -> list[str]:
    return [await hear(client) for _ in range(count)]


async def test_live_resume_and_tail_are_the_same_for_all_and_deflated_once(
    server: Server, redis_url: str, channel: str, compressors: Compressors
) -> None:
    url = server.url("/ws/events")
    async with clients(f"{url}?tail=0", "deflate", None, "deflate", None) as live:
        assert [len(client.protocol.extensions) for client in live] == [1, 0, 1, 0]
        beginning = json.loads(await hear(live[0]))["cursor"]
        for client in live[1:]:
            await hear(client)
        await publish(redis_url, channel)
        heard = [await heard_by(client, COUNT) for client in live]
        assert [json.loads(text)["data"]["id"] for text in heard[0]] == NUMBERS
        assert all(each == heard[0] for each in heard)
        assert compressors.made == COUNT
        for query, before in (("since=" + beginning, 1), (f"tail={COUNT}", 0)):
            async with clients(f"{url}?{query}", "deflate", None, "deflate") as others:
                for client in others:
                    assert (await heard_by(client, before + COUNT))[before:] == heard[0]
        assert compressors.made == COUNT
        kinds = [type(peer) for peer in server.app.state["service"].hub.clients]
        assert sorted(kind.__name__ for kind in kinds) == ["DeflatingPeer"] * 2 + ["DirectPeer"] * 2


async def test_a_job_s_log_is_the_same_for_all_and_deflated_once(
    redis_url: str, job_id: str, compressors: Compressors
) -> None:
    url = as_user("joblogs", redis_url)
    app = create_joblogs_app(JobLogSettings(redis_url=url, compression=True))
    async with replica(app) as server:
        path = f"/ws/jobs/{job_id}/logs"
        both = "deflate", None, "deflate"
        async with clients(server.url(path), *both) as live:
            for client in live:
                await hear(client)
            async with JobLogEmitter(redis_url, job_id) as emitter:
                for n in range(COUNT):
                    await emitter.info(f"{n} {LONG}")
            heard = [await all_of(client) for client in live]
        assert len(heard[0]) == COUNT + 1
        assert all(each == heard[0] for each in heard)
        async with clients(server.url(path + "?level=INFO"), *both) as late:
            assert [await all_of(client) for client in late] == heard
        assert compressors.made == COUNT


async def all_of(client: ClientConnection) -> list[str]:
    """Return all that a viewer of a job hears until it is closed, heartbeats aside."""
    heard: list[str] = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            text = await hear(client)
            if not text.startswith('{"type":"ping"'):
                heard.append(text)
    return heard


async def test_plain_bytes_are_for_those_who_offer_nothing(
    server: Server, redis_url: str, channel: str
) -> None:
    async with (
        server.stranger(request(b"GET /ws/events HTTP/1.1")) as stranger,
        clients(server.url("/ws/events"), "deflate") as (client,),
    ):
        assert b"extensions" not in (await stranger.head()).lower()
        await publish(redis_url, channel)
        expected = b"".join(map(text_frame, await heard_by(client, COUNT)))
        async with asyncio.timeout(10):
            assert await stranger.reader.readexactly(len(expected)) == expected


async def test_nothing_is_negotiated_unless_it_is_switched_on(redis_url: str, channel: str) -> None:
    async with (
        replica(events(redis_url, channel)) as server,
        clients(server.url("/ws/events"), "deflate") as (client,),
    ):
        assert not client.protocol.extensions
        await client.send(LONG)
        assert json.loads(await hear(client))["type"] == "error"


@pytest.mark.parametrize("on", [True, False])
async def test_a_stream_of_hsi_client_hears_the_same(
    redis_url: str, channel: str, *, on: bool
) -> None:
    async with replica(events(redis_url, channel, compression=on)) as server:
        await publish(redis_url, channel)
        stream = Stream(server.url("/ws/events"), since="0-0")
        numbers: list[int] = []
        async with asyncio.timeout(10):
            async for received in stream.messages():
                if isinstance(received.message, Event):
                    numbers.append(received.message.data.id)
                if len(numbers) == COUNT:
                    break
        assert numbers == NUMBERS


async def test_what_a_client_deflates_is_heard(server: Server) -> None:
    async with clients(server.url("/ws/events"), "deflate") as (client,):
        await client.send('{"type":"ping"}')
        assert json.loads(await hear(client))["type"] == "pong"
        await client.send(LONG)
        assert json.loads(await hear(client))["data"]["code"] == "invalid_json"


async def test_what_the_kernel_does_not_take_comes_later_and_whole(server: Server) -> None:
    ask = request(b"GET /ws/events HTTP/1.1", OFFER)
    async with server.stranger(ask, narrow=True) as stranger:
        await stranger.head()
        (peer,) = server.app.state["service"].hub.clients
        expected = b""
        while len(expected) < 1_000_000 or not peer.behind:
            batch = Batch([random.randbytes(20_000).hex()])
            peer.write(batch)
            expected += batch.deflate().frames
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            assert await stranger.reader.readexactly(len(expected)) == expected
        assert peer.unsent == 0


async def test_a_bomb_is_refused(server: Server) -> None:
    async with server.stranger(request(b"GET /ws/events HTTP/1.1", OFFER)) as stranger:
        assert b"Sec-WebSocket-Extensions: permessage-deflate; " in await stranger.head()
        assert BOMB[0] == 0xC0 | TEXT
        await stranger.send(BOMB)
        assert int.from_bytes((await stranger.rest())[2:4]) == 1009


async def test_what_waits_is_counted_as_the_bytes_that_wait() -> None:
    """Each form of a batch once, however many it waits for."""
    memory = Memory()
    handler = Ending(asyncio.Event())
    kinds = (DeflatingPeer, DeflatingPeer, DirectPeer, DirectPeer)
    deflating, _, plain, _ = peers = [kind("192.0.2.1:1", handler) for kind in kinds]
    batch = Batch([LONG] * 3)
    for peer in peers:
        peer.account = memory.account_of(peer.client)
        peer.write(batch)
        peer.send_batches(batch)
    deflated = batch.deflate()
    assert (deflating.unsent, plain.unsent) == (2 * deflated.size, 2 * batch.size)
    assert memory.waiting == batch.memory + deflated.memory == plain.account.waiting
    for peer in peers:
        peer.drop_all()
    assert memory.waiting == 0
