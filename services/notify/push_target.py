"""One browser's subscription, as a target: what it is told comes as a push, whatever is open there.

What the push service says decides: 404 and 410, the subscription is over; 413, the next try is
smaller; 429 and 5xx, later; anything else that is not 2xx, not this message.
"""

import hashlib
import time
from collections.abc import Callable
from http import HTTPStatus

from msgspec import Struct

from services.notify.messages import Message
from services.notify.posting import Poster, PostError, Reply
from services.notify.push_encryption import encrypted
from services.notify.push_endpoints import host_of, is_known
from services.notify.push_payload import (
    MAX_PAYLOAD,
    MIN_PAYLOAD,
    BrowserKeys,
    headers_of,
    payload_of,
)
from services.notify.rules import Rules
from services.notify.targets import DeliveryError
from services.notify.vapid import Vapid

_GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_REFUSES_KEY = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_NAME_DIGITS = 16


class Sending(Struct, frozen=True):
    """What all pushes of this home share."""

    poster: Poster
    vapid: Vapid
    hosts: tuple[str, ...]
    """The push services that are known."""
    dashboard_url: str = ""
    clock: Callable[[], float] = time.time


class PushTarget:
    """Sends pushes to one browser."""

    def __init__(self, endpoint: str, keys: BrowserKeys, rules: Rules, sending: Sending) -> None:
        """Send nothing yet.

        Args:
            endpoint: The browser's address at its push service: who knows it may disturb there.
            keys: The browser's.
            rules: What it is told.
            sending: How.

        """
        self.name = f"push-{digest_of(endpoint)[:_NAME_DIGITS]}"
        self.rules = rules
        self.endpoint = endpoint
        self.keys = keys
        self._sending = sending
        self._most = MAX_PAYLOAD

    def __eq__(self, other: object) -> bool:
        """Return whether it sends the same there."""
        return isinstance(other, PushTarget) and self._identity() == other._identity()

    def __hash__(self) -> int:
        """Return a hash that fits `==`."""
        return hash(self.endpoint)

    async def deliver(self, message: Message) -> None:
        """Have the push service take a message.

        Raises:
            DeliveryError: It did not.

        """
        sending = self._sending
        host = host_of(self.endpoint)
        if host is None or not is_known(host, sending.hosts):
            # It was written by another version, or PUSH_HOSTS no longer names it.
            raise DeliveryError("its push service is not one of PUSH_HOSTS", refused=True)
        payload = payload_of(message, base=sending.dashboard_url, most=self._most)
        headers = headers_of(message, self.keys)
        headers["Authorization"] = sending.vapid.authorization(self.endpoint, sending.clock())
        try:
            answer = await sending.poster.post(
                self.endpoint, headers, encrypted(payload, self.keys)
            )
        except PostError as error:
            raise DeliveryError(f"push service: {error}") from None
        self._judge(answer)

    def _judge(self, answer: Reply) -> None:
        status, reason = answer.status, f"its push service answers {answer.status}"
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        if status in _GONE:
            raise DeliveryError(f"{reason}: the subscription is over", gone=True)
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            is_least = self._most == MIN_PAYLOAD
            self._most = max(self._most // 2, MIN_PAYLOAD)
            raise DeliveryError(f"{reason}: too large", 0.0, refused=is_least)
        if status in _REFUSES_KEY:
            raise DeliveryError(
                f"{reason}: it does not take our VAPID key or VAPID_SUBJECT", answer.retry_after
            )
        is_for_later = (
            status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
            or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        )
        raise DeliveryError(reason, answer.retry_after, refused=not is_for_later)

    def _identity(self) -> tuple[object, ...]:
        return self.endpoint, self.keys, self.rules, self._sending


def digest_of(endpoint: str) -> str:
    """Return what a subscription is called where its endpoint must not stand."""
    return hashlib.sha256(endpoint.encode()).hexdigest()
