"""A client is let in past ASGI: at once, or once its channel is heard."""

import asyncio
import contextlib

import pytest

from hsi_service.skeleton import session
from services.events.broadcaster import EventSession
from tests.clients import until
from tests.hsi_service.door.test_handshake import LINE, request
from tests.strangers import Server, replica

PING = b"\x89\x80abcd"
PONG = b"\x8a\x00"
BROKEN = b"\xff\x80abcd"
"""A frame that no protocol has."""


async def test_what_comes_with_a_handshake_that_has_to_wait_is_heard(
    channel: str,
) -> None:
    async with (
        replica("redis://127.0.0.1:1", channel) as server,
        server.stranger(request() + PING) as stranger,
    ):
        await stranger.send(PING)
        assert (await stranger.head()).startswith(b"HTTP/1.1 101 ")
        assert await stranger.reader.readexactly(4) == PONG * 2


async def test_who_leaves_while_waiting_is_forgotten(channel: str) -> None:
    async with replica("redis://127.0.0.1:1", channel) as server:
        hub = server.app.state["service"].hub

        async def has(count: int) -> bool:
            return len(hub) == count

        async with server.stranger(request()):
            await until(lambda: has(1))
        await until(lambda: has(0))
        assert not hub.topics


async def test_a_server_that_ends_does_not_wait_for_those_who_wait(
    channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SUBSCRIBE_TIMEOUT", 1000)
    async with contextlib.AsyncExitStack() as stack:
        async with replica("redis://127.0.0.1:1", channel) as server:
            stranger = await stack.enter_async_context(server.stranger(request()))
            while not len(server.app.state["service"].hub):
                await asyncio.sleep(0.01)
        assert await stranger.rest() == b""


async def test_what_makes_no_sense_is_told_so(server: Server) -> None:
    assert await server.status(request(b"GET /ws/events?tail=x HTTP/1.1")) == 400
    assert server.refused(400) == 1
    assert not len(server.app.state["service"].hub)


async def test_nothing_of_the_handshake_remains(server: Server) -> None:
    async with server.stranger(request(LINE)) as stranger:
        await stranger.head()
        (peer,) = server.app.state["service"].hub.clients
        assert peer.client.startswith("127.0.0.1:")
        assert peer.connected


async def test_a_fault_while_a_client_is_taken_in_keeps_no_place(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    async with replica(redis_url, channel, max_connections=1) as server:
        with monkeypatch.context() as patch:
            patch.setattr(EventSession, "listen", fail)
            for _ in range(2):
                assert await server.status(request()) == 500
        async with server.stranger(request()) as stranger:
            assert (await stranger.head()).startswith(b"HTTP/1.1 101 ")


async def test_a_client_that_is_closed_keeps_its_place_until_its_connection_is_gone(
    redis_url: str, channel: str
) -> None:
    async with (
        replica(redis_url, channel, max_connections_per_ip=2, trusted_proxies=()) as server,
        contextlib.AsyncExitStack() as stack,
    ):
        for _ in range(2):
            stranger = await stack.enter_async_context(server.stranger(request()))
            assert (await stranger.head()).startswith(b"HTTP/1.1 101 ")
            await stranger.send(BROKEN)
            assert await stranger.reader.readexactly(1) == b"\x88"  # and it does not hang up
        assert not len(server.app.state["service"].hub)
        assert await server.status(request()) == 429
        await stack.aclose()

        async def is_let_in() -> bool:
            async with server.stranger(request()) as stranger:
                return (await stranger.head()).startswith(b"HTTP/1.1 101 ")

        await until(is_let_in)
