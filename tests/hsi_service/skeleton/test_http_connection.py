"""Requests that want no WebSocket: uvicorn answers them, within limits."""

import asyncio

import pytest

from tests.hsi_service.door.test_handshake import request
from tests.strangers import GET, IN_TIME, Server


@pytest.mark.usefixtures("impatient")
async def test_who_asks_and_does_not_read_is_cut_off(server: Server) -> None:
    ask = b"GET /schema/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with server.stranger(narrow=True) as stranger:
        stranger.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it reads

        async def asks() -> None:
            while not stranger.writer.transport.is_closing():
                await stranger.send(ask)
                await asyncio.sleep(0.001)

        asking = asyncio.create_task(asks())
        async with asyncio.timeout(IN_TIME):
            await asking


async def test_too_many_requests_at_once_on_one_connection_end_it(server: Server) -> None:
    async with server.stranger((GET + b"\r\n") * 5000) as stranger:
        heard = await stranger.rest()
    assert heard.count(b"HTTP/1.1 200 ") < 20
    assert server.refused(429) == 1


async def test_a_connection_that_was_kept_alive_becomes_a_websocket(server: Server) -> None:
    """Proxies have such connections, and use them for that."""
    async with server.stranger(GET + b"\r\n") as stranger:
        assert (await stranger.head()).startswith(b"HTTP/1.1 200 ")
        await stranger.reader.readexactly(len(b'{"status":"alive"}'))
        await stranger.send(request() + b"\x89\x80abcd")
        assert (await stranger.head()).startswith(b"HTTP/1.1 101 ")
        assert await stranger.reader.readexactly(2) == b"\x8a\x00"
