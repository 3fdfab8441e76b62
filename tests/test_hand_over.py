"""The seam between uvicorn and the hub: what travels along, and what must not remain."""

import asyncio
import gc
import weakref
from typing import Any

from websockets.frames import CLOSE, PING, TEXT, Close, Frame

from local.processes import Process
from shared.slim import SlimPeer
from shared.wire import WireProtocol
from tests.clients import get_json, has_connections, until
from tests.conftest import StartReplica
from tests.test_peer import line_through

PONG_OF_HI = b"\x8a\x02hi"
PONG_MESSAGE = b'\x81\x0f{"type":"pong"}'


async def talk(replica: Process, *pieces: bytes) -> tuple[bytes, bytes]:
    """Ask for a WebSocket, send these along and after; return the answer and what follows it."""
    host, port = replica.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    first, *others = pieces
    writer.write(
        b"GET /ws/events HTTP/1.1\r\nHost: %b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        % host.encode()
        + first
    )
    for piece in others:
        await asyncio.sleep(0)
        writer.write(piece)
    async with asyncio.timeout(10):
        answer = await reader.readuntil(b"\r\n\r\n")
        rest = await reader.read()
    writer.close()
    return answer, rest


async def test_what_is_sent_with_the_handshake_or_right_behind_it_is_not_lost(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    ping = Frame(PING, b"hi").serialize(mask=True)
    text = Frame(TEXT, b"ping").serialize(mask=True)
    close = Frame(CLOSE, Close(1000, "").serialize()).serialize(mask=True)
    everything = ping + text + close
    expected = PONG_OF_HI + PONG_MESSAGE + b"\x88\x02\x03\xe8"
    for cut in (0, 1, 7, len(everything)):
        answer, rest = await talk(replica, everything[:cut], everything[cut:])
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert rest == expected
    await until(lambda: has_connections(replica, 0))
    assert (await get_json(replica, "/status"))["connections"] == 0


async def test_a_broken_frame_is_answered_even_while_more_of_it_comes(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    big = Frame(TEXT, b"x" * 1_000_000).serialize(mask=True)
    _, rest = await talk(replica, big)
    assert rest[2:4] == (1009).to_bytes(2)


async def test_nothing_of_the_request_remains_after_the_hand_over_without_a_collector() -> None:
    protocols: list[weakref.ref[Any]] = []

    class Watched(WireProtocol):
        def hand_over(self, peer: SlimPeer) -> None:
            protocols.append(weakref.ref(self))
            protocols.append(weakref.ref(self.conn))
            super().hand_over(peer)

    gc.collect()
    gc.disable()
    try:
        async with line_through(Watched) as line:
            line.peer.release()
            line.write("live")
            assert await line.client.recv() == "live"

            async def freed() -> bool:
                return all(protocol() is None for protocol in protocols)

            await until(freed)
            assert len(protocols) == 2
    finally:
        gc.enable()
