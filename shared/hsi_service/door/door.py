"""The door of a replica: who comes is counted, judged, and let in or told why not.

The rules are in `access.py` and `limits.py`; here they meet sockets, requests, metrics and logs.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
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
FIRST_CLOSE_CODE = 1000
"""Codes below are HTTP statuses."""
API = "/api"
"""What is below this path asks for an API key."""

logger = logging.getLogger(__name__)


class Caller(NamedTuple):
    """Who asks for a WebSocket."""

    host: str | None
    """Its address; None for what has none."""
    forwarded_for: str
    """Its X-Forwarded-For header, believed or not; empty if there is none."""
    handshake: Handshake


class Refusal(NamedTuple):
    """Why a client does not get in."""

    code: int
    """An HTTP status; or a close code, to be accepted first and closed with."""
    reason: str
    retry_after: float | None = None
    """Seconds after which it may come back; None says nothing about it."""
    subprotocol: str | None = None
    """To be accepted with, even to be closed."""

    @property
    def closes(self) -> bool:
        """Whether the client is accepted first, and closed then."""
        return self.code >= FIRST_CLOSE_CODE


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

    def admit(self, caller: Caller) -> Admission | Refusal:
        """Let a client in, or say why not.

        What another replica or another time may mend is refused with an HTTP status. What will
        never do is to be accepted first and closed then: a browser cannot see a status, and would
        try again for ever.

        Args:
            caller: The client, before its handshake is answered.

        Returns:
            Its place, for the caller to release; or why it has none.

        """
        if self._lifecycle.draining:
            self._metrics.refusals.labels("503").inc()
            return Refusal(503, self._lifecycle.why_not_ready(), DRAINING_RETRY)
        address = address_of(caller.host)
        if excess := self._limits.enter(address, self._clock()):
            self._note(str(excess.status), excess.reason, caller.host, caller.forwarded_for)
            return Refusal(excess.status, excess.reason, excess.retry_after)
        decision = self._access.judge(caller.handshake)
        if decision.code is None:
            return Admission(decision.subprotocol, self._limits, address)
        self._limits.leave(address)
        self._note(str(int(decision.code)), decision.reason, caller.host, caller.forwarded_for)
        return Refusal(decision.code, decision.reason, subprotocol=decision.subprotocol)

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
            self._note("401", decision.reason, *_who(connection))
            raise NotAuthorizedException(decision.reason, headers={"WWW-Authenticate": "Bearer"})
        if decision.code is not None:
            self._note("403", decision.reason, *_who(connection))
            raise PermissionDeniedException(decision.reason)

    def _note(self, status: str, reason: str, host: str | None, forwarded_for: str) -> None:
        """Count a refusal, and log one of each kind now and then."""
        self._metrics.refusals.labels(status).inc()
        if reason not in self._logs:
            self._logs[reason] = Throttled(logger)
        address = host or ""
        extra = {"status": status, "reason": reason, "address": address}
        if status == "429" and address not in (forwarded_for or address):
            # An unknown proxy makes all of its clients one address.
            extra["hint"] = "if this is your proxy, name it in TRUSTED_PROXIES"
        self._logs[reason].warning("turned a client away", **extra)


def _who(connection: ASGIConnection[Any, Any, Any, Any]) -> tuple[str | None, str]:
    client = connection.client
    return client.host if client else None, connection.headers.get("x-forwarded-for", "")
