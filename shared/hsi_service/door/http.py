"""The door of HTTP requests: a guard of Litestar's for /api, and a step before every path."""

import math
from http import HTTPStatus
from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    PermissionDeniedException,
    ServiceUnavailableException,
    TooManyRequestsException,
)
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Guard, Receive, Send
from litestar.types import Scope as AsgiScope

from hsi.keys import Scope
from hsi.schemas.close_codes import CloseCode
from hsi_service.door.access import Decision, Request
from hsi_service.door.door import Door
from hsi_service.door.handshake import error_body
from hsi_service.door.limits import Excess

API = "/api"
"""What is below this path asks for a credential."""
_SCOPE = "scope_of_key"
_JUDGES_ITSELF = "judges_itself"


def needs(scope: Scope | None) -> dict[str, Any]:
    """Return the `opt` of a route under /api that needs a scope; without one it needs `read`.

    `@post("/api/…", opt=needs("act"))`; then `request.auth` is the `Identity`, or None where the
    service asks for no credential.

    Args:
        scope: What it needs; None for any valid credential.

    """
    return {_SCOPE: scope}


def judges_itself() -> dict[str, Any]:
    """Return the `opt` of a route under /api whose handler judges the credential.

    The page's origin is checked all the same.
    """
    return {_JUDGES_ITSELF: True}


def guard_of(door: Door) -> Guard:
    """Return a Litestar guard for all routes of an application.

    The guard raises what Litestar answers with: 401 without a valid credential; 403 to a page of
    another origin, and where the scope is too narrow; 429 after too many failures.
    """

    # It awaits nothing, but Litestar would run a function in a thread.
    async def guard(connection: ASGIConnection[Any, Any, Any, Any], to: BaseRouteHandler) -> None:
        # The route's path, not the request's: /api//jobs finds its way to a route, too.
        if not f"{connection.scope['path_template']}/".startswith(f"{API}/"):
            return
        if to.opt.get(_JUDGES_ITSELF):
            request = request_of(connection)
            if why := door.access.judge_page(request):
                raise refused(door, connection, Decision(CloseCode.FORBIDDEN_ORIGIN, why))
            return
        connection.scope["auth"] = identify(door, connection, to.opt.get(_SCOPE, "read"))

    return guard


def identify(
    door: Door, connection: ASGIConnection[Any, Any, Any, Any], scope: Scope | None
) -> Any:
    """Return the identity of who asks; None where the service asks for no credential.

    Raises:
        HTTPException: It does not get what it asks for.

    """
    decision = door.examine_request(request_of(connection), client_of(connection), scope)
    if isinstance(decision, Excess) or decision.code is not None:
        raise refused(door, connection, decision)
    return decision.who


def request_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Request:
    """Return what the door wants to know of a request."""
    headers = connection.headers
    return Request(
        keys=headers.getall("x-api-key", []),
        authorizations=headers.getall("authorization", []),
        origins=headers.getall("origin", []),
        host=", ".join(headers.getall("host", [])),
        cookies=headers.getall("cookie", []),
        server=connection.scope.get("server"),
        method=str(connection.scope.get("method", "GET")),
    )


def client_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """Return a client's address, or that which a trusted proxy gives."""
    return connection.client.host if connection.client else None


def refused(
    door: Door, connection: ASGIConnection[Any, Any, Any, Any], why: Decision | Excess
) -> HTTPException:
    """Return what Litestar is to answer with, and note the refusal."""
    if isinstance(why, Excess):
        error = error_of(why.status, why.reason, why.retry_after)
    else:
        error = error_of(why.status, why.reason)
    forwarded_for = connection.headers.get("x-forwarded-for", "")
    door.note(
        str(error.status_code), why.reason, client_of(connection), forwarded_for=forwarded_for
    )
    return error


def error_of(status: int, reason: str, retry_after: float | None = None) -> HTTPException:
    """Return what Litestar is to answer with to who is turned away.

    Args:
        status: 401, 403, 429 or 503.
        reason: Why.
        retry_after: Seconds after which it may come back.

    """
    headers = {} if retry_after is None else {"Retry-After": str(math.ceil(retry_after))}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return _ERRORS[HTTPStatus(status)](reason, headers=headers)


_ERRORS: dict[HTTPStatus, type[HTTPException]] = {
    HTTPStatus.UNAUTHORIZED: NotAuthorizedException,
    HTTPStatus.FORBIDDEN: PermissionDeniedException,
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequestsException,
    HTTPStatus.SERVICE_UNAVAILABLE: ServiceUnavailableException,
}


class Doorstep:
    """What comes before every path of HTTP: without credentials, only this machine is answered.

    It stands before the router, so it holds for what no route has and for preflights too.
    WebSockets have it in the door's own judgement.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        """Stand before an application.

        Args:
            app: What answers.
            door: Judges where a request arrived.

        """
        self._app = app
        self._door = door

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == ScopeType.HTTP:
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if why := self._door.access.judge_place(scope.get("server"), ", ".join(hosts)):
                client = scope.get("client")
                self._door.note("403", why, client[0] if client else None)
                await _forbid(send, why)
                return
        await self._app(scope, receive, send)


async def _forbid(send: Send, why: str) -> None:
    body = error_body(403, why)
    await send(
        {
            "type": "http.response.start",
            "status": 403,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
