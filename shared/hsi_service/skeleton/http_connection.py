"""uvicorn's HTTP connection, with the limits that it lacks: of sizes, of time, of what waits."""

import contextlib
import functools
import math
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
    is_too_large,
    target_of,
    upgrade_of,
)
from hsi_service.door.proxies import NOBODY, Address
from hsi_service.skeleton.body_limits import MAX_BODY_BYTES, BodyLimits
from hsi_service.skeleton.connection import REQUEST_PATIENCE, Connection
from hsi_service.skeleton.lasting import LASTING
from hsi_service.skeleton.open_requests import OpenRequests

if TYPE_CHECKING:
    from uvicorn._types import (
        ASGI3Application,
        ASGIReceiveCallable,
        ASGISendCallable,
        ASGISendEvent,
        Scope,
    )

MAX_PIPELINED = 8
"""Requests that may wait on a connection for the answers to those before them."""

MAX_UNTAKEN = 20_000
"""Milliseconds for which the machine of a client that stays may confirm nothing of what it is sent:
as a WebSocket's client may take to answer a ping."""

_PARSED_AT_ONCE = 4096
"""Bytes. After a refusal, no more is parsed."""
_MAX_BYTES_OF_HEAD = MAX_HEAD_BYTES + _PARSED_AT_ONCE
_REQUEST_COST = 0.0005
"""Seconds, about, that a request takes."""

_ENDING = FinalResponse(503, "restart: come back", {"Retry-After": "2"})
_TOO_SOON = FinalResponse(400, "ask for a WebSocket once the request before is answered")

Upgrades = Callable[[Connection, UpgradeRequest, bytes], None]
"""Answers a request for a WebSocket; the connection is its own from then on. What came behind the
request is the third argument."""


