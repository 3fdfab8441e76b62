"""uvicorn's HTTP connection, with the limits that it lacks: of sizes, of time, of what waits."""

import math
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from hsi_service.door.handshake import (
    MAX_HEAD_BYTES,
    TOO_LARGE,
    TOO_LATE,
    FinalResponse,
    RefusedError,
    RequestHead,
    UpgradeRequest,
    upgrade_of,
)
from hsi_service.door.proxies import NOBODY, Address
from hsi_service.skeleton.connection import REQUEST_PATIENCE, Connection
from hsi_service.skeleton.open_requests import OpenRequests

MAX_BODY_BYTES = 64 * 1024
"""Of a request."""
MAX_PIPELINED = 8
"""Requests that may wait on a connection for the answers to those before them."""


_BODY_TOO_LARGE = FinalResponse(
    413, f"the request's body has more than {MAX_BODY_BYTES // 1024} KiB"
)
_TOO_SOON = FinalResponse(400, "ask for a WebSocket once the request before is answered")

Upgrades = Callable[[Connection, UpgradeRequest, bytes], None]
"""Answers a request for a WebSocket; the connection is its own from then on. What came behind the
request is the third argument."""


class HttpConnection(HttpToolsProtocol):
    """uvicorn's HTTP connection, with limits: of sizes, of time, and of what waits."""

    def __init__(self, requests: OpenRequests, upgrade: Upgrades, **options: Any) -> None:
        super().__init__(**options)
        self._requests = requests
        self._upgrade = upgrade
        self._deadline = self.loop.time() + REQUEST_PATIENCE
        self._in_head = 0
        """Bytes of a head that is not whole; 0 outside of heads."""
        self._in_body = 0
        """Bytes of the body so far."""
        self._untaken = 0
        """Bytes of answers that waited for the client when last looked at."""
        self._stalls_at = math.inf
        self._is_over = False
        """It was refused, and what comes is not looked at."""

    def _connection(self) -> Connection:
        peer = Address(*self.client) if self.client else NOBODY
        return Connection(self.transport, peer, self.connections)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        if self._is_over:
            return
        self._unset_keepalive_if_required()
        if math.isinf(self._deadline):
            self._deadline = self.loop.time() + REQUEST_PATIENCE
        if self._in_head:
            self._in_head += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self._be_a_websocket(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(FinalResponse(400, "this is not an HTTP request"))
        if self._in_head > MAX_HEAD_BYTES:
            self._refuse(TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head, self._in_body = 1, 0

    def on_headers_complete(self) -> None:
        """Begin to answer, unless it is refused."""
        self._in_head = 0
        length = dict(self.headers).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self._refuse(_BODY_TOO_LARGE)
        if len(self.pipeline) >= MAX_PIPELINED:
            self._refuse(FinalResponse(429, "too many requests at once on one connection"))
        if not self._is_over:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._in_body += len(body)
        if self._in_body > MAX_BODY_BYTES:
            self._refuse(_BODY_TOO_LARGE)
        if not self._is_over:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for no more of a request."""
        self._deadline = math.inf
        if not self._is_over:
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        return self._get_upgrade() == b"websocket"

    def _be_a_websocket(self, rest: bytes) -> None:
        """Let a connection be a WebSocket that was kept alive, as proxies have them."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            # No client does it; and its answer would have to wait for the one before.
            self._refuse(_TOO_SOON)
            return
        head = RequestHead()
        head.fields, head.url, head.wants_upgrade = self.headers, self.url, True
        head.method, head.version = self.parser.get_method(), self.parser.get_http_version()
        try:
            asked = upgrade_of(head)
        except RefusedError as error:
            self._refuse(error.answer)
            return
        self._end()
        self._upgrade(self._connection(), asked, rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._requests.leave(self)
        super().connection_lost(exc)

    def check(self, now: float) -> None:
        """End it if its request does not come, or its answer is not taken, in time."""
        untaken = self.transport.get_write_buffer_size()
        if untaken == 0 or untaken != self._untaken:
            self._untaken, self._stalls_at = untaken, now + REQUEST_PATIENCE
        elif now >= self._stalls_at:
            self.transport.abort()
        if now >= self._deadline:
            self._refuse(TOO_LATE)

    def _refuse(self, answer: FinalResponse) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._end()
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request.
        is_answering = cycle is not None and cycle.response_started and not cycle.response_complete
        if cycle is not None:
            cycle.disconnected = True  # What it says from now on goes nowhere.
            cycle.message_event.set()
        if is_answering:
            # The refusal cannot come in the middle of an answer.
            self._requests.note(answer, self._connection().peer)
            self.transport.abort()
        else:
            self._requests.refuse(self._connection(), answer)

    def _end(self) -> None:
        self._requests.leave(self)
        self.connections.discard(self)
        self._unset_keepalive_if_required()


_BODY_TOO_LARGE = FinalResponse(
    413, f"the request's body has more than {MAX_BODY_BYTES // 1024} KiB"
)
