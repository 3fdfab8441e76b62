"""Webhooks out: each message is posted, signed, to an address of the operator's own.

The address comes from the rules file, so it may be in the house, and may be plain HTTP. What the
other side says decides: 410 ends the webhook, until its address is another one or somebody replays
to it; 429, 503 and the like, later; a redirect is followed nowhere.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from redis.exceptions import ResponseError

from hsi.redis_client import async_client
from hsi.schemas import RiskLevel
from hsi.settings import SettingsError
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi_service.skeleton.service import Service
from services.notify.messages import Message
from services.notify.posting import Poster, PostError
from services.notify.rules import Rules
from services.notify.rules_file import Length, RuleFields, RulesError, RulesFile
from services.notify.settings import NotifySettings
from services.notify.targets import DeliveryError, Target
from services.notify.webhook import MAX_BODY, Signer, body_of, id_of

logger = logging.getLogger(__name__)

DISABLED = "notify:state:webhooks:"
"""What begins the key of a webhook that answered 410: the digest of the address that did."""
TIMEOUT = 3.0
"""Seconds that one question to Redis may take."""
MAX_URL = 2048
_WEEK = 7 * 86_400
_LATER = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}


class WebhookFields(RuleFields, frozen=True, kw_only=True):
    """What can be said of a webhook. A program reads it, so it is told all, at once, each alone."""

    url: str = ""
    url_file: str = ""
    """A file that holds the address."""
    secret: str = ""
    """What bodies are signed with; two, with a space between, while one replaces the other."""
    secret_file: str = ""
    level: RiskLevel = msgspec.field(name="from", default="low")
    cooldown: Length = Length(0)
    group: Length = Length(0)
    too_old: Length = Length(_WEEK)

    def __repr__(self) -> str:
        """Return nothing that is secret: what is shown somewhere may end in a log."""
        return "WebhookFields(***)"


class WebhookTarget:
    """Posts messages to one address."""

    def __init__(
        self,
        name: str,
        url: str,
        signer: Signer,
        rules: Rules,
        poster: Poster,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Post nothing yet.

        Args:
            name: As in the rules file.
            url: Where messages go.
            signer: Signs them.
            rules: Which.
            poster: Posts them.
            clock: Seconds since 1970.

        """
        self.name = f"webhook-{name}"
        self.rules = rules
        self.address = hashlib.sha256(url.encode()).hexdigest()
        """What the address is called where it must not stand."""
        self._url = url
        self._signer = signer
        self._poster = poster
        self._clock = clock
        self._posting = asyncio.Lock()

    async def deliver(self, message: Message) -> None:
        """Have the other side take a message.

        Raises:
            DeliveryError: It did not.

        """
        body = body_of(message)
        if len(body) > MAX_BODY:
            raise DeliveryError(f"the message has over {MAX_BODY} bytes", refused=True)
        async with self._posting:  # A replay may be under way.
            now = datetime.fromtimestamp(self._clock(), UTC)
            headers = {
                "Content-Type": "application/json",
                "User-Agent": "hsi-realtime",
                **self._signer.headers(id_of(message), body, now),
            }
            try:
                reply = await self._poster.post(self._url, headers, body)
            except PostError as error:
                raise DeliveryError(f"webhook: {error}") from None
        _judge(reply.status, reply.retry_after)


