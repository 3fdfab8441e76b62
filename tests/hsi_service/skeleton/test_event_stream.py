"""A client that listens over plain HTTP gets in by the same door, and ends as others do."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hsi.keys import digest
from hsi_service.door.session_cookie import COOKIE
from hsi_service.skeleton import service as service_module
from hsi_service.skeleton.http_connection import HttpConnection
from hsi_service.skeleton.reserve import Reserve
from hsi_service.skeleton.service import Service
from tests.clients import http_client, until
from tests.sse import SseClient
from tests.strangers import GET, Server, replica

NOWHERE = "redis://127.0.0.1:1"
STREAM = "/api/events/stream"
KEY = digest(b"key").hex()
ACT = f"kitchen:act:{digest(b'act').hex()}"
PUBLISH = f"camera:publish:{digest(b'publish').hex()}"
TOKEN = "a token of thirty-two characters"


def stream(server: Server, query: str = "", **headers: str) -> Any:
    return SseClient.at(server.url("").replace("ws", "http"), f"{STREAM}?{query}", **headers)


async def status_of(server: Server, query: str = "", **headers: str) -> int:
    async with stream(server, query, **headers) as client:
        return int(client.status)


def service_of(server: Server) -> Service:
    found = server.app.state["service"]
    assert isinstance(found, Service)
    return found


def clients_of(server: Server) -> Callable[[], Any]:
    service = service_of(server)

    async def has_none() -> bool:
        return not len(service.hub)

    return has_none


async def test_any_credential_lets_in_and_without_one_it_is_401_and_with_too_little_403(
    redis_url: str, channel: str
) -> None:
    keys = (KEY, ACT, PUBLISH)
    secret = "a secret that all replicas share"
    async with replica(
        redis_url, channel, api_keys=keys, websocket_token=TOKEN, session_secret=secret
    ) as server:
        url = server.url("").replace("ws", "http")
        async with http_client(url) as http:
            signed_in = await http.post("/api/session", headers={"X-API-Key": "act", "Origin": url})
            cookie = f"{COOKIE}={signed_in.cookies[COOKIE]}"
        good: list[tuple[str, dict[str, str]]] = [
            ("", {"X_API_Key": "key"}),
            ("", {"Authorization": "Bearer act"}),
            ("api_key=key", {}),
            (f"token={TOKEN.replace(' ', '%20')}", {}),
            ("", {"Cookie": cookie}),
            ("", {"Cookie": cookie, "Origin": "http://localhost"}),
        ]
        for query, headers in good:
            assert await status_of(server, query, **headers) == 200, (query, headers)
        for query, headers in [("", {}), ("api_key=wrong", {}), ("", {"X_API_Key": "wrong"})]:
            async with stream(server, query, **headers) as client:
                assert client.status == 401
                assert client.headers["www-authenticate"] == "Bearer"
                assert "detail" in json.loads(client.body)
        assert await status_of(server, X_API_Key="publish") == 403
        for headers in ({}, {"X_API_Key": "key"}):
            assert await status_of(server, **headers, Origin="https://evil.example") == 403
        assert await status_of(server, "&".join(["api_key=key"] * 5)) == 401
        await until(clients_of(server))


async def test_who_comes_back_with_what_is_no_longer_valid_is_told_to_stay_away(
    redis_url: str, channel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "LOOK_INTERVAL", 0.05)
    file = tmp_path / "keys"
    file.write_text(f"{KEY}\n{ACT}\n")
    async with replica(redis_url, channel, api_keys_file=str(file)) as server:
        async with stream(server, "tail=0", X_API_Key="key") as client:
            assert json.loads(await client.recv())["type"] == "ping"
            file.write_text(f"{ACT}\n")
            assert await client.rest() == []
            assert client.close_code == 4401
            assert client.is_whole
        async with stream(server, X_API_Key="key", Last_Event_ID=client.last_id) as client:
            assert (client.status, client.body) == (204, b"")
        assert (
            await status_of(server, X_API_Key="key") == 401
        )  # Who asks without an id is told why.
        assert server.refused(401) == 2


async def test_an_answer_is_kept_by_nobody_and_held_up_by_nobody(
    redis_url: str, channel: str
) -> None:
    page = "https://panel.example"
    async with replica(redis_url, channel, allowed_origins=(page,)) as server:
        async with stream(server, Origin=page) as client:
            headers = client.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert headers["access-control-allow-origin"] == page
        assert headers["access-control-allow-credentials"] == "true"
        assert headers["connection"] == "close"
        assert "content-encoding" not in headers
        asked = b"OPTIONS /api/events/stream HTTP/1.1\r\nHost: localhost\r\n"
        asked += b"Origin: https://panel.example\r\nAccess-Control-Request-Method: GET\r\n"
        async with server.stranger(
            asked + b"Access-Control-Request-Headers: last-event-id\r\n\r\n"
        ) as it:
            assert b"access-control-allow-headers: " in (await it.head()).lower()


async def test_a_head_is_answered_at_once_and_the_connection_stays(channel: str) -> None:
    async with replica(NOWHERE, channel) as server:
        asked = b"HEAD /api/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
        async with server.stranger(asked * 2 + GET + b"\r\n") as stranger:
            for _ in range(2):
                head = await stranger.head()
                assert head.startswith(b"HTTP/1.1 200 ")
                assert b"text/event-stream" in head
            assert b"application/json" in await stranger.head()
        await until(clients_of(server))


async def test_a_stream_counts_as_a_client_and_not_as_a_request(
    redis_url: str, channel: str
) -> None:
    async with (
        replica(redis_url, channel, max_connections_per_ip=2, max_connections=3) as server,
        contextlib.AsyncExitStack() as stack,
    ):
        async with stream(server, "min_risk=101") as refused:
            assert refused.status == 400  # It takes no place.
        for _ in range(2):
            client = await stack.enter_async_context(stream(server))
            assert client.status == 200
        async with stream(server) as third:
            assert (third.status, third.headers["retry-after"]) == (429, "10")
            assert b"too many connections from this address" in third.body
        # Requests have their own two.
        assert await server.status(GET + b"Connection: close\r\n\r\n") == 200


async def test_a_replica_that_ends_lets_its_clients_go_over_the_window_and_takes_none(
    redis_url: str, channel: str
) -> None:
    async with replica(redis_url, channel) as server, contextlib.AsyncExitStack() as stack:
        service = service_of(server)
        clients = [await stack.enter_async_context(stream(server)) for _ in range(8)]
        ends: list[float] = []
        clock = asyncio.get_running_loop().time

        async def ended(client: SseClient) -> None:
            await client.rest()
            ends.append(clock())

        began = clock()
        draining = asyncio.create_task(service.drain(delay=0, window=1.0))
        await asyncio.gather(*map(ended, clients))
        await draining
        assert max(ends) - min(ends) > 0.3, "they went evenly, and not all at once"
        assert began <= min(ends)
        for client in clients:
            assert (client.close_code, client.close_reason) == (1012, "restart: come back")
            assert len(client.retries) == 2
            assert client.is_whole
        assert len({client.retries[-1] for client in clients}) > 4
        async with stream(server) as late:
            assert (late.status, late.headers["retry-after"]) == (503, "2")


async def test_who_has_been_here_for_long_enough_is_asked_to_come_back(
    redis_url: str, channel: str
) -> None:
    async with (
        replica(redis_url, channel, max_connection_age=0.5) as server,
        stream(server) as client,
    ):
        await client.rest()
        assert client.close_code == 1012
        assert client.last_id


async def test_who_leaves_is_forgotten_and_a_fault_has_its_client_come_back(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replica(redis_url, channel) as server:
        async with stream(server):
            assert not await clients_of(server)()
        await until(clients_of(server))
        service = service_of(server)

        async def fail(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("hsi_service.skeleton.session.begin_with_the_last", fail)
        async with stream(server) as client:
            await client.rest()
            assert client.close_code == 1012
        assert service.supervisor.failures()["session"] == 1


async def test_a_stream_takes_none_of_the_last_descriptors(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replica(redis_url, channel) as server:
        monkeypatch.setattr(Reserve, "has", lambda *_: True)
        async with stream(server) as client:
            assert (client.status, client.headers["retry-after"]) == (503, "10")
        await until(clients_of(server))


async def test_who_vanishes_without_a_word_is_found_by_what_its_machine_does_not_confirm(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience: list[int] = []
    stay = HttpConnection.stay

    def noted(connection: HttpConnection) -> bool:
        may_stay = stay(connection)
        its = connection.transport.get_extra_info("socket")
        patience.append(its.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
        return may_stay

    monkeypatch.setattr(HttpConnection, "stay", noted)
    async with replica(redis_url, channel) as server, stream(server) as client:
        assert client.status == 200
    assert patience == [20_000]
