"""Requests that want no WebSocket: uvicorn answers them, within limits."""

import asyncio
import contextlib
import logging
from typing import Any

import pytest

from hsi_service.door.handshake import MAX_HEAD_BYTES
from hsi_service.skeleton.http_connection import HttpConnection, while_connected
from tests.hsi_service.door.test_handshake import request
from tests.strangers import GET, IN_TIME, Server, replica


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
    assert [
        record.message.partition(":")[0] for record in caplog.records if record.levelno >= 30
    ] == ["refused a request"]


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


@pytest.mark.parametrize(
    "more",
    [b"A: b\r\n" * 129, b"X-Large: " + b"x" * MAX_HEAD_BYTES + b"\r\n"],
    ids=["lines", "bytes"],
)
@pytest.mark.parametrize("pipelined", [True, False])
async def test_the_limits_of_a_head_hold_for_every_request_of_a_connection(
    server: Server, more: bytes, *, pipelined: bool
) -> None:
    """Behind a proxy that keeps connections alive, most are not the first."""
    second = GET + more + b"\r\n"
    async with server.stranger(GET + b"\r\n" + (second if pipelined else b"")) as stranger:
        if not pipelined:
            await stranger.head()
            await stranger.send(second)
        assert b"HTTP/1.1 431 " in await stranger.rest()


async def test_a_server_that_ends_waits_for_no_body(
    redis_url: str, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with replica(redis_url, channel) as server:
            ask = b"POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
            stranger = await stack.enter_async_context(server.stranger(ask))
            await stranger.send(b"x")
            await asyncio.sleep(0.1)  # It is asked for, and not whole.
        assert b" 503 " in await stranger.rest()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
