"""Many dashboards at once, as light as can be, that come back and resume as ours does."""

import asyncio
import random
import re
from typing import NamedTuple

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

FIRST_DELAY = 1.0
"""Seconds before the first attempt to come back, up to half shorter (dashboard: backoff.ts)."""
LONGEST_DELAY = 30.0
_CURSOR = re.compile(rb'"cursor":"([0-9-]+)"')
"""First in a message; in a heartbeat, which has one too, after its type."""
_NUMBER = re.compile(rb'"(?:id|number)":\s*(\d+)')
GONE = 1006
"""The code of a connection that ended without one."""
WHOLE_TEXT = 0x81
"""First byte of a text that is one frame."""
MAX_SHORT = 125
"""Bytes that a frame may have whose length is one byte."""
HANDSHAKE_TIMEOUT = 5.0
"""Seconds."""


class Break(NamedTuple):
    """A connection that was lost, and how it came back; times in seconds of the event loop."""

    code: int
    at: float
    back_at: float


class Viewer(asyncio.Protocol):
    """One of them: keeps its cookie, its cursor, and the numbers of the messages that it got.

    Hundreds of these get hundreds of messages a second in one process, so texts are cut out of the
    stream here; handshake, pings and closes are the websockets library's.
    """

    def __init__(self, url: str, chance: random.Random, *, start: str = "") -> None:
        self.url = url
        self._start = start
        self._chance = chance
        self.cookie = ""
        self.cursor = ""
        self.got: list[int] = []
        self.breaks: list[Break] = []
        self.complaints: list[bytes] = []
        self.frames = 0
        """Of this connection."""
        self.connected = False
        self._unread = b""
        self._websocket: ClientProtocol
        self._transport: asyncio.Transport
        self._opened: asyncio.Future[Response]
        self._ended: asyncio.Future[None]

    async def watch(self) -> None:
        """Connect, and come back until cancelled, twice as late after each try that failed."""
        lost: tuple[int, float] | None = None
        delay = FIRST_DELAY
        clock = asyncio.get_running_loop().time
        while True:
            try:
                await self._connect()
            except (InvalidHandshake, OSError, TimeoutError):
                pass
            else:
                if lost:
                    self.breaks.append(Break(*lost, clock()))
                self.connected, delay = True, FIRST_DELAY
                try:
                    await asyncio.shield(self._ended)
                finally:
                    await self._close()
                self.connected = False
                lost = (self._websocket.close_code or GONE, clock())
            await asyncio.sleep(delay * self._chance.uniform(0.5, 1))
            delay = min(delay * 2, LONGEST_DELAY)

    async def _connect(self) -> None:
        query = f"since={self.cursor}" if self.cursor else self._start
        uri = parse_uri(f"{self.url}?{query}" if query else self.url)
        loop = asyncio.get_running_loop()
        self.frames, self._unread = 0, b""
        self._websocket = ClientProtocol(uri)
        self._opened, self._ended = loop.create_future(), loop.create_future()
        async with asyncio.timeout(HANDSHAKE_TIMEOUT):
            await loop.create_connection(lambda: self, uri.host, uri.port)
            try:
                request = self._websocket.connect()
                if self.cookie:
                    request.headers["Cookie"] = self.cookie
                self._websocket.send_request(request)
                self._flush()
                response = await self._opened
            except BaseException:
                await self._close()
                raise
        self.cookie = response.headers.get("Set-Cookie", "").partition(";")[0] or self.cookie

    async def _close(self) -> None:
        self._transport.abort()
        await self._ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._websocket.state is State.CONNECTING:
            head, end, data = data.partition(b"\r\n\r\n")
            self._ask_library(head + end)
        if self._websocket.state is State.CONNECTING:
            self._ask_library(data)
        else:
            self._unread += data
            self._cut()
        if self._websocket.close_expected():
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._websocket.receive_eof()
        self._hear()
        if not self._opened.done():
            self._opened.set_exception(error or ConnectionResetError("no answer to a handshake"))
        self._ended.set_result(None)

    def _cut(self) -> None:
        """Take every frame that is whole (RFC 6455, 5.2; a server's has no mask)."""
        stream, at = self._unread, 0
        while at + 2 <= len(stream):
            size, start = stream[at + 1], at + 2
            if size > MAX_SHORT:
                start += 2 if size == MAX_SHORT + 1 else 8
                size = int.from_bytes(stream[at + 2 : start])
            if (end := start + size) > len(stream):
                break
            if stream[at] == WHOLE_TEXT:
                self._take(stream[start:end])
            else:
                self._ask_library(stream[at:end])
            at = end
        self._unread = stream[at:]

    def _ask_library(self, data: bytes) -> None:
        self._websocket.receive_data(data)
        self._hear()
        self._flush()

    def _flush(self) -> None:
        """Send what the library answers: pongs, and the other half of a close."""
        for data in self._websocket.data_to_send():
            if data:
                self._transport.write(data)

    def _hear(self) -> None:
        for event in self._websocket.events_received():
            if isinstance(event, Response) and not self._websocket.handshake_exc:
                self._opened.set_result(event)
        if (refusal := self._websocket.handshake_exc) and not self._opened.done():
            self._opened.set_exception(refusal)

    def _take(self, text: bytes) -> None:
        self.frames += 1
        if cursor := _CURSOR.search(text):
            self.cursor = cursor[1].decode()
        if b'"resumed"' in text and b'"recovered":true' not in text:
            self.complaints.append(text)
        elif b'"type":"ping"' not in text and (number := _NUMBER.search(text)):
            self.got.append(int(number[1]))
