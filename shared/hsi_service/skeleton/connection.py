"""A connection that changes hands between the protocols of a server, and how it is ended."""

import asyncio
from typing import Any, NamedTuple

from hsi_service.door.proxies import Address

REQUEST_PATIENCE = 10.0
"""Seconds from the accept to the end of the request; and that an answer may not be taken at all."""
MAX_DISCARDED = 256 * 1024
"""Bytes that a client which was refused may still send before its connection is cut."""
LAST_WORD = 2.0
"""Seconds for a client that was refused to read why."""


class Connection(NamedTuple):
    """A connection that changes hands."""

    transport: asyncio.Transport
    peer: Address
    """Who is connected."""
    connections: set[Any]
    """The server's, which it closes when it ends."""

    def close_with(self, last: bytes) -> None:
        """Tell the client the last word, and end the connection once it has heard that."""
        self.transport.set_protocol(ClosingConnection(self.transport, self.connections))
        self.transport.resume_reading()
        self.transport.write(last)
        self.transport.write_eof()


class ClosingConnection(asyncio.Protocol):
    """A connection that was told its last word; what it sends is not looked at."""

    __slots__ = ("_allowed", "_connections", "_end", "_transport")

    def __init__(self, transport: asyncio.Transport, connections: set[Any]) -> None:
        self._transport = transport
        self._connections = connections
        self._allowed = MAX_DISCARDED
        connections.add(self)
        self._end = asyncio.get_running_loop().call_later(LAST_WORD, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Drop what comes: a client whose bytes are not read would not read the last word."""
        self._allowed -= len(data)
        if self._allowed < 0:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (leaving is no fault)
        """Forget the connection."""
        self._connections.discard(self)
        self._end.cancel()

    def shutdown(self) -> None:
        """Close, as the server ends."""
        self._transport.abort()
