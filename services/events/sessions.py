"""`/api/session`: a person signs in once; the browser keeps a cookie that no script can read."""

import logging
import math
import time
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    PermissionDeniedException,
    ServiceUnavailableException,
    TooManyRequestsException,
    ValidationException,
)
from msgspec import UNSET, Struct, UnsetType
from redis.exceptions import RedisError

from hsi.keys import Scope, includes
from hsi.redis_client import reason_of
from hsi.schemas.close_codes import CloseCode
from hsi_service.door.access import KEY_TAKEN_AWAY, Decision
from hsi_service.door.http import client_of, judges_itself, needs, refused, request_of
from hsi_service.door.keys import Identity
from hsi_service.door.limits import Buckets, Rate
from hsi_service.door.session_cookie import MAX_AGE, seal, set_cookie
from hsi_service.skeleton.service import Service
from services.events.invites import LIFETIME, Invites, SpoiltInviteError

S = TypeVar("S", bound=Struct)
HttpRequest = Request[Any, Any, Any]

MAX_BODY = 4096
"""Bytes of a request's body."""
INVITES_PER_MINUTE = 20
"""Of one key; each waits in Redis until it is used or ends."""
UNKNOWN_INVITE = "no valid invite: it is unknown, was used already, or is over; ask for another"
SPOILT_INVITE = "this invite cannot be read: the log of the events service names its key"
SIGNED_OUT = "signed out in this browser; others stay signed in"

logger = logging.getLogger(__name__)


class SignIn(Struct, forbid_unknown_fields=True):
    """What a page gives instead of a key."""

    invite: str | UnsetType = UNSET


class SignedIn(Struct):
    """Who is signed in."""

    name: str
    """Of the key; empty where the service asks for no credential."""
    scope: Scope
    expires_at: datetime | None
    """Null for a key, and where nothing is asked for: it has no end."""


class Detail(Struct):
    """A sentence for people."""

    detail: str


class NewInvite(Struct, forbid_unknown_fields=True):
    """What an invite is to be."""

    scope: Literal["read", "act", "admin"] = "read"


class Invite(Struct):
    """An invite: `<page>#invite=<code>` lets somebody in, once."""

    code: str
    scope: Scope
    expires_at: datetime


class Sessions:
    """Signs people in and invites them; one per replica."""

    def __init__(self, service: Service) -> None:
        """Prepare; Redis is asked for invites alone.

        Args:
            service: The replica.

        """
        self._door = service.door
        self._secret = service.settings.session_secret
        self._invites = Invites(service.settings.redis_url)
        self._pace = Buckets(Rate.per_minute(INVITES_PER_MINUTE))
        service.on_shutdown(self._invites.aclose)

    async def sign_in(self, request: HttpRequest) -> Response[SignedIn]:
        """Return who is signed in now, with the cookie."""
        given = _body(await request.body(), SignIn)
        if not self._door.access.asks:
            return Response(_signed_in(None))
        self._require_secret()
        if given.invite is UNSET:
            who = self._by_key(request)
        else:
            who = await self._by_invite(request, given.invite)
        who = who._replace(expires=float(math.floor(time.time()) + MAX_AGE))
        logger.info("signed in", extra={"key": who.name, "scope": who.scope})
        cookie = set_cookie(seal(who, self._secret), secure=_is_https(request))
        return Response(_signed_in(who), headers={"Set-Cookie": cookie})

    async def invite(self, who: Identity | None, wanted: NewInvite) -> Invite:
        """Return a new invite of somebody who is signed in."""
        if who is None:
            raise HTTPException(
                "this service asks for no credential, so nobody needs an invite", status_code=409
            )
        self._require_secret()
        if not includes(who.scope, wanted.scope):
            raise PermissionDeniedException(
                f"an invite's scope has to be within your own, which is {who.scope}"
            )
        if wait := self._pace.take(who.key, time.monotonic()):
            raise TooManyRequestsException(
                "too many invites of this key", headers={"Retry-After": str(math.ceil(wait))}
            )
        try:
            code = await self._invites.new(who, wanted.scope)
        except (RedisError, OSError) as error:
            raise _no_redis(error) from error
        logger.info("invited somebody", extra={"key": who.name, "scope": wanted.scope})
        return Invite(code, wanted.scope, _time(time.time() + LIFETIME))

    def _by_key(self, request: HttpRequest) -> Identity:
        # A cookie is no way to a new one, and an old one must not be in the way of a key.
        given = request_of(request)._replace(cookies=())
        decision = self._door.examine_request(given, client_of(request))
        if not isinstance(decision, Decision) or decision.who is None:
            raise refused(self._door, request, decision)
        return decision.who

    async def _by_invite(self, request: HttpRequest, code: str) -> Identity:
        client = client_of(request)
        if excess := self._door.too_many_failures(client):
            raise refused(self._door, request, excess)
        try:
            guest = await self._invites.take(code)
        except SpoiltInviteError as error:
            raise ServiceUnavailableException(SPOILT_INVITE) from error
        except (RedisError, OSError) as error:
            raise _no_redis(error) from error
        if guest is None:
            self._door.charge(client)
            raise refused(self._door, request, Decision(CloseCode.UNAUTHORIZED, UNKNOWN_INVITE))
        guest = self._door.access.ring.now(guest)
        if guest is None:
            raise NotAuthorizedException(KEY_TAKEN_AWAY)
        return guest

    def _require_secret(self) -> None:
        if not self._secret:
            raise ServiceUnavailableException("nobody can sign in here: SESSION_SECRET is not set")


