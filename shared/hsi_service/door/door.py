"""The door of a replica: who comes is counted, judged, and let in or told why not.

The rules are in `access.py` and `limits.py`; here they meet sockets, requests, metrics and logs.
"""

import contextlib
import logging
import math
import time
from collections.abc import Callable
from typing import Any

from litestar import WebSocket
from litestar.connection import ASGIConnection
from litestar.exceptions import (
    NotAuthorizedException,
    PermissionDeniedException,
    WebSocketDisconnect,
)
from litestar.handlers import BaseRouteHandler

from hsi.logs import Throttled
from hsi.schemas.close_codes import CloseCode
from hsi_service.door.access import Access, Handshake, Request
from hsi_service.door.limits import Limits, Rate, address_of
from hsi_service.lifecycle import Lifecycle
from hsi_service.metrics import Metrics
from hsi_service.settings import Settings

DRAINING_RETRY = 2
"""Seconds after which a client of a draining replica may ask again: another will answer."""
API = "/api"
"""What is below this path asks for an API key."""

logger = logging.getLogger(__name__)


class Admission:
    """A client's place, and what to accept its handshake with. To be released when it has left."""

    __slots__ = ("_address", "_limits", "subprotocol")

    def __init__(self, subprotocol: str | None, limits: Limits, address: str) -> None:
        self.subprotocol = subprotocol
        """Goes into the answer to the handshake."""
        self._limits: Limits | None = limits
        self._address = address

    def release(self) -> None:
        """Give the place back; once more does nothing."""
        limits, self._limits = self._limits, None
        if limits:
            limits.leave(self._address)


class Door:
    """Decides on every handshake and on every request under /api."""

    def __init__(
        self,
        settings: Settings,
        lifecycle: Lifecycle,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare.

        Args:
            settings: Credentials, origins and limits.
            lifecycle: A draining replica lets nobody in.
            metrics: Where refusals are counted.
            clock: Seconds that never go back.

        """
        self._access = Access(settings)
        self._limits = Limits(
            connections=settings.max_connections,
            per_address=settings.max_connections_per_ip,
            handshakes_per_minute=settings.handshake_rate_limit,
        )
        self._lifecycle = lifecycle
        self._metrics = metrics
        self._clock = clock
        self._logs: dict[str, Throttled] = {}
        self.message_rate = Rate.per_minute(settings.message_rate_limit)
        """For the bucket of each client (`limits.Bucket`)."""

    async def admit(self, socket: WebSocket[Any, Any, Any]) -> Admission | None:
        """Let a client in, or turn it away and return None.

        What another replica or another time may mend is an HTTP status, before the handshake.
        What will never do accepts first and closes then: a browser cannot see a status, and would
        try again for ever.

        Args:
            socket: The client, before its handshake is answered.

        Returns:
            Its place, for the caller to release.

        """
        with contextlib.suppress(WebSocketDisconnect, OSError):  # It left, and that is all right.
            if self._lifecycle.draining:
                self._metrics.refusals.labels("503").inc()
                await refuse(socket, 503, self._lifecycle.why_not_ready(), DRAINING_RETRY)
                return None
            address = address_of(socket.client.host if socket.client else None)
            if excess := self._limits.enter(address, self._clock()):
                self._note(str(excess.status), excess.reason, socket)
                await refuse(socket, excess.status, excess.reason, excess.retry_after)
                return None
            admission: Admission | None = None
            try:
                decision = self._access.judge(_handshake(socket))
                if decision.code is None:
                    admission = Admission(decision.subprotocol, self._limits, address)
                    return admission
                self._note(str(int(decision.code)), decision.reason, socket)
                await socket.accept(decision.subprotocol)
                await socket.close(decision.code, decision.reason)
            finally:
                if admission is None:
                    self._limits.leave(address)
        return None

    async def require_api_key(
        self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler
    ) -> None:
        """Ask for an API key below /api; a Litestar guard, for all routes of an application.

        It awaits nothing, but Litestar would run a function in a thread, for every handshake.

        Raises:
            NotAuthorizedException: No valid key: 401.
            PermissionDeniedException: A page of another origin: 403.

        """
        # The route's path, not the request's: /api//jobs finds its way to a route, too.
        if not f"{connection.scope['path_template']}/".startswith(f"{API}/"):
            return
        headers = connection.headers
        decision = self._access.judge_request(
            Request(
                keys=headers.getall("x-api-key", []),
                authorizations=headers.getall("authorization", []),
                origins=headers.getall("origin", []),
                host=headers.get("host", ""),
            )
        )
        if decision.code is CloseCode.UNAUTHORIZED:
            self._note("401", decision.reason, connection)
            raise NotAuthorizedException(decision.reason, headers={"WWW-Authenticate": "Bearer"})
        if decision.code is not None:
            self._note("403", decision.reason, connection)
            raise PermissionDeniedException(decision.reason)

    def _note(self, status: str, reason: str, who: ASGIConnection[Any, Any, Any, Any]) -> None:
        """Count a refusal, and log one of each kind now and then."""
        self._metrics.refusals.labels(status).inc()
        if reason not in self._logs:
            self._logs[reason] = Throttled(logger)
        address = who.client.host if who.client else ""
        extra = {"status": status, "reason": reason, "address": address}
        if status == "429" and address not in who.headers.get("x-forwarded-for", address):
            # An unknown proxy makes all of its clients one address.
            extra["hint"] = "if this is your proxy, name it in TRUSTED_PROXIES"
        self._logs[reason].warning("turned a client away", **extra)


def _handshake(socket: WebSocket[Any, Any, Any]) -> Handshake:
    return Handshake(
        query=socket.scope["query_string"],
        subprotocols=socket.scope.get("subprotocols") or (),
        origins=socket.headers.getall("origin", []),
        host=socket.headers.get("host", ""),
    )


async def refuse(
    socket: WebSocket[Any, Any, Any], status: int, reason: str, retry_after: float | None = None
) -> None:
    """Answer a handshake with an HTTP status instead.

    A server without the ASGI extension for that answers 403.

    Args:
        socket: The client, before its handshake is answered.
        status: HTTP status.
        reason: The body, in words.
        retry_after: Seconds after which it may come back; None says nothing about it.

    """
    await socket.receive()
    if "websocket.http.response" not in (socket.scope.get("extensions") or {}):
        await socket.send({"type": "websocket.close", "code": CloseCode.RESTART, "reason": reason})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if retry_after is not None:
        headers.append((b"retry-after", str(math.ceil(retry_after)).encode()))
    await socket.send(
        {
            "type": "websocket.http.response.start",
            "status": status,
            "headers": headers,
        }
    )
    await socket.send(
        {"type": "websocket.http.response.body", "body": reason.encode(), "more_body": False}
    )
