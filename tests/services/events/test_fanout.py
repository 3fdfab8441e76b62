"""Slow clients, filters and snapshots behind a real replica; and ten thousand clients at once."""

import asyncio
import contextlib
import json
import resource
import socket
from collections.abc import AsyncIterator

import psutil
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from hsi.publisher import Publisher
from hsi.schemas.close_codes import CloseCode
from hsi_service.fanout.batch import text_frame
from local.processes import Process
from tests.clients import dashboard, golden, has_connections, hear, metric, publish, until
from tests.conftest import StartReplica

BIG = 100_000
"""Characters of a big event; 128 of them are more than may wait for a client."""


def big_event(number: int) -> bytes:
    event = json.loads(golden("event"))
    event["data"] |= {"id": number, "summary": "x" * BIG}
    return json.dumps(event).encode()


def number_of(text: str) -> int:
    return int(json.loads(text)["data"]["id"])


@contextlib.asynccontextmanager
async def stalled(server: Process, query: str = "") -> AsyncIterator[ClientConnection]:
    """Connect a client that reads nothing, with a small window."""
    host, port = server.url.removeprefix("http://").split(":")
    ours = socket.socket()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    ours.settimeout(0)
    await asyncio.get_running_loop().sock_connect(ours, (host, int(port)))
    options = {"sock": ours, "max_size": None, "max_queue": None}
    async with dashboard(server, uri=ws(server) + query, **options) as client:
        client.transport.pause_reading()
        try:
            yield client
        finally:
            client.transport.abort()


async def publish_big(redis_url: str, channel: str, numbers: range) -> None:
    async with Publisher(redis_url, history_length=1000) as publisher:
        for number in numbers:
            await publisher.publish(channel, big_event(number))


async def test_a_client_that_never_reads_is_closed_and_named_and_resumes_without_a_gap(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    async with dashboard(replica, max_size=None) as other, stalled(replica) as slow:
        publishing = asyncio.create_task(publish_big(redis_url, channel, range(150)))
        assert [number_of(await hear(other)) for _ in range(150)] == list(range(150))
        await publishing
        # Given up: it is no longer the hub's. When it reads, it is told why.
        await until(lambda: has_connections(replica, 1))
        slow.transport.resume_reading()
        heard: list[str] = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                heard.append(await hear(slow))
        assert slow.close_code == CloseCode.TOO_SLOW
        assert [number_of(text) for text in heard] == list(range(len(heard)))
        assert len(heard) < 150
    since = json.loads(heard[-1])["cursor"]
    async with dashboard(replica, uri=f"{ws(replica)}?since={since}", max_size=None) as again:
        assert json.loads(await hear(again))["data"]["recovered"] is True
        rest = [number_of(await hear(again)) for _ in range(len(heard), 150)]
        assert rest == list(range(len(heard), 150))
    assert await metric(replica, 'hsi_closes_total{code="4408"}') == 1
    assert replica.log.read_text().count("a client is too slow") == 1


def ws(server: Process) -> str:
    return server.url.replace("http", "ws", 1) + "/ws/events"


async def test_clients_that_do_not_read_share_what_waits_for_them(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    """Forty times seven megabytes wait, in the memory of seven, and of what the kernel keeps."""
    replica = start_replica(redis_url, channel)
    process = psutil.Process(replica.pid)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(40):
            await stack.enter_async_context(stalled(replica))
        other = await stack.enter_async_context(dashboard(replica, max_size=None))
        before = process.memory_info().rss
        publishing = asyncio.create_task(publish_big(redis_url, channel, range(70)))
        for _ in range(70):
            await hear(other)
        await publishing
        assert await metric(replica, "hsi_slow_clients") == 40
        # What waits is counted as the memory that it takes: once, and what transports have copied.
        waits = await metric(replica, "hsi_unsent_bytes")
        assert 60 * BIG < waits < 130 * BIG
        assert process.memory_info().rss - before < 64 * 1024 * 1024


async def test_who_asks_for_a_whole_history_and_does_not_read_is_closed_and_costs_no_memory(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    """Sixty clients that ask for ten megabytes each, and say now and then that they live."""
    await publish_big(redis_url, channel, range(100))
    replica = start_replica(redis_url, channel)
    process = psutil.Process(replica.pid)
    async with dashboard(replica):
        before, most = process.memory_info().rss, 0.0
        async with contextlib.AsyncExitStack() as stack:
            slow = [
                await stack.enter_async_context(stalled(replica, query="?since=0-0"))
                for _ in range(60)
            ]

            async def are_closed() -> bool:
                nonlocal most
                for client in slow:
                    with contextlib.suppress(ConnectionClosed):
                        await client.pong()
                most = max(most, process.memory_info().rss - before)
                return await metric(replica, 'hsi_closes_total{code="4408"}') == 60

            await until(are_closed, within=30)
        # Sixty pages would be over six megabytes more, and were over sixty when pages were large.
        assert most < 20 * 1024 * 1024
        assert replica.log.read_text().count("a client is too slow") == 1


class Crowd(asyncio.Protocol):
    """A client of ten thousand: a handshake, and then bytes that are counted."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard = 0
        self.open = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(
            b"GET /ws/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % self.port
        )

    def data_received(self, data: bytes) -> None:
        if not self.open.done():
            head, _, data = data.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101"), head
            self.open.set_result(None)
        self.heard += len(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(exc or ConnectionError("refused"))


async def ten_thousand(replica: Process, redis_url: str, channel: str) -> None:
    """Connect them, let each hear a hundred events, and let them leave."""
    loop = asyncio.get_running_loop()
    port = int(replica.url.rsplit(":", 1)[1])
    crowd: list[Crowd] = []
    for _ in range(100):
        some = await asyncio.gather(
            *(loop.create_connection(lambda: Crowd(port), "127.0.0.1", port) for _ in range(100))
        )
        crowd += [client for _, client in some]
        await asyncio.gather(*(client.open for _, client in some))
    await until(lambda: has_connections(replica, len(crowd)), within=30)
    for _ in range(10):
        await publish(redis_url, channel, *[golden("event")] * 10)
    expected = 100 * len(text_frame(golden("event").decode()))

    async def all_heard() -> bool:
        return all(client.heard == expected for client in crowd)

    await until(all_heard, within=60)
    for client in crowd:
        client.transport.abort()
    await until(lambda: has_connections(replica, 0), within=60)


@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_ten_thousand_clients_connect_hear_and_leave_and_nothing_of_them_remains(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    needed = 10_200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"a process may have {hard} descriptors here, and this takes {needed}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    replica = start_replica(
        redis_url,
        channel,
        MAX_CONNECTIONS="0",
        MAX_CONNECTIONS_PER_IP="0",
        HANDSHAKE_RATE_LIMIT="0",
    )
    process = psutil.Process(replica.pid)
    await ten_thousand(replica, redis_url, channel)  # So the allocator has seen them once.
    descriptors, memory = process.num_fds(), process.memory_info().rss
    await ten_thousand(replica, redis_url, channel)

    async def all_closed() -> bool:
        # Its own connections to Redis, a handful, are replaced while it waits.
        return process.num_fds() <= descriptors + 10

    await until(all_closed)

    async def memory_is_back() -> bool:
        # What they leave behind is collected within seconds; malloc keeps some of the pieces.
        return bool(process.memory_info().rss < 1.25 * memory)

    await until(memory_is_back, within=30)
