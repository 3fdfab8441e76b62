"""RFC 6455 as a client sees it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
from websockets.frames import CLOSE, CONT, PING, TEXT, Close

from local.processes import Process
from local.service import ServiceProcess
from tests.clients import has_connections, until
from tests.conftest import StartReplica
from tests.hsi_service.fanout.test_incoming import BROKEN, sent
from tests.hsi_service.fanout.test_incoming import answered as sent_back

A_SEGMENT = 1400
FINAL_TEXT = 0x81
PONG_OF_HI = b"\x8a\x02hi"
GOODBYE = sent(CLOSE, Close(1000, "").serialize())
GOODBYE_BACK = b"\x88\x02\x03\xe8"


@pytest.fixture
def replica(redis_url: str, channel: str, start_replica: StartReplica) -> ServiceProcess:
    return start_replica(redis_url, channel, HEARTBEAT_INTERVAL="0.5", MESSAGE_RATE_LIMIT="20")


class Line:
    """A client that sends bytes, and checks what comes back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, *frames: bytes) -> None:
        self._writer.write(b"".join(frames))

    async def expect(self, *frames: bytes) -> None:
        for frame in frames:
            async with asyncio.timeout(20):
                assert await self._reader.readexactly(len(frame)) == frame

    async def expect_pong(self) -> None:
        """Expect the answer to a message that is a ping."""
        async with asyncio.timeout(20):
            first, size = await self._reader.readexactly(2)
            assert first == FINAL_TEXT
            assert json.loads(await self._reader.readexactly(size))["type"] == "pong"

    async def rest(self) -> bytes:
        """Return what comes until the server ends the connection."""
        async with asyncio.timeout(20):
            return await self._reader.read()


@contextlib.asynccontextmanager
async def line_to(replica: Process, *frames: bytes) -> AsyncIterator[Line]:
    """Ask for a WebSocket, and send these along; go on once it is answered."""
    host, port = replica.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET /ws/events HTTP/1.1\r\nHost: %b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        % host.encode()
        + b"".join(frames)
    )
    async with asyncio.timeout(20):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


def code_of(frames: bytes) -> int:
    """Return the code of the close frame that these end with."""
    at = frames.rindex(b"\x88")
    assert len(frames) == at + 2 + frames[at + 1]
    return int.from_bytes(frames[at + 2 : at + 4])


async def test_what_is_sent_with_the_handshake_or_right_behind_it_is_not_lost(
    replica: ServiceProcess,
) -> None:
    everything = sent(PING, b"hi") + sent(TEXT, b"ping")
    for cut in (0, 1, 7, len(everything)):
        async with line_to(replica, everything[:cut]) as line:
            line.send(everything[cut:])
            await line.expect(PONG_OF_HI)
            await line.expect_pong()
            line.send(GOODBYE)
            assert await line.rest() == GOODBYE_BACK
    async with line_to(replica, everything, GOODBYE) as line:
        assert (await line.rest()).endswith(GOODBYE_BACK)
    await until(lambda: has_connections(replica, 0))


async def test_a_message_in_fragments_with_a_ping_between_them_is_heard_as_one(
    replica: ServiceProcess,
) -> None:
    async with line_to(replica) as line:
        line.send(sent(TEXT, b"pi", fin=False), sent(PING, b"hi"), sent(CONT, b"ng"))
        await line.expect(PONG_OF_HI)
        await line.expect_pong()


async def test_what_breaks_the_protocol_is_told_so_and_ends(replica: ServiceProcess) -> None:
    for what, (data, code) in BROKEN.items():
        if len(data) > A_SEGMENT:  # More may come while it is refused: see below.
            continue
        async with line_to(replica, sent(TEXT, b"ping")) as line:
            await line.expect_pong()
            line.send(data)
            assert code_of(await line.rest()) == code, what
    await until(lambda: has_connections(replica, 0))


async def test_what_is_too_big_is_told_so_even_while_more_of_it_comes(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    for size in (65_537, 1_000_000):
        async with line_to(replica) as line:
            line.send(sent(TEXT, b"x" * size))
            assert code_of(await line.rest()) == 1009


async def test_a_close_of_ours_is_answered_and_the_connection_ends(
    replica: ServiceProcess,
) -> None:
    async with line_to(replica) as line:
        line.send(sent(TEXT, b"ping") * 21)
        for _ in range(20):
            await line.expect_pong()
        reason = b"too many messages: come back, and send less"
        await line.expect(sent_back(CLOSE, (4429).to_bytes(2) + reason))
        line.send(GOODBYE)
        assert await line.rest() == b""
    await until(lambda: has_connections(replica, 0))


async def test_who_answers_no_ping_is_given_up(replica: ServiceProcess) -> None:
    async with line_to(replica) as line:
        assert code_of(await line.rest()) == 1011
    await until(lambda: has_connections(replica, 0))