def _judge(status: int, retry_after: float | None) -> None:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    reason = f"webhook: it answers {status}"
    if status == HTTPStatus.GONE:
        raise DeliveryError(f"{reason}: it wants no more", gone=True, refused=True)
    if status < HTTPStatus.BAD_REQUEST:
        raise DeliveryError(f"{reason}, a redirect, which is not followed: set its last address")
    # Whatever it is, somebody may mend it within the patience of a delivery; but for a body that
    # is refused for what it is.
    is_for_good = status in {
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
    raise DeliveryError(reason, retry_after, refused=is_for_good)


class Webhooks:
    """The webhooks of a rules file, as targets; those that want no more are left out."""

    def __init__(self, targets: Sequence[WebhookTarget], redis_url: str) -> None:
        """Connect on first use.

        Args:
            targets: All of them.
            redis_url: Where it is kept which want no more.

        """
        self.all = {target.name: target for target in targets}
        self.disabled: dict[str, int] = {}
        """The status by which each said that it wants no more."""
        self._redis = async_client(redis_url, name="notify-webhooks", timeout=TIMEOUT)
        self._spoilt = SpoiltKeys(logger)

    async def targets(self) -> list[Target]:
        """Return those that are told.

        Raises:
            RedisError, OSError: It cannot be read which want no more.

        """
        told: list[Target] = []
        disabled: dict[str, int] = {}
        for target in tuple(self.all.values()):
            if await self._is_disabled(target):
                disabled[target.name] = HTTPStatus.GONE.value
            else:
                told.append(target)
        self.disabled = disabled
        return told

    async def gone(self, target: Target) -> None:
        """Tell one no more, from now on and after a restart."""
        if not isinstance(target, WebhookTarget):
            return
        logger.error(
            "a webhook answers that it wants no more (410), and is told nothing until its address "
            "is another one, or `hsi webhook replay` goes to it",
            extra={"target": target.name},
        )
        await self._redis.set(DISABLED + target.name, target.address)
        self.disabled[target.name] = HTTPStatus.GONE.value

    async def enable(self, target: WebhookTarget) -> bool:
        """Tell one again that wanted no more; return whether it did not."""
        return bool(await self._redis.delete(DISABLED + target.name))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _is_disabled(self, target: WebhookTarget) -> bool:
        key = DISABLED + target.name
        try:
            found: Any = await self._redis.get(key)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            self._spoilt.found(key, "expected a string; the webhook counts as wanted")
            return False
        return bool(found == target.address.encode())


def webhooks_of(service: Service, settings: NotifySettings) -> Webhooks:
    """Return the webhooks of a replica.

    Args:
        service: The replica.
        settings: With rules, or without.

    Raises:
        SettingsError: One of them cannot be used; the text quotes no address.

    """
    poster, file = Poster(), settings.rules_file()
    try:
        targets = webhooks_in(file, poster) if file else []
    except RulesError as error:
        raise SettingsError(f"NOTIFY_RULES: {error}") from None
    webhooks = Webhooks(targets, settings.redis_url)
    service.on_shutdown(webhooks.aclose)
    service.on_shutdown(poster.aclose)
    return webhooks


def webhooks_in(file: RulesFile, poster: Poster) -> list[WebhookTarget]:
    """Return the webhooks of a rules file.

    Args:
        file: With a section `webhooks`, or without.
        poster: Posts for all of them.

    Raises:
        RulesError: One of them cannot be used; the text names it and holds no secret.

    """
    targets = []
    for name, fields, rules in file.webhooks(WebhookFields):
        place = f"webhooks.{name}"
        url = _given(place, "url", fields.url, fields.url_file)
        if why := _why_not(url):
            raise RulesError(f"{place}.url: {why}")
        secrets = _given(place, "secret", fields.secret, fields.secret_file)
        try:
            signer = Signer(secrets)
        except ValueError as error:
            raise RulesError(f"{place}.secret: {error}") from None
        targets.append(WebhookTarget(name, url, signer, rules, poster))
    return targets


def _given(place: str, what: str, value: str, file: str) -> str:
    """Return a value that stands in the rules, or in a file of its own."""
    if bool(value) is bool(file):
        raise RulesError(f"{place}: expected {what} or {what}_file, one of them")
    if not file:
        return value.strip()
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise RulesError(f"{place}.{what}_file: {why}") from None


def _why_not(url: str) -> str:
    """Return why nothing can be posted to an address; "" if it can be. It is not quoted."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "its host or port cannot be read"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return "expected http:// or https:// and a host"
    if parts.username is not None or parts.password is not None:
        return "a user or password in it is not sent; bodies are signed"
    if parts.fragment or len(url) > MAX_URL:
        return f"expected no fragment, and at most {MAX_URL} characters"
    if not (url.isascii() and url.isprintable()) or {" ", "\\"} & set(url):
        return "expected it as it is sent: other letters as %C3%A4, names of hosts as xn--"
    return ""
