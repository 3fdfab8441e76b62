"""What is posted goes where it was said, and nowhere else, and comes back in time."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpcore
import pytest

from services.notify.posting import Poster, PostError, PublicOnly, Reply, retry_after_of
from tests.push_service import HOST, LeadsTo, Says, Server

URL = f"https://{HOST}/there?token=a;b"


@pytest.fixture(scope="module")
def service() -> Iterator[Server]:
    with Server().serving() as service:
        yield service


@pytest.fixture
async def poster(service: Server) -> AsyncIterator[Poster]:
    poster = Poster(connector=LeadsTo(service.port), trust=service.trust, timeout=5)
    yield poster
    await poster.aclose()


async def test_what_is_posted_arrives_as_it_was_given(service: Server, poster: Poster) -> None:
    service.replies = [Says(202, (("Retry-After", "7"),), b"taken")]
    answer = await poster.post(URL, {"TTL": "60"}, b"\0bytes")
    assert answer == Reply(202, 7.0)
    got = service.received[-1]
    assert (got.host, got.path, got.body) == (HOST, "/there?token=a;b", b"\0bytes")
    assert got.headers["ttl"] == "60"


async def test_a_redirect_is_not_followed(service: Server, poster: Poster) -> None:
    before = len(service.received)
    service.replies = [Says(307, (("Location", "https://127.0.0.1/inside"),))]
    assert (await poster.post(URL, {}, b"")).status == 307
    assert len(service.received) == before + 1


async def test_connections_are_used_again(service: Server) -> None:
    connector = LeadsTo(service.port)
    poster = Poster(connector=connector, trust=service.trust)
    for _ in range(3):
        await poster.post(URL, {}, b"")
    assert connector.asked == [(HOST, 443)]
    await poster.aclose()


async def test_a_server_that_shows_another_certificate_gets_nothing(service: Server) -> None:
    before = len(service.received)
    poster = Poster(connector=LeadsTo(service.port), trust=service.trust)
    with pytest.raises(PostError, match="certificate is not trusted"):
        await poster.post("https://web.push.apple.com/x", {}, b"secret")
    await poster.aclose()
    poster = Poster(connector=LeadsTo(service.port))
    with pytest.raises(PostError, match="certificate is not trusted"):
        await poster.post(URL, {}, b"secret")
    await poster.aclose()
    assert len(service.received) == before


async def hangs(writer: asyncio.StreamWriter) -> None:
    await writer.drain()


async def drips(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def floods(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


async def floods_before_an_answer(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: " + b"x" * 65536)
        await writer.drain()


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def lies(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (hangs, "no answer within 0.3 s"),
        (drips, "no answer within 0.3 s"),
        (floods, ""),
        (floods_before_an_answer, "no answer: RemoteProtocolError"),
        (hangs_up, "no answer: "),
        (lies, "no answer: RemoteProtocolError"),
    ],
)
async def test_a_server_that_misbehaves_costs_its_time_and_no_more(
    behave: Callable[[asyncio.StreamWriter], Awaitable[None]], why: str
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            with contextlib.suppress(OSError):
                await behave(writer)
                await reader.read()  # Until who asked has left.
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    poster = Poster(timeout=0.3, trust=ssl.create_default_context())
    port = server.sockets[0].getsockname()[1]
    posting = poster.post(f"http://127.0.0.1:{port}/x", {}, b"")
    if why:
        with pytest.raises(PostError, match=why):
            await posting
    else:
        assert (await posting).status == 200
    await poster.aclose()
    server.close()


class Nobody(httpcore.AsyncNetworkBackend):
    """Remembers where a connection would have gone."""

    def __init__(self) -> None:
        self.connected: list[str] = []

    async def connect_tcp(self, host: str, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        self.connected.append(host)
        raise httpcore.ConnectError("nobody there")


async def test_the_address_that_was_judged_is_the_one_that_is_connected_to() -> None:
    meant = iter([["8.8.8.8"], ["127.0.0.1"], ["192.168.1.1", "1.1.1.1", "::1"]])

    async def look_up(_: str, __: int) -> list[str]:
        return next(meant)

    nobody = Nobody()
    connector = PublicOnly(backend=nobody, look_up=look_up)
    for _ in range(3):
        with pytest.raises(httpcore.ConnectError):
            await connector.connect_tcp(HOST, 443)
    assert nobody.connected == ["8.8.8.8", "1.1.1.1"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0.0.0.0", "::1"])
async def test_a_name_of_this_machine_is_never_connected_to(host: str) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(httpcore.ConnectError, match="no public address"):
            await PublicOnly().connect_tcp(host, 443)


async def test_a_refusal_says_why_and_names_no_address(service: Server) -> None:
    poster = Poster(connector=PublicOnly(), trust=service.trust)
    with pytest.raises(PostError, match=r"^its host has no public address$"):
        await poster.post(f"https://localhost:{service.port}/secret", {}, b"")
    await poster.aclose()


def test_retry_after_is_seconds_or_a_date_and_at_most_a_day() -> None:
    now = datetime(2026, 11, 27, 22, tzinfo=UTC)
    later = format_datetime(now + timedelta(seconds=90), usegmt=True)
    asked = ("120", " 5 ", later, "99999999999999", "0", "-5", "", "soon", "٣", "nan")
    waits = [retry_after_of(value, now.timestamp()) for value in asked]
    assert waits == [120.0, 5.0, 90.0, 86_400.0, 0.0, None, None, None, None, None]
