"""Connections that are not WebSockets are counted, and what is refused is logged seldom."""

import asyncio
import contextlib

import pytest

from hsi_service.skeleton import open_requests
from tests.hsi_service.door.test_handshake import request
from tests.strangers import GET, Server, replica


async def test_what_is_refused_is_logged_once_a_minute_and_counted(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        await server.status(b"nonsense\r\n\r\n")
        await server.status(GET + b"\r\n" + request())
    assert server.refused(400) == 40
    assert [
        record.message.partition(":")[0] for record in caplog.records if record.levelno >= 30
    ] == ["refused a request"]


async def test_connections_that_ask_for_nothing_are_counted_by_address(
    redis_url: str, channel: str
) -> None:
    async with (
        replica(redis_url, channel, max_connections_per_ip=3, trusted_proxies=()) as server,
        contextlib.AsyncExitStack() as stack,
    ):
        for _ in range(3):
            await stack.enter_async_context(server.stranger(b"GET /"))
        await asyncio.sleep(0)
        assert await server.status(b"") == 429
        await stack.aclose()
        while (status := await server.status(GET + b"Connection: close\r\n\r\n")) == 429:
            await asyncio.sleep(0.01)
        assert status == 200


NOTHING = request(b"GET /ws/nothing HTTP/1.1")


@pytest.mark.parametrize(
    "data", [b"nonsense\r\n\r\n", NOTHING, GET + b"Connection: keep-alive\r\n\r\n" + NOTHING]
)
async def test_who_was_refused_counts_until_its_connection_is_gone(
    redis_url: str, channel: str, data: bytes
) -> None:
    async with (
        replica(redis_url, channel, max_connections_per_ip=2, trusted_proxies=()) as server,
        contextlib.AsyncExitStack() as stack,
    ):
        for _ in range(2):
            # It has read why, and does not hang up.
            stranger = await stack.enter_async_context(server.stranger(data))
            while b"HTTP/1.1 40" not in await stranger.head():
                pass
        assert await server.status(GET + b"Connection: close\r\n\r\n") == 429
        await stack.aclose()
        while (status := await server.status(GET + b"Connection: close\r\n\r\n")) == 429:
            await asyncio.sleep(0.01)
        assert status == 200


async def test_of_all_connections_together_the_one_that_asked_longest_ago_gives_way(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_requests, "MAX_OPEN_REQUESTS", 2)
    async with (
        server.stranger(GET + b"\r\n") as kept,
        server.stranger(b"GET /") as silent,
    ):
        await kept.reader.readuntil(b"}")
        await silent.send(b"")
        await kept.send(GET + b"\r\n")
        await kept.reader.readuntil(b"}")
        # A probe of a replica that is full of strangers.
        assert await server.status(GET + b"Connection: close\r\n\r\n") == 200
        assert (await silent.head()).startswith(b"HTTP/1.1 503 ")
        await kept.send(GET + b"\r\n")
        assert (await kept.head()).startswith(b"HTTP/1.1 200 ")
    assert server.refused(503) == 1