class HttpConnection(HttpToolsProtocol):
    """uvicorn's HTTP connection, with limits: of sizes, of time, and of what waits."""

    def __init__(
        self, requests: OpenRequests, upgrade: Upgrades, limits: BodyLimits, **options: Any
    ) -> None:
        super().__init__(**options)
        self._limits = limits
        self._most_in_body = MAX_BODY_BYTES
        """Bytes that the body of this request may have."""
        self._requests = requests
        self._upgrade = upgrade
        self._deadline = self.loop.time() + REQUEST_PATIENCE
        self._in_head = False
        """Whether a head has begun and is not whole."""
        self._sent = 0
        """Bytes since the request began, or since the one before ended: trailers, the sizes of
        chunks and empty lines too."""
        self._in_body = 0
        """Bytes of the body so far."""
        self._untaken = 0
        """Bytes of answers that waited for the client when last looked at."""
        self._stalls_at = math.inf
        self._answering: RequestResponseCycle | None = None
        """The request that is answered now, or waits for its turn; the parser may be further."""
        self._app: ASGI3Application | None = None
        """What answers it, while it waits."""
        self._is_over = False
        """It was refused, and what comes is not looked at."""

    def _connection(self) -> Connection:
        peer = Address(*self.client) if self.client else NOBODY
        count_on = functools.partial(self._requests.count_on, self)
        return Connection(self.transport, peer, self.connections, count_on)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        if self._is_over:
            return
        self._unset_keepalive_if_required()
        if math.isinf(self._deadline):
            self._deadline = self.loop.time() + REQUEST_PATIENCE
        for begin in range(0, len(data), _PARSED_AT_ONCE):
            piece = data[begin : begin + _PARSED_AT_ONCE]
            self._sent += len(piece)
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade as upgrade:
                if self._should_upgrade() and not self._is_over:
                    self._be_a_websocket(data[begin + upgrade.args[0] :])
                return
            except httptools.HttpParserError:
                self._refuse(FinalResponse(400, "this is not an HTTP request"))
            # A body in chunks takes more than it has.
            most = MAX_HEAD_BYTES + 2 * self._most_in_body
            if self._sent > (_MAX_BYTES_OF_HEAD if self._in_head else most):
                self._refuse(TOO_LARGE if self._in_head else self._body_too_large())
            if self._is_over:
                return

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._requests.ask(self)
        self._in_head, self._in_body, self._sent = True, 0, 0

    def on_headers_complete(self) -> None:
        """Begin to answer, unless it is refused."""
        self._in_head = False
        if is_too_large(self.url, self.headers):
            self._refuse(TOO_LARGE)
        self._read_target()
        self._most_in_body = self._limits.bytes_for(self.url)
        length = dict(self.headers).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._most_in_body:
            self._refuse(self._body_too_large())
        if len(self.pipeline) >= MAX_PIPELINED:
            self._refuse(FinalResponse(429, "too many requests at once on one connection"))
        if not self._is_over:
            super().on_headers_complete()

    def _read_target(self) -> None:
        """See that the target is a path; of a URL, the host counts as the Host header."""
        if self.url.startswith(b"/"):
            return
        try:
            target = target_of(self.url)
        except RefusedError as error:
            self._refuse(error.answer)
            return
        self.url = target.path + (b"?" + target.query if target.query else b"")
        # The list itself: the request's scope has it already.
        self.headers[:] = [field for field in self.headers if field[0] != b"host"]
        if target.host is not None:
            self.headers.append((b"host", target.host))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes behind the body is counted, and not kept."""
        if self._in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._in_body += len(body)
        if self._in_body > self._most_in_body:
            self._refuse(self._body_too_large())
        if not self._is_over:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for no more of a request."""
        self._deadline, self._sent = math.inf, 0
        if not self._is_over:
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        """Begin to answer a request when others had their turn."""
        self._answering, self._app = cycle, app
        if self._requests.turns.is_over:
            self._requests.turns.wait(self)
        else:
            self.read_on()

    def read_on(self) -> None:
        """Answer the request: it is its turn."""
        app, self._app = self._app, None
        if self._answering:
            self._answering.scope["extensions"] = {LASTING: self}  # type: ignore[dict-item]  # uvicorn knows of its own
        if app and self._answering and not self._answering.disconnected:
            self._requests.turns.spend(_REQUEST_COST)
            super()._start_asgi_task(self._answering, while_connected(self._answering, app))

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
        try:
            self._upgrade(self._connection(), asked, rest)
        finally:
            self._end()

    def stay(self) -> bool:
        """Let the answer go on for as long as its client likes: it is no request any more.

        Returns:
            Whether it may: the last descriptors are for those who ask and leave.

        """
        if self._requests.is_short_for(self.transport):
            return False
        self._requests.leave(self)
        connection = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):  # A Unix socket has no such thing.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, MAX_UNTAKEN)
        return True

    def cut_off(self) -> None:
        """End the connection in the middle of an answer."""
        self._stop_answering()
        self.transport.abort()

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

    def shutdown(self) -> None:
        """Close, as the server ends; an answer that is under way is finished."""
        if math.isinf(self._deadline):
            super().shutdown()
        elif not self._is_over:
            self._is_over = True
            self._end()
            if not self._stop_answering():
                self.transport.write(_ENDING.serialize())
            self.transport.close()

    def give_way(self, answer: FinalResponse) -> None:
        """Make room for another connection."""
        self._refuse(answer)

    def _refuse(self, answer: FinalResponse) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._stop_answering():
            # The refusal cannot come in the middle of an answer.
            self._requests.note(answer, self._connection().peer)
            self.transport.abort()
        else:
            self._requests.refuse(self._connection(), answer)
        self._end()

    def _body_too_large(self) -> FinalResponse:
        most = self._most_in_body // 1024
        return FinalResponse(413, f"the request's body has more than {most} KiB")

    def _stop_answering(self) -> bool:
        """Let nothing more of an answer be written; return whether one has begun and not ended."""
        self.pipeline.clear()
        answering = self._answering
        if answering is None:
            return False
        answering.disconnected = True  # What it says from now on goes nowhere.
        answering.message_event.set()
        return answering.response_started and not answering.response_complete

    def _end(self) -> None:
        self._requests.leave(self)
        self.connections.discard(self)
        self._unset_keepalive_if_required()


def while_connected(cycle: RequestResponseCycle, app: "ASGI3Application") -> "ASGI3Application":
    """Return an application that says nothing to a client which has left.

    uvloop closes a connection that was reset before it tells so, and then each write raises:
    a traceback in the log for a client that asks and leaves.
    """

    async def answer(
        scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        async def send_on(message: "ASGISendEvent") -> None:
            if cycle.transport.is_closing():
                cycle.disconnected = True
            await send(message)

        await app(scope, receive, send_on)

    return answer
