"""`/api/push`: a browser asks for pushes, and ends them.

The page's side is `dashboard/src/told/push.ts`; docs/dashboard.md, "Being told", has the exchange.
"""

import logging
import math
import time
from collections.abc import Awaitable
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import (
    HTTPException,
    NotFoundException,
    ServiceUnavailableException,
    TooManyRequestsException,
    ValidationException,
)
from msgspec import Meta, Struct
from redis.exceptions import RedisError, WatchError

from hsi.redis_client import reason_of
from hsi_service.door.http import client_of, needs
from hsi_service.door.limits import Buckets, Rate, address_of
from hsi_service.publish.bodies import fault_in
from hsi_service.skeleton.service import Service
from services.notify.posting import Poster, PublicOnly
from services.notify.push_endpoints import host_of, is_known
from services.notify.push_payload import BrowserKeys
from services.notify.push_target import Sending
from services.notify.settings import NotifySettings
from services.notify.subscriptions import (
    Kept,
    PushRules,
    SpoiltSubscriptionsError,
    Subscription,
    Subscriptions,
    TooManySubscriptionsError,
)
from services.notify.vapid import Vapid

S = TypeVar("S", bound=Struct)
T = TypeVar("T")
HttpRequest = Request[Any, Any, Any]

MAX_BODY = 16 * 1024
"""Bytes of a request's body."""
CHANGES_PER_MINUTE = 30
"""Of one address; a page makes one when it is opened, and one for each choice."""
RETRY_AFTER = 2
NOT_SET_UP = "no pushes are sent from here: VAPID_PRIVATE_KEY is not set (`hsi push keys` makes it)"
NO_ENDPOINT = "endpoint: expected the https:// address that a browser's push service gave it"
STRANGE_HOST = "endpoint: this push service is not one of PUSH_HOSTS"
NO_KEYS = "keys: expected p256dh, a point on P-256, and auth, 16 bytes, both in base64url"
SPOILT = "subscriptions cannot be read: the log of the notify service names their key"
NOT_SUBSCRIBED = "this browser gets no pushes from here"

logger = logging.getLogger(__name__)


class Registration(Struct):
    """What a page tells of its browser."""

    subscription: Subscription
    rules: PushRules
    device: Annotated[str, Meta(max_length=100)] = ""
    """What a person calls it, as "Chrome on Android"."""


class Ending(Struct):
    """Which subscription is to end."""

    endpoint: Annotated[str, Meta(max_length=2048)]


class PublicKey(Struct):
    """With what a browser subscribes."""

    public_key: str
    """A point on P-256, in base64url."""


class Subscribed(Struct):
    """The subscription is kept."""

    device: str


class Detail(Struct):
    """A sentence for people."""

    detail: str


def push_of(service: Service, settings: NotifySettings) -> tuple["Push", Subscriptions | None]:
    """Return what answers about pushes, and who gets them; None: no pushes are sent.

    Args:
        service: The replica.
        settings: With a VAPID key, or without.

    Raises:
        SettingsError: The key cannot be used.

    """
    if not (key := settings.vapid_key()):
        return Push(None, public_key="", hosts=()), None
    vapid = Vapid(key, settings.vapid_subject)
    poster = Poster(connector=PublicOnly())
    sending = Sending(poster, vapid, settings.push_hosts, settings.dashboard_url)
    subscriptions = Subscriptions(settings.redis_url, service.door.access, sending)
    service.on_shutdown(subscriptions.aclose)
    service.on_shutdown(poster.aclose)
    push = Push(subscriptions, public_key=vapid.public_key, hosts=settings.push_hosts)
    return push, subscriptions


