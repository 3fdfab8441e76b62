"""The way past ASGI: a connection is handed over to the hub, under a uvicorn that we run.

uvicorn, Litestar and the websockets library hold 25 KB for each connection, and ASGI's `send` is a
coroutine, while the hub awaits nobody. So they do the handshake, and then a `DirectPeer` takes the
connection over. uvicorn is pinned, because this leans on its protocols' insides;
tests/hsi_service/fanout/test_takeover.py holds the seam.

For uvicorn the connection ends at the hand-over: the peer takes its place among the connections
that the server shuts down, and bytes that the client sent early travel along, those of the
handshake's own segment included, which uvicorn alone drops.
"""

import asyncio
import functools
import math
import sys
from typing import TYPE_CHECKING, Any

from httptools import HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from hsi_service.fanout.client_frames import MAX_CLIENT_MESSAGE_BYTES
from hsi_service.fanout.direct_peer import DirectPeer, KeepAlive
from hsi_service.fanout.peer import FAREWELL_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from uvicorn._types import ASGISendEvent

EXTENSION = "hsi.takeover"
"""Name of the ASGI extension; its value has the connection's `TakeoverProtocol` as "protocol"."""
MAX_EARLY = 2 * MAX_CLIENT_MESSAGE_BYTES
"""Bytes that are kept for a client whose handshake is not answered. It should send none."""
_keep_alive = functools.cache(KeepAlive)


class UpgradeProtocol(HttpToolsProtocol):
    """uvicorn's HTTP connection, which passes on what comes right behind a handshake.

    uvicorn drops it. Besides, it leaves a cycle behind for each handshake.
    """

    _data = b""

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        self._data = data
        super().data_received(data)
        self._data = b""

    def handle_websocket_upgrade(self) -> None:
        """Let a WebSocket protocol go on."""
        upgrade = sys.exception()
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # as uvicorn does when a connection ends
        if isinstance(upgrade, HttpParserUpgrade) and (rest := self._data[upgrade.args[0] :]):
            protocol = self.transport.get_protocol()
            assert isinstance(protocol, asyncio.Protocol)  # noqa: S101 (it was just set)
            protocol.data_received(rest)


class PlainProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket connection, with an order at its beginning and an end for the stalled.

    What the client sends before its handshake is answered, uvicorn would answer first: here it is
    kept until then. And uvicorn closes a transport only after its last byte was taken, which for a
    client that reads nothing is never: here it is given up after `FAREWELL_TIMEOUT`.
    """

    _early: bytes | None = None
    """What the client has sent while it is not known who reads it."""

    def handle_connect(self, event: Request) -> None:
        """Begin a handshake."""
        super().handle_connect(event)
        if self.response.status_code == 101:  # noqa: PLR2004 (a WebSocket)
            self._early = b""

    def data_received(self, data: bytes) -> None:
        """Take what the client sends, or keep it for whoever will."""
        if self._early is None:
            super().data_received(data)
        else:
            self._early += data
            if len(self._early) > MAX_EARLY:
                self.transport.pause_reading()

    async def send(self, message: "ASGISendEvent") -> None:
        """Send what the application says."""
        await super().send(message)
        if self._early is not None and self.handshake_complete:
            self._answered()

    def _answered(self) -> None:
        """Go on, now that the handshake is answered."""
        self._read_early()

    def _read_early(self) -> None:
        """Let uvicorn have what was kept."""
        early, self._early = self._early, None
        if early and not self.disconnected:
            self.transport.resume_reading()
            super().data_received(early)

    async def run_asgi(self) -> None:
        """Run the application for this connection."""
        await super().run_asgi()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(FAREWELL_TIMEOUT, self.transport.abort)


class TakeoverProtocol(PlainProtocol):
    """A WebSocket connection that the application can hand over right after its handshake.

    Whatever the client has sent by then travels along.
    """

    _offered = False
    """Whether the application may ask for it."""

    def handle_connect(self, event: Request) -> None:
        """Begin a handshake, with the extension in its scope, unless the socket speaks TLS."""
        super().handle_connect(event)
        if self._early is not None and self.transport.get_extra_info("sslcontext") is None:
            extensions: MutableMapping[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = {"protocol": self}
            self._offered = True

    def _answered(self) -> None:
        """Go on, unless somebody may take the connection over."""
        if not self._offered:
            super()._answered()

    def hand_over(self, peer: DirectPeer) -> None:
        """Let a peer have the connection, after its handshake; the application may return.

        Raises:
            ConnectionError: The client has left.

        """
        transport, early = self.transport, self._early
        if self.disconnected or transport.is_closing():
            raise ConnectionError("the client has left")
        # For uvicorn the connection has ended here. It would close the transport else.
        self.stop_keepalive()
        self.connections.discard(self)
        self.transport = _ENDED
        self.disconnected = True
        self._early = None
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1005})
        # Else the collector would have to find all of it: these two are cycles.
        self.scope["extensions"] = {}
        self.conn.parser = None  # type: ignore[assignment]  # nothing is parsed any more
        interval = self.ping_interval or math.inf
        keepalive = _keep_alive(interval, self.ping_timeout or math.inf)
        connections: set[Any] = self.connections
        peer.take_over(transport, keepalive, connections)
        if early:
            transport.resume_reading()
            peer.data_received(early)

    async def run_asgi(self) -> None:
        """Run the application for this connection."""
        await super().run_asgi()
        self._read_early()


class _Ended(asyncio.Transport):
    """What uvicorn has of a connection that it handed over."""

    def is_closing(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0


_ENDED = _Ended()
