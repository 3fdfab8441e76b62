"""A client that reads server-sent events as a browser does, over a connection of its own."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec
from websockets.exceptions import ConnectionClosedError

_END = object()


class SseClient(asyncio.Protocol):
    """One answer that does not end. It has of a WebSocket's client what tests ask of that."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.last_id = ""
        self.retries: list[int] = []
        self.comments = 0
        self.close_code: int | None = None
        self.close_reason = ""
        self.is_whole = False
        """Whether the answer has come to its end."""
        self.body = b""
        """Of an answer that is no stream."""
        self._raw = bytearray()
        self._text = bytearray()
        self.has_head = asyncio.Event()
        self._messages: asyncio.Queue[Any] = asyncio.Queue()

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        path: str,
        *,
        to: tuple[str, int] | None = None,
        sock: socket.socket | None = None,
        headers: dict[str, str] | None = None,
    ) -> AsyncIterator[Self]:
        """Ask for a stream, by a new connection or by one that is there."""
        loop = asyncio.get_running_loop()
        if sock:
            _, client = await loop.create_connection(cls, sock=sock)
        else:
            _, client = await loop.create_connection(cls, *(to or ()))
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        asked = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"
        client.transport.write(asked.encode())
        try:
            async with asyncio.timeout(20):
                await client.has_head.wait()
            yield client
        finally:
            client.transport.abort()

    @classmethod
    def at(cls, url: str, path: str, **headers: str) -> Any:
        """Ask a server of this URL; `Last_Event_ID="…"` is a header."""
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls.open(path, to=(parts.hostname, parts.port), headers=named)

    async def recv(self) -> str:
        """Return the next message that `onmessage` would hear."""
        message = await self._messages.get()
        if message is _END:
            self._messages.put_nowait(_END)
            raise ConnectionClosedError(None, None)
        return str(message)

    async def rest(self) -> list[str]:
        """Return the messages until the stream ends."""
        heard: list[str] = []
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionClosedError):
                while True:
                    heard.append(await self.recv())
        return heard

    # From the connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._raw += data
        if not self.has_head.is_set():
            head, end, rest = bytes(self._raw).partition(b"\r\n\r\n")
            if not end:
                return
            first, *lines = head.decode("latin-1").split("\r\n")
            self.status = int(first.split()[1])
            pairs = (line.partition(": ") for line in lines)
            self.headers = {name.lower(): value for name, _, value in pairs}
            self._raw = bytearray(rest)
            self.has_head.set()
        if self.headers.get("transfer-encoding") == "chunked":
            self._read_chunks()
        else:
            self.body, self._raw = self.body + bytes(self._raw), bytearray()

    def _read_chunks(self) -> None:
        at, raw = 0, self._raw
        while (end := raw.find(b"\r\n", at)) >= 0:
            begin, size = end + 2, int(raw[at:end], 16)
            if len(raw) < begin + size + 2:
                break
            self._read(raw[begin : begin + size])
            at = begin + size + 2
            if size == 0:
                self.is_whole = True
                self._messages.put_nowait(_END)
        del raw[:at]

    def _read(self, piece: bytearray) -> None:
        new = max(0, len(self._text) - 1)
        self._text += piece
        at = 0
        while (end := self._text.find(b"\n\n", max(at, new))) >= 0:
            self._take(self._text[at:end].decode())
            at = end + 2
        del self._text[:at]

    def _take(self, event: str) -> None:
        data: list[str] = []
        name = ""
        for line in event.split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match field:
                case "":
                    self.comments += 1
                case "data":
                    data.append(value)
                case "id":
                    self.last_id = value
                case "retry":
                    self.retries.append(int(value))
                case "event":
                    name = value
        if name == "close":
            closed = msgspec.json.decode("\n".join(data))
            self.close_code, self.close_reason = closed["code"], closed["reason"]
        elif data:
            self._messages.put_nowait("\n".join(data))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (that is all right)
        self.has_head.set()
        self._messages.put_nowait(_END)