class Push:
    """Answers about pushes; one per replica."""

    def __init__(
        self, subscriptions: Subscriptions | None, *, public_key: str, hosts: tuple[str, ...]
    ) -> None:
        """Keep what is needed for answers.

        Args:
            subscriptions: Where they are kept; None: no pushes are sent here.
            public_key: Of VAPID.
            hosts: The push services that are known.

        """
        self._subscriptions = subscriptions
        self._public_key = public_key
        self._hosts = hosts
        self._pace = Buckets(Rate.per_minute(CHANGES_PER_MINUTE))

    def key(self) -> PublicKey:
        """Return what browsers subscribe with."""
        self._kept()
        return PublicKey(self._public_key)

    async def subscribe(self, request: HttpRequest) -> Subscribed:
        """Keep what a page tells, in place of what its browser had."""
        subscriptions = self._kept()
        self._slow_down(request)
        given = _body(await request.body(), Registration)
        endpoint = given.subscription.endpoint
        host = host_of(endpoint)
        if host is None:
            raise _refused(NO_ENDPOINT)
        if not is_known(host, self._hosts):
            raise _refused(STRANGE_HOST)
        keys = given.subscription.keys
        if BrowserKeys.parse(keys.p256dh, keys.auth) is None:
            raise _refused(NO_KEYS)
        try:
            given.rules.rules()
        except ValueError as error:
            raise _refused(f"rules.timezone: {error}") from None
        who = request.auth
        kept = Kept(
            subscription=given.subscription,
            rules=given.rules,
            device=given.device,
            public_key=self._public_key,
            name=who.name if who else "",
            scope=who.scope if who else "read",
            key=who.key if who else "",
        )
        try:
            await _answered(subscriptions.add(kept))
        except TooManySubscriptionsError as error:
            raise HTTPException(str(error), status_code=409) from None
        except SpoiltSubscriptionsError as error:
            raise ServiceUnavailableException(SPOILT) from error
        logger.info("a device gets pushes", extra={"key": kept.name, "host": host})
        return Subscribed(given.device)

    async def unsubscribe(self, request: HttpRequest) -> Detail:
        """Forget a subscription."""
        subscriptions = self._kept()
        self._slow_down(request)
        given = _body(await request.body(), Ending)
        if not await _answered(subscriptions.remove(given.endpoint)):
            raise NotFoundException(NOT_SUBSCRIBED)
        return Detail("this browser gets no more pushes")

    def _kept(self) -> Subscriptions:
        if self._subscriptions is None:
            raise NotFoundException(NOT_SET_UP)
        return self._subscriptions

    def _slow_down(self, request: HttpRequest) -> None:
        if wait := self._pace.take(address_of(client_of(request)), time.monotonic()):
            raise TooManyRequestsException(
                "too many changes from this address", headers={"Retry-After": str(math.ceil(wait))}
            )


def _body(body: bytes, kind: type[S]) -> S:
    try:
        given = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise ValidationException("the body is not JSON") from None
    if faults := _faults(given, kind, ""):
        raise _refused("; ".join(faults))
    return msgspec.convert(given, kind)


def _faults(given: Any, kind: Any, place: str) -> list[str]:
    """Return what is wrong with each field; no text that was given is quoted."""
    if not (isinstance(given, dict) and isinstance(kind, type) and issubclass(kind, Struct)):
        try:
            msgspec.convert(given, kind)
        except msgspec.ValidationError as error:
            path, why = fault_in(error)
            if "matching regex" in str(error):  # There is one kind of text with a pattern.
                why = "expected a time of day, as 22:00"
            where = ".".join(one for one in (place, path) if one)
            return [f"{where or 'the body'}: {why}"]
        return []
    faults = []
    for field in msgspec.structs.fields(kind):
        where = f"{place}.{field.encode_name}".removeprefix(".")
        if field.encode_name in given:
            faults += _faults(given[field.encode_name], field.type, where)
        elif field.required:
            faults.append(f"{where}: is missing")
    return faults


def _refused(why: str) -> HTTPException:
    """Return the answer to a body whose fields make no sense."""
    return HTTPException(why, status_code=422)


async def _answered(question: Awaitable[T]) -> T:
    try:
        return await question
    except (RedisError, OSError) as error:
        busy = isinstance(error, WatchError)
        why = "too many devices at once" if busy else reason_of(error)
        raise ServiceUnavailableException(
            f"{why}; ask again soon", headers={"Retry-After": str(RETRY_AFTER)}
        ) from error


@get("/api/push", tags=["push"], sync_to_thread=False)
def push_key(push: NamedDependency[Push]) -> PublicKey:
    """Return the public key that browsers subscribe to pushes with.

    Raises:
        NotFoundException: No pushes are sent from here: 404.

    """
    return push.key()


@post("/api/push/subscriptions", tags=["push"], opt=needs("act"), request_max_body_size=MAX_BODY)
async def subscribe(request: HttpRequest, push: NamedDependency[Push]) -> Subscribed:
    """Send pushes to a browser from now on, by these rules; or by others than before.

    Raises:
        ValidationException: The body is not JSON: 400.
        HTTPException: It is no browser's subscription, or of no known push service: 422.
        NotFoundException: No pushes are sent from here: 404.
        TooManyRequestsException: This address changes too much: 429.
        ServiceUnavailableException: Redis does not answer, or refuses writes: 503.

    """
    return await push.subscribe(request)


@delete(
    "/api/push/subscriptions",
    tags=["push"],
    status_code=200,
    opt=needs("act"),
    request_max_body_size=MAX_BODY,
)
async def unsubscribe(request: HttpRequest, push: NamedDependency[Push]) -> Detail:
    """Send no more pushes to a browser: `{"endpoint": "…"}`.

    Raises:
        NotFoundException: It gets none, or none are sent from here: 404.
        TooManyRequestsException: This address changes too much: 429.
        ServiceUnavailableException: Redis does not answer, or refuses writes: 503.

    """
    return await push.unsubscribe(request)


ROUTES = [push_key, subscribe, unsubscribe]
