"""A connection that changes hands between the protocols of a server, and how it is ended."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from hsi_service.door.proxies import Address

REQUEST_PATIENCE = 10.0
"""Seconds from the accept to the end of the request; and that an answer may not be taken at all."""
MAX_DISCARDED = 256 * 1024
"""Bytes that a client which was refused may still send before its connection is cut."""
_SCRAP = bytearray(64 * 1024)
LAST_WORD = 2.0
"""Seconds for a client that was refused to read why."""


class Connection(NamedTuple):
    """A connection that changes hands."""

    transport: asyncio.Transport
    peer: Address
    """Who is connected."""
    connections: set[Any]
    """The server's, which it closes when it ends."""
    count_on: "Callable[[ClosingConnection], Callable[[], None]]"
    """Has a connection count for its address while it closes; returns what to call when it ends."""

    def close_with(self, last: bytes, *, at_once: bool = False) -> None:
        """Tell the client the last word, and end the connection once it has heard that.

        Args:
            last: The last word.
            at_once: End it as soon as that is sent: others wait for its descriptor.

        """
        closing = ClosingConnection(self.transport, self.connections)
        closing.when_gone = self.count_on(closing)
        hand_to(closing, self.transport)
        self.transport.write(last)
        if at_once:
            self.transport.close()
        else:
            self.transport.write_eof()


def hand_to(protocol: asyncio.BaseProtocol, transport: asyncio.Transport) -> None:
    """Let another protocol hear what comes from now on, which may go into its buffer, or may not.

    uvloop asks a protocol for its buffer when reading begins.
    """
    transport.pause_reading()
    transport.set_protocol(protocol)
    transport.resume_reading()


class ClosingConnection(asyncio.BufferedProtocol):
    """A connection that was told its last word; what it sends is not looked at."""

    __slots__ = ("_allowed", "_connections", "_end", "_transport", "when_gone")

    when_gone: Callable[[], None]
    """Called once, when the connection has ended."""

    def __init__(self, transport: asyncio.Transport, connections: set[Any]) -> None:
        self._transport = transport
        self._connections = connections
        self._allowed = MAX_DISCARDED
        connections.add(self)
        self._end = asyncio.get_running_loop().call_later(LAST_WORD, transport.abort)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 (nobody looks at it)
        """Return where to put what comes."""
        return _SCRAP

    def buffer_updated(self, nbytes: int) -> None:
        """Drop what comes: a client whose bytes are not read would not read the last word."""
        self._allowed -= nbytes
        if self._allowed < 0:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (leaving is no fault)
        """Forget the connection."""
        self._connections.discard(self)
        self._end.cancel()
        self.when_gone()

    def check(self, now: float) -> None:
        """Do nothing: it has a time of its own."""

    def give_way(self, answer: Any) -> None:  # noqa: ARG002 (it was told something already)
        """Make room for another connection."""
        self._transport.abort()

    def shutdown(self) -> None:
        """Close, as the server ends."""
        self._transport.abort()
