"""Requests that want no WebSocket: uvicorn answers them, within limits."""

import asyncio
from typing import Any

import pytest

from hsi_service.skeleton.http_connection import HttpConnection, while_connected
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


async def test_too_many_requests_at_once_on_one_connection_end_it(
    server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[None] = []
    begin = HttpConnection.on_message_begin

    def counted(connection: HttpConnection) -> None:
        begun.append(None)
        begin(connection)

    monkeypatch.setattr(HttpConnection, "on_message_begin", counted)
    async with server.stranger((GET + b"\r\n") * 5000) as stranger:
        heard = await stranger.rest()
    assert heard.count(b"HTTP/1.1 200 ") < 20
    assert server.refused(429) == 1
    assert len(begun) < 200, "what comes after the refusal is parsed"
    assert [record.message for record in caplog.records if record.levelno >= 30] == [
        "refused a request"
    ]


async def test_a_connection_that_was_kept_alive_becomes_a_websocket(server: Server) -> None:
    """Proxies have such connections, and use them for that."""
    async with server.stranger(GET + b"\r\n") as stranger:
        assert (await stranger.head()).startswith(b"HTTP/1.1 200 ")
        await stranger.reader.readexactly(len(b'{"status":"alive"}'))
        await stranger.send(request() + b"\x89\x80abcd")
        assert (await stranger.head()).startswith(b"HTTP/1.1 101 ")
        assert await stranger.reader.readexactly(2) == b"\x8a\x00"


class Reset:
    """A connection that uvloop has closed, and not told of."""

    def is_closing(self) -> bool:
        return True


class Cycle:
    """A request that is answered, as far as it matters."""

    transport = Reset()
    disconnected = False


async def test_who_asks_and_resets_the_connection_causes_no_traceback() -> None:
    cycle: Any = Cycle()
    said: list[bool] = []

    async def send(_: Any) -> None:
        said.append(cycle.disconnected)

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    nothing: Any = None
    await while_connected(cycle, app)(nothing, nothing, send)
    assert said == [True], "uvicorn writes on"
