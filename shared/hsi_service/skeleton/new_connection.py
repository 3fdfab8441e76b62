"""A connection from its accept to the end of its request: strangers pay for what they send (R4).

Until it is known what a client wants, its protocol is a small `NewConnection`. A request for a
WebSocket goes to the `Upgrader`; any other one goes to uvicorn, with the limits that it lacks.
"""

import asyncio
import functools
from collections.abc import Callable
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from hsi_service.door.handshake import (
    END_OF_HEAD,
    MAX_HEAD_BYTES,
    TOO_LARGE,
    TOO_LATE,
    FinalResponse,
    RefusedError,
    RequestHead,
    upgrade_of,
    wants_websocket,
)
from hsi_service.door.proxies import NOBODY, Address
from hsi_service.skeleton.body_limits import BodyLimits
from hsi_service.skeleton.connection import REQUEST_PATIENCE, Connection, hand_to
from hsi_service.skeleton.http_connection import HttpConnection, Upgrades
from hsi_service.skeleton.open_requests import OpenRequests

_NO_HTTP = FinalResponse(400, "this is not an HTTP request")
_BARE_LINES = b"\n\n"
"""Ends a head whose lines end with LF alone, which is no HTTP."""
_EMPTY_LINES = b"\r\n"
"""Before a request, they are nothing (RFC 9112, section 2.2)."""


class ConnectionFactory:
    """Makes the protocol of each new connection: what uvicorn takes for its `http`."""

    def __init__(self, requests: OpenRequests, upgrade: Upgrades, limits: BodyLimits) -> None:
        """Begin.

        Args:
            requests: What all of them share.
            upgrade: Answers requests for a WebSocket.
            limits: Of the bodies of other requests.

        """
        self._requests = requests
        self._limits = limits
        self._upgrade = upgrade
        self._speak_http: Callable[[], HttpConnection] | None = None

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> "NewConnection":
        """Return the protocol of a new connection."""
        if self._speak_http is None:
            self._speak_http = functools.partial(
                HttpConnection,
                self._requests,
                self._upgrade,
                self._limits,
                config=config,
                server_state=server_state,
                app_state=app_state,
                _loop=_loop,
            )
        return NewConnection(
            self._requests, self._upgrade, server_state.connections, self._speak_http
        )


class NewConnection(asyncio.BufferedProtocol):
    """A connection whose first request is not whole."""

    __slots__ = (
        "_connections",
        "_deadline",
        "_head",
        "_peer",
        "_requests",
        "_skipped",
        "_speaks_http",
        "_transport",
        "_upgrade",
    )

    _transport: asyncio.Transport

    def __init__(
        self,
        requests: OpenRequests,
        upgrade: Upgrades,
        connections: set[Any],
        speak_http: Callable[[], HttpConnection],
    ) -> None:
        self._requests = requests
        self._upgrade = upgrade
        self._connections = connections
        self._speaks_http = speak_http
        self._head = b""
        self._skipped = 0
        """Bytes of empty lines before the request."""
        self._peer = NOBODY
        self._deadline = asyncio.get_running_loop().time() + REQUEST_PATIENCE

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the request."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        address = transport.get_extra_info("peername")
        if isinstance(address, tuple) and address:
            self._peer = Address(address[0], address[1])
        if answer := self._requests.enter(self, self._peer, transport):
            self._refuse(answer)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 (a head has its own limit)
        """Return where to put what comes."""
        return self._requests.turns.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take a part of the request's head."""
        self.data_received(bytes(memoryview(self._requests.turns.buffer)[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Take a part of the request's head; pass on what it turns out to be."""
        if self._head:
            head = self._head + data
        else:
            head = data.lstrip(_EMPTY_LINES)
            self._skipped += len(data) - len(head)
        end = head.find(END_OF_HEAD)
        if self._skipped > MAX_HEAD_BYTES or (head and not _begins_a_method(head[0])):
            self._refuse(_NO_HTTP)
            return
        if end < 0 and _BARE_LINES in head:
            self._refuse(_NO_HTTP)
            return
        if end < 0 and len(head) <= MAX_HEAD_BYTES:
            self._head = head
            return
        end += len(END_OF_HEAD)
        if end < len(END_OF_HEAD) or end > MAX_HEAD_BYTES:
            self._refuse(TOO_LARGE)
        elif self._requests.turns.is_over:
            self._head = head
            self._transport.pause_reading()
            self._requests.turns.wait(self)
        else:
            self._take(head, end)

    def read_on(self) -> None:
        """Take the request: it is its turn."""
        head = self._head
        if head and not self._transport.is_closing():  # Else it has ended meanwhile.
            self._transport.resume_reading()
            self._take(head, head.find(END_OF_HEAD) + len(END_OF_HEAD))

    def _take(self, head: bytes, end: int) -> None:
        """Take a request whose head is whole, and ends there."""
        turns = self._requests.turns
        began = turns.clock()
        try:
            parsed = RequestHead.parse(head[:end])
            asked = upgrade_of(parsed) if wants_websocket(parsed) else None
        except RefusedError as error:
            self._refuse(error.answer)
        else:
            if asked is None:
                self._speak_http(head)
            else:
                try:
                    self._upgrade(self._connection(), asked, head[end:])
                finally:
                    self._leave()
        turns.spend_since(began)

    def _speak_http(self, data: bytes) -> None:
        http = self._speaks_http()
        self._requests.change(self, http)
        self._connections.discard(self)
        http.connection_made(self._transport)
        hand_to(http, self._transport)
        http.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (leaving is no fault)
        """Forget the connection."""
        self._leave()

    def check(self, now: float) -> None:
        """Answer what did not come in time."""
        if now >= self._deadline:
            self._refuse(TOO_LATE)

    def give_way(self, answer: FinalResponse) -> None:
        """Make room for another connection."""
        self._refuse(answer)

    def shutdown(self) -> None:
        """Close, as the server ends."""
        self._leave()
        self._transport.close()

    def _refuse(self, answer: FinalResponse) -> None:
        self._requests.refuse(self._connection(), answer)
        self._leave()

    def _connection(self) -> Connection:
        count_on = functools.partial(self._requests.count_on, self)
        return Connection(self._transport, self._peer, self._connections, count_on)

    def _leave(self) -> None:
        self._head = b""
        self._requests.leave(self)
        self._connections.discard(self)


def _begins_a_method(byte: int) -> bool:
    """Return whether a request may begin with it: all methods have capital letters."""
    return ord("A") <= byte <= ord("Z")
