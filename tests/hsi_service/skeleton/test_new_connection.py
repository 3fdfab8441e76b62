"""Whatever a stranger sends is answered, and closed, and costs the stranger."""

import asyncio
import contextlib

import pytest

from hsi_service.door.handshake import MAX_HEAD_BYTES
from tests.hsi_service.door.test_handshake import LINE, request
from tests.strangers import GET, POST, Server, replica


def large(size: int) -> bytes:
    """Return a header that makes a request as large as this."""
    return b"X-Large: " + b"x" * (size - len(request()) - len(b"X-Large: \r\n"))


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
TOO_MUCH = {
    "too large a head": (request(LINE, large(MAX_HEAD_BYTES + 1)), 431),
    "a head without end": (request(LINE, large(200_000))[:-4], 431),
    "too many headers": (request(LINE, *[b"A: b"] * 128), 431),
    "too many headers of a GET": (GET + b"A: b\r\n" * 130 + b"\r\n", 431),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a handshake with a body": (request(LINE, b"Content-Length: 5") + b"hello", 400),
    "a handshake with a large body": (
        request(LINE, b"Content-Length: 9999999") + b"x" * 300_000,
        400,
    ),
    "a large body": (POST + b"Content-Length: 100000000\r\n\r\n" + b"x" * 300_000, 413),
    "a large body in chunks": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"2000\r\n%b\r\n" % (b"x" * 8192) * 20,
        413,
    ),
    "a length that is no number": (POST + b"Content-Length: x\r\n\r\n", 400),
    "trailers without end": (CHUNKED + b"0\r\n" + b"X-a: y\r\n" * 60_000, 413),
    "one trailer without end": (CHUNKED + b"0\r\nX: " + b"x" * 400_000, 413),
    "a chunk's extension without end": (CHUNKED + b"1;" + b"x" * 400_000, 413),
    "chunks of a byte without end": (CHUNKED + b"1\r\nx\r\n" * 60_000, 413),
    "empty lines without end": (b"\r\n" * 200_000, 400),
    "lines that end with LF": (b"GET / HTTP/1.1\nHost: localhost\n\n", 400),
    "a WebSocket behind another request": (GET + b"\r\n" + request(), 400),
    "a WebSocket of nobody": (request(b"GET /ws/nothing HTTP/1.1"), 404),
    "a WebSocket of a page": (request(b"GET /health/live HTTP/1.1"), 404),
}
"""What is sent, and the first answer."""


@pytest.mark.parametrize("what", TOO_MUCH)
async def test_what_is_refused_is_answered_and_closed(server: Server, what: str) -> None:
    data, status = TOO_MUCH[what]
    async with server.stranger(data) as stranger:
        heard = await stranger.rest()
    # A body may be answered before it is too large.
    assert f"HTTP/1.1 {status} ".encode() in heard


LOCAL, FOREIGN = b"http://localhost/health/live", b"http://evil.example/health/live"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET %b HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n" % LOCAL, 200),
        (b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % FOREIGN, 403),
        (b"GET %b HTTP/1.1\r\nConnection: close\r\n\r\n" % FOREIGN, 403),
        (b"GET http://me@localhost/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ],
)
async def test_a_target_with_an_authority_is_judged_by_that_host(
    server: Server, data: bytes, status: int
) -> None:
    assert await server.status(data) == status


async def test_a_large_cookie_is_none_of_these(server: Server) -> None:
    async with server.stranger(request(LINE, large(MAX_HEAD_BYTES))) as stranger:
        assert (await stranger.head()).startswith(b"HTTP/1.1 101 ")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET /health",
        GET,
        request()[:-2],
        POST + b"Content-Length: 5\r\n\r\nhell",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ],
)
async def test_what_does_not_come_in_time_is_told_so_and_closed(
    server: Server, data: bytes
) -> None:
    assert await server.status(data) in {408, 405}


@pytest.mark.usefixtures("impatient")
async def test_a_drip_does_not_buy_more_time(server: Server) -> None:
    async with server.stranger(GET) as stranger:

        async def drip() -> None:
            while True:
                await stranger.send(b"A: b\r\n")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        assert (await stranger.rest()).startswith(b"HTTP/1.1 408 ")
        dripping.cancel()


async def test_a_server_that_ends_closes_what_is_open(redis_url: str, channel: str) -> None:
    async with replica(redis_url, channel) as server, contextlib.AsyncExitStack() as stack:
        strangers = [
            await stack.enter_async_context(server.stranger(data))
            for data in (b"", b"GET /", GET, GET + b"\r\n", request(), b"nonsense\r\n\r\n")
        ]
        await strangers[3].head()
        await strangers[4].head()
    # The server has ended, though nobody closed anything.
    for stranger in strangers:
        await stranger.rest()
