"""The way past ASGI: a client's transport, under a uvicorn that we run (DESIGN: Fan-out).

ASGI's `send` is a coroutine, and the hub awaits nobody. `WireProtocol` is uvicorn's WebSocket
protocol with one more ASGI extension in the scope, through which the application gets a `WirePeer`.
uvicorn is pinned, because this leans on its protocol's insides; tests/test_peer.py holds the seam.
"""

import socket
from collections.abc import Coroutine, MutableMapping
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from shared.burst import Burst
from shared.close_codes import CloseCode
from shared.peer import FAREWELL_TIMEOUT, Peer

EXTENSION = "hsi.wire"
"""Name of the ASGI extension; its value has the connection's `WireProtocol` as "protocol"."""
MAX_UNSENT_IN_KERNEL = 128 * 1024
"""Bytes that the kernel may keep unsent for a client.

What it keeps, nobody can take back: a client that is behind should find the latest snapshot, not
megabytes of old ones, and the reason why it was closed.
"""
MAX_JOINED = 64 * 1024
"""Bytes, about, that a client which was behind is sent in one write."""


class WirePeer(Peer):
    """A client whose transport we write to.

    While nothing waits, a write is one `send` of the socket, which costs less than the transport.
    What the kernel did not take goes to the transport, whose high-water mark is zero: so it says at
    once that it waits; from then on, what comes waits here until the kernel has taken the rest. So
    there is never more than one write in the transport.
    """

    __slots__ = ("_blocked", "_clear", "_protocol", "_send", "_sent", "_socket", "_transport")

    def __init__(self, client: str, protocol: "WireProtocol") -> None:
        super().__init__(client)
        self._protocol = protocol
        self._transport = protocol.transport
        self._socket = socket.socket(fileno=protocol.transport.get_extra_info("socket").fileno())
        """The transport's own, which it closes after it told us that the connection ends."""
        self._socket.settimeout(0)
        self._send = self._socket.send
        self._blocked = False
        """The kernel has not taken everything."""
        self._clear = False
        """Nothing waits, nothing is held, and it is not closing: write straight on."""
        self._sent = 0
        """Bytes given to the transport after having waited."""

    def write(self, burst: Burst) -> None:
        """Send what many are sent."""
        if self._clear:
            wire = burst.wire
            try:
                sent = self._send(wire)
            except OSError:  # It takes nothing; or it is broken, and the transport will tell.
                sent = 0
            if sent != burst.size:
                self._transport.write(wire[sent:])
        else:
            super().write(burst)

    def close(self, code: CloseCode, reason: str) -> None:
        """Close once everything written so far is sent, or after a while in any case."""
        first = not self.closing
        super().close(code, reason)
        if first and self._queue:
            self._protocol.loop.call_later(FAREWELL_TIMEOUT, self._transport.abort)

    def progress(self) -> object:
        """Return how many bytes the kernel has taken, by an arbitrary count."""
        return self._sent - self._transport.get_write_buffer_size()

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
        """Return nothing: it needs nobody."""
        return []

    @property
    def behind(self) -> bool:
        """Whether something that is not held was not taken yet."""
        return self._blocked or bool(self._queue)

    @property
    def unsent(self) -> int:
        """Bytes that wait for it in this process."""
        return self._queued + (self._transport.get_write_buffer_size() if self._blocked else 0)

    def _work(self) -> None:
        queue = self._queue
        while queue and not self._blocked:
            parts = [queue.popleft().wire]
            size = len(parts[0])
            while queue and size < MAX_JOINED:
                parts.append(queue.popleft().wire)
                size += len(parts[-1])
            self._queued -= size
            self._sent += size
            self._transport.write(b"".join(parts))
        self._clear = not (self.behind or self._gone or self.closing) and self._held is None
        if not self.behind:
            self._tell_drained()
        if self.closing and not queue:
            self._protocol.finish(*self.closing)

    # What the protocol tells.

    def block(self) -> None:
        """Take note that the kernel did not take everything."""
        self._blocked = True
        self._clear = False

    def unblock(self) -> None:
        """Take note that the kernel has taken everything."""
        self._blocked = False
        self._work()

    def lose(self) -> None:
        """Take note that the connection ends: nothing more can be sent."""
        self._gone = True
        self._clear = self._blocked = False
        self._socket.detach()
        self._queue.clear()
        self._held = None
        self._queued = 0
        self._tell_drained()


class WireProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket connection, with the extension, and with an end for the stalled.

    uvicorn closes a transport only after its last byte was taken, which for a client that reads
    nothing is never. Here it is given up after `FAREWELL_TIMEOUT`.
    """

    peer: WirePeer | None = None

    def attach(self, client: str) -> WirePeer:
        """Let the application write to the transport from now on."""
        self.peer = WirePeer(client, self)
        self.transport.set_write_buffer_limits(high=0)
        connection = self.transport.get_extra_info("socket")
        internet = connection.family in (socket.AF_INET, socket.AF_INET6)
        if internet and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_IN_KERNEL
            )
        return self.peer

    def finish(self, code: int, reason: str) -> None:
        """Send a close frame, after which nothing is sent; wait for the client's for a while."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(FAREWELL_TIMEOUT, self.transport.abort)

    def handle_connect(self, event: Request) -> None:
        """Begin a handshake, with the extension in its scope, unless the socket speaks TLS."""
        super().handle_connect(event)
        plain = self.transport.get_extra_info("sslcontext") is None
        if plain and self.response.status_code == 101:  # noqa: PLR2004 (a WebSocket)
            extensions: MutableMapping[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = {"protocol": self}

    def pause_writing(self) -> None:
        """Take note that the kernel did not take everything."""
        super().pause_writing()
        if self.peer:
            self.peer.block()

    def resume_writing(self) -> None:
        """Take note that the kernel has taken everything."""
        super().resume_writing()
        if self.peer:
            self.peer.unblock()

    def handle_ping(self) -> None:
        """Answer a protocol ping, unless the client does not read what it is sent already."""
        if self.peer and (not self.peer.may_say_more() or self.peer.behind):
            self.conn.data_to_send()
        else:
            super().handle_ping()

    def handle_close(self, event: Frame) -> None:
        """Answer the client's close frame."""
        self._end()
        super().handle_close(event)

    def handle_parser_exception(self) -> None:
        """Close for a broken protocol."""
        self._end()
        super().handle_parser_exception()

    def keepalive_timeout(self) -> None:
        """Close a client that did not answer a protocol ping."""
        self._end()
        super().keepalive_timeout()

    def shutdown(self) -> None:
        """Close, as the server ends."""
        self._end()
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        if self.peer:
            self.peer.lose()
        super().connection_lost(exc)

    def _end(self) -> None:
        if self.peer:
            self.peer.lose()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(FAREWELL_TIMEOUT, self.transport.abort)
