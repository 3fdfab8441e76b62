"""A network in which a connection can stall and go on with all that it held, or lose messages."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, Self
from urllib.parse import urlsplit

from hsi.tasks import cancel_and_wait
from tests.clients import until

_ENOUGH_FOR_A_NAME = 4096
_MESSAGE = b"\r\nmessage\r\n"
"""In what Redis says to who hears a channel, where it is a message of it."""


class _Connection:
    """One of them: what its client sends waits while it is stalled, even if that client leaves."""

    def __init__(self) -> None:
        self.began_with = b""
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.answers = asyncio.Event()
        self.answers.set()
        self.is_muted = False
        self._held: asyncio.Queue[bytes] = asyncio.Queue()

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reading = asyncio.create_task(self._read_all(reader))
        try:
            while data := await self._held.get():
                await self.goes_on.wait()
                writer.write(data)
        finally:
            await cancel_and_wait(reading)
        with contextlib.suppress(OSError):
            await writer.drain()
            writer.write_eof()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what Redis says, whether or not anybody takes it."""
        while data := await _read(reader):
            await self.answers.wait()
            if not (self.is_muted and _MESSAGE in data):
                writer.write(data)
        if not writer.is_closing():
            with contextlib.suppress(OSError):
                writer.write_eof()

    async def _read_all(self, reader: asyncio.StreamReader) -> None:
        while data := await _read(reader):
            if len(self.began_with) < _ENOUGH_FOR_A_NAME:
                self.began_with += data
            self._held.put_nowait(data)
        self._held.put_nowait(b"")


class StallingProxy:
    """Passes connections on to a Redis, in a thread of its own."""

    def __init__(self, redis_url: str) -> None:
        self._target = urlsplit(redis_url)
        self._connections: list[_Connection] = []
        self._stalled: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def has(self, name: str) -> bool:
        """Return whether a client of this name is connected."""
        return any(name.encode() in each.began_with for each in tuple(self._connections))

    def stall(self, name: str) -> None:
        """Hold what clients of this name send from now on, over the connections that there are."""
        self._do(self._stall(name.encode()))

    def stall_answers(self, name: str) -> None:
        """Hold what Redis says to clients of this name from now on, as `stall` holds theirs."""
        self._do(self._stall_answers(name.encode()))

    def mute(self, name: str) -> None:
        """Lose all messages to clients of this name; what they ask is answered."""
        self._do(self._mute(name.encode()))

    def lead_to(self, redis_url: str) -> None:
        """Lead new connections to another server, as an address does after a failover."""
        self._target = urlsplit(redis_url)

    def go_on(self) -> None:
        """Let through what was held, and all that follows."""
        self._do(self._go_on())

    async def passed_on(self) -> None:
        """Wait until Redis has done all that was held by connections that their clients left."""

        async def done() -> bool:
            return self._stalled.isdisjoint(self._connections)

        await until(done)

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(timeout=10)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = self._target._replace(netloc=f"127.0.0.1:{port}").geturl()

    async def _close(self) -> None:
        assert self._server
        self._server.close()
        await cancel_and_wait(*self._tasks)

    async def _stall(self, name: bytes) -> None:
        for connection in self._named(name):
            connection.goes_on.clear()
            self._stalled.add(connection)

    async def _stall_answers(self, name: bytes) -> None:
        for connection in self._named(name):
            connection.answers.clear()

    async def _mute(self, name: bytes) -> None:
        for connection in self._named(name):
            connection.is_muted = True

    def _named(self, name: bytes) -> list[_Connection]:
        found = [each for each in self._connections if name in each.began_with]
        assert found, f"nobody has called itself {name!r}"
        return found

    async def _go_on(self) -> None:
        for connection in self._connections:
            connection.goes_on.set()
            connection.answers.set()
            connection.is_muted = False

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection()
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(_end, writer)
            try:
                server = await asyncio.open_connection(self._target.hostname, self._target.port)
            except OSError:
                return  # Redis is away
            stack.push_async_callback(_end, server[1])
            self._connections.append(connection)
            stack.callback(self._connections.remove, connection)
            answering = asyncio.create_task(connection.answer(server[0], writer))
            stack.push_async_callback(cancel_and_wait, answering)
            await connection.forward(reader, server[1])
            await answering


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65536)
    except OSError:
        return b""
