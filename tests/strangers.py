"""Strangers: raw connections to a replica that runs in the test's process."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

from litestar import Litestar

from services.events.app import create_events_app
from services.events.settings import EventsSettings
from tests.servers import serving

GET = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /health/live HTTP/1.1\r\nHost: localhost\r\n"
IN_TIME = 20.0


class Stranger:
    """A connection, and what comes back over it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        with contextlib.suppress(OSError):
            await self.writer.drain()

    async def head(self) -> bytes:
        """Return the head of the next response."""
        async with asyncio.timeout(IN_TIME):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def rest(self) -> bytes:
        """Return what comes until the connection ends; it may be reset by then."""
        heard = b""
        async with asyncio.timeout(IN_TIME):
            with contextlib.suppress(OSError):
                while piece := await self.reader.read(65536):
                    heard += piece
        return heard


class Server:
    """A replica that serves in this process."""

    def __init__(self, app: Litestar, host: str, port: int) -> None:
        self.app = app
        self._address = host, port

    @contextlib.asynccontextmanager
    async def stranger(self, data: bytes = b"", *, narrow: bool = False) -> AsyncIterator[Stranger]:
        """Connect, and send this; a narrow one's kernel takes little that it does not read."""
        connection = socket.socket()
        if narrow:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(0)
        await asyncio.get_running_loop().sock_connect(connection, self._address)
        reader, writer = await asyncio.open_connection(sock=connection)
        stranger = Stranger(reader, writer)
        try:
            await stranger.send(data)
            yield stranger
        finally:
            writer.transport.abort()

    def url(self, path: str) -> str:
        """Return the address of a WebSocket."""
        return "ws://{}:{}".format(*self._address) + path

    async def status(self, data: bytes) -> int:
        """Return the status with which these bytes are answered; the connection ends then."""
        async with self.stranger(data) as stranger:
            heard = await stranger.rest()
        assert heard.startswith(b"HTTP/1.1 "), heard[:100]
        return int(heard.split()[1])

    def refused(self, status: int) -> float:
        """Return how many were refused with this status."""
        return self.app.state["service"].metrics.registry.get_sample_value(  # type: ignore[no-any-return]
            "hsi_refusals_total", {"status": str(status)}
        )


@contextlib.asynccontextmanager
async def replica(redis_url: str, channel: str, **settings: Any) -> AsyncIterator[Server]:
    app = create_events_app(
        EventsSettings(redis_url=redis_url, redis_event_channel=channel, **settings)
    )
    async with serving(app) as (host, port):
        yield Server(app, host, port)