def _body(body: bytes, kind: type[S]) -> S:
    """Return what a body says; an empty one says nothing."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (ValueError, RecursionError):
        raise ValidationException("the body is not the JSON that is expected here") from None


def _no_redis(error: Exception) -> ServiceUnavailableException:
    return ServiceUnavailableException(
        f"invites need Redis, and {reason_of(error)}; ask again soon"
    )


def _is_https(request: HttpRequest) -> bool:
    """Return whether the page is https: as a trusted proxy says, if there is one."""
    return request.scope["scheme"] == "https"


def _signed_in(who: Identity | None) -> SignedIn:
    if who is None:
        return SignedIn("", "admin", None)
    has_end = math.isfinite(who.expires)
    return SignedIn(who.name, who.scope, _time(who.expires) if has_end else None)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(math.floor(seconds), UTC)


@post(
    "/api/session",
    tags=["session"],
    status_code=200,
    opt=judges_itself(),
    request_max_body_size=MAX_BODY,
)
async def sign_in(request: HttpRequest, sessions: NamedDependency[Sessions]) -> Response[SignedIn]:
    """Sign this browser in, with an API key or with `{"invite": "<code>"}`; sets a cookie.

    Raises:
        NotAuthorizedException: The key or the invite is not known here: 401.
        ServiceUnavailableException: SESSION_SECRET is not set, or Redis does not answer: 503.

    """
    return await sessions.sign_in(request)


@get("/api/session", tags=["session"], opt=needs(None), sync_to_thread=False)
def who_is_signed_in(request: HttpRequest) -> SignedIn:
    """Tell who is signed in, by cookie or by key."""
    return _signed_in(request.auth)


@delete(
    "/api/session", tags=["session"], status_code=200, opt=judges_itself(), sync_to_thread=False
)
def sign_out(request: HttpRequest) -> Response[Detail]:
    """Sign this browser out; other browsers stay signed in, until their key is taken away."""
    forget = set_cookie("", max_age=0, secure=_is_https(request))
    return Response(Detail(SIGNED_OUT), headers={"Set-Cookie": forget})


@post("/api/session/invites", tags=["session"], request_max_body_size=MAX_BODY)
async def invite(request: HttpRequest, sessions: NamedDependency[Sessions]) -> Invite:
    """Make an invite with `{"scope": "read"}`: for one use, within ten minutes.

    Raises:
        PermissionDeniedException: The scope is wider than that of who asks: 403.
        ServiceUnavailableException: SESSION_SECRET is not set, or Redis does not answer: 503.

    """
    return await sessions.invite(request.auth, _body(await request.body(), NewInvite))


ROUTES = [sign_in, who_is_signed_in, sign_out, invite]
